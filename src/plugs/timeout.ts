/** A deadline for answers. */

import type { Exchange } from "../conn/adapter.ts"
import { type Connection, inner } from "../conn/conn.ts"
import { HTTPError, ServiceUnavailableError } from "../conn/errors.ts"
import { checkOption, checkOptionNames } from "../conn/options.ts"
import { report } from "../conn/report.ts"
import { expire } from "../conn/stream.ts"
import type { Plug } from "../plug/plug.ts"

export interface TimeoutOptions {
  /** Milliseconds from here until the answer's head. */
  ms: number
  /** 503, or 504 where this server only stands before another; 503. */
  status?: 503 | 504
  /** Whether the deadline is to the end of a stream, which is then cut; false. */
  streams?: boolean
}

/** A request that is not answered yet. */
interface Waiting {
  readonly conn: Connection
  /** The server's side of it, which knows what has truly left. */
  readonly exchange: Exchange
  readonly deadline: number
}

const soon = Promise.resolve()

/**
 * Answers 503 (`ServiceUnavailableError`, or an `HTTPError` with 504) when a request was not answered after `ms`.
 *
 * `conn.signal` aborts with a `TimeoutError` then: hand it to what is waited for (`fetch`, a query), so that it ends as well.
 * The rest of the row is not run, and what a late handler still sends comes to nothing, unreported. The deadline is to the
 * head of the answer, also of one that waits for a session to be stored: streams may go on as long as they like, unless
 * `streams` is true. A slow reader is the server's to judge (`limits.idleTimeout`), and so is a slow body that nobody reads.
 *
 * What blocks the thread cannot be interrupted. Requests that are answered at once cost next to nothing, and all others
 * share one timer, which keeps no process alive. Raises `InvalidOptionError`.
 *
 * @example
 * const plug = timeout({ ms: 5_000 })
 * call(plug, conn("GET", "/")).halted //=> false
 * timeout({ ms: 0 }) //=> throws InvalidOptionError
 */
export function timeout(options: TimeoutOptions): Plug {
  checkOptionNames("timeout", options, ["ms", "status", "streams"])
  const { ms, status = 503, streams = false } = options
  const isTime = Number.isSafeInteger(ms) && ms > 0 && ms < 2 ** 31
  checkOption("timeout", "ms", isTime, "a whole number of milliseconds from 1", ms)
  checkOption("timeout", "status", status === 503 || status === 504, "503 or 504", status)
  checkOption("timeout", "streams", typeof streams === "boolean", "true or false", streams)
  /** By deadline, since all have the same time. */
  const waiting = new Set<Waiting>()
  let timer: NodeJS.Timeout | undefined

  const wait = (time: number): void => {
    timer = setTimeout(look, Math.ceil(time)).unref()
  }
  const look = (): void => {
    timer = undefined
    const now = performance.now()
    for (const one of waiting) {
      if (one.deadline > now) return wait(one.deadline - now)
      waiting.delete(one)
      if (streams || !one.exchange.sent) end(one.conn)
    }
  }
  const end = (conn: Connection): void => {
    const message = "the answer took too long"
    try {
      expire(conn, status === 503 ? new ServiceUnavailableError(message) : new HTTPError(504, message))
    } catch (error) {
      report(conn, error)
    }
  }
  const watch = (one: Waiting): void => {
    const { conn, exchange } = one
    if (exchange.sent && !(streams && conn.state === "chunked")) return
    waiting.add(one)
    exchange.onClose(() => void waiting.delete(one))
    if (timer === undefined) wait(one.deadline - performance.now())
  }

  return (conn) => {
    const behind = inner(conn)
    const one = { conn: behind, exchange: behind.exchange, deadline: performance.now() + ms }
    // Those that are answered by then were never late.
    void soon.then(() => watch(one))
    return conn
  }
}
