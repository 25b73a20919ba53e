/**
 * How much is too much, from one number per key: the generic cell rate algorithm (ITU-T I.371), which the stores of
 * `rateLimit` share.
 *
 * Of each key is kept when its quota will be whole again. Time is counted in whole microseconds, so that nothing is lost
 * to rounding: `limit` requests per `window` are one per `interval`, and up to `burst` of them may come at once.
 */

import type { MaybePromise } from "../conn/adapter.ts"

/** A rate, as `rateOf` makes it. */
export interface Rate {
  readonly limit: number
  /** Seconds. */
  readonly window: number
  readonly burst: number
  /** Microseconds that one request costs; rounded down, so that a window never holds less than the limit. */
  readonly interval: number
  /** Microseconds that the whole quota is worth. */
  readonly tolerance: number
}

/** What a store answers. */
export interface Verdict {
  readonly allowed: boolean
  /** Microseconds until the quota of the key is whole again, with this request in it where it was allowed. */
  readonly backlog: number
}

/** Where `rateLimit` keeps its keys; `take` decides and counts in one step, or rejects when the store is down. */
export interface Limiter {
  take(key: string, cost: number, rate: Rate): MaybePromise<Verdict>
}

/** What one may know of a limit: whole seconds, rounded up. */
export interface LimitInfo {
  readonly name: string
  readonly limit: number
  readonly window: number
  /** Requests that may still come at once. */
  readonly remaining: number
  /** Seconds until the quota is whole again. */
  readonly reset: number
  /** Seconds until this request would be allowed, 0 when it is; undefined when it costs more than the whole quota. */
  readonly retryAfter: number | undefined
}

/**
 * A rate of `limit` requests per `window` seconds, `burst` of them at once.
 *
 * @example
 * rateOf(3, 1, 3).interval //=> 333_333
 */
export function rateOf(limit: number, window: number, burst: number): Rate {
  const interval = Math.floor((window * 1_000_000) / limit)
  return { limit, window, burst, interval, tolerance: interval * burst }
}

/**
 * Decides on a request of a cost, from when the quota would be whole again and from now (microseconds).
 *
 * @example
 * const rate = rateOf(2, 1, 2)
 * decide(rate, 0, 5_000_000, 1) //=> { allowed: true, backlog: 500_000 }
 * decide(rate, 6_000_000, 5_000_000, 1) //=> { allowed: false, backlog: 1_000_000 }
 */
export function decide(rate: Rate, whole: number, now: number, cost: number): Verdict {
  // A clock that was set back, or a rate that was lowered, costs a key one quota and no more.
  const backlog = Math.min(Math.max(whole - now, 0), rate.tolerance)
  const after = backlog + cost * rate.interval
  return after > rate.tolerance ? { allowed: false, backlog } : { allowed: true, backlog: after }
}

/** Puts a verdict into words. */
export function infoOf(name: string, rate: Rate, { allowed, backlog }: Verdict, cost: number): LimitInfo {
  const { limit, window, interval, tolerance, burst } = rate
  const wait = cost > burst ? undefined : seconds(backlog + cost * interval - tolerance)
  return {
    name,
    limit,
    window,
    remaining: Math.floor((tolerance - backlog) / interval),
    reset: seconds(backlog),
    retryAfter: allowed ? 0 : wait,
  }
}

const seconds = (microseconds: number): number => Math.ceil(microseconds / 1_000_000)
