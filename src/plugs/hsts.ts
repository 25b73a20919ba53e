/**
 * HTTP Strict Transport Security (RFC 6797): browsers that have seen the header use https alone, for as long as it says.
 */

import { checkOption, checkOptionNames } from "../conn/options.ts"
import type { Conn } from "../conn/states.ts"

export interface HstsOptions {
  /** Seconds; a year (31,536,000). 0 makes browsers forget. */
  maxAge?: number
  /** For all hosts below this one too. */
  includeSubDomains?: boolean
  /** Agrees to the lists that browsers are shipped with, which are hard to leave; wants a year and all subdomains. */
  preload?: boolean
}

const where = "hsts"
const year = 31_536_000

/**
 * Puts `strict-transport-security` into answers to https requests, and never into others (RFC 6797 §7.2).
 *
 * Behind a proxy that ends TLS put `rewriteOn` before it. Errors at start: `InvalidOptionError`, also for `preload` without
 * what the lists ask for: a `maxAge` of a year and `includeSubDomains`.
 *
 * @example
 * hsts()(conn("GET", "https://a.example/")).getRespHeader("strict-transport-security") //=> "max-age=31536000"
 * hsts()(conn("GET", "http://a.example/")).getRespHeader("strict-transport-security") //=> undefined
 * hsts({ preload: true }) //=> throws InvalidOptionError
 */
export function hsts(options: HstsOptions = {}): (conn: Conn) => Conn {
  checkOptionNames(where, options, ["maxAge", "includeSubDomains", "preload"])
  const { maxAge = year, includeSubDomains = false, preload = false } = options
  checkOption(where, "maxAge", Number.isSafeInteger(maxAge) && maxAge >= 0, "a whole number of seconds", maxAge)
  checkOption(where, "includeSubDomains", typeof includeSubDomains === "boolean", "true or false", includeSubDomains)
  checkOption(where, "preload", typeof preload === "boolean", "true or false", preload)
  const listed = !preload || (maxAge >= year && includeSubDomains)
  checkOption(where, "preload", listed, `true only with a maxAge of at least ${year} and includeSubDomains`, preload)
  const value = `max-age=${maxAge}${includeSubDomains ? "; includeSubDomains" : ""}${preload ? "; preload" : ""}`
  return (conn) => (conn.scheme === "https" ? conn.putRespHeader("strict-transport-security", value) : conn)
}
