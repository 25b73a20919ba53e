/**
 * HTTP/2 beside HTTP/1 on one TLS port: sessions, and the heads of their requests (RFC 9113 §8.3).
 */
import { createServer, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2"
import type { Server as TlsHttpServer } from "node:https"
import type { TLSSocket } from "node:tls"
import type { Limits } from "../../src/conn/adapter.ts"
import { parseAuthority } from "../../src/http/authority.ts"
import { nowHttpDate } from "../../src/http/date.ts"
import { statusLine } from "../../src/http/status.ts"
import type { Connection, House } from "./connection.ts"
import { splitTarget } from "./head.ts"
import { Http2Exchange } from "./http2.ts"

/** How many requests of one connection are served at a time. */
const concurrentStreams = 100

/** Sends the connections that chose "h2" to HTTP/2, and leaves the others to the server. */
export function addHttp2(house: House, server: TlsHttpServer, connectionOf: (socket: TLSSocket) => Connection): void {
  const { limits } = house
  const http2 = createServer({
    settings: { maxConcurrentStreams: concurrentStreams, enablePush: false },
    // What is beyond these is not even kept until `examine` can refuse it readably.
    maxHeaderListPairs: limits.headerCount * 2 + 16,
    maxSendHeaderBlockLength: 1_048_576,
  })
  http2.on("sessionError", () => {})
  // A session shows its socket only through a proxy, so it is told here which connection is its own.
  const known = new WeakMap<ServerHttp2Session, Connection>()
  let arriving: Connection | undefined
  http2.on("session", (session: ServerHttp2Session) => {
    known.set(session, arriving as Connection)
    greet(house, session)
  })
  http2.on("stream", (stream: ServerHttp2Stream, _headers: unknown, _flags: number, raw: string[]) => {
    // A stream that is reset says so with an error, and stays until it is read.
    stream.on("error", () => {}).on("aborted", () => stream.resume())
    const connection = stream.session && known.get(stream.session as ServerHttp2Session)
    if (connection !== undefined) serve(house, connection, stream, raw)
  })
  const http1 = server.listeners("secureConnection") as ((socket: TLSSocket) => void)[]
  server.removeAllListeners("secureConnection")
  server.on("secureConnection", (socket: TLSSocket) => {
    if (socket.alpnProtocol !== "h2") {
      for (const listener of http1) listener.call(server, socket)
      return
    }
    arriving = connectionOf(socket)
    arriving.upgraded = true
    // Sockets of an HTTP/1 server may stay half open; a session has nothing more to say to a peer that has ended its side.
    socket.on("end", () => socket.destroy())
    http2.emit("connection", socket)
  })
}

function greet(house: House, session: ServerHttp2Session): void {
  house.sessions.add(session)
  let open = 0
  session.on("close", () => house.sessions.delete(session))
  session.on("error", () => {})
  session.on("stream", (stream) => {
    open++
    session.setTimeout(house.limits.keepAliveTimeout)
    stream.on("close", () => open--)
  })
  session.setTimeout(house.limits.headTimeout)
  session.on("timeout", () => {
    if (open === 0 || session.closed) session.destroy()
  })
  if (house.stopping) session.close()
}

function serve(house: House, connection: Connection, stream: ServerHttp2Stream, raw: readonly string[]): void {
  const head = examine(raw, house.limits)
  const isHead = raw[raw.indexOf(":method") + 1] === "HEAD"
  if (typeof head === "number") return refuse(stream, head, isHead)
  const target = splitTarget(head.method, head.path)
  if (target === undefined) return refuse(stream, 400, isHead)
  house.handler.call(new Http2Exchange(connection, stream, head.method, target, head.list))
}

interface Head {
  readonly method: string
  readonly path: string
  readonly list: readonly string[]
}

/** The head of a request in the terms of HTTP/1, or the status to refuse it with. */
function examine(raw: readonly string[], limits: Limits): Head | number {
  const pseudo: Record<string, string> = Object.create(null)
  const list: string[] = []
  let bytes = 0
  let cookie = -1
  let host: string | undefined
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    const value = raw[i + 1] as string
    if (name.startsWith(":")) {
      pseudo[name] = value
      continue
    }
    bytes += name.length + value.length + 4
    if (name === "host") {
      if (host !== undefined) return 400
      host = value
    } else if (name === "cookie" && cookie !== -1) {
      // HTTP/2 sends a cookie line in crumbs (§8.2.3).
      list[cookie] += `; ${value}`
    } else {
      list.push(name, value)
      if (name === "cookie") cookie = list.length - 1
    }
  }
  const { ":method": method, ":path": path, ":authority": authority } = pseudo
  if (method === "CONNECT") return 501
  if (method === undefined || path === undefined) return 400
  if (path.length > limits.requestLineBytes) return 414
  if (bytes > limits.headerBytes || raw.length / 2 > limits.headerCount + 4) return 431
  const named = authority ?? host
  if (named === undefined || parseAuthority(named) === undefined) return 400
  if (host !== undefined && host.toLowerCase() !== named.toLowerCase()) return 400
  return { method, path, list: ["host", named, ...list] }
}

function refuse(stream: ServerHttp2Stream, status: number, isHead: boolean): void {
  const body = `${statusLine(status)}\n`
  stream.respond({
    ":status": status,
    date: nowHttpDate(),
    "content-type": "text/plain; charset=utf-8",
    "content-length": body.length,
  })
  stream.end(isHead ? "" : body)
  stream.resume()
}
