/**
 * The contract between Plumage and a server: what every adapter must offer, and the duties behind each member.
 *
 * An adapter imports this file and `src/http/*`, nothing else of ours. Everything above it (Conn, Endpoint, plugs)
 * sees a server only through `Exchange`. Each duty below names the group of `test/adapters/suite.ts` that holds it.
 *
 * Header lists are flat: `[name, value, name, value, …]`, names in lower case, order and duplicates kept.
 */
import type { ClientGoneError, CutError, DrainingError, TimeoutError } from "./errors.ts"

export {
  BadRequestError,
  ClientGoneError,
  DrainingError,
  HTTPError,
  InvalidOptionError,
  MissingCapabilityError,
  RequestTimeoutError,
  TimeoutError,
  TransportError,
  UsageError,
} from "./errors.ts"

export type MaybePromise<T> = T | Promise<T>
export type Body = string | Uint8Array

/** Why an exchange ended before its answer was complete; the `reason` of `conn.signal`. */
export type AbortReason = ClientGoneError | TimeoutError | DrainingError | CutError

/** Called once when an exchange is over: with nothing when the last byte was handed over, else with the reason. */
export type CloseListener = (reason: AbortReason | undefined) => void

/** Called when a read of the body has an answer: `error`, or `data` and whether more of the body may follow. */
export type BodyListener = (error: Error | undefined, data: Uint8Array, more: boolean) => void

export interface PeerData {
  /** Text form; an IPv4 peer of a dual-stack socket is given as IPv4 (`127.0.0.1`, never `::ffff:127.0.0.1`). */
  readonly address: string
  readonly port: number
  /** The peer's certificate (DER), where the server asked for one. */
  readonly certificate: Uint8Array | undefined
}
export interface SockData {
  readonly address: string
  readonly port: number
}
export interface SslData {
  readonly protocol: string | undefined
  readonly cipher: string | undefined
  readonly serverName: string | undefined
}

/** A file that was opened for sending. Whoever opened it closes it, unless it was handed to `sendFile`. */
export interface OpenFile {
  readonly size: number
  /** Milliseconds since the epoch. */
  readonly mtime: number
  close(): void
}

/**
 * One request and its answer.
 *
 * The methods that answer may be called once; Conn sees to it, and to what HTTP says about bodies: an adapter is never
 * given a body for HEAD, 204 or 304, nor `content-length`, `transfer-encoding` or `keep-alive` in a list (`upgrade` only
 * with 426).
 * `connection: close` may be in the list, and the connection then ends with this answer.
 *
 * After the peer left, every method that writes does nothing (`chunk` answers false); none throws. Nothing here may
 * throw or reject because of what the peer sent or did, except where it is said.
 */
export interface Exchange {
  /** The method as it was sent, case kept: the wire method, whatever plugs make of `conn.method`. */
  readonly method: string
  /** The path as it was sent, up to "?" (never empty). An absolute-form target is cut down to its path; "*" stays "*". */
  readonly path: string
  /** The query as it was sent, without "?"; "" when there is none. */
  readonly query: string
  readonly scheme: "http" | "https"
  /** True from the moment that an answer (`sendResp`, `sendHead`, `sendFile`, `sendChunked`, `upgrade`) was begun. */
  readonly sent: boolean
  /** The server's limits, as the adapter was given them. */
  readonly limits: Limits

  /** The first value of a request header (lower-case name), undefined when absent. */
  getHeader(name: string): string | undefined
  /** All request headers as a flat list, names in lower case. The list is the caller's to read, never to change. */
  getHeaders(): readonly string[]

  /** Answers with a body; `content-length` is the body's size in bytes (strings are UTF-8). [suite: "responses"] */
  sendResp(status: number, headers: readonly string[], body: Body): void
  /**
   * Answers without a body. `length` is announced as content-length, -1 announces none; nothing that frames a body is
   * added on one's own (no `transfer-encoding`). [suite: "HEAD, 204 and 304"]
   */
  sendHead(status: number, headers: readonly string[], length: number): void
  /** Opens a regular file for `sendFile`; rejects with the system's error when there is none (ENOENT, EISDIR, …). */
  openFile(path: string): Promise<OpenFile>
  /**
   * Answers with `length` bytes of a file from `offset`; the slice lies inside the file. Takes the file over and closes it
   * on every path. Never holds more than a few chunks in memory. A file that shrinks meanwhile ends the connection
   * visibly. Resolves when the last byte was handed over or the peer left. [suite: "files"]
   */
  sendFile(status: number, headers: readonly string[], file: OpenFile, offset: number, length: number): Promise<void>
  /**
   * Begins an answer of unknown length, or of `length` bytes when it is not -1. The head leaves at once. HTTP/1.0 gets a
   * body that ends with the connection. [suite: "chunked answers"]
   */
  sendChunked(status: number, headers: readonly string[], length: number): void
  /**
   * Writes a part of the answer; never empty. True: go on. A promise: the socket's buffer is full, resolves true when it
   * has drained. False, or a promise of false: the peer is gone. Never throws, rejects or hangs. [suite: "backpressure"]
   */
  chunk(data: Body): MaybePromise<boolean>
  /** Ends a chunked answer. Does nothing when it has ended. */
  endChunked(): void
  /** Ends the connection at once, so that an answer under way is visibly incomplete. Conn knows why; any reason will do. */
  abort(): void
  /** Sends an informational (1xx) answer; false where the protocol or server cannot. [suite: "informational"] */
  inform(status: number, headers: readonly string[]): boolean

  /**
   * Reads up to `length` bytes of the body: calls `done` once, with `more` false when the body is complete. Errors are
   * `RequestTimeoutError` (nothing arrived for `timeout` ms), `BadRequestError` (broken framing), an `AbortReason`.
   * A second read goes on where the first stopped; after the end it gives no data and `more` false. The data is the
   * caller's for good. Sends `100 Continue` at the first read where the client expects it. Without a reader at most a
   * bounded amount is buffered: the socket is paused. A body that nobody read is drained up to `limits.drainBytes` once the
   * answer is out, then the connection is closed so that the client can still read the answer. [suite: "bodies"]
   */
  readBody(length: number, timeout: number, done: BodyListener): void

  /** Hands the connection over to a websocket. The caller has checked the handshake. [suite: "websockets"] */
  upgrade(upgrade: WebSocketUpgrade): void

  /** Calls the listener once when the exchange is over; at once, in a microtask, when it already is. [suite: "aborts"] */
  onClose(listener: CloseListener): void
  /** Calls the listener once when the server starts to stop. [suite: "stop"] */
  onDrain(listener: () => void): void

  getPeerData(): PeerData
  getSockData(): SockData
  /** Undefined without TLS. */
  getSslData(): SslData | undefined
  getHttpProtocol(): "HTTP/1.0" | "HTTP/1.1" | "HTTP/2"
}

/** What an adapter calls for each request. It never throws and never rejects. */
export interface RequestHandler {
  call(exchange: Exchange): unknown
}

/** What an adapter's server can do beyond the contract; asked for at start, so that a lack is an error then. */
export interface Capabilities {
  readonly http2: boolean
  readonly tls: boolean
  readonly inform: boolean
  readonly websocket: boolean
}

/** A server that can carry an endpoint: `node(options)`, `uws(options)`, `elli(options)`. */
export interface Adapter {
  readonly name: string
  readonly capabilities: Capabilities
  listen(handler: RequestHandler): Promise<Server>
}

/** A server that is listening. */
export interface Server {
  /** For example `http://localhost:4000`. */
  readonly url: string
  readonly port: number
  /**
   * Stops within `graceMs` (5,000) whatever is open. The listener goes first; answers carry `connection: close`; idle
   * connections end; streams are told (`onDrain`); websockets get 1012; requests in flight may finish. What is left at the
   * deadline is cut (`DrainingError`). Calling it again gives the same promise. [suite: "stop"]
   */
  stop(options?: { graceMs?: number }): Promise<void>
}

/**
 * The limits and deadlines that every server has, all on by default. Bytes and milliseconds.
 *
 * `adapters/options.ts` checks them; the README's table is compared with `defaultLimits`.
 */
export interface Limits {
  /** The request line; longer is 414. */
  readonly requestLineBytes: number
  /** All header lines together; more is 431. */
  readonly headerBytes: number
  /** Header lines; more is 431. */
  readonly headerCount: number
  /** What `readBody` accepts when it is given no length of its own; more is 413. */
  readonly bodyBytes: number
  /** What is read and thrown away of a body that nobody read, before the connection is closed instead. */
  readonly drainBytes: number
  /** Until the head of a request is complete, counted from its first byte (or from the connection's start); then 408. */
  readonly headTimeout: number
  /** Until head and body of a request have arrived; then 408. Cuts no slow handler, no stream, no websocket. */
  readonly requestTimeout: number
  /** Between two requests on one connection. */
  readonly keepAliveTimeout: number
  /** A peer that takes nothing of an answer for so long is cut. */
  readonly idleTimeout: number
  /** Bytes of an answer that wait for a slow reader before `chunk` stops answering true. */
  readonly highWaterMark: number
  /** A websocket message; a longer one ends the socket with 1009. */
  readonly messageBytes: number
  /** Bytes that may wait for a slow websocket reader; beyond them the socket is ended with 1013. */
  readonly backlogBytes: number
  /** A websocket that neither sends nor answers a ping for so long is closed (pings go out at half of it). */
  readonly websocketIdleTimeout: number
}

export const defaultLimits: Limits = {
  requestLineBytes: 8_192,
  headerBytes: 16_384,
  headerCount: 100,
  bodyBytes: 8_000_000,
  drainBytes: 8_000_000,
  headTimeout: 10_000,
  requestTimeout: 60_000,
  keepAliveTimeout: 75_000,
  idleTimeout: 60_000,
  highWaterMark: 65_536,
  messageBytes: 1_048_576,
  backlogBytes: 4_194_304,
  websocketIdleTimeout: 60_000,
}

/** A websocket, as handlers see it. The same on every server. */
export interface WebSocket {
  /** The subprotocol that was agreed on, "" without one. */
  readonly protocol: string
  /** Bytes that wait to be sent. */
  readonly bufferedAmount: number
  /**
   * Sends text (a string) or binary. True: go on. A promise: wait, it resolves true when the buffer has drained. False, or
   * a promise of false: the socket is closed. Never throws for what the peer did.
   */
  send(data: Body): MaybePromise<boolean>
  ping(data?: Body): void
  /** Starts the closing handshake. Codes: 1000 to 1014 but 1004, 1005, 1006, and 3000 to 4999; a reason has at most 123 bytes. */
  close(code?: number, reason?: string): void
}

/** What a websocket does. A handler that throws or rejects ends its socket with 1011 and reaches `onError`, nobody else. */
export interface WebSocketHandler {
  open?(ws: WebSocket): MaybePromise<void>
  /** Text arrives as a string, binary as a Uint8Array that is the handler's for good. One at a time, in order. */
  message?(ws: WebSocket, data: string | Uint8Array): MaybePromise<void>
  ping?(ws: WebSocket, data: Uint8Array): void
  pong?(ws: WebSocket, data: Uint8Array): void
  /** The send buffer is empty again. */
  drain?(ws: WebSocket): void
  /** Always once, last. 1006 when the peer vanished, 1005 when it gave no code. */
  close?(ws: WebSocket, code: number, reason: string): void
}

/** An upgrade whose handshake has been checked. */
export interface WebSocketUpgrade {
  readonly handler: WebSocketHandler
  /** The subprotocol to answer with, "" for none. */
  readonly protocol: string
  /** Further headers for the 101 answer, flat. */
  readonly headers: readonly string[]
  /** At most `limits.messageBytes`. */
  readonly messageBytes: number
  /** permessage-deflate; off by default. A server has it only when its `compression` option is on. */
  readonly compression: boolean
  onError(error: unknown): void
  /** Called once when the websocket is over, after the handler's `close`; also where none came to be. Never throws. */
  onOver(): void
}
