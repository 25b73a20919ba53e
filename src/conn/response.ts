/** The answer of a connection: headers, callbacks before it leaves, and the ways to send it. */

import { Buffer } from "node:buffer"
import * as list from "../http/headers.ts"
import { escapeHtml } from "../http/html.ts"
import { decodePercent } from "../http/percent.ts"
import { bodyAllowed, statusCode } from "../http/status.ts"
import type { Body } from "./adapter.ts"
import { assertUnsent, checkedName, checkValue } from "./checks.ts"
import type { Connection } from "./conn.ts"
import { writeCookies } from "./cookies.ts"
import { DelayedExchange } from "./delayed.ts"
import { InvalidHeaderError, UsageError } from "./errors.ts"
import { reportLater } from "./report.ts"
import type { Conn, State, Status } from "./states.ts"

/** Plug's default: an answer is nobody's to keep unless it says so. */
export const cacheControl = "max-age=0, private, must-revalidate"

export function defaultHeaders(): string[] {
  return ["cache-control", cacheControl]
}

export function code(status: Status): number {
  if (typeof status === "number" && status >= 100 && status <= 999 && Number.isInteger(status)) return status
  try {
    return statusCode(status)
  } catch (cause) {
    throw new UsageError((cause as Error).message, { cause })
  }
}

export function putStatus(conn: Connection, status: Status | undefined): void {
  const value = status === undefined ? undefined : code(status)
  assertUnsent(conn)
  conn.status = value
}

export function getHeader(conn: Connection, name: string): string | undefined {
  return list.getHeader(conn.respHeaders, name.toLowerCase())
}

export function getHeaders(conn: Connection, name: string): string[] {
  return list.getHeaders(conn.respHeaders, name.toLowerCase())
}

const reserved = new Set(["content-length", "connection", "transfer-encoding", "keep-alive", "upgrade"])

/** Framing is the server's: a length counts only where there is no body to measure, "close" is passed on, the rest refused. */
function checkReserved(name: string, value: string): void {
  if (!reserved.has(name)) return
  if (name === "content-length") {
    if (!/^\d{1,15}$/.test(value)) throw new InvalidHeaderError(`content-length must be digits, got ${value}`)
  } else if (name !== "connection" || value.toLowerCase() !== "close") {
    throw new InvalidHeaderError(`${name} is set by the server; of these only "connection: close" is yours to put`)
  }
}

/** Names that were put before and need no second look: sound, in lower case, and none of the server's. Bounded. */
const plainNames = new Set<string>()
const plainNamesLimit = 1_000

export function putHeader(conn: Connection, name: string, value: string): void {
  if (conn.state !== "unset") assertUnsent(conn)
  if (plainNames.has(name)) {
    checkValue(name, value)
    list.putHeader(conn.respHeaders, name, value)
    return
  }
  const lower = checkedName(name, value)
  checkReserved(lower, value)
  if (lower === "content-length") conn.declaredLength = Number(value)
  else if (lower === name && !reserved.has(lower) && plainNames.size < plainNamesLimit) plainNames.add(name)
  list.putHeader(conn.respHeaders, lower, value)
}

export function prependHeaders(conn: Connection, headers: Iterable<readonly [string, string]>): void {
  assertUnsent(conn)
  const added: string[] = []
  const single: [string, string][] = []
  for (const [name, value] of headers) {
    const lower = checkedName(name, value)
    checkReserved(lower, value)
    // There is one length and one way to close; these are never sent twice.
    if (reserved.has(lower)) single.push([lower, value])
    else added.push(lower, value)
  }
  conn.respHeaders.unshift(...added)
  for (const [name, value] of single) putHeader(conn, name, value)
}

export function deleteHeader(conn: Connection, name: string): void {
  assertUnsent(conn)
  const lower = name.toLowerCase()
  if (lower === "content-length") conn.declaredLength = -1
  list.deleteHeader(conn.respHeaders, lower)
}

export function registerBeforeSend(conn: Connection, callback: (conn: Conn) => unknown): void {
  assertUnsent(conn)
  conn.beforeSend ??= []
  conn.beforeSend.push(callback)
}

function checkBody(body: unknown): asserts body is Body {
  if (typeof body !== "string" && !(body instanceof Uint8Array)) {
    throw new UsageError(`a body is a string or a Uint8Array, got ${body === null ? "null" : typeof body}`)
  }
}

export function resp(conn: Connection, status: Status, body: Body): void {
  const value = code(status)
  checkBody(body)
  assertUnsent(conn)
  if (conn.state === "set_chunked" || conn.state === "set_file") {
    throw new UsageError("resp() cannot replace an answer that is being streamed")
  }
  conn.status = value
  conn.respBody = body
  conn.state = "set"
}

/** Runs the callbacks, the last registered first, then turns cookies into headers. */
export function prepare(conn: Connection, target: State): void {
  const before = conn.state
  const callbacks = conn.beforeSend ?? []
  let waits: Promise<unknown>[] | undefined
  conn.beforeSend = undefined
  conn.state = target
  conn.preparing = true
  try {
    for (let i = callbacks.length - 1; i >= 0; i--) {
      const result = callbacks[i]!(conn as unknown as Conn)
      if (result instanceof Promise) (waits ??= []).push(result)
    }
    if (conn.respCookies !== undefined) writeCookies(conn)
  } catch (error) {
    conn.state = before
    // Nobody waits for the others now.
    for (const wait of waits ?? []) reportLater(conn, wait)
    throw error
  } finally {
    conn.preparing = false
  }
  if (waits !== undefined) delay(conn, Promise.all(waits))
}

/** Keeps the answer back until the promise is settled; when it rejects, the error is the answer. */
function delay(conn: Connection, ready: Promise<unknown>): void {
  const { exchange } = conn
  const delayed = new DelayedExchange(exchange, ready, (error) => {
    const { state } = conn
    conn.exchange = exchange
    conn.closed = true
    conn.settings.fail(conn as unknown as Conn, error)
    // Whoever still writes chunks learns that nobody wants them.
    if (state === "chunked") conn.state = state
  })
  conn.exchange = delayed
  conn.delay = delayed.settled
}

/** Every way to answer passes here first: the checks, and the callbacks where there are any. */
export function begin(conn: Connection, status: number, target: State): void {
  if (conn.state !== "unset" && conn.state !== "set") assertUnsent(conn)
  if (conn.preparing) {
    throw new UsageError("a callback of registerBeforeSend may change the answer, but not send it")
  }
  if (status < 200) throw new UsageError(`${status} is informational: send it with inform(), it is no answer`)
  conn.status = status
  if (conn.beforeSend !== undefined || conn.respCookies !== undefined) prepare(conn, target)
}

/** The list to send, without the length that only the server writes. */
export function listToSend(conn: Connection): string[] {
  const { headers } = conn
  if (headers === undefined) return defaultHeaders()
  if (conn.declaredLength !== -1) list.deleteHeader(headers, "content-length")
  return headers
}

/** The length to announce where no body is sent (RFC 9110 §8.6): that of the body left out, or what was put by hand. */
function announcedLength(conn: Connection, status: number, body: Body): number {
  if (status === 204) return -1
  if (status === 205) return 0
  if (body.length !== 0) return typeof body === "string" ? Buffer.byteLength(body) : body.byteLength
  return conn.declaredLength === -1 && status !== 304 ? 0 : conn.declaredLength
}

export function send(conn: Connection, status: Status, body: Body): Connection {
  if (typeof body !== "string") checkBody(body)
  conn.respBody = body
  begin(conn, code(status), "set")
  const final = conn.status as number
  const { exchange } = conn
  if (exchange.method === "HEAD" || !bodyAllowed(final)) {
    exchange.sendHead(final, listToSend(conn), announcedLength(conn, final, conn.respBody))
  } else {
    exchange.sendResp(final, listToSend(conn), conn.respBody)
  }
  conn.sentBody = conn.respBody
  conn.respBody = undefined
  conn.state = "sent"
  return conn
}

/** Bytes of the body that were handed to the server so far, as they are sent: compressed, where they are. */
export function bytesSent(conn: Connection): number {
  const { sentBody } = conn
  if (sentBody === undefined) return conn.streamed
  if (conn.exchange.method === "HEAD" || !bodyAllowed(conn.status as number)) return 0
  return typeof sentBody === "string" ? Buffer.byteLength(sentBody) : sentBody.byteLength
}

/** Sends what `resp` has set. */
export function sendSet(conn: Connection): Connection {
  assertUnsent(conn)
  if (conn.state === "unset")
    throw new UsageError("sendResp() without a status sends what resp() has set; nothing was set")
  return send(conn, conn.status as number, conn.respBody as Body)
}

/** Sends a body of a type, unless another type was put before. */
export function sendAs(conn: Connection, type: string, body: string): Connection {
  if (conn.state !== "unset") assertUnsent(conn)
  if (conn.headers === undefined) {
    conn.headers = ["cache-control", cacheControl, "content-type", type]
  } else if (list.getHeader(conn.headers, "content-type") === undefined) {
    conn.headers.push("content-type", type)
  }
  return send(conn, conn.status ?? 200, body)
}

export function encodeJson(value: unknown): string {
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (cause) {
    throw new UsageError(`json() got a value that JSON cannot carry: ${(cause as Error).message}`, { cause })
  }
  if (text === undefined) throw new UsageError(`json() got ${typeof value}, which JSON cannot carry`)
  return text
}

/** Checks that a redirect stays on this site, however a browser reads it. */
export function localPath(to: string): string {
  // Browsers drop control characters and take "\\" for "/", so "/\\evil" and "/\t/evil" would lead away.
  const plain = (decodePercent(to, false) ?? to).replace(/[\x00-\x20\x7f]/g, "")
  if (!to.startsWith("/") || /^\/[/\\]/.test(plain) || to.includes("\\") || list.invalidHeaderValue(to) !== undefined) {
    throw new UsageError("redirect() takes a path of this site that begins with one /; use redirectExternal elsewhere")
  }
  return to
}

/** Checks that a redirect leads to a web address; others (`javascript:`) could run what a client wrote. */
export function externalUrl(url: string | URL): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed?.protocol === "https:" || parsed?.protocol === "http:") return parsed.href
  throw new UsageError("redirectExternal() takes a whole http or https URL")
}

export function redirect(conn: Connection, location: string): Connection {
  assertUnsent(conn)
  const status = conn.status ?? 302
  if (status < 300 || status > 399) throw new UsageError(`a redirect has a 3xx status, got ${status}`)
  putHeader(conn, "location", location)
  conn.status = status
  return sendAs(conn, "text/html; charset=utf-8", `<a href="${escapeHtml(location)}">You are being redirected.</a>`)
}

export function sendChunked(conn: Connection, status: Status): Connection {
  conn.respBody = undefined
  begin(conn, code(status), "set_chunked")
  const final = conn.status as number
  const { exchange } = conn
  if (exchange.method === "HEAD" || !bodyAllowed(final)) {
    exchange.sendHead(final, listToSend(conn), final === 205 ? 0 : final === 204 ? -1 : conn.declaredLength)
    conn.headOnly = true
    conn.closed = true
  } else {
    exchange.sendChunked(final, listToSend(conn), conn.declaredLength)
  }
  conn.state = "chunked"
  return conn
}

export function inform(conn: Connection, status: number, headers: Readonly<Record<string, string>>): void {
  if (!Number.isInteger(status) || status < 100 || status > 199 || status === 101) {
    throw new UsageError(`inform() takes a status from 100 to 199 other than 101, got ${status}`)
  }
  const added: string[] = []
  for (const [name, value] of Object.entries(headers)) {
    const lower = checkedName(name, value)
    if (reserved.has(lower)) throw new InvalidHeaderError(`${lower} has no place in an informational answer`)
    added.push(lower, value)
  }
  assertUnsent(conn)
  conn.exchange.inform(status, added)
}
