/**
 * Answers to what never becomes an exchange: bytes that are no request, and requests that break a limit.
 */
import type { IncomingMessage } from "node:http"
import type { Socket } from "node:net"
import { ClientGoneError, type Limits } from "../../src/conn/adapter.ts"
import { nowHttpDate } from "../../src/http/date.ts"
import { statusLine } from "../../src/http/status.ts"
import { brokenBody } from "./body.ts"
import type { Connection } from "./connection.ts"
import { linger } from "./linger.ts"

/** Refuses a request whose head Node has accepted, and ends the connection. The answers before it are given. */
export function refuseRequest(connection: Connection, req: IncomingMessage, status: number): void {
  req.on("error", () => {})
  req.resume()
  refuse(connection, status, req.method === "HEAD")
}

/** Answers with a status and ends the connection, when the answer before it, which is given, has left. */
function refuse(connection: Connection, status: number, isHead: boolean): void {
  connection.closing = true
  const { current } = connection
  const answer = rawAnswer(status, isHead)
  if (current === undefined) linger(connection, answer)
  else current.onClose((reason) => reason === undefined && linger(connection, answer))
}

/** What Node's parser gives up on. The parser then takes nothing more from this connection. */
export function refuseBytes(connection: Connection | undefined, error: NodeJS.ErrnoException, socket: Socket): void {
  // The parser says so of every piece that still comes: whoever ends the connection throws those away.
  if (connection?.closing || connection?.failed) return
  if (connection === undefined || !socket.writable) {
    socket.destroy()
    return
  }
  const { current, leaving } = connection
  const code = error.code ?? ""
  if (code === "HPE_CLOSED_CONNECTION") {
    // Bytes behind a request that was the last by its own word.
    connection.closing = true
  } else if (leaving !== undefined) {
    leaving.broken(error)
  } else if (code === "HPE_INVALID_EOF_STATE" && current !== undefined) {
    connection.cut(new ClientGoneError())
  } else if (current !== undefined && !current.requestIsComplete) {
    current.broken(brokenBody(error))
  } else if (!code.startsWith("HPE_") && code !== "ERR_HTTP_REQUEST_TIMEOUT") {
    socket.destroy()
  } else {
    connection.failed = true
    const status = statusOf(error, connection.house.limits)
    const isHead = (error as { rawPacket?: Buffer }).rawPacket?.subarray(0, 5).toString("latin1") === "HEAD "
    connection.inTurn(() => refuse(connection, status, isHead))
  }
}

function statusOf(error: NodeJS.ErrnoException & { rawPacket?: Buffer; bytesParsed?: number }, limits: Limits): number {
  if (error.code === "ERR_HTTP_REQUEST_TIMEOUT") return 408
  const text = error.rawPacket?.subarray(0, limits.requestLineBytes + 16).toString("latin1") ?? ""
  if (error.code === "HPE_HEADER_OVERFLOW") return /^[A-Z-]+ [^\r\n]*$/.test(text) ? 414 : 431
  if (error.code === "HPE_INVALID_VERSION" && /^[A-Z-]+ [^ \r\n]+ HTTP\/\d\.\d\r\n/.test(text)) return 505
  return 400
}

/** HEAD gets the head alone (RFC 9110 §9.3.2). */
function rawAnswer(status: number, isHead: boolean): string {
  const line = statusLine(status)
  const head = `HTTP/1.1 ${line}\r\ndate: ${nowHttpDate()}\r\nconnection: close\r\n`
  return `${head}content-type: text/plain; charset=utf-8\r\ncontent-length: ${line.length + 1}\r\n\r\n${isHead ? "" : `${line}\n`}`
}
