/**
 * Sessions: what the server remembers of a browser between requests, by a cookie that is written only when something
 * changed.
 */

import { UsageError } from "../conn/errors.ts"
import { checkOption, checkOptionNames } from "../conn/options.ts"
import type { Conn } from "../conn/states.ts"
import { type CookieOptions, serializeCookie } from "../http/cookies.ts"
import type { Plug } from "../plug/plug.ts"
import { KeptSession, type Shape, secureBytes } from "./kept-session.ts"
import type { SessionCookie, SessionStore } from "./session-store.ts"

/** A value as a session gives it: frozen, with all that it holds. */
export type Frozen<T> = T extends readonly (infer Item)[]
  ? readonly Frozen<Item>[]
  : T extends object
    ? { readonly [K in keyof T]: Frozen<T[K]> }
    : T

declare const entries: unique symbol

/**
 * What is remembered of one browser; `Session` alone is one of any data. Values are copied in, and frozen: to change one,
 * put a changed copy.
 *
 * Changes are written when the answer leaves, that of an upgrade too, so they come before it: later ones raise
 * `AlreadySentError`. Of `renew`, `drop` and `ignore` the last one counts, but nothing undoes `ignore`.
 */
export interface Session<Data extends object = any> {
  readonly [entries]?: Data
  /** Names the session in logs and look-ups, and is no secret; undefined where there is none yet, or a cookie carries it. */
  readonly id: string | undefined
  get<K extends keyof Data & string>(key: K): Frozen<Data[K]> | undefined
  /** Raises `UsageError`, with the place, for what JSON cannot carry. An unchanged value is written too, which renews its time. */
  put<K extends keyof Data & string>(key: K, value: Frozen<Data[K]>): this
  /** What is not there is no change; so is a `clear` of nothing. */
  delete(key: keyof Data & string): this
  clear(): this
  all(): Readonly<Partial<Frozen<Data>>>
  /** Gives the session a new id and ends the old one. Do so when rights change: at login first of all. */
  renew(): this
  /** Ends the session, here and in the browser. */
  drop(): this
  /** Leaves what is stored as it is, whatever else this request does to the session. */
  ignore(): this
}

export interface SessionOptions extends Omit<CookieOptions, "expires"> {
  /** Where sessions are kept: `cookieStore`, `memoryStore`, `redisStore`, or one of your own. */
  store: SessionStore | SessionCookie
  /** The cookie's name. `__Host-…`, which no other host can set, is the best there is; it is sent over TLS only. */
  key: string
}

/**
 * Assigns `session`. The cookie is HttpOnly and SameSite=Lax unless said otherwise, secure where the request is, and ends
 * with the browser unless `maxAge` (seconds) is given. An answer that brings it is `cache-control: private`, whatever else
 * put that header.
 *
 * It costs nothing where nobody reads or writes: no look-up, no cookie. An async store is asked before what follows the
 * plug runs, when a cookie came. An id is never taken from a client: an unknown one is an empty session. Of two requests at
 * one time that write, the later one's session is kept whole; one that was renewed or dropped meanwhile stays so.
 *
 * Raises `ServiceUnavailableError` (503) when the store fails, whose `cause` is for `onError`; the browser then keeps the
 * session that it had. Raises `CookieOverflowError` when a cookie is to carry more than it can.
 *
 * @example
 * const kept = new Map()
 * const store = {
 *   async: false,
 *   get: (id) => kept.get(id),
 *   put: (id, data, known) => (known && !kept.has(id) ? false : kept.set(id, data) !== undefined),
 *   delete: (id) => kept.delete(id),
 * }
 * const plug = session({ store, key: "app" })
 * const first = call(plug, conn("GET", "/"))
 * first.assigns.session.put("user", 7)
 * const [cookie] = sentResp(first.text("hello")).headers["set-cookie"].split(";")
 * const second = call(plug, conn("GET", "/", undefined, { headers: { cookie } }))
 * second.assigns.session.get("user") //=> 7
 * sentResp(second.text("you again")).headers["set-cookie"] //=> undefined
 */
export function session<Data extends object = Record<string, unknown>>(
  options: SessionOptions,
): Plug<{}, { readonly session: Session<Data> }> {
  const shape = checked(options)
  return (conn) => {
    const before = (conn.assigns as { session?: unknown }).session
    if (before instanceof KeptSession) {
      if (before.isOf(shape)) return conn as Conn<{ session: Session<Data> }>
      throw new UsageError("a session plug has run before this one; a connection has one session")
    }
    const own = new KeptSession(shape, conn)
    conn.registerBeforeSend(() => own.save())
    const fetched = own.fetch()
    const assigned = conn.assign("session", own as Session as Session<Data>)
    return fetched === undefined ? assigned : fetched.then(() => assigned)
  }
}

const attributeNames = [
  "domain",
  "path",
  "maxAge",
  "secure",
  "httpOnly",
  "sameSite",
  "partitioned",
  "priority",
  "extra",
]

function checked(options: SessionOptions): Shape {
  checkOptionNames("session", options, ["store", "key", ...attributeNames])
  const { store, key, ...given } = options
  const has = (...names: string[]): boolean =>
    names.every((name) => typeof (store as unknown as Record<string, unknown>)?.[name] === "function")
  const isStore = has("seal", "open") || has("get", "put", "delete")
  checkOption("session", "store", isStore, "cookieStore(…), memoryStore(…), redisStore(…) or the like", {})
  const isPrefixed = /^__(host|secure)-/i.test(String(key))
  const attributes: CookieOptions = { sameSite: "Lax", ...given, secure: given.secure ?? (isPrefixed || undefined) }
  let bytes = 0
  try {
    bytes = serializeCookie(key, "", { ...attributes, secure: attributes.secure ?? true }).length
    if (attributes.secure !== false) bytes -= secureBytes
  } catch (cause) {
    checkOption("session", "key and cookie options", false, `what a cookie may have (${(cause as Error).message})`, key)
  }
  return { key, store, attributes, bytes }
}
