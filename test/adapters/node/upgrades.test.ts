import { describe, expect, test } from "vitest"
import type { AbortReason, WebSocketUpgrade } from "../../../src/conn/adapter.ts"
import { encodeFrame, Op, readFrame } from "../wire/frames.ts"
import { drive, echo, eventually, request } from "./drive.ts"

const ws =
  "upgrade: WebSocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
const upgrade: WebSocketUpgrade = {
  handler: { message: async (socket, data) => void (await socket.send(data)) },
  protocol: "",
  headers: [],
  messageBytes: 1_000,
  compression: false,
  onError: () => {},
  onOver: () => undefined,
}

describe("a request with an Upgrade header", () => {
  test("is an ordinary one when it asks for anything but a websocket, and the connection goes on", async () => {
    const { seen, connect } = await drive(echo)
    const wire = await connect()
    wire.send(request("POST", "/1", "upgrade: h2c\r\nconnection: upgrade, http2-settings\r\n", "body"))
    wire.send(request("GET", "/2"))
    const first = await wire.answer()
    expect([first.text, first.header("connection")?.toLowerCase()]).toEqual(["body", "keep-alive"])
    expect((await wire.answer()).status).toBe(200)
    expect(seen[0]!.getHeader("upgrade")).toBe("h2c")
    expect(seen[0]!.getHeaders()).toContain("connection")
    expect(seen[1]!.getHeader("upgrade")).toBeUndefined()
  })

  test("is an ordinary one with a body in pieces, chunked, behind Expect", async () => {
    const { connect } = await drive(echo)
    const wire = await connect()
    wire.send(
      request(
        "POST",
        "/",
        "upgrade: x\r\nconnection: upgrade\r\ntransfer-encoding: chunked\r\nexpect: 100-continue\r\n",
      ),
    )
    await wire.through("100 Continue\r\n\r\n")
    wire.send("3\r\nabc\r\n").send("1\r\nd\r\n0\r\n\r\n")
    expect((await wire.answer("POST")).text).toBe("abcd")
  })

  test.each([
    ["POST", "HTTP/1.1", "content-length: 0\r\n"],
    ["GET", "HTTP/1.1", "content-length: 4\r\n"],
    ["GET", "HTTP/1.0", ""],
  ])("%s %s %j is not taken for a websocket's, whatever it says", async (method, version, more) => {
    const { connect } = await drive((exchange) => exchange.upgrade(upgrade))
    const wire = (await connect()).send(`${method} / ${version}\r\nhost: a\r\n${ws}${more}\r\nbody`)
    const answer = await wire.answer()
    expect([answer.status, answer.header("connection")]).toEqual([400, "close"])
    await wire.ending()
  })

  test("is answered like any other when the app refuses the websocket, and the connection ends", async () => {
    const { connect } = await drive((exchange) => exchange.sendResp(403, ["x-a", "b"], "no"))
    const wire = (await connect()).send(request("GET", "/", ws)).send(Buffer.alloc(200_000))
    const answer = await wire.answer()
    expect([answer.status, answer.text, answer.header("connection")]).toEqual([403, "no", "close"])
    expect(await wire.ending()).toBe("fin")
  })

  test("may be refused with a stream", async () => {
    const { connect } = await drive((exchange) => {
      exchange.sendChunked(200, [], -1)
      exchange.chunk("a")
      setImmediate(() => {
        exchange.chunk("b")
        exchange.endChunked()
      })
    })
    expect((await (await connect()).send(request("GET", "/", ws)).answer()).text).toBe("ab")
  })

  test.each(["fin", "rst"] as const)("tells of a peer that leaves by %s while the app decides", async (how) => {
    const reasons: (AbortReason | undefined)[] = []
    const { seen, connect } = await drive((exchange) => exchange.onClose((reason) => reasons.push(reason)))
    const wire = (await connect()).send(request("GET", "/", ws))
    await eventually("the request", () => seen.length === 1)
    wire.leave(how)
    await eventually("the listener is called", () => reasons.length === 1, 1_000)
    expect(reasons[0]?.name).toBe("ClientGoneError")
    seen[0]!.upgrade(upgrade)
    expect(seen[0]!.chunk("x")).toBe(false)
  })

  test("keeps what the client sent before its answer", async () => {
    const { seen, connect } = await drive(() => {})
    const frame = encodeFrame({ opcode: Op.text, payload: "early" })
    const wire = await connect()
    wire.send(Buffer.concat([Buffer.from(request("GET", "/", ws)), frame.subarray(0, 3)]))
    await eventually("the request", () => seen.length === 1)
    await wire.sent(frame.subarray(3))
    seen[0]!.upgrade(upgrade)
    expect((await wire.answer()).status).toBe(101)
    expect((await readFrame(wire.inbox)).payload.toString()).toBe("early")
  })

  test("holds back a client that sends a lot before its answer, and loses nothing of it", async () => {
    const { seen, connect } = await drive(() => {})
    const wire = (await connect()).send(request("GET", "/", ws))
    const frame = encodeFrame({ opcode: Op.binary, payload: Buffer.alloc(900) })
    const sending = wire.sent(Buffer.concat(Array.from({ length: 500 }, () => frame)))
    await eventually("the request", () => seen.length === 1)
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate)
    seen[0]!.upgrade(upgrade)
    expect((await wire.answer()).status).toBe(101)
    for (let count = 0; count < 500; count++) expect((await readFrame(wire.inbox)).payload.length).toBe(900)
    expect(await sending).toBe(true)
  })

  test("that waits for its turn is forgotten when the peer leaves", async () => {
    const { server, seen, connect } = await drive(() => {})
    const wire = (await connect()).send(request("GET", "/") + request("GET", "/ws", ws))
    await eventually("the first request", () => seen.length === 1)
    wire.fin()
    expect(await wire.ending()).toBe("fin")
    const start = performance.now()
    await server.stop({ graceMs: 3_000 })
    expect(performance.now() - start).toBeLessThan(1_000)
    expect(seen.length).toBe(1)
  })
})
