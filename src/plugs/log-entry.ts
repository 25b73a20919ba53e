/** What a line of the logger says, and how it is written as text. */

import type { AbortReason } from "../conn/adapter.ts"
import { inner } from "../conn/conn.ts"
import { serverSide } from "../conn/delegate.ts"
import { ClientGoneError, CutError, DrainingError, TimeoutError } from "../conn/errors.ts"
import type { AnyConn } from "../conn/states.ts"
import { decodePercent } from "../http/percent.ts"
import { type CompiledFilter, filtered, filterQuery } from "./log-filter.ts"

export type LogLevel = "debug" | "info" | "warn" | "error"

/**
 * What a line says. No text in it holds a control character or one that turns the direction of writing: these stand as
 * `\u000a`, so whatever a client sent stays inside its line.
 */
export interface LogEntry {
  /** When the line was written, ISO 8601. */
  readonly time: string
  readonly level: LogLevel
  /** The end of a request, or with `opened` the moment a stream or websocket began. */
  readonly event: "request" | "stream opened" | "upgraded"
  /** As it was sent, whatever a plug has made of it. */
  readonly method: string
  /** As it was sent, without the query; segments that a hidden parameter took are "[FILTERED]". */
  readonly path: string
  /** Filtered; only with the option `query`. */
  readonly query?: string
  /** The pattern of the route, where one has matched. */
  readonly route?: string
  /** Missing where the client left before an answer; 101 for a websocket. */
  readonly status?: number
  /** Microseconds from the plug to the end; to the head for what has opened. */
  readonly durationUs: number
  /** Bytes of the body that were handed to the server. */
  readonly bytes: number
  readonly requestId?: string
  readonly remoteIp: string
  /**
   * "ok": the answer is whole, whatever its status. "aborted": the client left before. "timeout": it was too slow, or its
   * time was up. "drained": the server stops. "failed": the answer broke off on this side. Missing in an opening's line.
   */
  readonly outcome?: "ok" | "aborted" | "timeout" | "drained" | "failed"
  /** The code of the error that was answered or ended the answer; "ERR_INTERNAL" for those without one of ours. */
  readonly error?: string
  /** What a websocket was closed with: 1006 ("aborted") where the client vanished. */
  readonly closeCode?: number
}

/** How an exchange or a websocket has ended. */
export interface Ending {
  readonly reason?: AbortReason | undefined
  readonly closeCode?: number
}

/** What of the logger's options an entry depends on. */
export interface EntrySettings {
  readonly query: boolean
  readonly filter: CompiledFilter
  readonly slowUs: number
}

/** The entry of a connection as it stands. */
export function entryOf(
  { query, filter, slowUs }: EntrySettings,
  conn: AnyConn,
  event: LogEntry["event"],
  milliseconds: number,
  ending: Ending | undefined,
): LogEntry {
  const { exchange, route } = conn
  const { cutReason } = inner(conn)
  const { closeCode } = ending ?? {}
  const isUpgrade = event === "upgraded" || conn.state === "upgraded"
  // An answer that still waits for something was not sent, whatever those above believe.
  const wasSent = serverSide(exchange).sent
  const status = isUpgrade ? 101 : wasSent || ending === undefined ? conn.status : undefined
  const durationUs = Math.round(milliseconds * 1000)
  // A stream that the server has ended well, because it stops, is over without a reason.
  const why = ending?.reason ?? (cutReason instanceof DrainingError ? cutReason : undefined)
  const outcome = ending && (closeCodes[closeCode ?? 0] ?? outcomeOf(why))
  // What fails once the client has left fails because it has left.
  const error = !ending ? undefined : why === undefined || why instanceof CutError ? (conn.error ?? why) : why
  const slow = durationUs >= slowUs && !isUpgrade && conn.state !== "chunked"
  const { requestId } = conn.assigns as { requestId?: unknown }
  return {
    time: new Date().toISOString(),
    level: levelOf(route?.log || "info", status ?? 0, outcome, slow),
    event,
    method: visible(exchange.method),
    path: visible(hidePath(conn, filter)),
    ...(query && exchange.query !== "" ? { query: visible(filterQuery(exchange.query, filter)) } : undefined),
    ...(route === undefined ? undefined : { route: route.path }),
    ...(status === undefined ? undefined : { status }),
    durationUs,
    bytes: conn.bytesSent,
    ...(typeof requestId === "string" ? { requestId: visible(requestId) } : undefined),
    remoteIp: visible(conn.remoteIp),
    ...(outcome === undefined ? undefined : { outcome }),
    ...(error === undefined ? undefined : { error: codeOf(error) }),
    ...(closeCode === undefined ? undefined : { closeCode }),
  }
}

/** The ends of a websocket that are none of its own: the client vanished, the handler failed, the server stops, a full queue. */
const closeCodes: Readonly<Record<number, LogEntry["outcome"]>> = {
  1006: "aborted",
  1011: "failed",
  1012: "drained",
  1013: "timeout",
}

function outcomeOf(reason: AbortReason | undefined): NonNullable<LogEntry["outcome"]> {
  if (reason === undefined) return "ok"
  if (reason instanceof ClientGoneError) return "aborted"
  if (reason instanceof TimeoutError) return "timeout"
  return reason instanceof DrainingError ? "drained" : "failed"
}

/** The usual level of a route, raised by what went wrong. */
function levelOf(usual: LogLevel, status: number, outcome: LogEntry["outcome"], slow: boolean): LogLevel {
  if (status >= 500 || outcome === "failed") return "error"
  return usual !== "error" && (status >= 400 || outcome === "timeout" || slow) ? "warn" : usual
}

/** Only codes of ours: what else an error has for a code may come from anywhere. */
function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === "string" && /^ERR_[A-Z0-9_]{1,60}$/.test(code) ? code : "ERR_INTERNAL"
}

/** The raw path, without the segments that hold the value of a hidden parameter. */
function hidePath({ exchange: { path }, pathParams }: AnyConn, filter: CompiledFilter): string {
  let secrets: string[] | undefined
  for (const name in pathParams) {
    if (filter.hides(name)) (secrets ??= []).push(...[pathParams[name] ?? []].flat())
  }
  if (secrets === undefined) return path
  const hides = (segment: string): boolean => {
    const text = decodePercent(segment, false) ?? segment
    return secrets.some((secret) => secret !== "" && text.includes(secret))
  }
  const segments = path.split("/")
  return segments.map((segment) => (hides(segment) ? filtered : segment)).join("/")
}

const printable = /^[ -~]*$/
const hidden = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu

/** A text whose every character is seen: neither line breaks, nor terminal commands, nor what turns the writing. */
function visible(text: string): string {
  if (printable.test(text)) return text
  return text.replace(hidden, (character) => `\\u${character.codePointAt(0)!.toString(16).padStart(4, "0")}`)
}

/** An entry as text, its parts in a fixed order. */
export function textLine(entry: LogEntry): string {
  const { time, level, event, method, path, query, route, status, durationUs, bytes, requestId, remoteIp } = entry
  const parts = [time, level, word(method), word(query === undefined ? path : `${path}?${query}`)]
  parts.push(status === undefined ? "-" : String(status), `${durationUs}µs`)
  if (event === "request") parts.push(`${bytes}B`, entry.outcome ?? "")
  else parts.push(event)
  if (entry.error !== undefined) parts.push(`error=${entry.error}`)
  if (entry.closeCode !== undefined) parts.push(`close=${entry.closeCode}`)
  if (route !== undefined) parts.push(`route=${word(route)}`)
  parts.push(`ip=${word(remoteIp)}`)
  if (requestId !== undefined) parts.push(`id=${word(requestId)}`)
  return parts.join(" ")
}

/** A text as one word of a line: in quotes where it would be taken for several. */
const word = (text: string): string => (/[\s"]|^$/.test(text) ? JSON.stringify(text) : text)
