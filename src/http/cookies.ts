/**
 * Cookies: those of a request's `cookie` lines, and the `set-cookie` strings of an answer (RFC 6265bis).
 *
 * Values are neither encoded nor decoded. What could add an attribute, another cookie or another header is refused.
 */
import { parseCookie } from "cookie"
import { httpDate } from "./date.ts"

/** What a browser keeps of a cookie at most: the bytes of the whole `set-cookie` string, attributes included. */
export const cookieBytes = 4096

export interface CookieOptions {
  /** The host whose subdomains get the cookie too; without it only the host that set it does. */
  domain?: string | undefined
  /** The path under which the cookie is sent ("/"). */
  path?: string | undefined
  /** Seconds to keep it; it is written as `max-age` and, for clients that know only that, as `expires`. */
  maxAge?: number | undefined
  /** When it ends; without this and `maxAge` it ends with the browser's session. */
  expires?: Date | undefined
  /** Only over TLS. */
  secure?: boolean | undefined
  /** Out of reach of scripts (true). */
  httpOnly?: boolean | undefined
  sameSite?: "Strict" | "Lax" | "None" | undefined
  /** Kept apart for each site that embeds this one (CHIPS). */
  partitioned?: boolean | undefined
  priority?: "Low" | "Medium" | "High" | undefined
  /** One more attribute, as it is. */
  extra?: string | undefined
}

/** A cookie that cannot be sent. The message names the attribute; it does not repeat the value, which may be secret. */
export class CookieError extends TypeError {
  override readonly name = "CookieError"
}

/** Whitespace where the library and Plug differ: beside "=" or of a kind that no cookie has. */
const odd = /[\t\n\v\f\r]| =/
const oddInName = /[ \t\n\v\f\r]/
const oddInValue = /[\t\n\v\f\r]/
const verbatim = (value: string): string => value

/**
 * The cookies of all `cookie` lines of a request, in a map without a prototype.
 *
 * Of two with one name in a line the first counts, and a later line wins over an earlier one. A pair is dropped when it has
 * no "=", no name, whitespace in its name, or a tab, CR, LF, VT or FF in its value. Spaces around a value do not count.
 *
 * @example
 * parseCookies(["a=1; b=x=y; a=2; c"]) //=> { a: "1", b: "x=y" }
 */
export function parseCookies(lines: readonly string[]): Record<string, string> {
  const cookies: Record<string, string> = Object.create(null)
  for (const line of lines) {
    // The library splits, trims and lets the first of a name win. It also trims whitespace before "=" and takes any other
    // as part of a name or value, and it allows the empty name: such pairs are sorted out here, before and after it.
    const parsed = parseCookie(odd.test(line) ? line.split(";").filter(isOrdinary).join(";") : line, {
      decode: verbatim,
    })
    for (const name in parsed) if (name !== "" && !name.includes(" ")) cookies[name] = parsed[name]!
  }
  return cookies
}

function isOrdinary(pair: string): boolean {
  const equals = pair.indexOf("=")
  if (equals < 0) return false
  return !oddInName.test(pair.slice(0, equals).replace(/^[ \t]+/, "")) && !oddInValue.test(pair.slice(equals + 1))
}

const notInName = /[^!-~]|[;,=]/
const notInValue = /[^ -~]|;/

function check(pattern: RegExp, what: string, text: string): void {
  if (typeof text !== "string") throw new CookieError(`the cookie's ${what} is a string, got ${typeof text}`)
  const found = pattern.exec(text)
  if (found === null) return
  const code = text.codePointAt(found.index)!.toString(16).toUpperCase().padStart(4, "0")
  throw new CookieError(
    `the cookie's ${what} has a character that is not allowed (U+${code}) at position ${found.index}`,
  )
}

function oneOf(what: string, value: string, accepted: readonly string[]): string {
  if (accepted.includes(value)) return value
  throw new CookieError(`the cookie's ${what} is one of ${accepted.join(", ")}`)
}

/** RFC 6265bis §4.1.3: browsers drop such a cookie silently when a condition is not met. */
function checkPrefix(name: string, { secure, domain, path = "/" }: CookieOptions): void {
  const lower = name.toLowerCase()
  const host = lower.startsWith("__host-")
  if (!host && !lower.startsWith("__secure-")) return
  if (!secure) throw new CookieError(`a cookie named ${host ? "__Host-" : "__Secure-"}… needs the attribute secure`)
  if (host && domain !== undefined) throw new CookieError("a cookie named __Host-… has no attribute domain")
  if (host && path !== "/") throw new CookieError('a cookie named __Host-… needs the attribute path to be "/"')
}

/** The last second that a date of HTTP can name: the end of the year 9999. */
const lastDate = 253_402_300_799_000

function expiresAt({ expires, maxAge }: CookieOptions, now: number): number | undefined {
  if (maxAge !== undefined && !Number.isSafeInteger(maxAge)) {
    throw new CookieError(`the cookie's maxAge is a whole number of seconds, got ${String(maxAge)}`)
  }
  if (expires !== undefined) {
    if (!(expires instanceof Date) || Number.isNaN(expires.getTime())) {
      throw new CookieError("the cookie's expires is a valid Date")
    }
    return expires.getTime()
  }
  return maxAge === undefined ? undefined : Math.max(0, Math.min(now + maxAge * 1000, lastDate))
}

/**
 * The `set-cookie` string of a cookie. Attributes come in Plug's order. `now` is the time in milliseconds that `maxAge`
 * counts from.
 *
 * Raises a CookieError for a name that is empty or has whitespace, control characters, ";", "," or "="; for control
 * characters, ";" or anything beyond ASCII elsewhere; and for what the prefixes `__Host-` and `__Secure-` do not allow.
 *
 * @example
 * serializeCookie("id", "7", { secure: true, sameSite: "Lax" }) //=> "id=7; path=/; secure; HttpOnly; SameSite=Lax"
 * serializeCookie("id", "7", { maxAge: 60 }, 0) //=> "id=7; path=/; expires=Thu, 01 Jan 1970 00:01:00 GMT; max-age=60; HttpOnly"
 */
export function serializeCookie(
  name: string,
  value: string,
  options: CookieOptions = {},
  now: number = Date.now(),
): string {
  if (name === "") throw new CookieError("the cookie's name is empty")
  check(notInName, "name", name)
  check(notInValue, "value", value)
  checkPrefix(name, options)
  const { domain, path = "/", maxAge, secure, httpOnly = true, sameSite, partitioned, priority, extra } = options
  check(notInValue, "path", path)
  const expires = expiresAt(options, now)
  let line = `${name}=${value}; path=${path}`
  if (domain !== undefined) {
    check(notInValue, "domain", domain)
    line += `; domain=${domain}`
  }
  if (expires !== undefined) line += `; expires=${httpDate(expires)}`
  if (maxAge !== undefined) line += `; max-age=${maxAge}`
  if (secure) line += "; secure"
  if (httpOnly) line += "; HttpOnly"
  if (sameSite !== undefined) line += `; SameSite=${oneOf("sameSite", sameSite, ["Strict", "Lax", "None"])}`
  if (partitioned) line += "; Partitioned"
  if (priority !== undefined) line += `; Priority=${oneOf("priority", priority, ["Low", "Medium", "High"])}`
  if (extra !== undefined) {
    check(notInValue, "extra", extra)
    line += `; ${extra}`
  }
  return line
}

/**
 * The `set-cookie` string that makes a browser forget a cookie. `path` and `domain` must be those it was set with.
 *
 * @example
 * deleteCookie("id", { path: "/app" }) //=> "id=; path=/app; expires=Thu, 01 Jan 1970 00:00:00 GMT; max-age=0; HttpOnly"
 */
export function deleteCookie(name: string, options: CookieOptions = {}): string {
  return serializeCookie(name, "", { ...options, maxAge: 0, expires: new Date(0) })
}
