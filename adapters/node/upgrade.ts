/**
 * Requests with an Upgrade header. A websocket's goes to the endpoint, which decides; any other is an ordinary request.
 *
 * Node takes every request with an Upgrade header out of HTTP, body and all. Those that ask for anything but a websocket are
 * handed to its parser again, without the header; the exchange still shows it (RFC 9110 §7.8: a server may ignore an
 * Upgrade). `shouldUpgradeCallback` of Node 24 is no help: it loses what follows such a request in the same segment.
 */
import { type IncomingMessage, type Server, ServerResponse } from "node:http"
import type { Connection } from "./connection.ts"
import { withBody } from "./head.ts"
import type { Http1Exchange } from "./http1.ts"
import { linger } from "./linger.ts"

/** What an exchange has beside it whose client asked for a websocket. */
export interface Switch {
  /** Stops reading, gives what was read beyond the request. */
  release(): Buffer
}

/** Bytes that a client may send before it knows whether its upgrade succeeds. */
const earlyBytes = 65_536

/** True for requests that only a websocket can answer: a GET of HTTP/1.1 without a body. */
export function asksForWebSocket(req: IncomingMessage, body: number): boolean {
  const { upgrade } = req.headers
  return (
    req.method === "GET" && req.httpVersionMinor === 1 && body !== withBody && upgrade?.toLowerCase() === "websocket"
  )
}

/** Gives a request to Node's parser again, with its body and what follows, but without what asks for an upgrade. */
export function replay(
  server: Server,
  event: string,
  connection: Connection,
  req: IncomingMessage,
  head: Buffer,
): void {
  const { socket } = connection
  const { rawHeaders } = req
  let text = `${req.method} ${req.url} HTTP/${req.httpVersion}\r\n`
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() !== "upgrade") text += `${rawHeaders[i]}: ${rawHeaders[i + 1]}\r\n`
  }
  connection.replayed = rawHeaders
  socket.unshift(Buffer.concat([Buffer.from(`${text}\r\n`, "latin1"), head]))
  server.emit(event, socket)
}

/** A `ServerResponse` for a request that Node has taken out of HTTP; the connection ends with it. */
export function responseFor(connection: Connection, req: IncomingMessage): ServerResponse {
  const res = new ServerResponse(req)
  res.shouldKeepAlive = false
  res.assignSocket(connection.socket)
  return res
}

/** Reads on while the endpoint decides, so that a peer that leaves meanwhile is noticed. */
export function holdSocket(exchange: Http1Exchange, head: Buffer): Switch {
  const { out } = exchange
  const { connection } = exchange
  const { socket } = connection
  const early = [head]
  let bytes = head.length
  const take = (data: Buffer) => {
    early.push(data)
    bytes += data.length
    if (bytes > earlyBytes) socket.pause()
  }
  const end = () => {
    if (!exchange.answered) socket.destroy()
  }
  const release = () => {
    socket.off("data", take).off("end", end)
    // Who takes over listens before this takes effect.
    if (socket.isPaused()) socket.resume()
    return Buffer.concat(early)
  }
  socket.on("data", take).on("end", end)
  // An answer after all: the websocket was refused.
  out.on("finish", () => {
    release()
    out.detachSocket(socket)
    linger(connection)
  })
  return { release }
}
