/** One line per request, written when its exchange is over: what was asked, what was answered, how long it took, how it ended. */

import { inner } from "../conn/conn.ts"
import { checkOption, checkOptionNames } from "../conn/options.ts"
import type { AnyConn, Conn } from "../conn/states.ts"
import { type Ending, type EntrySettings, entryOf, type LogEntry, type LogLevel, textLine } from "./log-entry.ts"
import { compileFilter, type ParamFilter, secretNames } from "./log-filter.ts"
import { WatchedExchange } from "./watched-exchange.ts"

export type { LogEntry, LogLevel } from "./log-entry.ts"

/** A console, pino, winston, and whatever else has these. */
export interface LogSink {
  debug?(line: string): unknown
  info(line: string): unknown
  warn(line: string): unknown
  error(line: string): unknown
}

export interface LoggerOptions {
  /** Where lines go: the method of the line's level, or one function for all. The console. Without `debug` such lines are dropped. */
  log?: LogSink | ((line: string) => unknown)
  /**
   * The level of a line, or false for none. When left out, 5xx and "failed" are errors, 4xx, "timeout" and slow ones
   * warnings, and all others have the level of their route (`log`), or "info"; of a route with `log: false` nothing is written.
   */
  level?: (conn: AnyConn, entry: LogEntry) => LogLevel | false
  /** "json" (the default), "text", or a function that makes the line. */
  format?: "json" | "text" | ((entry: LogEntry, conn: AnyConn) => string)
  /** Logs the query, filtered; false, since it may hold what no name gives away. */
  query?: boolean
  /** Which parameters of path and query are hidden; `secretNames`. */
  filter?: ParamFilter
  /** Milliseconds from which an answer is a warning; streams and websockets are long by nature and never slow. */
  slowMs?: number
  /** Also writes a line when a stream or a websocket begins; false. */
  opened?: boolean
}

/** The options, read once. */
interface Settings extends EntrySettings {
  readonly write: (level: LogLevel, line: string) => unknown
  readonly level: (conn: AnyConn, entry: LogEntry) => LogLevel | false
  readonly format: (entry: LogEntry, conn: AnyConn) => string
}

/**
 * Logs every request that passes, once, when its last byte was handed over or it ended otherwise; put it first.
 *
 * A client that leaves is no error: its line says so, once, at "info". Neither headers nor bodies are logged, and the query
 * only on demand. A log, level or format that throws or rejects harms nobody: the first such failure goes to stderr. Costs
 * a request two closures here and one in `onClose`; with `opened`, and for a websocket, an object more.
 *
 * @example
 * const lines = []
 * const one = conn("GET", "/users/7?token=x")
 * call((conn) => logger({ log: (line) => lines.push(line), format: "text" })(conn).text("hello"), one)
 * await undefined
 * lines[0].replace(/^\S+/, "time").replace(/\d+µs/, "9µs") //=> "time info GET /users/7 200 9µs 5B ok ip=127.0.0.1"
 */
export function logger(options: LoggerOptions = {}): (conn: Conn) => Conn {
  checkOptionNames("logger", options, ["log", "level", "format", "query", "filter", "slowMs", "opened"])
  const { log = console, level, format = "json", query = false, filter = secretNames, slowMs, opened = false } = options
  const logs = typeof log === "function" || levels.every((name) => typeof log?.[name] === "function")
  checkOption("logger", "log", logs, "a function, or an object with info, warn and error", log)
  checkOption("logger", "level", level === undefined || typeof level === "function", "a function", level)
  const known = format === "json" || format === "text" || typeof format === "function"
  checkOption("logger", "format", known, '"json", "text" or a function', format)
  checkOption("logger", "query", typeof query === "boolean", "true or false", query)
  const timed = slowMs === undefined || (typeof slowMs === "number" && slowMs >= 0)
  checkOption("logger", "slowMs", timed, "milliseconds from 0", slowMs)
  checkOption("logger", "opened", typeof opened === "boolean", "true or false", opened)
  const settings: Settings = {
    write: typeof log === "function" ? (_, line) => log(line) : (level, line) => writeTo(log, level, line),
    level: level ?? (({ route }, entry) => (route?.log === false ? false : entry.level)),
    format: format === "json" ? (entry) => JSON.stringify(entry) : format === "text" ? textLine : format,
    query,
    filter: compileFilter("logger", filter),
    slowUs: slowMs === undefined ? Number.POSITIVE_INFINITY : slowMs * 1000,
  }
  const tell = guarded(settings)
  return (conn) => {
    const started = performance.now()
    let over = false
    const end = (ending: Ending): void => {
      if (over) return
      over = true
      const milliseconds = performance.now() - started
      // Some servers are done before the call that sent is: what the conn knows of its answer is complete a moment later.
      if (isSettled(conn)) tell(conn, "request", milliseconds, ending)
      else queueMicrotask(() => tell(conn, "request", milliseconds, ending))
    }
    conn.onClose((reason) => {
      // A websocket's end is told with its code, below.
      if (reason !== undefined || conn.state !== "upgraded") end({ reason })
    })
    if (opened || conn.getReqHeader("upgrade") !== undefined) {
      inner(conn).exchange = new WatchedExchange(conn.exchange, {
        begun(_, kind) {
          if (!opened || over || kind === "whole") return
          tell(conn, kind === "stream" ? "stream opened" : "upgraded", performance.now() - started, undefined)
        },
        closed: (closeCode) => end({ closeCode }),
      })
    }
    return conn
  }
}

const levels = ["info", "warn", "error"] as const

function writeTo(log: LogSink, level: LogLevel, line: string): unknown {
  return level === "debug" ? log.debug?.(line) : log[level](line)
}

const isSettled = ({ state }: AnyConn): boolean =>
  state === "sent" || state === "chunked" || state === "file" || state === "upgraded"

type Tell = (conn: AnyConn, event: LogEntry["event"], milliseconds: number, ending: Ending | undefined) => void

/** Writes lines; the first failure is told, and none reaches the request. */
function guarded(settings: Settings): Tell {
  let told = false
  const failed = (error: unknown): void => {
    if (told) return
    told = true
    console.error("logger: a line could not be written, and later failures are not told:", error)
  }
  return (conn, event, milliseconds, ending) => {
    try {
      const entry = entryOf(settings, conn, event, milliseconds, ending)
      const level = settings.level(conn, entry)
      if (level === false) return
      const result = settings.write(level, settings.format(level === entry.level ? entry : { ...entry, level }, conn))
      if (result instanceof Promise) result.catch(failed)
    } catch (error) {
      failed(error)
    }
  }
}
