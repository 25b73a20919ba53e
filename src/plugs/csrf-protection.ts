/**
 * Protection against forged requests (CSRF): what changes something must carry a token that only pages of this site know.
 *
 * The session has one token of 24 characters; a page gets it under a fresh mask each time, 56 characters, so that no
 * compression of the page gives it away. For a form that goes to another host there are tokens that only that host takes.
 */

import { Buffer } from "node:buffer"
import { createHmac, randomBytes } from "node:crypto"
import { inner } from "../conn/conn.ts"
import { InvalidCrossOriginRequestError, InvalidCSRFTokenError, UsageError } from "../conn/errors.ts"
import { checkOption, checkOptionNames } from "../conn/options.ts"
import type { AnyConn, Conn } from "../conn/states.ts"
import { deriveKey } from "../crypto/key-generator.ts"
import { signMessage, verifyMessage } from "../crypto/message-verifier.ts"
import { mask, maskedCompare } from "../crypto/secure-compare.ts"
import type { Plug } from "../plug/plug.ts"
import { compileHosts, foreignSite, isSafe } from "./fetch-metadata.ts"
import type { Session } from "./session.ts"

export interface CSRFProtectionOptions {
  /** Where the session has the token ("_csrf_token"). */
  sessionKey?: string
  /** What a forged request gets: 403 ("exception", the default), or an empty session that it cannot change ("clear_session"). */
  with?: "exception" | "clear_session"
  /** Hosts whose tokens are taken, and whose pages may send requests with a token; ".a.com" stands for all below it. */
  allowHosts?: readonly string[]
  /** Refuses by `Sec-Fetch-Site` and `Origin` too, before a token is looked at (true). */
  fetchMetadata?: boolean
  /** Told of tokens that are sound and for another host, which means a form that names the wrong one; `console.error`. */
  log?: (message: string) => void
}

/** What a connection knows of its tokens. */
interface State {
  readonly sessionKey: string
  readonly session: Session
  /** The session's token when it was last asked for, and as this request's pages get it. */
  token: string
  masked: string
}

const stateKey = "plumage_csrf"
const skipKey = "plumage_skip_csrf_protection"
const tokenChars = 24
const newToken = (): string => randomBytes((tokenChars / 4) * 3).toString("base64url")

/**
 * Protects every request but GET, HEAD and OPTIONS, whatever type its body has. The token comes in the body's parameter
 * `_csrf_token`, so a parser comes first, or in the header `x-csrf-token`; never in the query, which is logged. And refuses
 * to answer other sites with JavaScript, which they could run with what it says of the visitor.
 *
 * It comes after `session`. Raises `InvalidCSRFTokenError` and `InvalidCrossOriginRequestError` (403). A test that sends no
 * token puts `plumage_skip_csrf_protection: true` into `conn.private` before it.
 *
 * @example
 * const plug = csrfProtection()
 * const kept = new Map([["_csrf_token", "a".repeat(24)]])
 * const open = (method, headers) => conn(method, "/", undefined, { headers }).assign("session", kept)
 * const token = csrfToken(call(plug, open("GET", {})))
 * token.length //=> 56
 * call(plug, open("POST", { "x-csrf-token": token })).halted //=> false
 * call(plug, open("POST", {})) //=> throws InvalidCSRFTokenError
 */
export function csrfProtection(options: CSRFProtectionOptions = {}): Plug<{ session: Session }> {
  checkOptionNames("csrfProtection", options, ["sessionKey", "with", "allowHosts", "fetchMetadata", "log"])
  const { sessionKey = "_csrf_token", with: answer = "exception", fetchMetadata = true } = options
  const { log = (message: string) => console.error(message) } = options
  checkOption("csrfProtection", "sessionKey", typeof sessionKey === "string", "text", sessionKey)
  const answers = ["exception", "clear_session"]
  checkOption("csrfProtection", "with", answers.includes(answer), answers.join(" or "), answer)
  checkOption("csrfProtection", "fetchMetadata", typeof fetchMetadata === "boolean", "true or false", fetchMetadata)
  checkOption("csrfProtection", "log", typeof log === "function", "a function", log)
  const allows = compileHosts("csrfProtection", options.allowHosts ?? [])
  const check = (conn: AnyConn, { session }: State): string | undefined => {
    const foreign = fetchMetadata ? foreignSite(conn, allows) : undefined
    if (foreign !== undefined) return `this request came from another site (${foreign}); see allowHosts`
    const stored: unknown = session.get(sessionKey)
    const given = tokensOf(conn)
    if (given.some((token) => isMasked(stored, token))) return undefined
    const hosts = given.map((token) => hostOf(conn, stored, token))
    if (hosts.some((host) => host !== undefined && (host === conn.host.toLowerCase() || allows(host)))) return undefined
    const other = hosts.find((host) => host !== undefined)
    if (other !== undefined) log(`csrfProtection: a token for ${other} was sent to ${conn.host}; see allowHosts`)
    if (given.length > 0) return "the CSRF token of this request is not valid here"
    return "this request has no CSRF token, neither _csrf_token in a body that was parsed nor the header x-csrf-token"
  }
  return (conn) => {
    const state = begin(conn, sessionKey)
    if (conn.private[skipKey] === true) return conn
    if (!isSafe(conn.method)) {
      const problem = check(conn, state)
      if (problem !== undefined && answer === "exception") throw new InvalidCSRFTokenError(problem)
      if (problem !== undefined) state.session.clear().ignore()
    }
    conn.registerBeforeSend(fetchMetadata ? refuseForeignScripts : refuseScripts)
    return conn
  }
}

function begin(conn: Conn<{ session: Session }>, sessionKey: string): State {
  const before = conn.private[stateKey] as State | undefined
  if (before?.sessionKey === sessionKey) return before
  const { session } = conn.assigns
  if (session === undefined) throw new UsageError("csrfProtection needs a session: put session(…) before it")
  const state: State = { sessionKey, session, token: "", masked: "" }
  conn.putPrivate(stateKey, state)
  return state
}

/** The tokens that came with a request, that of the body first. */
function tokensOf(conn: AnyConn): string[] {
  const given = [inner(conn).parsed?.body?.["_csrf_token"], conn.getReqHeader("x-csrf-token")]
  return given.filter((token) => typeof token === "string" && token !== "") as string[]
}

const isToken = (stored: unknown): stored is string => typeof stored === "string" && stored.length === tokenChars

/**
 * Whether a token that a client sent is a mask over the one that its session has: for what is no request with a session of
 * its own, such as a websocket that sends it as its first message.
 *
 * @example
 * isCsrfToken("a".repeat(24), "nothing like it") //=> false
 */
export function isCsrfToken(stored: unknown, token: unknown): boolean {
  return typeof token === "string" && isMasked(stored, token)
}

function isMasked(stored: unknown, token: string): boolean {
  if (!isToken(stored) || token.length !== 56 || !/^[\w-]+$/.test(token)) return false
  return maskedCompare(stored, token.slice(32), Buffer.from(token.slice(0, 32), "base64url"))
}

/** The host that a token was made for, if it was made here and for this session. */
function hostOf(conn: AnyConn, stored: unknown, token: string): string | undefined {
  // A host has 253 characters at most.
  if (!isToken(stored) || token.length > 512) return undefined
  for (const secret of conn.secretKeyBases) {
    const message = verifyMessage(token, hostKey(secret, stored))
    if (message !== undefined) return message.subarray(tokenChars).toString()
  }
  return undefined
}

/** One derived key for all sessions: to derive one for each would cost a thousand hashes, of whoever sends a request. */
function hostKey(secretKeyBase: string, token: string): Buffer {
  return createHmac("sha256", deriveKey(secretKeyBase, "plumage csrf host")).update(token).digest()
}

function stateOf(conn: AnyConn): State {
  const state = conn.private[stateKey] as State | undefined
  if (state !== undefined) return state
  throw new UsageError("there are no CSRF tokens here: put csrfProtection(…) before what asks for one")
}

/** The session's token; a new one where it has none. */
function sessionToken({ session, sessionKey }: State): string {
  const stored: unknown = session.get(sessionKey)
  if (isToken(stored)) return stored
  const token = newToken()
  session.put(sessionKey, token)
  return token
}

/**
 * The token for this page's forms and scripts; the same each time in one request. The session gets one when it is first
 * asked for, so ask before the answer leaves. Raises `UsageError` where `csrfProtection` has not run.
 *
 * @example
 * const open = conn("GET", "/").assign("session", new Map([["_csrf_token", "a".repeat(24)]]))
 * const page = call(csrfProtection(), open)
 * csrfToken(page) === csrfToken(page) //=> true
 */
export function csrfToken(conn: AnyConn<{ session: Session }>): string {
  const state = stateOf(conn)
  const token = sessionToken(state)
  // It is another one when the session was cleared meanwhile.
  if (state.token !== token) {
    const over = newToken()
    state.token = token
    state.masked = mask(token, over).toString("base64url") + over
  }
  return state.masked
}

/**
 * The token for a form that goes to `url`: of a path, `csrfToken`; of a whole URL (also "//host/…"), one that only that
 * host takes, so that what is sent there is worth nothing here. Both sides share `secretKeyBase` and the session.
 *
 * Raises `UsageError` for what is neither, and where the endpoint has no secret.
 *
 * @example
 * const open = conn("GET", "/", undefined, { secretKeyBase: "0123456789abcdef".repeat(4) })
 * const kept = new Map([["_csrf_token", "a".repeat(24)]])
 * const page = call(csrfProtection(), open.assign("session", kept))
 * csrfTokenFor(page, "/users") === csrfToken(page) //=> true
 * csrfTokenFor(page, "https://b.com/users") === csrfToken(page) //=> false
 */
export function csrfTokenFor(conn: AnyConn<{ session: Session }>, url: string | URL): string {
  // Read as a browser reads it, for which "/\\b.com" and "http:b.com" are another host too.
  const base = URL.canParse(url) ? undefined : nowhere
  const target = URL.canParse(url, base) ? new URL(url, base) : undefined
  if (target === undefined || !/^https?:$/.test(target.protocol)) {
    throw new UsageError("csrfTokenFor takes a path, or a URL of http or https")
  }
  if (target.host === new URL(nowhere).host) return csrfToken(conn)
  const [secret] = conn.secretKeyBases
  if (secret === undefined) {
    throw new UsageError("csrfTokenFor another host needs a secret: defineEndpoint({ secretKeyBase })")
  }
  return signMessage(newToken() + target.hostname, hostKey(secret, sessionToken(stateOf(conn))))
}

const nowhere = "http://nowhere.invalid/"

/**
 * Takes the token out of the session, so that the next page gets another. Do so at login, with `session.renew()`: a token
 * that was known before is then worth nothing.
 *
 * @example
 * const kept = new Map([["_csrf_token", "a".repeat(24)]])
 * deleteCsrfToken(call(csrfProtection(), conn("GET", "/").assign("session", kept)))
 * kept.has("_csrf_token") //=> false
 */
export function deleteCsrfToken(conn: AnyConn<{ session: Session }>): void {
  const state = stateOf(conn)
  state.session.delete(state.sessionKey)
}

/** The types that browsers run (WHATWG mimesniff, "JavaScript MIME type"), and whatever begins like one. */
const script = /^\s*(?:text|application)\/(?:x-)?(?:java|ecma|j|live)script/i

function refuseScripts(conn: Conn): void {
  if (conn.method !== "GET" || !script.test(conn.getRespHeader("content-type") ?? "")) return
  if (conn.getReqHeader("x-requested-with") === "XMLHttpRequest") return
  throw new InvalidCrossOriginRequestError()
}

/** A page of this site may load a script of its own: its browser says that it is one. */
function refuseForeignScripts(conn: Conn): void {
  if (conn.getReqHeader("sec-fetch-site") !== "same-origin") refuseScripts(conn)
}
