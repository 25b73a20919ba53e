/** An app to test servers with: every kind of answer, body, stream and websocket, behind plugs and a router. */

import { createHash } from "node:crypto"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import {
  BadRequestError,
  ClientGoneError,
  type Conn,
  defineEndpoint,
  defineRouter,
  type Endpoint,
  type Limits,
  NoRouteError,
  pipeline,
  type WebSocketHandler,
} from "plumage"

const boom = "boom-7f3a1c"
/** What the app was told of clients that left, each once. */
const closed = { sseClosed: 0, wsClosed: 0, aborted: 0 }

const echoSocket: WebSocketHandler = {
  message: async (ws, data) => void (await ws.send(data)),
  close: () => void closed.wsClosed++,
}

/** Counts what ends early. Streams and websockets have counters of their own. */
const countAborted = (conn: Conn): Conn =>
  conn.onClose((reason) => {
    const counted = conn.state === "upgraded" || conn.getRespHeader("content-type")?.startsWith("text/event-stream")
    if (reason instanceof ClientGoneError && !counted) closed.aborted++
  })

const stamp = pipeline()
  .plug((conn) => conn.assign("app", "echo"))
  .plug((conn) => conn.putRespHeader("x-app", conn.assigns.app))

/** A whole number from a path, within bounds; anything else is no route of this app. */
function whole(conn: Conn, text: string, least: number, most: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : -1
  if (value < least || value > most) throw new NoRouteError(conn.method, conn.path)
  return value
}

async function echo(conn: Conn) {
  const body = await conn.readBody({ length: 8 * 1024 * 1024 })
  const headers: Record<string, string[]> = Object.create(null)
  for (let i = 0; i < conn.reqHeaders.length; i += 2) {
    const name = conn.reqHeaders[i]!
    headers[name] ??= []
    headers[name].push(conn.reqHeaders[i + 1]!)
  }
  return conn.json({
    method: conn.method,
    path: conn.unsafeRawPath,
    query: conn.queryString,
    headers,
    bodyLength: body.length,
    bodySha256: createHash("sha256").update(body).digest("hex"),
  })
}

async function stream(conn: Conn, { n }: { n: string }) {
  const count = whole(conn, n, 0, 10_000_000)
  const answer = conn.putRespContentType("application/octet-stream", undefined).sendChunked(200)
  for (let i = 0; i < count; i++) {
    if (!(await answer.chunk(Buffer.alloc(1000, 97 + (i % 26))))) break
  }
  return answer
}

function sse(conn: Conn) {
  conn.onClose(() => void closed.sseClosed++)
  return conn.eventStream(async function* (signal) {
    for (let k = 0; !signal.aborted; k++) {
      yield { id: String(k), data: k }
      await sleep(20, undefined, { signal }).catch(() => undefined)
    }
  })
}

async function throwMid(conn: Conn) {
  const answer = conn.sendChunked(200)
  await answer.chunk(Buffer.alloc(1000, "m"))
  await sleep(50)
  if (answer.state === "chunked") throw new Error(boom)
  return answer
}

function echoHeader(conn: Conn) {
  const { name, value } = conn.queryParams
  if (typeof name !== "string" || typeof value !== "string") throw new BadRequestError("name and value are missing")
  return conn.putRespHeader(name, value).text("ok")
}

/** 300,000 bytes on disk, byte i is i % 251; gone when the process ends. */
function makeFile(): string {
  const folder = mkdtempSync(join(tmpdir(), "plumage-echo-"))
  const path = join(folder, "file.bin")
  writeFileSync(
    path,
    Uint8Array.from({ length: 300_000 }, (_, i) => i % 251),
  )
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }))
  return path
}

export function makeEchoApp(): Endpoint {
  const file = makeFile()
  const router = defineRouter((r) => [
    r.scope("/", stamp, (r) => [
      r.get("/hello", (conn) => conn.text("hello")),
      r.get("/bytes/:n", (conn, { n }) => {
        const bytes = Buffer.alloc(whole(conn, n, 0, 100_000_000), "x")
        return conn.putRespContentType("application/octet-stream", undefined).sendResp(200, bytes)
      }),
      r.any("/status/:n", (conn, { n }) => conn.putStatus(whole(conn, n, 200, 999)).text(`status ${n}`)),
      r.any("/echo", echo),
      r.post("/nobody", (conn) => conn.text("ok")),
      r.get("/stream/:n", stream),
      r.get("/sse", sse),
      r.get("/slow/:ms", async (conn, { ms }) => {
        await sleep(whole(conn, ms, 0, 600_000))
        return conn.text("slow")
      }),
      r.get("/file", (conn) => conn.serveFile(file)),
      r.get("/echo-header", echoHeader),
      r.any("/throw", () => {
        throw new Error(boom)
      }),
      r.get("/throw-mid", throwMid),
      r.get("/ws", (conn) => conn.upgrade("websocket", echoSocket)),
      r.get("/ws-sub", (conn) => conn.upgrade("websocket", echoSocket, { protocols: ["chat"] })),
      r.get("/closed-count", (conn) => conn.json(closed)),
    ]),
  ])
  return defineEndpoint().plug(countAborted).router(router)
}

/** The settings that the app is tested with. uWebSockets.js has deadlines of its own between requests, 10 seconds. */
export function echoLimits(adapter: string): Partial<Limits> {
  const limits = { requestTimeout: 10_000, messageBytes: 1024 * 1024 }
  return adapter === "uws" ? limits : { ...limits, headTimeout: 5_000, keepAliveTimeout: 5_000 }
}
