import { describe, expect, test } from "vitest"
import { drive, echo, eventually, request, uwsLoads } from "./drive.ts"

describe.skipIf(!uwsLoads)("requests", () => {
  test("reach the handler as they were sent", async () => {
    const { seen, connect } = await drive((exchange) => exchange.sendResp(200, [], "hello"))
    const wire = await connect()
    await wire.send(request("GET", "/a//%2f?x=1&y", "x-a: 1\r\nx-b:\r\nX-A: 2\r\n")).answer()
    const [exchange] = seen
    expect([exchange!.method, exchange!.path, exchange!.query, exchange!.scheme]).toEqual([
      "GET",
      "/a//%2f",
      "x=1&y",
      "http",
    ])
    expect(exchange!.getHeaders()).toEqual(["host", "a", "x-a", "1", "x-b", "", "x-a", "2"])
    expect([exchange!.getHeader("x-a"), exchange!.getHeader("x-b"), exchange!.getHeader("x-c")]).toEqual([
      "1",
      "",
      undefined,
    ])
  })

  test("are the same after an await, in any number at once", async () => {
    const { connect } = await drive(async (exchange) => {
      await new Promise(setImmediate)
      const { method, path, query } = exchange
      exchange.sendResp(200, [], JSON.stringify([method, path, query, exchange.getHeader("x-n")]))
    })
    const numbers = Array.from({ length: 50 }, (_, n) => n)
    const answers = await Promise.all(
      numbers.map(async (n) => (await connect()).send(request("PUT", `/${n}?${n}`, `x-n: ${n}\r\n`)).answer()),
    )
    expect(answers.map((answer) => answer.json())).toEqual(numbers.map((n) => ["PUT", `/${n}`, `${n}`, `${n}`]))
  })

  test.each(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get", "X-OWN"])(
    "the method %s is told as it was sent",
    async (method) => {
      const { connect } = await drive((exchange) => exchange.sendResp(200, [], exchange.method))
      expect((await (await connect()).send(request(method, "/")).answer()).text).toBe(method)
    },
  )

  test("the peer is told, also when all is over", async () => {
    const peers: unknown[] = []
    const { server, connect } = await drive((exchange) => {
      exchange.onClose(() => peers.push(exchange.getPeerData().address))
      peers.push(exchange.getPeerData().address)
      expect(exchange.getSockData()).toEqual({ address: "127.0.0.1", port: server.port })
      expect([exchange.getSslData(), exchange.getHttpProtocol()]).toEqual([undefined, "HTTP/1.1"])
      exchange.sendResp(200, [], "")
    })
    await (await connect()).send(request("GET", "/")).answer()
    expect(peers).toEqual(["127.0.0.1", "127.0.0.1"])
  })
})

describe.skipIf(!uwsLoads)("what the library lets through is refused", () => {
  const bad: [what: string, text: string, status: number][] = [
    ["two hosts", request("GET", "/", "host: b\r\n"), 400],
    ["a host that is none", "GET / HTTP/1.1\r\nhost: a@b\r\n\r\n", 400],
    ["two lengths that agree", request("POST", "/", "content-length: 3\r\n", "abc"), 400],
    ["two lengths", request("POST", "/", "content-length: 4\r\n", "abc"), 400],
    ["another coding", request("POST", "/", "transfer-encoding: gzip, chunked\r\n") + "0\r\n\r\n", 400],
    ["a fragment", request("GET", "/a#b"), 400],
    ["a control character in the target", request("GET", "/a\x7f"), 400],
    ["a method that is no token", request("GE(T", "/"), 400],
    ["another expectation", request("POST", "/", "expect: 200-maybe\r\n"), 417],
    ["CONNECT", request("CONNECT", "/"), 501],
    ["a request line that is too long", request("GET", `/${"p".repeat(300)}`), 414],
    ["headers that are too long", request("GET", "/", `x: ${"v".repeat(600)}\r\n`), 431],
    ["too many headers", request("GET", "/", "x: 1\r\n".repeat(12)), 431],
  ]
  test.each(bad)("%s: one answer, the end, and nothing behind it is served", async (_, text, status) => {
    const limits = { requestLineBytes: 200, headerBytes: 500, headerCount: 10 }
    const { seen, connect } = await drive((exchange) => exchange.sendResp(200, [], "hello"), { limits })
    const wire = await connect()
    wire.send(request("GET", "/first") + text + request("GET", "/behind"))
    expect((await wire.answer()).text).toBe("hello")
    const answer = await wire.answer()
    expect([answer.status, answer.header("connection")?.toLowerCase()]).toEqual([status, "close"])
    await wire.ending()
    expect([seen.map((exchange) => exchange.path), wire.inbox.size]).toEqual([["/first"], 0])
  })
})

describe.skipIf(!uwsLoads)("bodies", () => {
  const sizes = [0, 1, 100, 5_000, 70_000, 3_000_000]
  test.each(sizes)("of %i bytes arrive whole, announced or chunked", async (size) => {
    const { connect } = await drive(echo)
    const body = "x".repeat(size)
    const wire = await connect()
    const announced = await wire.send(request("POST", "/", size === 0 ? "content-length: 0\r\n" : "", body)).answer()
    expect([announced.text.length, announced.header("x-more")]).toEqual([size, "false"])
    const chunk = size === 0 ? "" : `${size.toString(16)}\r\n${body}\r\n`
    const chunked = await wire
      .send(`${request("POST", "/", "transfer-encoding: chunked\r\n")}${chunk}0\r\n\r\n`)
      .answer()
    expect([chunked.text.length, chunked.header("x-more")]).toEqual([size, "false"])
  })

  test("behind an answer are thrown away up to limits.drainBytes, then the connection ends", async () => {
    const { seen, connect } = await drive((exchange) => exchange.sendResp(200, [], "early"), {
      limits: { drainBytes: 50_000 },
    })
    const wire = await connect()
    const chunk = Buffer.from(`1000\r\n${"x".repeat(4_096)}\r\n`)
    wire.send(request("POST", "/", "transfer-encoding: chunked\r\n"))
    expect((await wire.answer()).text).toBe("early")
    let sent = 0
    while (wire.inbox.ended === undefined && sent < 50_000_000 && (await wire.sent(chunk))) {
      sent += chunk.length
      await new Promise(setImmediate)
    }
    await wire.ending()
    expect(sent).toBeGreaterThan(50_000)
    expect(seen).toHaveLength(1)
  })

  test("behind an answer and within the bound leave the connection for the next request", async () => {
    const { connect } = await drive((exchange) => exchange.sendResp(200, [], exchange.path), {
      limits: { drainBytes: 50_000 },
    })
    const wire = await connect()
    const chunk = `1000\r\n${"x".repeat(4_096)}\r\n`
    wire.send(request("POST", "/one", "transfer-encoding: chunked\r\n") + chunk.repeat(5))
    expect((await wire.answer()).text).toBe("/one")
    wire.send(`${chunk.repeat(3)}0\r\n\r\n${request("GET", "/two")}`)
    expect((await wire.answer()).text).toBe("/two")
  })

  test("that nobody reads stop the peer, and go on when somebody does", async () => {
    let read: (() => void) | undefined
    const { connect } = await drive((exchange) => {
      read = () => echo(exchange)
    })
    const wire = await connect()
    const size = 40_000_000
    wire.send(request("POST", "/", `content-length: ${size}\r\n`))
    const piece = Buffer.alloc(100_000)
    let sent = 0
    const sending = (async () => {
      while (sent < size && (await wire.sent(piece))) sent += piece.length
    })()
    let before = -1
    while (before !== sent) {
      before = sent
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    expect(sent).toBeLessThan(size / 2)
    read!()
    await sending
    expect((await wire.answer()).body.length).toBe(size)
  })

  test("a handler that throws ends its connection and no other", async () => {
    const { connect } = await drive((exchange) => {
      if (exchange.path === "/throw") throw new Error("it must not")
      exchange.sendResp(200, [], "hello")
    })
    const [bad, good] = [await connect(), await connect()]
    bad.send(request("GET", "/throw"))
    await bad.ending()
    expect(bad.inbox.size).toBe(0)
    expect((await good.send(request("GET", "/")).answer()).text).toBe("hello")
  })

  test("a peer that leaves while its body is read: the reader and the listener are told the same", async () => {
    const told: unknown[] = []
    const { connect } = await drive((exchange) => {
      exchange.onClose((reason) => told.push(reason))
      exchange.readBody(1_000, 5_000, (error) => told.push(error))
    })
    const wire = await connect()
    wire.send(request("POST", "/", "content-length: 100\r\n") + "part")
    await new Promise((resolve) => setTimeout(resolve, 20))
    wire.rst()
    await eventually("both are told", () => told.length === 2)
    expect(told[0]).toBe(told[1])
  })
})
