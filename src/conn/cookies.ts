/** The cookies of a connection: those received, those put into the answer, plain, signed or encrypted. */

import { Buffer } from "node:buffer"
import { openTerm, sealTerm, signTerm, verifyTerm } from "../crypto/signed-term.ts"
import { type CookieOptions, cookieBytes, deleteCookie, parseCookies, serializeCookie } from "../http/cookies.ts"
import { assertUnsent } from "./checks.ts"
import type { Connection } from "./conn.ts"
import { CookieOverflowError, InvalidHeaderError, UsageError } from "./errors.ts"
import { parsedOf } from "./request.ts"
import type { RespCookieOptions } from "./states.ts"

/** A cookie of the answer: what is sent, and what `conn.cookies` shows of it (undefined: deleted). */
export interface RespCookie {
  line: string
  value: unknown
}
export interface FetchOptions {
  signed?: readonly string[]
  encrypted?: readonly string[]
}

/** Seconds that a signed or encrypted cookie is believed when it has no `maxAge` of its own. */
const defaultMaxAge = 86_400

export function received(conn: Connection): Record<string, string> {
  const parsed = parsedOf(conn)
  parsed.reqCookies ??= parseCookies(conn.getReqHeaders("cookie"))
  return parsed.reqCookies
}

export function all(conn: Connection): Record<string, unknown> {
  const parsed = parsedOf(conn)
  if (parsed.cookies === undefined) {
    const cookies: Record<string, unknown> = Object.assign(Object.create(null), received(conn))
    for (const [name, { value }] of conn.respCookies ?? []) overlay(cookies, name, value)
    parsed.cookies = cookies
  }
  return parsed.cookies
}

function overlay(cookies: Record<string, unknown>, name: string, value: unknown): void {
  if (value === undefined) delete cookies[name]
  else cookies[name] = value
}

function secretsOf(conn: Connection): readonly string[] {
  const { secretKeyBases } = conn.settings
  if (secretKeyBases.length === 0) {
    throw new UsageError("signed and encrypted cookies need a secret: defineEndpoint({ secretKeyBase })")
  }
  if (secretKeyBases.some((secret) => secret.length < 64)) {
    throw new UsageError("secretKeyBase must have at least 64 characters")
  }
  return secretKeyBases
}

/** The name is in the salt, so that a value moved to another cookie is not believed. */
const saltOf = (name: string): string => `${name}_cookie`

export function fetch(conn: Connection, options: FetchOptions): void {
  const cookies = all(conn)
  const check = (names: readonly string[], verify: typeof verifyTerm): void => {
    for (const name of names) {
      const sent = received(conn)[name]
      if (sent === undefined || conn.respCookies?.has(name)) continue
      const results = secretsOf(conn).map((secret) => verify(secret, saltOf(name), sent))
      const good = results.find((result) => result.ok)
      overlay(cookies, name, good?.ok ? good.value : undefined)
    }
  }
  check(options.signed ?? [], verifyTerm)
  check(options.encrypted ?? [], openTerm)
}

function encoded(conn: Connection, name: string, value: unknown, options: RespCookieOptions): string {
  if (options.sign && options.encrypt) throw new UsageError(`cookie ${name}: choose one of sign and encrypt`)
  const age = { maxAge: options.maxAge ?? defaultMaxAge }
  if (options.sign) return signTerm(secretsOf(conn)[0]!, saltOf(name), value, age)
  if (options.encrypt) return sealTerm(secretsOf(conn)[0]!, saltOf(name), value, age)
  if (typeof value !== "string") {
    throw new UsageError(`cookie ${name}: a value is a string unless it is signed or encrypted, got ${typeof value}`)
  }
  return value
}

function set(conn: Connection, name: string, value: unknown, write: () => string): void {
  assertUnsent(conn)
  let line: string
  try {
    line = write()
  } catch (cause) {
    if (cause instanceof UsageError) throw cause
    throw new InvalidHeaderError((cause as Error).message, { cause })
  }
  conn.respCookies ??= new Map()
  conn.respCookies.set(name, { line, value })
  const cookies = conn.parsed?.cookies
  if (cookies !== undefined) overlay(cookies, name, value)
}

export function put(conn: Connection, name: string, value: unknown, options: RespCookieOptions): void {
  const { sign: _sign, encrypt: _encrypt, ...attributes } = options
  attributes.secure ??= conn.scheme === "https"
  set(conn, name, value, () => serializeCookie(name, encoded(conn, name, value, options), attributes))
}

export function remove(conn: Connection, name: string, options: CookieOptions): void {
  set(conn, name, undefined, () =>
    deleteCookie(name, { ...options, secure: options.secure ?? conn.scheme === "https" }),
  )
}

/** Puts each cookie in a `set-cookie` line of its own, in front of the other headers. */
export function writeCookies(conn: Connection): void {
  const lines: string[] = []
  const cookies = conn.respCookies ?? []
  // Taken first: an error answer is not to fail over the same cookie again.
  conn.respCookies = undefined
  for (const [name, { line }] of cookies) {
    if (Buffer.byteLength(line) > cookieBytes) {
      throw new CookieOverflowError(`cookie ${name} is longer than ${cookieBytes} bytes, attributes included`)
    }
    lines.push("set-cookie", line)
  }
  conn.respHeaders.unshift(...lines)
}
