import { describe, expect, test } from "vitest"
import type { Exchange } from "../../../src/conn/adapter.ts"
import { closeOf, closePayload, encodeFrame, Op, readFrame } from "../wire/frames.ts"
import { deferred, drive, eventually, request } from "./drive.ts"

const ws =
  "upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
const asWebSocket = (exchange: Exchange) =>
  exchange.upgrade({
    handler: { open: (socket) => void socket.send("open") },
    protocol: "",
    headers: [],
    messageBytes: 1_000,
    compression: false,
    onError: () => {},
    onOver: () => undefined,
  })

describe("requests of one connection", () => {
  test("are served one after the other", async () => {
    const { seen, connect } = await drive(() => {})
    const wire = (await connect()).send(["/1", "/2", "/3"].map((path) => request("GET", path)).join(""))
    for (const count of [1, 2, 3]) {
      await eventually(`request ${count}`, () => seen.length === count)
      for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
      expect(seen.length).toBe(count)
      seen[count - 1]!.sendResp(200, [], `answer ${count}`)
      expect((await wire.answer()).text).toBe(`answer ${count}`)
    }
  })

  test("wait for a streamed answer, too", async () => {
    const { seen, connect } = await drive((exchange) => exchange.path === "/2" && exchange.sendResp(200, [], "2"))
    const wire = (await connect()).send(request("GET", "/1") + request("GET", "/2"))
    await eventually("the first", () => seen.length === 1)
    seen[0]!.sendChunked(200, [], -1)
    seen[0]!.chunk("one")
    await wire.head()
    expect([(await wire.chunk())?.toString(), seen.length]).toEqual(["one", 1])
    seen[0]!.endChunked()
    expect(await wire.chunk()).toBeUndefined()
    expect((await wire.answer()).text).toBe("2")
  })

  test("a burst is answered whole, and no more is read than can wait", async () => {
    const release = deferred()
    let first = true
    const { server, seen, connect } = await drive((exchange) => {
      const answer = () => exchange.sendResp(200, [], exchange.path)
      if (!first) return answer()
      first = false
      void release.promise.then(answer)
    })
    expect(server.port).toBeGreaterThan(0)
    const wire = await connect()
    const paths = Array.from({ length: 20_000 }, (_, i) => `/${i}-${"x".repeat(100)}`)
    const sending = wire.sent(paths.map((path) => request("GET", path)).join(""))
    await eventually("the first", () => seen.length === 1)
    release.resolve()
    for (const path of paths) expect((await wire.answer()).text).toBe(path)
    await sending
  })

  test("behind an answer with connection: close none is served", async () => {
    const { seen, connect } = await drive((exchange) => exchange.sendResp(200, ["connection", "close"], "last"))
    const wire = (await connect()).send(request("GET", "/1") + request("POST", "/2", "", "x"))
    expect((await wire.answer()).text).toBe("last")
    await wire.ending()
    expect(seen.length).toBe(1)
  })

  test.each([
    ["bytes that are no request", "NONSENSE\r\n\r\n", 400],
    ["a request that breaks a limit", request("GET", `/${"x".repeat(9_000)}`), 414],
    ["an expectation nobody knows", request("GET", "/", "expect: better\r\n"), 417],
    ["CONNECT", "CONNECT a:80 HTTP/1.1\r\nhost: a:80\r\n\r\n", 501],
  ])("%s are refused behind the answers before them", async (_, bytes, status) => {
    const { seen, connect } = await drive((exchange) => {
      setImmediate(() => setImmediate(() => exchange.sendResp(200, [], exchange.path)))
    })
    const wire = (await connect()).send(request("GET", "/1") + request("GET", "/2") + bytes)
    expect((await wire.answer()).text).toBe("/1")
    expect((await wire.answer()).text).toBe("/2")
    const refusal = await wire.answer()
    expect([refusal.status, refusal.header("connection")]).toEqual([status, "close"])
    expect([await wire.ending(), seen.length]).toEqual(["fin", 2])
  })

  test("a websocket is opened behind the answers before it", async () => {
    const { seen, connect } = await drive((exchange) => {
      if (exchange.path === "/ws") asWebSocket(exchange)
    })
    const wire = (await connect()).send(request("GET", "/1") + request("GET", "/2") + request("GET", "/ws", ws))
    await eventually("the first", () => seen.length === 1)
    wire.send(encodeFrame({ opcode: Op.close, payload: closePayload(1000) }))
    seen[0]!.sendResp(200, [], "1")
    expect((await wire.answer()).text).toBe("1")
    await eventually("the second", () => seen.length === 2)
    seen[1]!.sendResp(200, [], "2")
    expect((await wire.answer()).text).toBe("2")
    expect((await wire.answer()).status).toBe(101)
    expect((await readFrame(wire.inbox)).payload.toString()).toBe("open")
    expect(closeOf(await readFrame(wire.inbox)).code).toBe(1000)
  })

  test("a websocket, and what is taken for one, may follow in the same segment as an answered request", async () => {
    const { connect } = await drive((exchange) => {
      if (exchange.path === "/ws") asWebSocket(exchange)
      else exchange.sendResp(200, [], exchange.path)
    })
    const wire = await connect()
    wire.send(request("GET", "/1") + request("GET", "/2", "upgrade: h2c\r\nconnection: upgrade\r\n"))
    wire.send(request("GET", "/3") + request("GET", "/ws", ws))
    for (const path of ["/1", "/2", "/3"]) expect((await wire.answer()).text).toBe(path)
    expect((await wire.answer()).status).toBe(101)
    expect((await readFrame(wire.inbox)).payload.toString()).toBe("open")
  })
})
