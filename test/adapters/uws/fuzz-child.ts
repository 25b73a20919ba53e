/**
 * A server that does everything in any order, and clients that leave at any moment: `fuzz-child.ts SEED REQUESTS`.
 *
 * Ends with 0 and prints what happened as JSON. A native error, an exception that nobody caught and a rejection that
 * nobody took end it otherwise.
 */
import net from "node:net"
import { uws } from "../../../adapters/uws/server.ts"
import type { Exchange, WebSocket, WebSocketHandler } from "../../../src/conn/adapter.ts"
import { encodeFrame, Op } from "../wire/frames.ts"

let state = Number(process.argv[2]) || 1
const total = Number(process.argv[3]) || 3_000

/** xorshift32: the same seed does the same. */
function random(below: number): number {
  state ^= state << 13
  state ^= state >>> 17
  state ^= state << 5
  return (state >>> 0) % below
}
const oneOf = <T>(all: readonly T[]): T => all[random(all.length)] as T
const sizes = [1, 10, 100, 5_000, 20_000, 200_000]
const data = () => (random(2) ? "é".repeat(oneOf(sizes)) : new Uint8Array(oneOf(sizes)).fill(65))
const pause = (): Promise<unknown> => {
  const way = random(4)
  if (way === 0) return Promise.resolve()
  if (way === 1) return new Promise(setImmediate)
  return new Promise((resolve) => setTimeout(resolve, random(4)))
}

const counts = { requests: 0, closes: 0, twice: 0, sockets: 0, socketCloses: 0, answered: 0 }
process.on("unhandledRejection", (error) => fail("unhandledRejection", error))
process.on("uncaughtException", (error) => fail("uncaughtException", error))
process.on("warning", (error) => fail("warning", error))
function fail(what: string, error: unknown): void {
  console.error(what, error)
  process.exit(3)
}

const handler: WebSocketHandler = {
  async open(ws) {
    counts.sockets++
    for (let count = random(3); count > 0; count--) await act(ws)
  },
  async message(ws) {
    await pause()
    await act(ws)
    if (random(20) === 0) throw new Error("the handler fails")
  },
  close() {
    counts.socketCloses++
  },
}

function act(ws: WebSocket): unknown {
  const what = random(6)
  if (what === 0) return ws.close(1000, "enough")
  if (what === 1) return ws.ping("p")
  return ws.send(data())
}

/** One thing that a handler may do; after the first answer the others are for those that may follow it. */
const steps: Readonly<Record<string, (exchange: Exchange) => unknown>> = {
  wait: pause,
  waitLonger: pause,
  read: (exchange) =>
    new Promise((resolve) => exchange.readBody(oneOf([10, 1_000, 1_000_000]), 1 + random(100), () => resolve(true))),
  chunk: (exchange) => (exchange.sent ? exchange.chunk(data()) : undefined),
  chunks: async (exchange) => {
    for (let count = random(20); exchange.sent && count > 0; count--) await exchange.chunk(data())
  },
  end: (exchange) => exchange.endChunked(),
  abort: (exchange) => (random(3) === 0 ? exchange.abort() : undefined),
  watch: (exchange) => {
    let calls = 0
    exchange.onClose(() => {
      if (++calls > 1) counts.twice++
    })
  },
  ask: (exchange) => exchange.getPeerData(),
  inform: (exchange) => exchange.inform(103, []),
}

const answers: readonly ((exchange: Exchange) => unknown)[] = [
  (exchange) => exchange.sendResp(oneOf([200, 404, 500]), ["x-a", "1"], data()),
  (exchange) => exchange.sendResp(200, ["connection", "close"], "bye"),
  (exchange) => exchange.sendHead(oneOf([204, 304]), [], -1),
  (exchange) => exchange.sendChunked(200, ["x-b", "2"], -1),
  (exchange) => exchange.sendChunked(200, [], oneOf(sizes)),
  async (exchange) => {
    const file = await exchange.openFile(import.meta.filename)
    if (exchange.sent) return file.close()
    await exchange.sendFile(200, [], file, 0, file.size)
  },
  (exchange) => {
    const upgrade = {
      handler,
      protocol: "",
      headers: [],
      messageBytes: 1_000,
      compression: false,
      onError: () => {},
      onOver: () => undefined,
    }
    return exchange.getHeader("sec-websocket-key") ? exchange.upgrade(upgrade) : exchange.sendResp(426, [], "")
  },
]

async function serve(exchange: Exchange): Promise<void> {
  counts.requests++
  exchange.onClose(() => counts.closes++)
  const names = Object.keys(steps)
  const before = random(4)
  const synchronous = random(3) === 0
  for (let at = 0; at < before; at++) {
    const result = (steps[oneOf(names)] as (exchange: Exchange) => unknown)(exchange)
    if (!synchronous) await result
  }
  if (random(30) === 0) throw new Error("the handler rejects")
  if (!exchange.sent) await oneOf(answers)(exchange)
  for (let at = random(5); at > 0; at--) await (steps[oneOf(names)] as (exchange: Exchange) => unknown)(exchange)
  exchange.endChunked()
  if (!exchange.sent) exchange.sendResp(500, [], "")
}

const server = await uws({ port: 0, host: "127.0.0.1", limits: { highWaterMark: 20_000, drainBytes: 10_000 } }).listen({
  call(exchange) {
    if (random(50) === 0) throw new Error("a handler must not throw, but may")
    serve(exchange).catch(() => exchange.abort())
  },
})

const key = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
const wants = `upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n${key}`

/** What a client sends: whole requests, parts of them, several at once, and nonsense. */
function message(): Buffer {
  const method = oneOf(["GET", "POST", "HEAD", "DELETE", "X-ANY"])
  const start = `${method} /${random(5)}?q=1 HTTP/1.1\r\nhost: a\r\n`
  const body = Buffer.alloc(oneOf([0, 5, 3_000, 100_000]), 7)
  const chunk = Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from("\r\n")])
  const frames = [Op.text, Op.binary, Op.ping, Op.close].map((opcode) => encodeFrame({ opcode, payload: "ab" }))
  return oneOf([
    Buffer.from(`${start}\r\n`),
    Buffer.from(`${start}\r\n`),
    Buffer.from(`${start}connection: close\r\n\r\n`),
    Buffer.from(`${start}\r\n${start}\r\n`),
    Buffer.concat([Buffer.from(`${start}content-length: ${body.length}\r\n\r\n`), body]),
    Buffer.concat([Buffer.from(`${start}content-length: ${body.length + 9}\r\n\r\n`), body]),
    Buffer.concat([Buffer.from(`${start}transfer-encoding: chunked\r\n\r\n`), chunk, chunk, Buffer.from("0\r\n\r\n")]),
    Buffer.concat([Buffer.from(`${start}transfer-encoding: chunked\r\n\r\n`), chunk, chunk]),
    Buffer.from(`${start}host: b\r\n\r\n`),
    Buffer.from(`GET / HTTP/1.1\r\nhost: a\r\n${wants}\r\n`),
    Buffer.concat([Buffer.from(`GET / HTTP/1.1\r\nhost: a\r\n${wants}\r\n`), ...frames]),
    Buffer.concat(frames.slice(random(4))),
    Buffer.from("nonsense\r\n\r\n"),
  ])
}

function client(): Promise<void> {
  return new Promise((resolve) => {
    const socket = net.connect(server.port, "127.0.0.1")
    const finish = () => {
      clearTimeout(timer)
      socket.destroy()
      resolve()
    }
    const timer = setTimeout(() => (random(2) ? socket.resetAndDestroy() : socket.end()), 1 + random(60))
    const last = setTimeout(finish, 400)
    socket.on("error", () => {})
    socket.on("close", () => {
      clearTimeout(last)
      finish()
    })
    socket.on("data", () => {
      counts.answered++
      if (random(4) === 0) socket.pause()
      else if (random(3) === 0 && socket.writable) socket.write(message())
    })
    socket.on("connect", () => {
      const bytes = message()
      const cut = random(4) === 0 ? random(bytes.length) : bytes.length
      socket.write(bytes.subarray(0, cut))
      if (random(10) === 0) socket.resetAndDestroy()
      else if (random(3) === 0) setImmediate(() => socket.writable && socket.write(message()))
    })
  })
}

const lane = async () => {
  while (counts.requests < total) await client()
}
await Promise.all(Array.from({ length: 40 }, lane))
// The stop comes while they go on.
const late = Array.from({ length: 60 }, client)
await new Promise((resolve) => setTimeout(resolve, 15))
const started = performance.now()
await server.stop({ graceMs: 500 })
const stopped = performance.now() - started
await Promise.all(late)
process.stdout.write(JSON.stringify({ ...counts, stopped }), () => process.exit(0))
