/** A store of `rateLimit` in Redis, for several processes that count together. */

import { createHash } from "node:crypto"
import { ServiceUnavailableError } from "../conn/errors.ts"
import { checkOption, checkOptionNames } from "../conn/options.ts"
import type { Limiter, Verdict } from "./gcra.ts"

/** What is needed of a client: that of `@redis/client` 5 or 6 is one. It is connected and closed by whoever made it. */
export interface RedisScriptClient {
  /** False while there is no connection: commands would wait in the client's queue. */
  readonly isReady?: boolean
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>
  evalSha(sha: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>
}

export interface RedisLimiterOptions {
  client: RedisScriptClient
  /** Before all keys; "plumage:limit:". */
  prefix?: string
  /** Milliseconds until a command that was not answered counts as failed; 500. */
  timeout?: number
  /** Commands under way at a time; with more the store counts as down. 10,000. */
  maxPending?: number
  /** Milliseconds, instead of Redis's own clock. For tests. */
  now?: () => number
}

/** `decide` of gcra.ts, where the key is. A request that is refused writes nothing, unless Redis's clock was set back. */
const script = `
local interval, tolerance, cost, now = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
local whole = tonumber(redis.call('GET', KEYS[1]) or '0') or 0
local backlog = math.min(math.max(whole - now, 0), tolerance)
local after = backlog + cost * interval
local allowed = after <= tolerance
if not allowed then after = backlog end
if after > 0 and now + after ~= whole and (allowed or whole - now > tolerance) then
  redis.call('SET', KEYS[1], string.format('%.0f', now + after), 'PX', math.ceil(after / 1000))
end
return {allowed and 1 or 0, after}
`
const sha = createHash("sha1").update(script).digest("hex")

/**
 * Makes a store of `rateLimit` in Redis 5 or later: one script per request, so that many processes count as one, by Redis's
 * clock. Keys end with their quota.
 *
 * `take` rejects with `ServiceUnavailableError` when Redis is not connected, fails, does not answer within `timeout`, or has
 * `maxPending` commands to answer; `rateLimit`'s `failOpen` says what becomes of the request then. Raises
 * `InvalidOptionError`.
 *
 * @example
 * const rate = { limit: 2, window: 2, burst: 2, interval: 1_000_000, tolerance: 2_000_000 }
 * const client = { eval: async () => [1, 1_000_000], evalSha: async () => [1, 1_000_000] }
 * await redisLimiter({ client }).take("a", 1, rate) //=> { allowed: true, backlog: 1_000_000 }
 */
export function redisLimiter(options: RedisLimiterOptions): Limiter {
  checkOptionNames("redisLimiter", options, ["client", "prefix", "timeout", "maxPending", "now"])
  const { client, prefix = "plumage:limit:", timeout = 500, maxPending = 10_000, now } = options
  const isClient = typeof client?.eval === "function" && typeof client.evalSha === "function"
  checkOption("redisLimiter", "client", isClient, "a client of @redis/client", typeof client)
  checkOption("redisLimiter", "prefix", typeof prefix === "string", "a string", prefix)
  const inTime = Number.isSafeInteger(timeout) && timeout > 0 && timeout < 2 ** 31
  checkOption("redisLimiter", "timeout", inTime, "a whole number of milliseconds from 1", timeout)
  const bounded = Number.isSafeInteger(maxPending) && maxPending > 0
  checkOption("redisLimiter", "maxPending", bounded, "a whole number from 1", maxPending)
  checkOption("redisLimiter", "now", now === undefined || typeof now === "function", "a function", now)
  let pending = 0

  const run = async (given: { keys: string[]; arguments: string[] }): Promise<unknown> => {
    pending++
    try {
      return await client.evalSha(sha, given)
    } catch (error) {
      // The script is not there yet, or Redis was started anew.
      if (!/^NOSCRIPT/.test((error as Error).message)) throw error
      return await client.eval(script, given)
    } finally {
      pending--
    }
  }

  return {
    async take(key, cost, rate) {
      if (client.isReady === false) throw down("Redis is not connected")
      if (pending >= maxPending) throw down(`Redis has ${maxPending} commands to answer`)
      const time = now === undefined ? [] : [String(Math.floor(now() * 1_000))]
      const given = [String(rate.interval), String(rate.tolerance), String(cost), ...time]
      return verdictOf(await within(timeout, run({ keys: [prefix + key], arguments: given })))
    },
  }
}

const down = (message: string, cause?: unknown): ServiceUnavailableError =>
  new ServiceUnavailableError("the rate limit's store is down", { cause: new Error(message, { cause }) })

async function within(ms: number, answer: Promise<unknown>): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Redis did not answer within ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([answer, late])
  } catch (error) {
    throw down((error as Error).message, error)
  } finally {
    clearTimeout(timer)
  }
}

function verdictOf(reply: unknown): Verdict {
  const [allowed, backlog] = Array.isArray(reply) ? reply.map(Number) : []
  if (!Number.isFinite(allowed) || !Number.isFinite(backlog)) throw down("Redis answered what the script does not")
  return { allowed: allowed === 1, backlog: backlog! }
}
