/** Tells whoever listens of every request, by channels of `node:diagnostics_channel`: traces and metrics without patching. */

import { channel, subscribe, unsubscribe } from "node:diagnostics_channel"
import type { AbortReason } from "../conn/adapter.ts"
import { inner } from "../conn/conn.ts"
import { HTTPError, TransportError } from "../conn/errors.ts"
import { checkOption, checkOptionNames } from "../conn/options.ts"
import type { AnyConn, Conn } from "../conn/states.ts"
import { WatchedExchange } from "./watched-exchange.ts"

/** A request has come to the plug. */
export interface TelemetryStart {
  readonly conn: AnyConn
  /** Milliseconds since the epoch. */
  readonly systemTime: number
}
/** The head of the answer is handed to the server: the time to the first byte. `conn.route` is the route by now. */
export interface TelemetryStop {
  readonly conn: AnyConn
  /** Microseconds since the start. */
  readonly duration: number
  /** 101 where the request becomes a websocket. */
  readonly status: number
}
/** The exchange is over, and an error was answered or has ended it. A client that leaves is none. */
export interface TelemetryException {
  readonly conn: AnyConn
  /** Microseconds since the start. */
  readonly duration: number
  readonly error: unknown
  /** "client": an `HTTPError` below 500, the client's doing. "server": every other. */
  readonly kind: "client" | "server"
}
/** The exchange is over: the lifetime of a stream or a websocket. */
export interface TelemetryClose {
  readonly conn: AnyConn
  /** Microseconds since the start. */
  readonly duration: number
  /** Undefined where no answer was begun. */
  readonly status: number | undefined
  /** Why it ended before the answer was whole; undefined when it is. */
  readonly reason: AbortReason | undefined
  /** Of a websocket, what it was closed with: 1006 where the client vanished. */
  readonly closeCode: number | undefined
}

export interface TelemetryOptions {
  /** What the channels are called before `.start`, `.stop`, `.exception` and `.close`; `["plumage", "request"]`. */
  prefix?: readonly string[]
  /** Goes into every message. */
  metadata?: Readonly<Record<string, unknown>>
}

/**
 * Publishes on `plumage.request.start`, `.stop`, `.exception` and `.close`; put it first.
 *
 * `start` comes once. `stop` comes when the head of an answer leaves, as Plug's does, and not when a stream ends: not at
 * all where the client left before. `exception` comes at the end where there was an error, `close` last and always. So a
 * trace spans `start` to `close`, and `stop` in between is its time to first byte. Without a subscriber when a request
 * comes nothing is registered for it: the cost is four reads of `hasSubscribers`.
 *
 * A subscriber of `diagnostics_channel` that throws raises an uncaught exception, which ends a process that has no handler
 * for it; that is Node's way, and no plug can keep it from happening. `attachTelemetry` subscribes without that danger.
 *
 * @example
 * const statuses = []
 * const detach = attachTelemetry("my.app.stop", ({ status }) => statuses.push(status))
 * call((conn) => telemetry({ prefix: ["my", "app"] })(conn).sendResp(204), conn("GET", "/"))
 * detach()
 * statuses //=> [204]
 */
export function telemetry(options: TelemetryOptions = {}): (conn: Conn) => Conn {
  checkOptionNames("telemetry", options, ["prefix", "metadata"])
  const { prefix = ["plumage", "request"], metadata } = options
  const isPart = (part: unknown): boolean => typeof part === "string" && /^[\w-]+$/.test(part)
  const named = Array.isArray(prefix) && prefix.length > 0 && prefix.every(isPart)
  checkOption("telemetry", "prefix", named, "a list of names of letters, digits, _ and -", prefix)
  const isObject = metadata === undefined || (typeof metadata === "object" && metadata !== null)
  checkOption("telemetry", "metadata", isObject, "an object", metadata)
  const [start, stop, exception, close] = ["start", "stop", "exception", "close"].map((event) =>
    channel([...prefix, event].join(".")),
  ) as [Channel, Channel, Channel, Channel]
  return (conn) => {
    if (!(start.hasSubscribers || stop.hasSubscribers || exception.hasSubscribers || close.hasSubscribers)) return conn
    const started = performance.now()
    const since = (): number => Math.round((performance.now() - started) * 1000)
    let status: number | undefined
    let over = false
    const end = (reason: AbortReason | undefined, closeCode: number | undefined): void => {
      if (over) return
      over = true
      const duration = since()
      // Some servers are done before the call that sent is; a moment later the conn knows all of its answer.
      queueMicrotask(() => {
        const { error } = conn
        if (error !== undefined && !(error instanceof TransportError) && exception.hasSubscribers) {
          const kind = error instanceof HTTPError && error.status < 500 ? "client" : "server"
          exception.publish({ ...metadata, conn, duration, error, kind } satisfies TelemetryException)
        }
        const message: TelemetryClose = { conn, duration, status, reason, closeCode }
        if (close.hasSubscribers) close.publish({ ...metadata, ...message })
      })
    }
    if (start.hasSubscribers) start.publish({ ...metadata, conn, systemTime: Date.now() } satisfies TelemetryStart)
    inner(conn).exchange = new WatchedExchange(conn.exchange, {
      begun(sent) {
        // To a client that has left nothing is sent.
        if (over) return
        status = sent
        if (stop.hasSubscribers) stop.publish({ ...metadata, conn, duration: since(), status } satisfies TelemetryStop)
      },
      closed: (code) => end(undefined, code),
    })
    conn.onClose((reason) => {
      // A websocket's end is told with its code, above.
      if (reason !== undefined || conn.state !== "upgraded") end(reason, undefined)
    })
    return conn
  }
}

type Channel = ReturnType<typeof channel>

/**
 * Subscribes to a channel, and gives the function that ends it. A listener that throws or rejects is told to stderr and
 * detached, as Erlang's telemetry does it; neither the process nor the request hears of it.
 *
 * @example
 * const seen = []
 * const detach = attachTelemetry("plumage.request.start", ({ conn }) => seen.push(conn.path))
 * call(telemetry(), conn("GET", "/a"))
 * detach()
 * call(telemetry(), conn("GET", "/b"))
 * seen //=> ["/a"]
 */
export function attachTelemetry<M = any>(name: string, listener: (message: M) => unknown): () => void {
  checkOption("attachTelemetry", "name", typeof name === "string" && name !== "", "the name of a channel", name)
  checkOption("attachTelemetry", "listener", typeof listener === "function", "a function", listener)
  const failed = (error: unknown): void => {
    if (unsubscribe(name, guarded)) console.error(`telemetry: a listener of ${name} failed and was detached:`, error)
  }
  const guarded = (message: unknown): void => {
    try {
      const result = listener(message as M)
      if (result instanceof Promise) result.catch(failed)
    } catch (error) {
      failed(error)
    }
  }
  subscribe(name, guarded)
  return () => void unsubscribe(name, guarded)
}
