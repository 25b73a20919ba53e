/** So many requests per client and time, and no more. */

import { createHash } from "node:crypto"
import type { MaybePromise } from "../conn/adapter.ts"
import { inner } from "../conn/conn.ts"
import { ServiceUnavailableError, TooManyRequestsError, UsageError } from "../conn/errors.ts"
import { checkOption, checkOptionNames } from "../conn/options.ts"
import { report } from "../conn/report.ts"
import type { AnyConn, Conn, Halted } from "../conn/states.ts"
import { formatAddress, parseAddress } from "../http/address.ts"
import type { Plug } from "../plug/plug.ts"
import { infoOf, type Limiter, type LimitInfo, type Rate, rateOf, type Verdict } from "./gcra.ts"
import { memoryLimiter } from "./memory-limiter.ts"

export interface RateLimitOptions {
  /** Requests per window. */
  limit: number
  /** Seconds. */
  window: number
  /** Requests that may come at once; `limit` when left out. */
  burst?: number
  /** Who is counted; undefined is not limited. The client's address when left out, IPv6 by its /64 network. */
  key?: (conn: Conn) => string | undefined
  /** Where it is counted; a `memoryLimiter()` of its own when left out. */
  store?: Limiter
  /** Keeps the keys of limits apart that share a store: letters, digits, ".", "_" and "-"; "default". */
  name?: string
  /** How many requests this one counts for, a whole number from 0; 1. More than `burst` is never allowed. */
  cost?: (conn: Conn) => number
  /** Answers instead of the 429; what it returns goes on. To watch a limit without keeping it, return the conn. */
  onLimit?: (conn: Conn, info: LimitInfo) => MaybePromise<Conn | Halted>
  /** `ratelimit` and `ratelimit-policy` (draft-ietf-httpapi-ratelimit-headers-08), `x-ratelimit-*`, or none; "draft-8". */
  headers?: "draft-8" | "legacy" | false
  /** Whether requests pass while the store is down (told to the endpoint's `onError` once a minute), or get 503; true. */
  failOpen?: boolean
}

const names = ["limit", "window", "burst", "key", "store", "name", "cost", "onLimit", "headers", "failOpen"]

/**
 * Limits how often each client may ask, by its address or a `key`: 429 (`TooManyRequestsError`) with `retry-after` beyond.
 *
 * Requests flow evenly: after a burst, one more is allowed each `window / limit` seconds, with no edge of a window at which
 * twice as many get through. Behind a proxy a `rewriteOn` comes before it, or all clients are one. Mount it before what is
 * costly; a limit of logins is keyed by account as well as by address. It is sync with the memory store.
 *
 * Raises `InvalidOptionError`, also where a store counts another rate by the same name; and per request `UsageError` for a
 * cost that is none, `ServiceUnavailableError` (503) with `failOpen: false` while the store is down.
 *
 * @example
 * const plug = rateLimit({ limit: 2, window: 60 })
 * call(plug, conn("GET", "/")).getRespHeader("ratelimit") //=> '"default";r=1;t=30'
 * call(plug, conn("GET", "/")).getRespHeader("ratelimit-policy") //=> '"default";q=2;w=60'
 * call(plug, conn("GET", "/")) //=> throws TooManyRequestsError
 * call(plug, conn("GET", "/", undefined, { remoteIp: "192.0.2.7" })).halted //=> false
 */
export function rateLimit(options: RateLimitOptions): Plug {
  checkOptions(options)
  const {
    limit,
    window,
    burst = limit,
    key: keyOf = clientNetwork,
    store = memoryLimiter(),
    name = "default",
  } = options
  const { cost: costOf, onLimit, headers = "draft-8", failOpen = true } = options
  const rate = rateOf(limit, window, burst)
  claim(store, name, rate)
  const put = headers === false ? undefined : headers === "legacy" ? putLegacy : putDraft
  let quietUntil = 0

  const judge = (conn: Conn, verdict: Verdict, cost: number): MaybePromise<Conn | Halted> => {
    if (put === undefined && verdict.allowed) return conn
    const info = infoOf(name, rate, verdict, cost)
    put?.(conn, info)
    if (verdict.allowed) return conn
    if (info.retryAfter !== undefined) conn.putRespHeader("retry-after", String(info.retryAfter))
    if (onLimit !== undefined) return onLimit(conn, info)
    throw new TooManyRequestsError()
  }

  const down = (conn: Conn, cause: unknown): Conn => {
    if (Date.now() >= quietUntil) {
      quietUntil = Date.now() + 60_000
      report(inner(conn), new ServiceUnavailableError(`rateLimit ${name}: its store is down`, { cause }))
    }
    if (failOpen) return conn
    throw new ServiceUnavailableError()
  }

  return (conn) => {
    const key = keyOf(conn)
    if (key === undefined) return conn
    const cost = costOf === undefined ? 1 : costOf(conn)
    if (!Number.isSafeInteger(cost) || cost < 0) {
      throw new UsageError(`rateLimit ${name}: cost gives a whole number from 0, got ${String(cost)}`)
    }
    const stored = storedKey(name, key)
    let verdict: MaybePromise<Verdict>
    try {
      verdict = store.take(stored, cost, rate)
    } catch (error) {
      return down(conn, error)
    }
    if (!(verdict instanceof Promise)) return judge(conn, verdict, cost)
    return verdict.then(
      (verdict) => judge(conn, verdict, cost),
      (error: unknown) => down(conn, error),
    )
  }
}

/**
 * Whom a limit counts: the client's address, or the /64 network of an IPv6 one, since a single line has all of that.
 *
 * @example
 * clientNetwork(conn("GET", "/", undefined, { remoteIp: "2001:db8:1:2:3::4" })) //=> "2001:db8:1:2::/64"
 * clientNetwork(conn("GET", "/", undefined, { remoteIp: "::ffff:192.0.2.7" })) //=> "192.0.2.7"
 */
export function clientNetwork(conn: AnyConn): string {
  const { remoteIp } = conn
  if (!remoteIp.includes(":")) return remoteIp
  const address = parseAddress(remoteIp, true)
  if (address === undefined) return remoteIp
  const text = formatAddress(address)
  return text.includes(":") ? `${formatAddress([...address.slice(0, 4), 0, 0, 0, 0])}/64` : text
}

/** The key in the store: no name has a colon, and no key can look like the hash of another. */
function storedKey(name: string, key: string): string {
  if (typeof key !== "string") throw new UsageError(`rateLimit ${name}: key gives text or undefined, got ${typeof key}`)
  if (key.length <= 128) return `${name}:=${key}`
  return `${name}:#${createHash("sha256").update(key, "utf16le").digest("base64url")}`
}

/** What each store counts by which name: two rates in one number would make nonsense of both. */
const claims = new WeakMap<Limiter, Map<string, string>>()

function claim(store: Limiter, name: string, { limit, window, burst }: Rate): void {
  const taken = claims.get(store) ?? new Map<string, string>()
  claims.set(store, taken)
  const rate = `${limit} per ${window} s, ${burst} at once`
  const other = taken.get(name) ?? rate
  checkOption("rateLimit", "name", other === rate, `another name: this store counts ${other} by it`, name)
  taken.set(name, rate)
}

function append(conn: Conn, header: string, value: string): void {
  conn.updateRespHeader(header, value, (other) => `${other}, ${value}`)
}

function putDraft(conn: Conn, { name, limit, window, remaining, reset }: LimitInfo): void {
  append(conn, "ratelimit-policy", `"${name}";q=${limit};w=${window}`)
  append(conn, "ratelimit", `"${name}";r=${remaining};t=${reset}`)
}

/** As GitHub and others have them: the reset is a time, in seconds since 1970. Of several limits the last is told. */
function putLegacy(conn: Conn, { limit, remaining, reset }: LimitInfo): void {
  conn.putRespHeader("x-ratelimit-limit", String(limit))
  conn.putRespHeader("x-ratelimit-remaining", String(remaining))
  conn.putRespHeader("x-ratelimit-reset", String(Math.ceil(Date.now() / 1_000) + reset))
}

function checkOptions(options: RateLimitOptions): void {
  checkOptionNames("rateLimit", options, names)
  const { limit, window, burst, key, store, name, cost, onLimit, headers, failOpen } = options
  const check = (name: keyof RateLimitOptions, holds: boolean, takes: string): void =>
    checkOption("rateLimit", name, holds, takes, options[name])
  const counts = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) > 0
  const calls = (value: unknown): boolean => value === undefined || typeof value === "function"
  check("window", counts(window) && window <= 31_536_000, "whole seconds from 1, a year at most")
  check("limit", counts(limit) && limit <= window * 100_000, "a whole number from 1, at most 100,000 for each second")
  const most = Math.floor(1e15 / ((window * 1_000_000) / limit))
  check(
    "burst",
    burst === undefined || (counts(burst) && burst <= most),
    "a whole number from 1 that time can make up for",
  )
  check("key", calls(key), "a function of the connection")
  check("store", store === undefined || typeof store?.take === "function", "memoryLimiter() or redisLimiter()")
  const isName = name === undefined || (typeof name === "string" && /^[\w.-]{1,64}$/.test(name))
  check("name", isName, "up to 64 letters, digits, dots, underscores and hyphens")
  check("cost", calls(cost), "a function of the connection")
  check("onLimit", calls(onLimit), "a function of the connection and the limit")
  check("headers", [undefined, "draft-8", "legacy", false].includes(headers), `"draft-8", "legacy" or false`)
  check("failOpen", failOpen === undefined || typeof failOpen === "boolean", "true or false")
}
