/** Answers that are written bit by bit: chunks, server-sent events, and the signal that tells when nobody listens. */

import { Buffer } from "node:buffer"
import { encodeComment, encodeEvent, type ServerSentEvent } from "../http/sse.ts"
import type { AbortReason, Body, MaybePromise } from "./adapter.ts"
import type { Connection } from "./conn.ts"
import { DelayedExchange } from "./delayed.ts"
import {
  ClientGoneError,
  CutError,
  DrainingError,
  HTTPError,
  TimeoutError,
  TransportError,
  UsageError,
} from "./errors.ts"
import { checkHeartbeat, startHeartbeat } from "./heartbeat.ts"
import { checkOptionNames } from "./options.ts"
import { report, reportLater } from "./report.ts"
import type { Conn, EventStreamOptions } from "./states.ts"

/** Ends the exchange from this side; listeners and the signal get the reason. */
export function cut(conn: Connection, reason: AbortReason): void {
  conn.closed = true
  conn.cutReason ??= reason
  conn.exchange.abort()
}

/** Calls a user's listener when the exchange is over; what it throws is reported and harms nobody else. */
export function onClose(conn: Connection, listener: (reason: AbortReason | undefined) => unknown): void {
  const tell = (reason: AbortReason | undefined): void => {
    try {
      reportLater(conn, listener(reason && (conn.cutReason ?? reason)))
    } catch (error) {
      report(conn, error)
    }
  }
  conn.exchange.onClose((reason) => {
    // The exchange is over with the handshake, the connection with the websocket.
    const isWebSocket = reason === undefined && conn.state === "upgraded" && !conn.closed
    if (isWebSocket) (conn.untilOver ??= []).push(() => tell(undefined))
    else tell(reason)
  })
}

/** The websocket is over. */
export function endWebSocket(conn: Connection): void {
  if (conn.closed) return
  conn.closed = true
  const { untilOver = [] } = conn
  conn.untilOver = undefined
  for (const tell of untilOver) tell()
}

/** The signal of an exchange: aborts with the reason when it ends early, stays silent when it ends well. */
export function signalOf(conn: Connection): AbortSignal {
  if (conn.controller !== undefined) return conn.controller.signal
  const controller = new AbortController()
  conn.controller = controller
  if (conn.cutReason !== undefined) controller.abort(conn.cutReason)
  onClose(conn, (reason) => {
    if (reason !== undefined) controller.abort(reason)
  })
  return controller.signal
}

/**
 * Ends a request whose deadline has passed: its signal aborts, what was not yet answered is answered with `error`, a
 * stream is cut. What its handler still does comes to nothing, and is not reported.
 */
export function expire(conn: Connection, error: HTTPError): void {
  const reason = new TimeoutError(error.message)
  const { exchange, state } = conn
  const wasWaiting = exchange instanceof DelayedExchange && exchange.recall()
  if (wasWaiting) {
    conn.exchange = exchange.inner
    conn.closed = true
  }
  if (conn.exchange.sent) {
    // A whole answer is on its way, a slow reader is the server's to judge.
    if (conn.state === "chunked" && !conn.closed) cut(conn, reason)
    return
  }
  conn.cutReason = reason
  conn.controller?.abort(reason)
  // Nothing more of the row is run.
  conn.halted = true
  conn.settings.fail(conn as unknown as Conn, error)
  // Whoever still writes chunks learns that nobody wants them.
  if (wasWaiting && state === "chunked") conn.state = state
}

function assertChunked(conn: Connection): void {
  if (conn.state !== "chunked") throw new UsageError("chunks follow sendChunked(); call it first")
}

export function chunk(conn: Connection, data: Body): MaybePromise<boolean> {
  assertChunked(conn)
  if (typeof data !== "string" && !(data instanceof Uint8Array)) {
    throw new UsageError(`a chunk is a string or a Uint8Array, got ${data === null ? "null" : typeof data}`)
  }
  // Of an answer without a body (HEAD, 204) nobody wants more either: the loop that writes it ends here.
  if (conn.closed) return false
  // An empty chunk would end the body.
  return data.length === 0 ? true : write(conn, data)
}

const bytesOf = (data: Body): number => (typeof data === "string" ? Buffer.byteLength(data) : data.byteLength)

/** Writes, and keeps count of what nobody waits for: a writer that ignores a slow client loses it at the bound. */
function write(conn: Connection, data: Body): MaybePromise<boolean> {
  const { exchange, slow } = conn
  conn.streamed += bytesOf(data)
  if (slow !== undefined && (slow.bytes += bytesOf(data)) > exchange.limits.backlogBytes) {
    cut(conn, new TimeoutError("the client took less than was written; limits.backlogBytes is full"))
    return false
  }
  const written = exchange.chunk(data)
  if (typeof written !== "boolean" && slow === undefined) {
    conn.slow = { bytes: bytesOf(data) }
    void written.then(() => {
      conn.slow = undefined
    })
  }
  return written
}

export function event(conn: Connection, data: unknown, options: Omit<ServerSentEvent, "data">): MaybePromise<boolean> {
  return chunk(conn, encode({ ...options, data }))
}

function encode(event: ServerSentEvent): string {
  try {
    return encodeEvent(event)
  } catch (cause) {
    throw new UsageError((cause as Error).message, { cause })
  }
}

export function initChunk(conn: Connection, data: Body): void {
  assertChunked(conn)
  conn.held = true
  void chunk(conn, data)
}

export function close(conn: Connection): void {
  assertChunked(conn)
  if (conn.closed) return
  conn.closed = true
  conn.exchange.endChunked()
}

/** Makes the answer an event stream: its head and a first comment leave at once, and comments keep an idle line open. */
export function openEventStream(conn: Connection, options: EventStreamOptions): void {
  checkOptionNames("eventStream", options, ["heartbeat"])
  checkHeartbeat(options.heartbeat)
  conn.putRespHeader("content-type", "text/event-stream; charset=utf-8")
  // "no-transform" and "x-accel-buffering" keep compressors and proxies from holding events back.
  conn.putRespHeader("cache-control", "no-cache, no-transform")
  conn.putRespHeader("x-accel-buffering", "no")
  conn.sendChunked(conn.status ?? 200)
  conn.held = true
  conn.events = true
  if (conn.headOnly) return
  void conn.exchange.chunk(encodeComment(""))
  startHeartbeat(conn, options.heartbeat)
  conn.exchange.onDrain(() => sayGoodbye(conn))
}

/** Tells the client to come back, at a moment of its own so that not all do at once, and ends the stream. */
function sayGoodbye(conn: Connection): void {
  if (conn.closed) return
  conn.cutReason = new DrainingError()
  void conn.exchange.chunk(`retry: ${1000 + Math.floor(Math.random() * 4000)}\n\n`)
  conn.close()
}

export function eventStream(
  conn: Connection,
  events: (signal: AbortSignal) => AsyncIterable<ServerSentEvent>,
  options: EventStreamOptions,
): Connection {
  openEventStream(conn, options)
  if (!conn.headOnly) void pump(conn, events)
  return conn
}

/** Writes what the generator yields, at the pace of the client; every way out but its own end ends the generator. */
async function pump(conn: Connection, events: (signal: AbortSignal) => AsyncIterable<ServerSentEvent>): Promise<void> {
  const scope = new AbortController()
  let iterator: AsyncIterator<ServerSentEvent> | undefined
  let running = true
  const end = (reason: AbortReason = conn.cutReason ?? new CutError("the stream was closed")): void => {
    if (!running) return
    running = false
    scope.abort(reason)
    leave(conn, iterator)
  }
  onClose(conn, end)
  conn.exchange.onDrain(() => end(new DrainingError()))
  try {
    iterator = events(scope.signal)[Symbol.asyncIterator]()
    while (running) {
      const { value, done } = await iterator.next()
      if (done && running) {
        running = false
        close(conn)
      } else if (running && !(await chunk(conn, encode(value)))) end(conn.closed ? undefined : new ClientGoneError())
    }
  } catch (error) {
    // What fails once the client has left fails because it has left.
    if (!running) return
    end()
    failStream(conn, error)
  }
}

/** Ends a generator that may be waiting for something else; nobody waits for it here. */
function leave(conn: Connection, iterator: AsyncIterator<ServerSentEvent> | undefined): void {
  const failed = (error: unknown): void => report(conn, error)
  try {
    Promise.resolve(iterator?.return?.()).then(undefined, failed)
  } catch (error) {
    failed(error)
  }
}

/**
 * Ends a stream that failed after its head had left: reports the error, tells an EventSource its public code, and cuts the
 * connection so that the client can tell this end from a normal one.
 */
export function failStream(conn: Connection, error: unknown): void {
  if (conn.closed) return
  conn.error ??= error
  if (!(error instanceof TransportError)) report(conn, error)
  if (conn.events) {
    const code = error instanceof HTTPError ? error.code : "ERR_INTERNAL"
    void conn.exchange.chunk(encodeEvent({ event: "error", data: { code } }))
  }
  conn.closed = true
  conn.cutReason ??= new CutError()
  // A turn later, so that what was just written has left for the socket.
  setImmediate(() => conn.exchange.abort())
}
