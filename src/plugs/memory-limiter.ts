/** A store of `rateLimit` in this process: a bounded map, no timer, no promise. */

import { checkOption, checkOptionNames } from "../conn/options.ts"
import { decide, type Limiter, type Rate, type Verdict } from "./gcra.ts"

export interface MemoryLimiterOptions {
  /** Keys that are kept at a time; 100,000, some 20 MB. */
  maxKeys?: number
  /** Milliseconds; a clock that is never set back. For tests. */
  now?: () => number
}

export interface MemoryLimiter extends Limiter {
  take(key: string, cost: number, rate: Rate): Verdict
  /** Keys that are kept now. */
  readonly size: number
}

/** How many of the keys that were quiet longest are looked at to find room for a new one. */
const looks = 16

/**
 * Makes a store of `rateLimit` in this process. Several processes count each for itself: share a `redisLimiter` instead.
 *
 * Keys whose quota is whole again are forgotten as new ones come; when all of `maxKeys` are in use, the one that was quiet
 * longest is. So who has more addresses than there are keys can wash off his past, and never fill the memory.
 *
 * @example
 * const rate = { limit: 1, window: 60, burst: 1, interval: 60_000_000, tolerance: 60_000_000 }
 * const store = memoryLimiter({ maxKeys: 1_000 })
 * store.take("a", 1, rate).allowed //=> true
 * store.take("a", 1, rate).allowed //=> false
 */
export function memoryLimiter(options: MemoryLimiterOptions = {}): MemoryLimiter {
  checkOptionNames("memoryLimiter", options, ["maxKeys", "now"])
  const { maxKeys = 100_000, now = () => performance.now() } = options
  checkOption(
    "memoryLimiter",
    "maxKeys",
    Number.isSafeInteger(maxKeys) && maxKeys > 0,
    "a whole number from 1",
    maxKeys,
  )
  checkOption("memoryLimiter", "now", typeof now === "function", "a function", now)
  /** When the quota of each key will be whole again; the key that asked last is last. */
  const whole = new Map<string, number>()

  const makeRoom = (time: number): void => {
    let oldest: string | undefined
    let seen = 0
    for (const [key, until] of whole) {
      oldest ??= key
      if (until <= time) whole.delete(key)
      else if (whole.size < maxKeys) return
      if (++seen === looks) break
    }
    if (whole.size >= maxKeys && oldest !== undefined) whole.delete(oldest)
  }

  return {
    take(key, cost, rate) {
      const time = Math.floor(now() * 1_000)
      const before = whole.get(key)
      const verdict = decide(rate, before ?? 0, time, cost)
      if (before !== undefined) whole.delete(key)
      if (verdict.backlog > 0) {
        if (before === undefined) makeRoom(time)
        whole.set(key, time + verdict.backlog)
      }
      return verdict
    },
    get size() {
      return whole.size
    },
  }
}
