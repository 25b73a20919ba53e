/**
 * The one object behind every connection state: its fields, and methods of one line; the work is done beside it, in
 * `request.ts`, `cookies.ts`, `response.ts`, `stream.ts` and `upgrade.ts`. Users meet it as `Conn` and its sisters.
 */

import type { CookieOptions } from "../http/cookies.ts"
import type { QueryParams } from "../http/query.ts"
import type { ServerSentEvent } from "../http/sse.ts"
import type {
  AbortReason,
  Body,
  Exchange,
  MaybePromise,
  PeerData,
  SockData,
  SslData,
  WebSocketHandler,
} from "./adapter.ts"
import * as body from "./body.ts"
import * as cookies from "./cookies.ts"
import * as file from "./file.ts"
import * as request from "./request.ts"
import * as response from "./response.ts"
import type {
  AnyConn,
  Assigns,
  Conn,
  EventStreamOptions,
  ReadBodyOptions,
  RespCookieOptions,
  State,
  Status,
  UpgradeOptions,
} from "./states.ts"
import * as stream from "./stream.ts"
import { upgrade } from "./upgrade.ts"

type Pairs = Iterable<readonly [string, string]>
type Strings = Readonly<Record<string, string>>

/** A connection in any state. `as unknown as Conn` is how it gets its first type; only `connOf` does that. */
export class Connection {
  readonly exchange: Exchange
  readonly settings: Settings
  state: State = "unset"
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
  /** Undefined while nothing was put, which spares most answers a list that is only copied. */
  headers: string[] | undefined = undefined
  /** A content-length that was put by hand; it counts where there is no body to measure. */
  declaredLength = -1
  beforeSend: ((conn: Conn) => unknown)[] | undefined = undefined
  respCookies: Map<string, cookies.RespCookie> | undefined = undefined
  route: { readonly method: string; readonly path: string } | undefined = undefined
  pathParams: Readonly<Record<string, string | readonly string[] | undefined>> = noParams
  overrides: request.Overrides | undefined = undefined
  parsed: request.Parsed | undefined = undefined
  segments: readonly string[] | undefined = undefined
  scriptName: readonly string[] = noSegments
  private assigned: Record<string, unknown> | undefined = undefined
  private privates: Record<string, unknown> | undefined = undefined
  private abortSignal: AbortSignal | undefined = undefined

  constructor(exchange: Exchange, settings: Settings) {
    this.exchange = exchange
    this.settings = settings
  }

  // The request.
  get method(): string {
    return this.overrides?.method ?? this.exchange.method
  }
  get path(): string {
    return request.path(this)
  }
  get pathInfo(): readonly string[] {
    return this.segments ?? request.pathInfo(this)
  }
  get unsafeRawPath(): string {
    return this.exchange.path
  }
  get queryString(): string {
    return this.exchange.query
  }
  get scheme(): "http" | "https" {
    return this.overrides?.scheme ?? this.exchange.scheme
  }
  get host(): string {
    return this.overrides?.host ?? request.host(this)
  }
  get port(): number {
    return this.overrides?.port ?? request.port(this)
  }
  get remoteIp(): string {
    return this.overrides?.remoteIp ?? this.exchange.getPeerData().address
  }
  get reqHeaders(): readonly string[] {
    return this.overrides?.headers ?? this.exchange.getHeaders()
  }
  getReqHeader(name: string): string | undefined {
    return request.getHeader(this, name)
  }
  getReqHeaders(name: string): string[] {
    return request.getHeaders(this, name)
  }
  get queryParams(): QueryParams {
    return this.parsed?.query ?? request.fetchQuery(this, {})
  }
  get bodyParams(): Readonly<Record<string, unknown>> {
    return request.bodyParams(this)
  }
  get params(): Readonly<Record<string, unknown>> {
    return request.params(this)
  }
  get cookies(): Readonly<Record<string, unknown>> {
    return cookies.all(this)
  }
  get reqCookies(): Readonly<Record<string, string>> {
    return cookies.received(this)
  }
  get lastEventId(): string | undefined {
    return this.getReqHeader("last-event-id")
  }
  requestUrl(): string {
    return request.url(this)
  }
  rewrite(changes: request.Rewrite): this {
    request.rewrite(this, changes)
    return this
  }
  putReqHeader(name: string, value: string): this {
    request.putHeader(this, name, value)
    return this
  }
  prependReqHeaders(headers: Pairs): this {
    request.prependHeaders(this, headers)
    return this
  }
  mergeReqHeaders(headers: Pairs | Strings): this {
    request.mergeHeaders(this, headers)
    return this
  }
  deleteReqHeader(name: string): this {
    request.deleteHeader(this, name)
    return this
  }
  updateReqHeader(name: string, initial: string, update: (value: string) => string): this {
    const old = this.getReqHeader(name)
    return this.putReqHeader(name, old === undefined ? initial : update(old))
  }
  fetchQueryParams(options: request.QueryOptions = {}): this {
    request.fetchQuery(this, options)
    return this
  }
  fetchCookies(options: cookies.FetchOptions = {}): this {
    cookies.fetch(this, options)
    return this
  }
  putBodyParams(params: Readonly<Record<string, unknown>>): this {
    request.parsedOf(this).body = params
    return this
  }
  readBody(options?: ReadBodyOptions): Promise<Uint8Array> {
    return body.readBody(this, options)
  }
  readBodyPart(options?: ReadBodyOptions): Promise<{ data: Uint8Array; more: boolean }> {
    return body.readBodyPart(this, options)
  }
  readText(options?: ReadBodyOptions): Promise<string> {
    return body.readText(this, options)
  }
  readJson(options?: ReadBodyOptions): Promise<unknown> {
    return body.readJson(this, options)
  }

  // The peer.
  getPeerData(): PeerData {
    return this.exchange.getPeerData()
  }
  getSockData(): SockData {
    return this.exchange.getSockData()
  }
  getSslData(): SslData | undefined {
    return this.exchange.getSslData()
  }
  getHttpProtocol(): "HTTP/1.0" | "HTTP/1.1" | "HTTP/2" {
    return this.exchange.getHttpProtocol()
  }
  get signal(): AbortSignal {
    return (this.abortSignal ??= stream.signalOf(this))
  }
  onClose(listener: (reason: AbortReason | undefined) => void): this {
    stream.onClose(this, listener)
    return this
  }

  // What plugs leave for each other.
  get assigns(): Record<string, unknown> {
    return (this.assigned ??= {})
  }
  get private(): Record<string, unknown> {
    return (this.privates ??= {})
  }
  assign(key: string, value: unknown): this {
    request.define(this.assigns, key, value)
    return this
  }
  mergeAssigns(values: object): this {
    for (const [key, value] of Object.entries(values)) request.define(this.assigns, key, value)
    return this
  }
  putPrivate(key: string, value: unknown): this {
    request.define(this.private, key, value)
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
    for (const [name, value] of request.pairs(headers)) response.putHeader(this, name, value)
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

const noSegments: readonly string[] = Object.freeze([])
const noParams: Readonly<Record<string, string>> = Object.freeze({})

/** What all connections of one endpoint share. */
export interface Settings {
  /** At least 64 characters; signs and encrypts cookies. */
  readonly secretKeyBase: string | undefined
  /** Told of every error that was not the client's to know, and of those that came after the answer had begun. */
  readonly onError: (error: unknown, conn: Conn) => unknown
}

/** The connection of an exchange, as users see it. */
export function connOf(exchange: Exchange, settings: Settings): Conn {
  return new Connection(exchange, settings) as unknown as Conn
}

/** The object behind a connection in any state. */
export function inner(conn: AnyConn<Assigns>): Connection {
  return conn as unknown as Connection
}
