/** Basic authentication: a user name and password in every request (RFC 7617). Fit for TLS only. */

import { Buffer, isUtf8 } from "node:buffer"
import { hash } from "node:crypto"
import type { MaybePromise } from "../conn/adapter.ts"
import { UsageError } from "../conn/errors.ts"
import { checkOption, checkOptionNames } from "../conn/options.ts"
import type { AnyConn, Assigns, Conn, Halted } from "../conn/states.ts"
import { secureCompare } from "../crypto/secure-compare.ts"

export interface Credentials {
  readonly username: string
  readonly password: string
}

/** One name and password for all. */
export interface BasicAuthOptions extends Credentials {
  /** What is protected, as browsers show it; "Application". */
  realm?: string
}

/** Asks the application. `verify` compares in constant time itself: see `secureCompare` of `plumage/crypto`. */
export interface BasicAuthVerifyOptions<V> {
  verify: (username: string, password: string, conn: Conn) => V
  realm?: string
}

const control = /[\0-\x1f\x7f]/
/** The scheme in any case (RFC 9110 §11.1), then base64 of the standard alphabet. */
const basic = /^basic +([A-Za-z0-9+/]+={0,2})$/i

/**
 * Lets requests with the right name and password through; answers all others with 401 and the challenge.
 *
 * With `username` and `password` both are compared in constant time, whichever is wrong. With `verify` the application
 * decides, and may assign who it is: it gives true or false, or the connection or false, or a promise of that. Anything
 * else that it gives is a `UsageError`, never a yes.
 *
 * Raises `InvalidOptionError` for what it does not take: a missing or empty password, a name with ":", control characters.
 *
 * @example
 * const auth = basicAuth({ username: "ann", password: "secret" })
 * const headers = { authorization: encodeBasicAuth("ann", "secret") }
 * call(auth, conn("GET", "/", undefined, { headers })).halted //=> false
 * sentResp(call(auth, conn("GET", "/"))).headers["www-authenticate"] //=> 'Basic realm="Application", charset="UTF-8"'
 */
export function basicAuth(options: BasicAuthOptions): (conn: Conn) => Conn | Halted
export function basicAuth(options: BasicAuthVerifyOptions<boolean>): (conn: Conn) => Conn | Halted
export function basicAuth(
  options: BasicAuthVerifyOptions<MaybePromise<boolean>>,
): (conn: Conn) => MaybePromise<Conn | Halted>
export function basicAuth<O extends Assigns>(
  options: BasicAuthVerifyOptions<MaybePromise<Conn<O> | Halted | false>>,
): (conn: Conn) => MaybePromise<Conn<O> | Halted>
export function basicAuth(
  options: BasicAuthOptions | BasicAuthVerifyOptions<unknown>,
): (conn: Conn) => MaybePromise<Conn | Halted> {
  const byVerify = typeof options === "object" && options !== null && "verify" in options
  checkOptionNames("basicAuth", options, byVerify ? ["verify", "realm"] : ["username", "password", "realm"])
  const { realm = "Application" } = options
  const shown = typeof realm === "string" && /^[ -~]*$/.test(realm)
  checkOption("basicAuth", "realm", shown, "a text of printable ASCII", realm)
  const challenge = `Basic realm="${realm.replace(/["\\]/g, "\\$&")}", charset="UTF-8"`
  const verify = byVerify ? checkedVerify(options) : comparing(options as BasicAuthOptions)

  const decide = (conn: Conn, verdict: unknown): Conn | Halted => {
    if (verdict === true || verdict === conn) return conn
    if (verdict === false) {
      conn.putRespHeader("www-authenticate", challenge).putRespContentType("text/plain")
      return conn.sendResp(401, "Unauthorized").halt()
    }
    throw new UsageError(`verify of basicAuth gives true, false or the connection, got ${kind(verdict)}`)
  }
  return (conn) => {
    const sent = parseBasicAuth(conn)
    if (sent === undefined) return decide(conn, false)
    const verdict = verify(sent.username, sent.password, conn)
    return isPromise(verdict) ? Promise.resolve(verdict).then((value) => decide(conn, value)) : decide(conn, verdict)
  }
}

/**
 * The name and password that a request came with; undefined unless it has exactly one `authorization`, which is Basic in
 * strict base64 of UTF-8 without control characters. The password may contain ":", and both may be empty.
 *
 * @example
 * const headers = { authorization: "Basic YW5uOnNlOmNyZXQ=" }
 * parseBasicAuth(conn("GET", "/", undefined, { headers })) //=> { username: "ann", password: "se:cret" }
 */
export function parseBasicAuth(conn: AnyConn): Credentials | undefined {
  const lines = conn.getReqHeaders("authorization")
  const encoded = lines.length === 1 ? basic.exec(lines[0]!)?.[1] : undefined
  if (encoded === undefined) return undefined
  const bytes = Buffer.from(encoded, "base64")
  // Padding that is missing and bits that are left over are read by some and refused by others.
  if (bytes.toString("base64") !== encoded || !isUtf8(bytes)) return undefined
  const text = bytes.toString()
  const colon = text.indexOf(":")
  if (colon < 0 || control.test(text)) return undefined
  return { username: text.slice(0, colon), password: text.slice(colon + 1) }
}

/**
 * The value of `authorization` for a name and password. Raises `UsageError` for a name with ":" and for control characters.
 *
 * @example
 * encodeBasicAuth("Aladdin", "open sesame") //=> "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
 */
export function encodeBasicAuth(username: string, password: string): string {
  if (username.includes(":")) throw new UsageError('a user name for Basic authentication has no ":"')
  if (control.test(username + password)) throw new UsageError("Basic authentication takes no control characters")
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`
}

type Verify = (username: string, password: string, conn: Conn) => unknown

function checkedVerify({ verify }: BasicAuthVerifyOptions<unknown>): Verify {
  checkOption("basicAuth", "verify", typeof verify === "function", "a function", verify)
  return verify
}

/** Compares digests, so that not even lengths show. Never repeats the password that it refuses. */
function comparing({ username, password }: BasicAuthOptions): Verify {
  const named = typeof username === "string" && !username.includes(":") && !control.test(username)
  checkOption("basicAuth", "username", named, 'a text without ":" and control characters', username)
  const secret = typeof password === "string" && password !== "" && !control.test(password)
  checkOption("basicAuth", "password", secret, "a text that is not empty, without control characters", typeof password)
  const [name, word] = [digest(username), digest(password)]
  return (sentName, sentWord) => {
    const sameName = secureCompare(digest(sentName), name)
    const sameWord = secureCompare(digest(sentWord), word)
    return sameName && sameWord
  }
}

/** In the normal form that RFC 7617 §2.1 wants of clients. */
function digest(text: string): Uint8Array {
  return hash("sha256", text.normalize("NFC"), "buffer")
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === "function"
}

function kind(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  return typeof value === "object" ? `a ${value.constructor?.name ?? "object"}` : `a ${typeof value}`
}
