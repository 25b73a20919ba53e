import { once } from "node:events"
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from "node:http2"
import { afterEach, describe, expect, test } from "vitest"
import type { AbortReason } from "../../../src/conn/adapter.ts"
import { ca, tls } from "../suite/fixtures.ts"
import { deferred, drive, echo, eventually, type Handler } from "./drive.ts"

const sessions: ClientHttp2Session[] = []
afterEach(() => {
  for (const session of sessions.splice(0)) session.destroy()
})

async function open(handler: Handler, options: Parameters<typeof drive>[1] = {}) {
  const driven = await drive(handler, { tls, http2: true, ...options })
  const session = connect(`https://127.0.0.1:${driven.server.port}`, { ca, servername: "localhost" })
  session.on("error", () => {})
  sessions.push(session)
  return { ...driven, session }
}

async function answerOf(stream: ClientHttp2Stream): Promise<{ raw: string[]; body: string }> {
  let body = ""
  stream.on("data", (data: Buffer) => {
    body += data.toString("latin1")
  })
  const [, , raw] = (await once(stream, "response")) as [unknown, unknown, string[]]
  await once(stream, "close")
  return { raw, body }
}
const statusOf = ({ raw }: { raw: string[] }) => Number(raw[1])

describe("HTTP/2", () => {
  test("duplicates are lines of their own, and connection is no header here", async () => {
    const { session } = await open((exchange) => {
      exchange.sendResp(200, ["x-a", "1", "connection", "close", "x-a", "2, 2"], "body")
    })
    const { raw, body } = await answerOf(session.request({ ":path": "/" }))
    const values = raw.filter((_, i) => raw[i - 1] === "x-a" && i % 2 === 1)
    expect([values, raw.includes("connection"), body]).toEqual([["1", "2, 2"], false, "body"])
  })

  test("the request has its parts, the host from :authority, and one cookie line", async () => {
    const { seen, session } = await open(echo)
    const headers = { ":path": "/a?b", ":method": "POST", cookie: ["a=1", "b=2"], "x-a": "1" }
    const stream = session.request(headers as never)
    stream.end("hello")
    expect((await answerOf(stream)).body).toBe("hello")
    const [exchange] = seen
    expect([exchange!.method, exchange!.path, exchange!.query]).toEqual(["POST", "/a", "b"])
    expect([exchange!.getHttpProtocol(), exchange!.scheme]).toEqual(["HTTP/2", "https"])
    expect(exchange!.getHeader("host")).toMatch(/^localhost:\d+$/)
    expect(exchange!.getHeader("cookie")).toBe("a=1; b=2")
  })

  test.each([
    [{ ":path": `/${"x".repeat(9_000)}` }, 414],
    [{ ":path": "/", "x-a": "x".repeat(17_000) }, 431],
    [Object.fromEntries([[":path", "/"], ...Array.from({ length: 120 }, (_, i) => [`x-${i}`, "a"])]), 431],
    [{ ":path": "/", ":authority": "a", host: "b" }, 400],
  ])("a head that breaks a rule is refused readably (%#)", async (headers, status) => {
    const { seen, session } = await open(echo)
    expect(statusOf(await answerOf(session.request(headers as never)))).toBe(status)
    expect(statusOf(await answerOf(session.request({ ":path": "/" })))).toBe(200)
    expect(seen.length).toBe(1)
  })

  test("a stream that the client resets is told at once, and again to who comes late", async () => {
    const reasons: (AbortReason | undefined)[] = []
    const { seen, session } = await open((exchange) => {
      exchange.onClose((reason) => reasons.push(reason))
      exchange.sendChunked(200, [], -1)
      exchange.chunk("x")
    })
    const stream = session.request({ ":path": "/" })
    stream.on("error", () => {})
    await once(stream, "response")
    stream.close(constants.NGHTTP2_CANCEL)
    await eventually("the listener is called", () => reasons.length === 1, 1_000)
    seen[0]!.onClose((reason) => reasons.push(reason))
    await eventually("the late one, too", () => reasons.length === 2)
    expect(reasons.map((reason) => reason?.name)).toEqual(["ClientGoneError", "ClientGoneError"])
    expect(seen[0]!.chunk("y")).toBe(false)
  })

  test("a client that gives no window is cut after idleTimeout, and others are served", async () => {
    const told = deferred<AbortReason | undefined>()
    const { session } = await open(
      (exchange) => {
        if (exchange.path === "/quick") return exchange.sendResp(200, [], "quick")
        exchange.onClose(told.resolve)
        exchange.sendResp(200, [], Buffer.alloc(10_000_000))
      },
      { limits: { idleTimeout: 300 } },
    )
    const stream = session.request({ ":path": "/" })
    stream.on("error", () => {})
    await once(stream, "response")
    expect((await answerOf(session.request({ ":path": "/quick" }))).body).toBe("quick")
    expect((await told.promise)?.name).toBe("TimeoutError")
    expect((await answerOf(session.request({ ":path": "/quick" }))).body).toBe("quick")
  })

  test("a body that nobody reads holds neither the answer nor the session up", async () => {
    const { session } = await open((exchange) => exchange.sendResp(200, [], "x"), { limits: { drainBytes: 200_000 } })
    for (let count = 0; count < 3; count++) {
      const stream = session.request({ ":path": "/", ":method": "POST" })
      stream.on("error", () => {})
      stream.write(Buffer.alloc(1_000_000))
      expect((await answerOf(stream)).body).toBe("x")
    }
  })

  test("a client that leaves in such a body, or in one that nobody reads, leaves nothing behind", async () => {
    const sockets = () => process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length
    const before = sockets()
    const { server, seen } = await drive(
      (exchange) => {
        if (exchange.path === "/answer") exchange.sendResp(200, [], "x")
        else exchange.readBody(10, 5_000, () => exchange.onClose(() => {}))
      },
      { tls, http2: true, limits: { drainBytes: 50_000 } },
    )
    const leave = async (number: number) => {
      const session = connect(server.url, { ca, servername: "localhost" })
      session.on("error", () => {})
      const ended = new Promise((resolve) => session.once("close", resolve))
      await once(session, "connect")
      const path = number % 2 === 0 ? "/answer" : "/read"
      const stream = session.request({ ":path": path, ":method": "POST" }).on("error", () => {})
      stream.resume().write(Buffer.alloc(60_000))
      if (number % 3 === 0) stream.end()
      setTimeout(() => session.destroy(), number % 15)
      await ended
    }
    for (let batch = 0; batch < 20; batch++) {
      await Promise.all(Array.from({ length: 10 }, (_, number) => leave(batch * 10 + number)))
    }
    expect(seen.length).toBeGreaterThan(100)
    await eventually("every socket is closed", () => sockets() === before, 2_000)
  })

  test("a session that asks for nothing is closed", async () => {
    const { session } = await open(echo, { limits: { headTimeout: 200, keepAliveTimeout: 300 } })
    await once(session, "close")
    const second = await open(echo, { limits: { keepAliveTimeout: 300 } })
    await answerOf(second.session.request({ ":path": "/" }))
    const start = performance.now()
    await once(second.session, "close")
    expect(performance.now() - start).toBeLessThan(2_000)
  })

  test("stop lets streams finish, and cuts them at the deadline", async () => {
    const first = await open(() => {})
    const stream = first.session.request({ ":path": "/" })
    await eventually("the request", () => first.seen.length === 1)
    const stopped = first.server.stop({ graceMs: 5_000 })
    first.seen[0]!.sendResp(200, [], "done")
    expect((await answerOf(stream)).body).toBe("done")
    await stopped

    const reasons: (AbortReason | undefined)[] = []
    const second = await open((exchange) => exchange.onClose((reason) => reasons.push(reason)))
    second.session.request({ ":path": "/" }).on("error", () => {})
    await eventually("the request", () => second.seen.length === 1)
    await second.server.stop({ graceMs: 150 })
    expect(reasons.map((reason) => reason?.name)).toEqual(["DrainingError"])
  })

  test("HTTP/1.1 is served on the same port", async () => {
    const { connect: wire } = await open(echo)
    const answer = await (await wire(ca)).send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi").answer()
    expect(answer.text).toBe("hi")
  })
})
