import { once } from "node:events"
import { createServer, type Server, type Socket } from "node:net"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { type WebSockets, webSockets } from "../../adapters/websocket.ts"
import {
  defaultLimits,
  type Limits,
  UsageError,
  type WebSocket,
  type WebSocketHandler,
  type WebSocketUpgrade,
} from "../../src/conn/adapter.ts"
import { closeOf, closePayload, encodeFrame, Op, readFrame } from "./wire/frames.ts"
import { Wire } from "./wire.ts"

const handshake =
  "GET / HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n" +
  "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
const headBytes = handshake.length + 2
const text = (payload: string) => encodeFrame({ opcode: Op.text, payload })
const binary = (payload: Uint8Array) => encodeFrame({ opcode: Op.binary, payload })
const closing = (code: number, reason = "") => encodeFrame({ opcode: Op.close, payload: closePayload(code, reason) })

async function eventually(what: string, test: () => boolean): Promise<void> {
  const end = performance.now() + 5_000
  while (!test()) {
    if (performance.now() > end) expect.fail(`not within 5 s: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

function deferred<T = void>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void
  const promise = new Promise<T>((given) => {
    resolve = given
  })
  return { promise, resolve }
}

/** A server of a few lines, as lean as elli's way to a websocket: a raw socket and what was read beyond the head. */
class Harness {
  readonly room: WebSockets
  readonly errors: unknown[] = []
  readonly wires: Wire[] = []
  readonly sockets: Socket[] = []
  readonly server: Server

  constructor(limits: Partial<Limits>, compression: boolean, upgrade: Partial<WebSocketUpgrade>) {
    const all = { ...defaultLimits, ...limits }
    this.room = webSockets(all, compression)
    this.server = createServer({ allowHalfOpen: true }, (socket) => {
      this.sockets.push(socket)
      socket.on("error", () => {})
      socket.once("data", (data: Buffer) => {
        const end = data.indexOf("\r\n\r\n")
        const lines = data.toString("latin1", 0, end).split("\r\n").slice(1)
        const headers = lines.flatMap((line) => line.split(": "))
        this.room.accept(socket, data.subarray(end + 4), headers, {
          handler: {},
          protocol: "",
          headers: [],
          messageBytes: all.messageBytes,
          compression: false,
          onError: (error) => this.errors.push(error),
          onOver: () => undefined,
          ...upgrade,
        })
      })
    })
  }

  async connect(more = "", early: Uint8Array = Buffer.alloc(0)): Promise<Wire> {
    if (!this.server.listening) await once(this.server.listen(0, "127.0.0.1"), "listening")
    const wire = await Wire.connect({ port: (this.server.address() as { port: number }).port })
    this.wires.push(wire)
    wire.send(Buffer.concat([Buffer.from(`${handshake}${more}\r\n`), early]))
    return wire
  }

  async open(): Promise<Wire> {
    const wire = await this.connect()
    expect((await wire.answer()).status).toBe(101)
    return wire
  }
}

let harnesses: Harness[] = []
const rejections: unknown[] = []
const rejected = (error: unknown) => rejections.push(error)
beforeEach(() => void process.on("unhandledRejection", rejected))
afterEach(async () => {
  for (const harness of harnesses) {
    for (const wire of harness.wires) wire.destroy()
    for (const socket of harness.sockets) socket.destroy()
    harness.server.close()
  }
  harnesses = []
  await new Promise(setImmediate)
  process.off("unhandledRejection", rejected)
  expect(rejections.splice(0)).toEqual([])
})

interface Setting extends Partial<WebSocketUpgrade> {
  limits?: Partial<Limits>
  serverCompression?: boolean
}
function serve(handler: WebSocketHandler, setting: Setting = {}): Harness & { closes: [number, string][] } {
  const { limits = {}, serverCompression = false, ...upgrade } = setting
  const closes: [number, string][] = []
  const noting: WebSocketHandler = {
    ...handler,
    close: (ws, code, reason) => {
      closes.push([code, reason])
      return handler.close?.(ws, code, reason)
    },
  }
  const harness = new Harness(limits, serverCompression, { ...upgrade, handler: noting })
  harnesses.push(harness)
  return Object.assign(harness, { closes })
}

describe("the handshake", () => {
  test("is answered with protocol and headers, and what came early is the first message", async () => {
    const got: unknown[] = []
    const harness = serve(
      { message: (_, data) => void got.push(data) },
      { protocol: "chat", headers: ["set-cookie", "a=1", "set-cookie", "b=2"] },
    )
    const wire = await harness.connect("", text("early"))
    const answer = await wire.answer()
    expect([answer.status, answer.header("sec-websocket-accept")]).toEqual([101, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="])
    expect(answer.all("sec-websocket-protocol")).toEqual(["chat"])
    expect(answer.all("set-cookie")).toEqual(["a=1", "b=2"])
    await eventually("the early message", () => got.length > 0)
    expect(got).toEqual(["early"])
  })

  test("a peer that has left meanwhile is told to nobody", async () => {
    const called: string[] = []
    const harness = serve({ open: () => void called.push("open"), message: () => void called.push("message") })
    const server = createServer((socket) => {
      socket.destroy()
      const upgrade = {
        handler: {},
        protocol: "",
        headers: [],
        messageBytes: 1,
        compression: false,
        onError: () => {},
        onOver: () => undefined,
      }
      expect(harness.room.accept(socket, Buffer.alloc(0), [], upgrade)).toBe(false)
      expect(harness.room.size).toBe(0)
    })
    await once(server.listen(0, "127.0.0.1"), "listening")
    const wire = await Wire.connect({ port: (server.address() as { port: number }).port })
    await wire.ending()
    server.close()
    expect([called, harness.closes]).toEqual([[], []])
  })

  test.each([
    [false, false, undefined],
    [true, false, undefined],
    [false, true, undefined],
    [true, true, expect.stringContaining("permessage-deflate")],
  ])("compression needs the server's %s and the upgrade's %s", async (serverCompression, compression, answer) => {
    const harness = serve({}, { serverCompression, compression })
    const wire = await harness.connect("sec-websocket-extensions: permessage-deflate\r\n")
    expect((await wire.answer()).header("sec-websocket-extensions")).toEqual(answer)
  })
})

describe("messages", () => {
  test("text is a string, binary a Uint8Array with memory of its own", async () => {
    const got: unknown[] = []
    const harness = serve({ message: (_, data) => void got.push(data) })
    const wire = await harness.open()
    wire.send(Buffer.concat([text("grüß"), binary(new Uint8Array([1, 2])), binary(new Uint8Array(70_000))]))
    await eventually("three messages", () => got.length === 3)
    expect(got[0]).toBe("grüß")
    for (const data of got.slice(1) as Uint8Array[]) {
      expect(Object.getPrototypeOf(data)).toBe(Uint8Array.prototype)
      expect(data.buffer.byteLength).toBe(data.length)
    }
    expect(got[1]).toEqual(new Uint8Array([1, 2]))
  })

  test("are handled one at a time, in order, and after open", async () => {
    const log: string[] = []
    const opened = deferred()
    const harness = serve({
      open: async () => {
        await opened.promise
        log.push("opened")
      },
      message: async (_, data) => {
        log.push(`+${data}`)
        await new Promise(setImmediate)
        log.push(`-${data}`)
      },
    })
    const wire = await harness.open()
    wire.send(Buffer.concat(["1", "2", "3"].map(text)))
    await eventually("they have arrived", () => harness.sockets[0]!.bytesRead === headBytes + 21)
    expect(log).toEqual([])
    opened.resolve()
    await eventually("all are handled", () => log.length === 7)
    expect(log).toEqual(["opened", "+1", "-1", "+2", "-2", "+3", "-3"])
  })

  test("that came before the peer's close are handled before it is told", async () => {
    const log: string[] = []
    const harness = serve({
      message: async (_, data) => {
        await new Promise(setImmediate)
        log.push(`${data}`)
      },
      close: (_, code) => void log.push(`close ${code}`),
    })
    const wire = await harness.open()
    wire.send(Buffer.concat([text("1"), text("2"), closing(1000)])).fin()
    await eventually("it is closed", () => harness.closes.length > 0)
    expect(log).toEqual(["1", "2", "close 1000"])
  })

  test("hold the peer back while a handler is at work, and go on behind it", async () => {
    const release = deferred()
    let handled = 0
    const harness = serve({
      message: async () => {
        await release.promise
        handled++
      },
    })
    const wire = await harness.open()
    const total = 400
    const sending = wire.sent(Buffer.concat(Array.from({ length: total }, () => binary(new Uint8Array(50_000)))))
    let before = -1
    await eventually("reading stops", () => {
      const now = harness.sockets[0]!.bytesRead
      const stopped = now === before
      before = now
      return stopped && now > 50_000
    })
    expect(before).toBeLessThan(1_000_000)
    release.resolve()
    expect(await sending).toBe(true)
    await eventually("all are handled", () => handled === total)
  })

  test("too many small ones in one read end the socket with 1013", async () => {
    const harness = serve(
      { message: () => new Promise(() => {}) },
      { limits: { backlogBytes: 1_000, messageBytes: 100, highWaterMark: 500 } },
    )
    const wire = await harness.open()
    wire.send(Buffer.concat(Array.from({ length: 200 }, () => text("x".repeat(50)))))
    expect(closeOf(await readFrame(wire.inbox)).code).toBe(1013)
  })

  test("ping and pong are told; a ping is answered", async () => {
    const got: unknown[] = []
    const harness = serve({
      open: (ws) => ws.ping("a"),
      ping: (_, data) => void got.push(["ping", Buffer.from(data).toString()]),
      pong: (_, data) => void got.push(["pong", Buffer.from(data).toString()]),
    })
    const wire = await harness.open()
    expect((await readFrame(wire.inbox)).payload.toString()).toBe("a")
    wire.send(encodeFrame({ opcode: Op.pong, payload: "a" })).send(encodeFrame({ opcode: Op.ping, payload: "b" }))
    expect(await readFrame(wire.inbox)).toMatchObject({ opcode: Op.pong, payload: Buffer.from("b") })
    expect(got).toEqual([
      ["pong", "a"],
      ["ping", "b"],
    ])
  })
})

describe("send", () => {
  const lazy = { limits: { highWaterMark: 10_000, backlogBytes: 3_000_000 } }

  test("answers true below the mark, a promise above it, which is true when the buffer has drained", async () => {
    const first = deferred<WebSocket>()
    let drains = 0
    const harness = serve({ open: (ws) => first.resolve(ws), drain: () => void drains++ }, lazy)
    const wire = await harness.open()
    const ws = await first.promise
    expect(ws.send("small")).toBe(true)
    wire.pause()
    let slow: boolean | Promise<boolean> = true
    let count = 0
    while (slow === true && count++ < 10_000) slow = ws.send(new Uint8Array(9_000))
    expect(slow).toBeInstanceOf(Promise)
    expect(ws.send("one more")).toBeInstanceOf(Promise)
    wire.resume()
    expect(await slow).toBe(true)
    expect([ws.bufferedAmount, ws.send("again")]).toEqual([0, true])
    await eventually("drain is told", () => drains > 0)
    expect(drains).toBe(1)
  })

  test("a waiting promise is false when the peer leaves; afterwards send is false", async () => {
    const first = deferred<WebSocket>()
    const harness = serve({ open: (ws) => first.resolve(ws) }, lazy)
    const wire = (await harness.open()).pause()
    const ws = await first.promise
    let slow: boolean | Promise<boolean> = true
    while (ws.bufferedAmount < 1_000_000) slow = ws.send(new Uint8Array(100_000))
    wire.rst()
    expect(await slow).toBe(false)
    expect([ws.send("late"), ws.bufferedAmount]).toEqual([false, 0])
    ws.ping()
    ws.close(1000)
    expect(harness.closes).toEqual([[1006, ""]])
  })

  test("over backlogBytes the socket ends with 1013, whether or not the peer reads that", async () => {
    const first = deferred<WebSocket>()
    const harness = serve({ open: (ws) => first.resolve(ws) }, lazy)
    ;(await harness.open()).pause()
    const ws = await first.promise
    let most = 0
    for (let count = 0; count < 1_000 && ws.send(new Uint8Array(100_000)) !== false; count++) {
      most = Math.max(most, ws.bufferedAmount)
      await new Promise(setImmediate)
    }
    expect(most).toBeLessThanOrEqual(3_100_000)
    const start = performance.now()
    await eventually("it is over", () => harness.closes.length > 0)
    expect(performance.now() - start).toBeLessThan(3_500)
    expect(harness.closes).toEqual([[1013, "reading too slowly"]])
  })

  test("one message may be larger than backlogBytes when nothing waits", async () => {
    const harness = serve({ open: async (ws) => void (await ws.send(new Uint8Array(4_000_000))) }, lazy)
    const wire = await harness.open()
    expect((await readFrame(wire.inbox)).payload.length).toBe(4_000_000)
  })
})

describe("close", () => {
  test("says 1000 unless told otherwise, and is told once with the peer's code", async () => {
    const harness = serve({
      open: (ws) => {
        ws.close()
        ws.close(1001, "twice")
      },
    })
    const wire = await harness.open()
    expect(closeOf(await readFrame(wire.inbox))).toEqual({ code: 1000, reason: "" })
    wire.send(closing(3001, "ok"))
    await wire.ending()
    await eventually("the handler is told", () => harness.closes.length > 0)
    expect(harness.closes).toEqual([[3001, "ok"]])
  })

  test("1005 when the peer gave no code, 1006 when it vanished", async () => {
    const harness = serve({})
    const polite = await harness.open()
    polite.send(encodeFrame({ opcode: Op.close }))
    await eventually("the first is told", () => harness.closes.length === 1)
    const rude = await harness.open()
    rude.rst()
    await eventually("the second is told", () => harness.closes.length === 2)
    expect(harness.closes).toEqual([
      [1005, ""],
      [1006, ""],
    ])
  })

  test.each([
    [1004, ""],
    [1005, ""],
    [1006, ""],
    [999, ""],
    [1015, ""],
    [5000, ""],
    [1000, "é".repeat(62)],
  ])("refuses %i %s, and the socket lives", async (code, reason) => {
    const first = deferred<WebSocket>()
    const harness = serve({ open: (ws) => first.resolve(ws) })
    await harness.open()
    const ws = await first.promise
    expect(() => ws.close(code, reason)).toThrow(UsageError)
    expect(() => ws.ping("x".repeat(126))).toThrow(UsageError)
    expect(ws.send("alive")).toBe(true)
  })

  test("messages that come after our close are dropped", async () => {
    const got: unknown[] = []
    const harness = serve({
      message: (ws, data) => {
        got.push(data)
        ws.close(1000)
      },
    })
    const wire = await harness.open()
    wire.send(Buffer.concat([text("1"), text("2"), closing(1000)]))
    await eventually("it is closed", () => harness.closes.length > 0)
    expect(got).toEqual(["1"])
  })

  test.each([
    ["a message over the limit", binary(new Uint8Array(101)), 1009],
    ["text that is not UTF-8", encodeFrame({ opcode: Op.text, payload: new Uint8Array([0xff]) }), 1007],
    ["a frame without a mask", encodeFrame({ opcode: Op.text, payload: "x", mask: false }), 1002],
    ["a reserved bit", encodeFrame({ opcode: Op.text, payload: "x", rsv: 4 }), 1002],
  ])("%s ends the socket, told to nobody as an error", async (_, bytes, code) => {
    const harness = serve({}, { messageBytes: 100 })
    const wire = await harness.open()
    wire.send(bytes)
    expect(closeOf(await readFrame(wire.inbox)).code).toBe(code)
    wire.fin()
    await eventually("the handler is told", () => harness.closes.length > 0)
    expect(harness.errors).toEqual([])
  })

  test("no upgrade gets messages over the server's own limit", async () => {
    const harness = serve({}, { messageBytes: 1_000, limits: { messageBytes: 100 } })
    const wire = await harness.open()
    wire.send(binary(new Uint8Array(101)))
    expect(closeOf(await readFrame(wire.inbox)).code).toBe(1009)
  })
})

describe("a handler that fails", () => {
  const boom = (): never => {
    throw new Error("canary")
  }
  const failing: [string, WebSocketHandler][] = [
    ["open", { open: boom }],
    ["open, later", { open: async () => boom() }],
    ["message", { message: boom }],
    ["message, later", { message: async () => boom() }],
    ["ping", { ping: boom }],
    ["pong, later", { pong: (async () => boom()) as () => void }],
  ]
  test.each(failing)("in %s: 1011, told once, and closed once", async (_, handler) => {
    const harness = serve(handler)
    const wire = await harness.open()
    wire
      .send(encodeFrame({ opcode: Op.ping }))
      .send(encodeFrame({ opcode: Op.pong }))
      .send(text("x"))
    let frame = await readFrame(wire.inbox)
    while (frame.opcode === Op.pong) frame = await readFrame(wire.inbox)
    expect(closeOf(frame)).toEqual({ code: 1011, reason: "internal error" })
    wire.send(closing(1011)).fin()
    await eventually("the handler is told", () => harness.closes.length > 0)
    expect(harness.errors.map(String)).toEqual(["Error: canary"])
    expect(harness.closes).toEqual([[1011, ""]])
  })

  test("in close, at once or later, harms nobody", async () => {
    for (const close of [boom, (async () => boom()) as () => void]) {
      const harness = serve({ close })
      ;(await harness.open()).rst()
      await eventually("it is told", () => harness.errors.length > 0)
    }
  })

  test("whose onError fails, too, still closes", async () => {
    const harness = serve({ message: boom }, { onError: boom })
    const wire = await harness.open()
    wire.send(text("x"))
    expect(closeOf(await readFrame(wire.inbox)).code).toBe(1011)
  })

  test("while it waits, leaves the peer's end to be told after it", async () => {
    const release = deferred()
    const log: string[] = []
    const harness = serve({
      message: async () => {
        await release.promise
        log.push("handled")
      },
      close: () => void log.push("closed"),
    })
    const wire = await harness.open()
    wire.send(text("x"))
    await eventually("it has arrived", () => harness.sockets[0]!.bytesRead > headBytes)
    wire.rst()
    await eventually("the socket is gone", () => harness.room.size === 0)
    expect(log).toEqual([])
    release.resolve()
    await eventually("close is told", () => harness.closes.length > 0)
    expect(log).toEqual(["handled", "closed"])
  })
})

describe("the idle timeout", () => {
  const limits = { websocketIdleTimeout: 200 }

  test("pings a quiet peer at half of it, and cuts it at the whole", async () => {
    const harness = serve({}, { limits })
    const start = performance.now()
    const wire = await harness.open()
    expect((await readFrame(wire.inbox)).opcode).toBe(Op.ping)
    expect(performance.now() - start).toBeGreaterThanOrEqual(90)
    await wire.ending()
    expect(performance.now() - start).toBeGreaterThanOrEqual(190)
    await eventually("the handler is told", () => harness.closes.length > 0)
    expect(harness.closes).toEqual([[1006, ""]])
  })

  test("spares a peer that answers pings, and one whose handler is slow", async () => {
    const harness = serve({ message: () => new Promise(() => {}) }, { limits: { ...limits, highWaterMark: 10 } })
    const answering = await harness.open()
    const waiting = await harness.open()
    waiting.send(Buffer.concat(Array.from({ length: 10 }, () => text("some words"))))
    for (let pings = 0; pings < 4; pings++) {
      expect((await readFrame(answering.inbox)).opcode).toBe(Op.ping)
      answering.send(encodeFrame({ opcode: Op.pong }))
    }
    expect([harness.room.size, harness.closes]).toEqual([2, []])
  })
})

describe("closeAll", () => {
  test("says goodbye to each, resolves when they are closed, and to those that come later", async () => {
    const harness = serve({})
    const wires = [await harness.open(), await harness.open()]
    const all = harness.room.closeAll(1012, "stopping", 5_000)
    expect(harness.room.closeAll(1000, "other", 1)).toBe(all)
    for (const wire of wires) {
      expect(closeOf(await readFrame(wire.inbox))).toEqual({ code: 1012, reason: "stopping" })
      wire.send(closing(1012)).fin()
    }
    await all
    expect([harness.room.size, harness.closes.length]).toEqual([0, 2])
    expect(closeOf(await readFrame((await harness.open()).inbox)).code).toBe(1012)
  })

  test("cuts at the deadline who does not answer, also behind a slow handler", async () => {
    const harness = serve({ message: () => new Promise(() => {}) })
    await harness.open()
    const busy = await harness.open()
    busy.send(Buffer.concat(Array.from({ length: 10 }, () => text("x"))))
    await eventually("it has arrived", () => harness.sockets[1]!.bytesRead > headBytes)
    const start = performance.now()
    await harness.room.closeAll(1012, "stopping", 150)
    expect(performance.now() - start).toBeLessThan(400)
    expect(harness.room.size).toBe(0)
  })

  test("resolves at once without websockets", async () => {
    await serve({}).room.closeAll(1012, "stopping", 60_000)
  })
})
