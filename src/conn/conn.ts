/**
 * The one object behind every connection state: its fields, and methods of one line; the work is done beside it, in
 * `request.ts`, `cookies.ts`, `response.ts`, `stream.ts` and `upgrade.ts`. Users meet it as `Conn` and its sisters.
 */

import type { CookieOptions } from "../http/cookies.ts"
import type { ServerSentEvent } from "../http/sse.ts"
import type { AbortReason, Body, Exchange, MaybePromise, WebSocketHandler } from "./adapter.ts"
import * as cookies from "./cookies.ts"
import * as file from "./file.ts"
import { pairs } from "./request.ts"
import { RequestSide, type Settings } from "./request-side.ts"
import * as response from "./response.ts"
import type { AnyConn, Assigns, Conn, EventStreamOptions, RespCookieOptions, Status, UpgradeOptions } from "./states.ts"
import * as stream from "./stream.ts"
import { upgrade } from "./upgrade.ts"

type Pairs = Iterable<readonly [string, string]>
type Strings = Readonly<Record<string, string>>

export type { Settings } from "./request-side.ts"

/** A connection in any state. `as unknown as Conn` is how it gets its first type; only `connOf` does that. */
export class Connection extends RequestSide {
  halted = false
  held = false
  closed = false
  headOnly = false
  preparing = false
  events = false
  /** Why this side ended the exchange, where it did. */
  cutReason: AbortReason | undefined = undefined
  /** Bytes that were written while the client was slow, while it is. */
  slow: { bytes: number } | undefined = undefined
  status: number | undefined = undefined
  respBody: Body | undefined = undefined
  /** The body that was sent whole, for those who ask how long it was. */
  sentBody: Body | undefined = undefined
  /** Bytes of a body that is sent bit by bit. */
  streamed = 0
  /** The error that was answered, or that ended the answer. */
  error: unknown = undefined
  /** The plugs of the row that ran last, and how far it came; for those who look for what went wrong. */
  row: readonly Function[] = noRow
  at = 0
  /** The endpoint's plugs, once the router was reached. */
  passed: readonly Function[] = noRow
  /** The async action that is to answer. */
  action: Function | undefined = undefined
  /** Who is to be told when the websocket is over. */
  untilOver: (() => void)[] | undefined = undefined
  /** What the answer waits for. */
  delay: Promise<void> | undefined = undefined
  /** Undefined while nothing was put, which spares most answers a list that is only copied. */
  headers: string[] | undefined = undefined
  /** A content-length that was put by hand; it counts where there is no body to measure. */
  declaredLength = -1
  beforeSend: ((conn: Conn) => unknown)[] | undefined = undefined
  respCookies: Map<string, cookies.RespCookie> | undefined = undefined
  controller: AbortController | undefined = undefined

  get cookies(): Readonly<Record<string, unknown>> {
    return cookies.all(this)
  }
  get reqCookies(): Readonly<Record<string, string>> {
    return cookies.received(this)
  }
  fetchCookies(options: cookies.FetchOptions = {}): this {
    cookies.fetch(this, options)
    return this
  }
  get signal(): AbortSignal {
    return stream.signalOf(this)
  }
  get bytesSent(): number {
    return response.bytesSent(this)
  }
  onClose(listener: (reason: AbortReason | undefined) => void): this {
    stream.onClose(this, listener)
    return this
  }

  // The answer.
  get respHeaders(): string[] {
    return (this.headers ??= response.defaultHeaders())
  }
  getRespHeader(name: string): string | undefined {
    return response.getHeader(this, name)
  }
  getRespHeaders(name: string): string[] {
    return response.getHeaders(this, name)
  }
  putStatus(status: Status | undefined): this {
    response.putStatus(this, status)
    return this
  }
  putRespHeader(name: string, value: string): this {
    response.putHeader(this, name, value)
    return this
  }
  prependRespHeaders(headers: Pairs): this {
    response.prependHeaders(this, headers)
    return this
  }
  mergeRespHeaders(headers: Pairs | Strings): this {
    for (const [name, value] of pairs(headers)) response.putHeader(this, name, value)
    return this
  }
  deleteRespHeader(name: string): this {
    response.deleteHeader(this, name)
    return this
  }
  updateRespHeader(name: string, initial: string, update: (value: string) => string): this {
    const old = this.getRespHeader(name)
    return this.putRespHeader(name, old === undefined ? initial : update(old))
  }
  putRespContentType(type: string, ...charset: [charset?: string | undefined]): this {
    const parameter = charset.length === 0 ? "utf-8" : charset[0]
    return this.putRespHeader("content-type", parameter === undefined ? type : `${type}; charset=${parameter}`)
  }
  putRespCookie(name: string, value: unknown, options: RespCookieOptions = {}): this {
    cookies.put(this, name, value, options)
    return this
  }
  deleteRespCookie(name: string, options: CookieOptions = {}): this {
    cookies.remove(this, name, options)
    return this
  }
  registerBeforeSend(callback: (conn: Conn) => unknown): this {
    response.registerBeforeSend(this, callback)
    return this
  }
  resp(status: Status, body: Body): this {
    response.resp(this, status, body)
    return this
  }
  sendResp(status?: Status, body?: Body): Connection {
    return status === undefined ? response.sendSet(this) : response.send(this, status, body === undefined ? "" : body)
  }
  text(body: string): Connection {
    return response.sendAs(this, "text/plain; charset=utf-8", body)
  }
  html(body: string): Connection {
    return response.sendAs(this, "text/html; charset=utf-8", body)
  }
  json(body: unknown): Connection {
    return response.sendAs(this, "application/json; charset=utf-8", response.encodeJson(body))
  }
  redirect(to: string): Connection {
    return response.redirect(this, response.localPath(to))
  }
  redirectExternal(url: string | URL): Connection {
    return response.redirect(this, response.externalUrl(url))
  }
  sendFile(status: Status, path: string, offset?: number, length?: number): Promise<Connection> {
    return file.sendFile(this, status, path, offset, length)
  }
  serveFile(path: string): Promise<Connection> {
    return file.serveFile(this, path)
  }
  sendChunked(status: Status): Connection {
    return response.sendChunked(this, status)
  }
  inform(status: number, headers: Strings = {}): this {
    response.inform(this, status, headers)
    return this
  }
  upgrade(protocol: "websocket", handler: WebSocketHandler, options: UpgradeOptions = {}): this {
    upgrade(this, protocol, handler, options)
    return this
  }
  halt(): this {
    this.halted = true
    return this
  }

  // Streams.
  chunk(data: Body): MaybePromise<boolean> {
    return stream.chunk(this, data)
  }
  event(data: unknown, options: Omit<ServerSentEvent, "data"> = {}): MaybePromise<boolean> {
    return stream.event(this, data, options)
  }
  initChunk(data: Body = ""): this {
    stream.initChunk(this, data)
    return this
  }
  close(): void {
    stream.close(this)
  }
  eventStream(
    events: (signal: AbortSignal) => AsyncIterable<ServerSentEvent>,
    options: EventStreamOptions = {},
  ): Connection {
    return stream.eventStream(this, events, options)
  }

  /** What is printed of a connection: neither secrets nor the server's side. */
  toJSON(): object {
    const { method, unsafeRawPath, state, status, halted, assigns } = this
    return { method, unsafeRawPath, state, status, halted, assigns }
  }
}
Object.defineProperty(Connection.prototype, Symbol.for("nodejs.util.inspect.custom"), {
  value: Connection.prototype.toJSON,
})

const noRow: readonly Function[] = Object.freeze([])

/** The connection of an exchange, as users see it. */
export function connOf(exchange: Exchange, settings: Settings): Conn {
  return new Connection(exchange, settings) as unknown as Conn
}

/** The object behind a connection in any state. */
export function inner(conn: AnyConn<Assigns>): Connection {
  return conn as unknown as Connection
}
