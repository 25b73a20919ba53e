/** Lets other origins read answers from browsers, by the protocol of the Fetch standard (§3.2, CORS). */

import { UsageError } from "../conn/errors.ts"
import { checkOption, checkOptionNames } from "../conn/options.ts"
import type { AnyConn, Conn, Halted } from "../conn/states.ts"
import { addVary } from "./vary.ts"

/**
 * An origin as browsers send it (`https://a.com`), "null", or a RegExp that matches the whole of it. Patterns are tried on
 * up to 512 characters that anybody may send: none with a repeat inside a repeat, such as `(a+)+`.
 */
export type CorsOrigin = string | RegExp

export interface CorsOptions {
  /**
   * Who may read: "*" for everybody, without credentials; one origin, a list, or a function that gives true or false. The
   * origin "null", which every sandboxed frame and local file has, is allowed only where a list names it.
   */
  origins: "*" | CorsOrigin | readonly CorsOrigin[] | ((origin: string, conn: AnyConn) => boolean)
  /** What preflights allow; GET, HEAD, POST, PUT, PATCH and DELETE. */
  methods?: readonly string[]
  /**
   * Request headers that preflights allow beside the harmless ones; `["content-type"]`. "*" is every name but
   * `authorization`, "reflect" whatever is asked for.
   */
  allowHeaders?: readonly string[] | "*" | "reflect"
  /** Response headers that scripts may read beside the harmless ones; none. */
  exposeHeaders?: readonly string[] | "*"
  /** Allows cookies and HTTP authentication; false. */
  credentials?: boolean
  /** Seconds for which browsers may remember a preflight; theirs (5) when left out, and they cap it (7,200 in Chromium). */
  maxAge?: number
  /** Allows pages of the public net to ask a server of a private one (Private Network Access); false. */
  privateNetwork?: boolean
}

const where = "cors"
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const serialized = /^[a-z][a-z0-9+.-]*:\/\/[\w.~%:[\]-]+$/
/** No origin is longer: a scheme, a name of 253 characters, a port. What is longer no pattern of anybody is tried on. */
const longestOrigin = 512
/** Characters of names that are reflected; what is longer gets none. */
const longestReflection = 4_096

/**
 * Answers preflights with 204 and puts the headers of CORS on every other answer, errors too. Put it before the router and
 * before whatever refuses requests, since a preflight carries no cookie and no token.
 *
 * A preflight is OPTIONS with `origin` and `access-control-request-method`; other OPTIONS requests pass. An origin that is
 * not allowed gets no headers and its request passes too: CORS keeps browsers from reading answers, it does not keep
 * anybody from asking. That is for CSRF protection, authentication, and `checkOrigin` of websockets. Unless `origins` is
 * "*", every answer says `vary: origin`.
 *
 * Raises `InvalidOptionError` at start: for "*" with credentials, which browsers refuse, and for origins that no browser
 * sends (`https://a.com/`).
 *
 * @example
 * const plug = cors({ origins: ["https://a.com"], maxAge: 600 })
 * const asked = { origin: "https://a.com", "access-control-request-method": "PUT" }
 * const { status, headers } = sentResp(call(plug, conn("OPTIONS", "/", undefined, { headers: asked })))
 * [status, headers["access-control-allow-origin"], headers["access-control-max-age"]] //=> [204, "https://a.com", "600"]
 * plug(conn("GET", "/", undefined, { headers: { origin: "https://b.com" } })).respHeaders.at(-2) //=> "vary"
 */
export function cors(options: CorsOptions): (conn: Conn) => Conn | Halted {
  const names = ["origins", "methods", "allowHeaders", "exposeHeaders", "credentials", "maxAge", "privateNetwork"]
  checkOptionNames(where, options, names)
  const { origins, credentials = false, maxAge, privateNetwork = false } = options
  const { methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] } = options
  const { allowHeaders = ["content-type"], exposeHeaders = [] } = options
  checkOption(where, "credentials", typeof credentials === "boolean", "true or false", credentials)
  checkOption(where, "privateNetwork", typeof privateNetwork === "boolean", "true or false", privateNetwork)
  const aged = maxAge === undefined || (Number.isSafeInteger(maxAge) && maxAge >= 0)
  checkOption(where, "maxAge", aged, "whole seconds from 0", maxAge)
  const upper = Array.isArray(methods) && methods.every((name) => isToken(name) && !/[a-z]/.test(name))
  checkOption(where, "methods", upper, "a list of methods in upper case, as they are compared", methods)
  const wild = [origins, exposeHeaders, allowHeaders].includes("*")
  checkOption(where, "credentials", !(credentials && wild), 'true only without "*", which browsers then refuse', true)
  const isAllowed = origins === "*" ? undefined : compileOrigins(origins)
  const allowed = allowHeaders === "reflect" ? undefined : nameList("allowHeaders", allowHeaders)
  const exposed = nameList("exposeHeaders", exposeHeaders)
  const allowedMethods = methods.join(", ")

  const allow = (conn: Conn, origin: string | undefined): boolean => {
    if (isAllowed === undefined) {
      conn.putRespHeader("access-control-allow-origin", "*")
      return true
    }
    addVary(conn, "origin")
    if (origin === undefined || !isAllowed(origin, conn)) return false
    conn.putRespHeader("access-control-allow-origin", origin)
    if (credentials) conn.putRespHeader("access-control-allow-credentials", "true")
    return true
  }

  const answerPreflight = (conn: Conn): Halted => {
    const headers = allowed ?? reflection(conn)
    if (allowedMethods !== "") conn.putRespHeader("access-control-allow-methods", allowedMethods)
    if (headers !== "") conn.putRespHeader("access-control-allow-headers", headers)
    if (maxAge !== undefined) conn.putRespHeader("access-control-max-age", String(maxAge))
    if (privateNetwork && conn.getReqHeader("access-control-request-private-network") === "true") {
      conn.putRespHeader("access-control-allow-private-network", "true")
    }
    return conn.sendResp(204).halt()
  }

  return (conn) => {
    const origin = conn.getReqHeader("origin")
    const isAllowed = allow(conn, origin)
    if (conn.method === "OPTIONS") {
      addVary(conn, "access-control-request-method")
      addVary(conn, "access-control-request-headers")
      if (privateNetwork) addVary(conn, "access-control-request-private-network")
      const isPreflight = origin !== undefined && conn.getReqHeader("access-control-request-method") !== undefined
      if (isPreflight) return isAllowed ? answerPreflight(conn) : conn
    }
    if (isAllowed && exposed !== "") conn.putRespHeader("access-control-expose-headers", exposed)
    return conn
  }
}

const isToken = (text: unknown): boolean => typeof text === "string" && token.test(text)

function nameList(option: string, names: readonly string[] | "*"): string {
  if (names === "*") return names
  const holds = Array.isArray(names) && names.every((name) => isToken(name) && name !== "*")
  const takes =
    option === "allowHeaders" ? 'a list of header names, "*" or "reflect"' : 'a list of header names, or "*"'
  checkOption(where, option, holds, takes, names)
  return names.map((name) => name.toLowerCase()).join(", ")
}

/** The names that a preflight asks for, as it may be told them back; "" where one of them is none. */
function reflection(conn: Conn): string {
  const asked = conn.getReqHeaders("access-control-request-headers").join(",")
  if (asked.length > longestReflection) return ""
  const names = asked.split(",").map((name) => name.trim().toLowerCase())
  const given = names.filter((name) => name !== "")
  return given.every(isToken) ? given.join(", ") : ""
}

type OriginTest = (origin: string, conn: AnyConn) => boolean

function compileOrigins(origins: CorsOptions["origins"]): OriginTest {
  if (typeof origins === "function") {
    return (origin, conn) => {
      if (origin.length > longestOrigin || !serialized.test(origin)) return false
      const answer: unknown = origins(origin, conn)
      if (typeof answer === "boolean") return answer
      const got = answer instanceof Promise ? "a promise" : typeof answer
      throw new UsageError(`cors: the function in origins must give true or false, got ${got}`)
    }
  }
  const list: readonly unknown[] = Array.isArray(origins) ? origins : [origins]
  const exact = new Set<string>()
  const patterns: RegExp[] = []
  for (const one of list) {
    const holds = one instanceof RegExp || isOrigin(one)
    const takes =
      '"*", a function, or origins as browsers send them: "https://a.com", without "/" at the end and without "*" in it (a RegExp does that)'
    checkOption(where, "origins", holds, takes, one)
    if (one instanceof RegExp) patterns.push(whole(one))
    else exact.add(one as string)
  }
  checkOption(where, "origins", list.length > 0, "at least one origin", origins)
  return (origin) => {
    if (exact.has(origin)) return true
    if (patterns.length === 0 || origin.length > longestOrigin || !serialized.test(origin)) return false
    return patterns.some((pattern) => pattern.test(origin))
  }
}

/** A pattern that holds for the whole text or not at all: `/a\.com/` must not allow "https://a.com.evil". */
function whole({ source, flags }: RegExp): RegExp {
  return new RegExp(`^(?:${source})$`, flags.replace(/[gmy]/g, ""))
}

function isOrigin(text: unknown): boolean {
  if (text === "null") return true
  if (typeof text !== "string" || !serialized.test(text)) return false
  // Of the web's own schemes the form is known: lower case, punycode, no port that the scheme implies.
  return !/^https?:/.test(text) || (URL.canParse(text) && new URL(text).origin === text)
}
