/**
 * The connection as its user sees it: one object per request, whose type says how far the answer is.
 *
 * `Conn` is still open. Answering turns it into `Sent`, `Chunked` or `Upgraded`, halting into `Halted`; none of these
 * has the methods that answer, so answering twice or forgetting to answer does not compile. At run time it is always the
 * same object, and the same rules are checked (`AlreadySentError`, `NotSentError`).
 */

import type { CookieOptions } from "../http/cookies.ts"
import type { OriginPolicy } from "../http/origin.ts"
import type { QueryParams } from "../http/query.ts"
import type { ServerSentEvent } from "../http/sse.ts"
import type { StatusName } from "../http/status.ts"
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

declare const state: unique symbol
declare const ready: unique symbol

export type Assigns = object
/** How far the answer is. Those that begin with `set_`, and `set`, are seen by callbacks that run before it leaves. */
export type State =
  | "unset"
  | "set"
  | "set_chunked"
  | "set_file"
  | "set_upgrade"
  | "sent"
  | "chunked"
  | "file"
  | "upgraded"
export type Status = number | StatusName

/** What is known of the route that a request has taken. */
export interface MatchedRoute {
  readonly method: string
  /** The pattern: `/users/:id`. */
  readonly path: string
  readonly metadata: Readonly<Record<string, unknown>>
  /** The level at which its requests are logged, where the route says so. */
  readonly log: "debug" | "info" | "warn" | "error" | false | undefined
}

/** What can be read of a connection in every state. */
export interface AnyConn<out A extends Assigns = {}> {
  /** The method, upper-case as sent; plugs may rewrite it. */
  readonly method: string
  /**
   * The path in canonical form: decoded once, empty segments and a trailing slash dropped, encoded again. What guards,
   * router and file server see is this one path, so they cannot disagree. Raises `BadRequestError` when it is not UTF-8.
   */
  readonly path: string
  /** The segments of the path that are still to be matched, each decoded once. */
  readonly pathInfo: readonly string[]
  /** The segments that forwards have consumed. */
  readonly scriptName: readonly string[]
  /** The path exactly as it was sent. Never decide on it: encoded, doubled and dotted forms all differ here. */
  readonly unsafeRawPath: string
  /** The query as it was sent, without "?"; "" when there is none. */
  readonly queryString: string
  readonly scheme: "http" | "https"
  /** The host as the client named it, without port; "" when an HTTP/1.0 client named none. */
  readonly host: string
  readonly port: number
  /** The address of the client; the peer's, until a plug knows better. `getPeerData` stays the socket's truth. */
  readonly remoteIp: string
  /** All request headers, a flat list `[name, value, …]` with lower-case names, in order and with duplicates. */
  readonly reqHeaders: readonly string[]
  /** The first value of a request header. */
  getReqHeader(name: string): string | undefined
  /** All values of a request header, one per line that was sent. */
  getReqHeaders(name: string): string[]
  /** Decoded from `queryString` at the first read; raises `InvalidQueryError` (400, 414). */
  readonly queryParams: QueryParams
  readonly pathParams: Readonly<Record<string, string | readonly string[] | undefined>>
  /** What a parser made of the body; raises `UsageError` until one has run. */
  readonly bodyParams: Readonly<Record<string, unknown>>
  /** Query, body (where parsed) and path parameters in one; the path wins over the body, the body over the query. */
  readonly params: Readonly<Record<string, unknown>>
  /** Request cookies, overlaid with what was put into the answer. */
  readonly cookies: Readonly<Record<string, unknown>>
  /** Request cookies as they were sent. */
  readonly reqCookies: Readonly<Record<string, string>>
  /** The id of the last event that a reconnecting EventSource has seen. */
  readonly lastEventId: string | undefined
  readonly assigns: Readonly<A>
  /** For libraries; keys begin with the library's name. */
  readonly private: Readonly<Record<string, unknown>>
  /** The route that was matched, forwards joined. */
  readonly route: MatchedRoute | undefined
  readonly state: State
  readonly halted: boolean
  readonly status: number | undefined
  readonly respHeaders: readonly string[]
  getRespHeader(name: string): string | undefined
  getRespHeaders(name: string): string[]
  /** The body that was set and not yet sent. */
  readonly respBody: Body | undefined
  /**
   * Aborts when the peer leaves before the last byte was handed over, with a typed reason (`ClientGoneError`,
   * `TimeoutError`, `DrainingError`); never at a normal end. Made when first read.
   */
  readonly signal: AbortSignal
  /** Calls the listener once when the exchange or its websocket is over: without a reason when the answer is complete. */
  onClose(listener: (reason: AbortReason | undefined) => void): this
  /** scheme://host[:port]path[?query]; the port is left out when it is the scheme's own. */
  requestUrl(): string
  getPeerData(): PeerData
  getSockData(): SockData
  getSslData(): SslData | undefined
  getHttpProtocol(): "HTTP/1.0" | "HTTP/1.1" | "HTTP/2"
  /** Bytes of the body that were handed to the server so far. */
  readonly bytesSent: number
  /** The error that was answered or that ended the answer, where one did. */
  readonly error: unknown
  /** The endpoint's secrets, the newest first: it signs and encrypts, all verify and decrypt. */
  readonly secretKeyBases: readonly string[]
  /** The server's side of the request; for tests and libraries. */
  readonly exchange: Exchange
}

export interface ReadBodyOptions {
  /** Bytes; the server's `limits.bodyBytes` (8,000,000) when left out. */
  length?: number
  /** Milliseconds without a byte until the read fails; 15,000. */
  timeout?: number
}

export interface RespCookieOptions extends CookieOptions {
  /** Signs the value, which may then be anything that JSON carries. */
  sign?: boolean
  /** Encrypts the value, likewise. */
  encrypt?: boolean
}

export interface UpgradeOptions {
  /** The subprotocols that are spoken here, best first. Given any, a client that speaks none of them gets 400. */
  protocols?: readonly string[]
  /** Which origins may connect; true (the default) is the request's own scheme, host and port. */
  checkOrigin?: OriginPolicy
  /** Bytes; the server's `limits.messageBytes` when left out, and at most that. */
  maxMessageBytes?: number
  /** permessage-deflate, where the server has its `compression` option on; off by default. */
  compression?: boolean
}

export interface EventStreamOptions {
  /** Milliseconds between comments that keep an idle line open; 15,000. 0 sends none. */
  heartbeat?: number
}

/** Still open: nothing was sent. `A` is what the plugs so far have assigned. */
export interface Conn<out A extends Assigns = {}> extends AnyConn<A> {
  readonly [state]: "unset"
  assign<const K extends string, V>(key: K, value: V): Conn<A & { readonly [P in K]: V }>
  mergeAssigns<const M extends Assigns>(values: M): Conn<A & M>
  putPrivate(key: string, value: unknown): this
  /** Replaces what the request says of itself; for plugs that know better (proxies, method override). */
  rewrite(request: {
    method?: string
    scheme?: "http" | "https"
    host?: string
    port?: number
    remoteIp?: string
  }): this

  putReqHeader(name: string, value: string): this
  prependReqHeaders(headers: Iterable<readonly [string, string]>): this
  mergeReqHeaders(headers: Iterable<readonly [string, string]> | Readonly<Record<string, string>>): this
  deleteReqHeader(name: string): this
  updateReqHeader(name: string, initial: string, update: (value: string) => string): this

  fetchQueryParams(options?: { length?: number; validateUtf8?: boolean }): this
  /** Verifies the named cookies; those that fail are removed from `cookies`. */
  fetchCookies(options?: { signed?: readonly string[]; encrypted?: readonly string[] }): this
  putBodyParams(params: Readonly<Record<string, unknown>>): this
  /** Reads the whole body. Rejects with `RequestTooLargeError` (413), `RequestTimeoutError` (408), `BadRequestError` or the abort's reason. */
  readBody(options?: ReadBodyOptions): Promise<Uint8Array>
  /** Reads up to `length` bytes of the body and says whether more may follow. */
  readBodyPart(options?: ReadBodyOptions): Promise<{ data: Uint8Array; more: boolean }>
  /** Reads the body as UTF-8 text; other bytes are a `BadRequestError`. */
  readText(options?: ReadBodyOptions): Promise<string>
  /** Reads the body as JSON; another content type is 415, bad JSON 400. */
  readJson(options?: ReadBodyOptions): Promise<unknown>

  putStatus(status: Status | undefined): this
  /** Replaces the first header of that name in place, else appends. Raises `InvalidHeaderError` for CR, LF, NUL and the like. */
  putRespHeader(name: string, value: string): this
  /** Adds in front and keeps what is there: the way to send a header twice. */
  prependRespHeaders(headers: Iterable<readonly [string, string]>): this
  mergeRespHeaders(headers: Iterable<readonly [string, string]> | Readonly<Record<string, string>>): this
  /** Removes the first header of that name. */
  deleteRespHeader(name: string): this
  updateRespHeader(name: string, initial: string, update: (value: string) => string): this
  putRespContentType(type: string, charset?: string | undefined): this
  putRespCookie(name: string, value: unknown, options?: RespCookieOptions): this
  deleteRespCookie(name: string, options?: CookieOptions): this
  /**
   * Runs before the answer leaves, the last registered first; it may still change status, headers, cookies and body (of an
   * upgrade, whose status is 101, only headers and cookies). Where it gives a promise the answer waits for it, unchanged, and is replaced by an error's when it rejects.
   */
  registerBeforeSend(callback: (conn: Conn) => unknown): this

  /** Sets status and body; the server sends them when the pipeline returns. May be called again while unsent. */
  resp(status: Status, body: Body): this & Ready
  /** Sends what `resp` has set. */
  sendResp(): Sent
  sendResp(status: Status, body?: Body): Sent
  text(body: string): Sent
  html(body: string): Sent
  /** Sends a value as JSON; what JSON cannot carry raises `UsageError`. */
  json(body: unknown): Sent
  /** Redirects to a path of this site: it begins with one "/" and holds no backslash. Elsewhere: `redirectExternal`. */
  redirect(to: string): Sent
  redirectExternal(url: string | URL): Sent
  /** Sends `length` bytes of a regular file from `offset`. The path is taken as it is: check what a client had a say in. */
  sendFile(status: Status, path: string, offset?: number, length?: number): Promise<Sent>
  /** Sends a file with its type, ETag and Last-Modified; answers conditional requests (304, 412) and ranges (206, 416). */
  serveFile(path: string): Promise<Sent>
  /** Sends the head now; the body follows by `chunk`. Ended when the pipeline returns, unless `initChunk` holds it. */
  sendChunked(status: Status): Chunked<A>
  /** Streams server-sent events from an async generator, which ends when the client leaves. Never blocks the pipeline. */
  eventStream(events: (signal: AbortSignal) => AsyncIterable<ServerSentEvent>, options?: EventStreamOptions): Chunked<A>
  /** Sends an informational (1xx) answer, where the server can (`capabilities.inform`); may be called several times. */
  inform(status: number, headers?: Readonly<Record<string, string>>): this
  /** Hands the connection over to a websocket. Raises 426, 400 or 403 when the handshake is not right. */
  upgrade(protocol: "websocket", handler: WebSocketHandler, options?: UpgradeOptions): Upgraded
  halt(): Halted
}

/** The status and body are set; the server sends them when the pipeline returns. */
export interface Ready {
  readonly [ready]: true
}
/** A response was sent. A plug that sends must also halt. */
export interface Sent extends AnyConn {
  readonly [state]: "sent"
  halt(): Halted
}
/** The head is out, chunks may follow. */
export interface Chunked<out A extends Assigns = {}> extends AnyConn<A> {
  readonly [state]: "chunked"
  /**
   * Writes a part of the body. True: go on. A promise: the client is slow, resolves true when there is room again.
   * False: the client is gone. `while (await chunked.chunk(more())) …` is a loop with backpressure.
   */
  chunk(data: Body): MaybePromise<boolean>
  /** Writes a server-sent event. */
  event(data: unknown, options?: Omit<ServerSentEvent, "data">): MaybePromise<boolean>
  /** Keeps the stream open after the pipeline has returned, until `close` or the client's leaving. */
  initChunk(data?: Body): this
  /** Ends the body. */
  close(): void
  halt(): Halted
}
/** The connection has left HTTP. */
export interface Upgraded extends AnyConn {
  readonly [state]: "upgraded"
  halt(): Halted
}
/** The pipeline stops here. */
export interface Halted extends AnyConn {
  readonly [state]: "halted"
  readonly halted: true
}
/** Every way a request may end. */
export type Done = Sent | Chunked<any> | Upgraded | Halted | Ready
