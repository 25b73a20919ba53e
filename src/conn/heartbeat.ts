/** Comments that keep idle event streams open; one timer for all streams of an interval, none when there is no stream. */

import { encodeComment } from "../http/sse.ts"
import type { Connection } from "./conn.ts"
import { UsageError } from "./errors.ts"

/** Milliseconds; below the idle time of common proxies. */
const defaultInterval = 15_000

interface Beat {
  readonly streams: Set<Connection>
  readonly timer: NodeJS.Timeout
}
const beats = new Map<number, Beat>()

export function startHeartbeat(conn: Connection, interval: number = defaultInterval): void {
  if (interval === 0) return
  if (!Number.isSafeInteger(interval) || interval < 0) {
    throw new UsageError(`heartbeat takes whole milliseconds, or 0 for none; got ${interval}`)
  }
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
