import { describe, expect, test } from "vitest"
import type { Exchange, WebSocket, WebSocketHandler, WebSocketUpgrade } from "../../../src/conn/adapter.ts"
import { closeOf, closePayload, encodeFrame, Op, readFrame } from "../wire/frames.ts"
import type { Wire } from "../wire.ts"
import { type Driven, drive, eventually, request, uwsLoads } from "./drive.ts"

const wants =
  "upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

const upgradeOf = (handler: WebSocketHandler, more: Partial<WebSocketUpgrade> = {}): WebSocketUpgrade => ({
  handler,
  protocol: "",
  headers: [],
  messageBytes: 1_000,
  compression: false,
  onError: () => {},
  onOver: () => {},
  ...more,
})

async function open({ connect }: Driven, path = "/"): Promise<Wire> {
  const wire = await connect()
  const answer = await wire.send(request("GET", path, wants)).answer()
  expect(answer.status).toBe(101)
  return wire
}

const say = (wire: Wire, payload: string | Uint8Array, opcode: number = Op.text) =>
  wire.send(encodeFrame({ opcode, payload }))

describe.skipIf(!uwsLoads)("websockets", () => {
  test.each(["at once", "late"])("open %s, with the protocol and the headers that were chosen", async (when) => {
    const driven = await drive(async (exchange) => {
      if (when === "late") await new Promise(setImmediate)
      const handler = { message: (ws: WebSocket, data: string | Uint8Array) => void ws.send(data) }
      exchange.upgrade(upgradeOf(handler, { protocol: "b", headers: ["x-a", "1", "set-cookie", "c=1"] }))
    })
    const wire = await driven.connect()
    const answer = await wire.send(request("GET", "/", `${wants}sec-websocket-protocol: a, b\r\n`)).answer()
    expect([answer.status, answer.header("sec-websocket-protocol"), answer.header("x-a")]).toEqual([101, "b", "1"])
    expect([answer.header("set-cookie"), answer.header("sec-websocket-accept")]).toEqual([
      "c=1",
      "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
    ])
    say(wire, "é")
    expect((await readFrame(wire.inbox)).payload.toString()).toBe("é")
  })

  test("an upgrade may be answered as any other request", async () => {
    const { connect } = await drive((exchange) => exchange.sendResp(403, [], "no"))
    const wire = await connect()
    expect((await wire.send(request("GET", "/", wants)).answer()).status).toBe(403)
    expect((await wire.send(request("GET", "/")).answer()).status).toBe(403)
  })

  test("a peer that leaves before its upgrade was granted harms nobody", async () => {
    let calls = 0
    const count = () => void calls++
    const waiting: Exchange[] = []
    const { connect } = await drive((exchange) => void waiting.push(exchange))
    for (const how of ["fin", "rst"] as const) {
      const wire = await connect()
      wire.send(request("GET", "/", wants))
      await eventually("it asks", () => waiting.length === 1)
      const left = new Promise((resolve) => waiting[0]!.onClose(resolve))
      wire.leave(how)
      await left
      waiting.pop()!.upgrade(upgradeOf({ open: count, close: count }))
    }
    await new Promise(setImmediate)
    expect(calls).toBe(0)
  })

  test("messages are handled one at a time; their bytes are the handler's for good", async () => {
    const kept: Uint8Array[] = []
    let busy = 0
    const driven = await drive((exchange) =>
      exchange.upgrade(
        upgradeOf({
          async message(_, data) {
            expect(busy++).toBe(0)
            await new Promise(setImmediate)
            kept.push(data as Uint8Array)
            busy--
          },
        }),
      ),
    )
    const wire = await open(driven)
    wire.send(
      Buffer.concat(
        Array.from({ length: 20 }, (_, n) => encodeFrame({ opcode: Op.binary, payload: new Uint8Array(500).fill(n) })),
      ),
    )
    await eventually("all are handled", () => kept.length === 20)
    expect(kept.every((data, n) => data.length === 500 && data.every((byte) => byte === n))).toBe(true)
  })

  test("one byte over messageBytes is 1009", async () => {
    const driven = await drive((exchange) => exchange.upgrade(upgradeOf({ message: (ws, data) => void ws.send(data) })))
    const wire = await open(driven)
    say(wire, "x".repeat(1_000))
    expect((await readFrame(wire.inbox)).payload.length).toBe(1_000)
    say(wire, "x".repeat(1_001))
    expect(closeOf(await readFrame(wire.inbox)).code).toBe(1009)
  })

  test("what is longer than the library takes ends the socket, and is 1009 for the handler", async () => {
    const codes: number[] = []
    const driven = await drive(
      (exchange) => exchange.upgrade(upgradeOf({ close: (_, code) => void codes.push(code) })),
      {
        limits: { messageBytes: 1_000 },
      },
    )
    const wire = await open(driven)
    say(wire, new Uint8Array(200_000), Op.binary)
    await wire.ending()
    await eventually("the handler is told", () => codes.length > 0)
    expect(codes).toEqual([1009])
  })

  test("a slow reader: send() waits at the high water mark, and beyond the backlog it is 1013", async () => {
    const results: unknown[] = []
    const codes: number[] = []
    let socket: WebSocket | undefined
    const limits = { highWaterMark: 100_000, backlogBytes: 1_000_000 }
    const driven = await drive(
      (exchange) =>
        exchange.upgrade(
          upgradeOf({
            open: (ws) => {
              socket = ws
            },
            close: (_, code) => void codes.push(code),
          }),
        ),
      { limits },
    )
    const wire = (await open(driven)).pause()
    const part = new Uint8Array(50_000)
    while (results.at(-1) === undefined || results.at(-1) === true) results.push(socket!.send(part))
    expect(results.at(-1)).toBeInstanceOf(Promise)
    expect(socket!.bufferedAmount).toBeGreaterThanOrEqual(100_000)
    wire.resume()
    expect(await results.at(-1)).toBe(true)
    wire.pause()
    let last: unknown = true
    for (let count = 0; last !== false && count < 1_000; count++) last = socket!.send(part)
    await eventually("the socket is given up", () => codes.length > 0)
    expect([last, codes, socket!.send("more")]).toEqual([false, [1013], false])
  })

  test("a handler that fails is 1011, is reported, and harms no other", async () => {
    const errors: unknown[] = []
    const driven = await drive((exchange) => {
      const handler: WebSocketHandler = {
        async message(ws, data) {
          if (data === "reject") await Promise.reject(new Error("late"))
          if (data === "throw") throw new Error("at once")
          ws.send(data)
        },
      }
      exchange.upgrade(upgradeOf(handler, { onError: (error) => errors.push(error) }))
    })
    const [other, ...failing] = [await open(driven), await open(driven), await open(driven)]
    for (const [at, text] of ["throw", "reject"].entries()) {
      say(failing[at]!, text)
      expect(closeOf(await readFrame(failing[at]!.inbox)).code).toBe(1011)
    }
    say(other!, "fine")
    expect((await readFrame(other!.inbox)).payload.toString()).toBe("fine")
    expect(errors).toHaveLength(2)
  })

  test("close is told once and last, whoever closes", async () => {
    const log: string[] = []
    const driven = await drive((exchange) =>
      exchange.upgrade(
        upgradeOf({
          message(ws) {
            ws.close(4_000, "bye")
            expect(ws.send("more")).toBe(false)
            ws.close()
            log.push("message")
          },
          close: (ws, code, reason) => {
            log.push(`${code} ${reason}`)
            ws.close()
            ws.ping()
          },
        }),
      ),
    )
    const [ours, theirs, vanishes] = [await open(driven), await open(driven), await open(driven)]
    say(ours, "close it")
    expect(closeOf(await readFrame(ours.inbox))).toEqual({ code: 4_000, reason: "bye" })
    await eventually("told", () => log.length === 2)
    theirs.send(encodeFrame({ opcode: Op.close, payload: closePayload(1001, "going") }))
    await eventually("told", () => log.length === 3)
    vanishes.rst()
    await eventually("told", () => log.length === 4)
    await new Promise(setImmediate)
    expect(log).toEqual(["message", "4000 bye", "1001 going", "1006 "])
  })

  test("a code or a reason that may not be sent raises, and the socket lives", async () => {
    const raised: unknown[] = []
    const driven = await drive((exchange) =>
      exchange.upgrade(
        upgradeOf({
          message(ws) {
            for (const [code, reason] of [
              [1005, ""],
              [999, ""],
              [1000, "x".repeat(124)],
            ] as const) {
              try {
                ws.close(code, reason)
              } catch (error) {
                raised.push((error as Error).name)
              }
            }
            ws.send("alive")
          },
        }),
      ),
    )
    const wire = await open(driven)
    say(wire, "go")
    expect((await readFrame(wire.inbox)).payload.toString()).toBe("alive")
    expect(raised).toEqual(["UsageError", "UsageError", "UsageError"])
  })

  test("a peer that pings and reads nothing costs a bounded amount", async () => {
    let socket: WebSocket | undefined
    const driven = await drive(
      (exchange) =>
        exchange.upgrade(
          upgradeOf({
            open: (ws) => {
              socket = ws
            },
          }),
        ),
      { limits: { backlogBytes: 100_000 } },
    )
    const wire = (await open(driven)).pause()
    const before = process.memoryUsage().rss
    const pings = Buffer.concat(
      Array.from({ length: 1_000 }, () => encodeFrame({ opcode: Op.ping, payload: "p".repeat(120) })),
    )
    for (let sent = 0; sent < 60_000_000 && wire.inbox.ended === undefined; sent += pings.length) await wire.sent(pings)
    expect(process.memoryUsage().rss - before).toBeLessThan(55_000_000)
    expect(socket).toBeDefined()
  })

  test("a silent peer is pinged, and closed when it does not answer", async () => {
    const codes: number[] = []
    const driven = await drive(
      (exchange) => exchange.upgrade(upgradeOf({ close: (_, code) => void codes.push(code) })),
      {
        limits: { websocketIdleTimeout: 400 },
      },
    )
    const wire = await open(driven)
    expect((await readFrame(wire.inbox)).opcode).toBe(Op.ping)
    await wire.ending()
    await eventually("the handler is told", () => codes.length > 0)
    expect(codes).toEqual([1006])
  })

  test("stop is 1012 for all, and in time whatever they do", async () => {
    const codes: number[] = []
    const driven = await drive((exchange) => exchange.upgrade(upgradeOf({ close: (_, code) => void codes.push(code) })))
    const wires = await Promise.all(Array.from({ length: 20 }, () => open(driven)))
    const started = performance.now()
    await driven.server.stop({ graceMs: 1_000 })
    expect(performance.now() - started).toBeLessThan(1_100)
    for (const wire of wires) expect(closeOf(await readFrame(wire.inbox)).code).toBe(1012)
    expect(codes).toEqual(Array.from({ length: 20 }, () => 1012))
  })
})
