/**
 * What happens on Elli's connections, told as it happens: the events of the Erlang server Elli, with its names, and the
 * time of each phase of a request.
 *
 * All of it costs nothing until somebody listens. Of Elli's events three have no place here: `elli_reconfigure` (there is
 * nothing to reconfigure), `request_exit` (JavaScript throws in one way only) and `invalid_return` (nothing is returned).
 * `proxy_header_error` is ours.
 */
import type { NoHead } from "./parser.ts"

/**
 * The moments of a request, in milliseconds of `performance.now()`; those that did not come are missing.
 *
 * `accepted` belongs to the connection and repeats in each of its requests. `sendStart` and `sendEnd` frame the body: for
 * a chunked answer the first comes after the head and the second at the stream's end.
 */
export interface Timings {
  accepted: number
  /** The first byte of this request was there. */
  requestStart: number
  headersStart: number
  headersEnd: number
  bodyStart?: number
  bodyEnd?: number
  userStart?: number
  userEnd?: number
  sendStart?: number
  sendEnd?: number
  requestEnd?: number
}

/** Bytes, framing included where chunks are concerned. */
export interface Sizes {
  reqBody?: number
  respHeaders?: number
  respBody?: number
  file?: number
  chunks?: number
}

/** What is known of a request when its event comes. */
export interface RequestInfo {
  readonly method: string
  readonly path: string
  readonly query: string
  readonly headers: readonly string[]
}

export interface Answered {
  readonly request: RequestInfo
  readonly headers: readonly string[]
  readonly timings: Readonly<Timings>
  readonly sizes: Readonly<Sizes>
}

/** Where a client was when it left or was too slow. */
export type ReceivingWhere = "receiving_headers" | "receiving_body"

export type ElliEvent =
  /** Before the server listens. */
  | { readonly type: "elli_startup" }
  /** After the answer was handed over. `code` is "handover" when the connection went to a websocket. */
  | (Answered & { readonly type: "request_complete"; readonly code: number | "handover" })
  /** A chunked answer is over, and who ended it. */
  | (Answered & { readonly type: "chunk_complete"; readonly code: number; readonly closedBy: "client" | "server" })
  /** The handler threw what is no Error, which it must not; 500 follows. */
  | { readonly type: "request_throw"; readonly request: RequestInfo; readonly thrown: unknown }
  /** The handler threw or rejected with an Error, which it must not; 500 follows. */
  | { readonly type: "request_error"; readonly request: RequestInfo; readonly error: Error }
  /** The client closed while no request was under way. */
  | { readonly type: "request_closed" }
  /** No further request came within `keepAliveTimeout`. */
  | { readonly type: "request_timeout" }
  /** What came is no request; it was refused with `status`. */
  | { readonly type: "request_parse_error"; readonly status: Exclude<NoHead, 0 | 431> }
  | { readonly type: "client_closed"; readonly where: ReceivingWhere | "before_response" }
  | { readonly type: "client_timeout"; readonly where: ReceivingWhere }
  /** The request is well formed and beyond a limit. */
  | { readonly type: "bad_request"; readonly reason: "too_many_headers" }
  | { readonly type: "bad_request"; readonly reason: "body_size"; readonly size: number }
  /** The proxy at this address sent no PROXY header, or not in time; its connection was closed. */
  | { readonly type: "proxy_header_error"; readonly address: string }
  /** A file could not be opened or read. */
  | { readonly type: "file_error"; readonly error: Error }

export type ElliListener = (event: ElliEvent) => void

/**
 * Makes a listener harmless: what it throws goes to `process.emitWarning` the first time and nowhere after that.
 */
export function guarded(listener: ElliListener | undefined): ElliListener | undefined {
  if (listener === undefined) return undefined
  let warned = false
  return (event) => {
    try {
      listener(event)
    } catch (error) {
      if (warned) return
      warned = true
      const cause = error instanceof Error ? (error.stack ?? error.message) : String(error)
      process.emitWarning(`elli: onEvent threw at ${event.type}, further errors are not reported: ${cause}`, {
        code: "PLUMAGE_ELLI_ON_EVENT",
      })
    }
  }
}

/** The event for what was refused before it was a request. */
export function refusalEvent(status: Exclude<NoHead, 0>): ElliEvent {
  return status === 431 ? { type: "bad_request", reason: "too_many_headers" } : { type: "request_parse_error", status }
}
