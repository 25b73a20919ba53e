/** Comments that keep idle event streams open; one timer for all streams of an interval, none when there is no stream. */

import { encodeComment } from "../http/sse.ts"
import type { Connection } from "./conn.ts"
import { checkOption } from "./options.ts"

/** Milliseconds; below the idle time of common proxies. */
const defaultInterval = 15_000

interface Beat {
  readonly streams: Set<Connection>
  readonly timer: NodeJS.Timeout
}
const beats = new Map<number, Beat>()

/** The longest time that a timer of the platform keeps. */
const longest = 2 ** 31 - 1

/** Raises `InvalidOptionError` for an interval that no timer keeps. */
export function checkHeartbeat(interval: number = defaultInterval): void {
  const holds = Number.isInteger(interval) && interval >= 0 && interval <= longest
  checkOption("eventStream", "heartbeat", holds, "whole milliseconds, or 0 for none", interval)
}

export function startHeartbeat(conn: Connection, interval: number = defaultInterval): void {
  if (interval === 0) return
  const beat = beats.get(interval) ?? start(interval)
  beat.streams.add(conn)
  conn.exchange.onClose(() => {
    beat.streams.delete(conn)
    if (beat.streams.size > 0 || beats.get(interval) !== beat) return
    clearInterval(beat.timer)
    beats.delete(interval)
  })
}

function start(interval: number): Beat {
  const streams = new Set<Connection>()
  const comment = encodeComment("")
  const timer = setInterval(() => {
    for (const conn of streams) if (!conn.closed && conn.slow === undefined) void conn.exchange.chunk(comment)
  }, interval)
  const beat = { streams, timer: timer.unref() }
  beats.set(interval, beat)
  return beat
}
