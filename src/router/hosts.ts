import { UsageError } from "../conn/errors.ts"

/** Which hosts a route is for, in lower case. */
export interface Hosts {
  readonly exact: readonly string[]
  /** Each ends with ".", so `api.` fits every host of that first label. */
  readonly prefixes: readonly string[]
}

/**
 * Reads a route's `host` option: one host or several, each exact or, when it ends with ".", a prefix.
 *
 * Hosts have no port and compare without regard to case (RFC 3986 §3.2.2). Throws `UsageError` for anything else.
 *
 * @example
 * compileHosts(["Example.com", "api."]) //=> { exact: ["example.com"], prefixes: ["api."] }
 * compileHosts(undefined) //=> undefined
 */
export function compileHosts(host: string | readonly string[] | undefined): Hosts | undefined {
  if (host === undefined) return undefined
  const list = typeof host === "string" ? [host] : host
  const wrong = !Array.isArray(list) || list.length === 0 || !list.every((one) => typeof one === "string" && one !== "")
  if (wrong) {
    throw new UsageError(
      `a route's host is "example.com", a prefix such as "api.", or a list of these, got ${JSON.stringify(host)}`,
    )
  }
  const lower = list.map((one) => one.toLowerCase())
  return { exact: lower.filter((one) => !one.endsWith(".")), prefixes: lower.filter((one) => one.endsWith(".")) }
}
