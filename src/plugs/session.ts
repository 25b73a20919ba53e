/**
 * Sessions: what the server remembers of a browser between requests, by a cookie that is written only when something
 * changed.
 */

import { createHash, randomBytes } from "node:crypto"
import type { MaybePromise } from "../conn/adapter.ts"
import { inner } from "../conn/conn.ts"
import { AlreadySentError, CookieOverflowError, ServiceUnavailableError, UsageError } from "../conn/errors.ts"
import { checkOption, checkOptionNames } from "../conn/options.ts"
import type { Conn } from "../conn/states.ts"
import { type CookieOptions, cookieBytes, serializeCookie } from "../http/cookies.ts"
import type { Plug } from "../plug/plug.ts"
import { deepFrozen, frozenJson, type SessionCookie, type SessionData, type SessionStore } from "./session-store.ts"

/** A value as a session gives it: frozen, with all that it holds. */
export type Frozen<T> = T extends readonly (infer Item)[]
  ? readonly Frozen<Item>[]
  : T extends object
    ? { readonly [K in keyof T]: Frozen<T[K]> }
    : T

/**
 * What is remembered of one browser. Values are copied in, and frozen: to change one, put a changed copy.
 *
 * Changes are written when the answer leaves, so they come before it: later ones raise `AlreadySentError`.
 */
export interface Session<Data extends object = Record<string, unknown>> {
  /** Names the session in logs and look-ups, and is no secret; undefined where there is none yet, or a cookie carries it. */
  readonly id: string | undefined
  get<K extends keyof Data & string>(key: K): Frozen<Data[K]> | undefined
  /** Raises `UsageError`, with the place, for what JSON cannot carry. An unchanged value is written too, which renews its time. */
  put<K extends keyof Data & string>(key: K, value: Frozen<Data[K]>): this
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
  /** Told when the store fails, since the client's 503 says nothing; `console.error` unless given. */
  log?: (message: string, error: unknown) => void
}

/** The options as a request needs them. */
interface Shape {
  readonly key: string
  readonly store: SessionStore | SessionCookie
  readonly attributes: CookieOptions
  /** Bytes that the cookie has without its value, and without "; secure". */
  readonly bytes: number
  readonly log: (message: string, error: unknown) => void
}

/**
 * Assigns `session`. The cookie is HttpOnly and SameSite=Lax unless said otherwise, secure where the request is; it has the
 * browser's session for a lifetime without `maxAge` (seconds).
 *
 * It costs nothing where nobody reads or writes: no look-up, no cookie. An async store is asked before what follows the
 * plug runs, when a cookie came. An id is never taken from a client: an unknown one is an empty session. Of two requests at
 * one time that write, the later one's session is kept whole; one that was renewed or dropped meanwhile stays so.
 *
 * Raises `ServiceUnavailableError` (503) when the store fails, and nothing of the answer is sent that it was to remember;
 * `CookieOverflowError` when a cookie is to carry more than it can.
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
    const assigned = conn.assign("session", own as Session<any> as Session<Data>)
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
  checkOptionNames("session", options, ["store", "key", "log", ...attributeNames])
  const { store, key, log = logged, ...given } = options
  const has = (...names: string[]): boolean =>
    names.every((name) => typeof (store as unknown as Record<string, unknown>)?.[name] === "function")
  const isStore = has("seal", "open") || has("get", "put", "delete")
  checkOption("session", "store", isStore, "cookieStore(…), memoryStore(…), redisStore(…) or the like", {})
  checkOption("session", "log", typeof log === "function", "a function", log)
  const isPrefixed = /^__(host|secure)-/i.test(String(key))
  const attributes: CookieOptions = { sameSite: "Lax", ...given, secure: given.secure ?? (isPrefixed || undefined) }
  let bytes = 0
  try {
    bytes = serializeCookie(key, "", { ...attributes, secure: attributes.secure ?? true }).length
    if (attributes.secure !== false) bytes -= secureBytes
  } catch (cause) {
    checkOption("session", "key and cookie options", false, `what a cookie may have (${(cause as Error).message})`, key)
  }
  return { key, store, attributes, bytes, log }
}

const secureBytes = "; secure".length

function logged(message: string, error: unknown): void {
  console.error(message, error)
}

/** 256 random bits; nothing else is looked up. */
const tokenShape = /^[A-Za-z0-9_-]{43}$/
const newToken = (): string => randomBytes(32).toString("base64url")
const idOf = (token: string): string => createHash("sha256").update(token).digest("base64url")

/** What is done with the session when the answer leaves. */
type Mark = "none" | "write" | "renew" | "drop" | "ignore"

/** All of it is private, so that a connection whose assigns are printed does not print what is in its session. */
class KeptSession implements Session<any> {
  readonly #shape: Shape
  readonly #conn: Conn
  /** Undefined until it was fetched. */
  #entries: Map<string, unknown> | undefined = undefined
  /** The cookie's value, where the store knows it. */
  #known: string | undefined = undefined
  /** The token to come. */
  #fresh: string | undefined = undefined
  #mark: Mark = "none"
  #saved = false

  constructor(shape: Shape, conn: Conn) {
    this.#shape = shape
    this.#conn = conn
  }

  isOf(shape: Shape): boolean {
    return this.#shape === shape
  }

  get id(): string | undefined {
    if ("seal" in this.#shape.store) return undefined
    this.#fetched()
    const isNew = this.#mark === "renew" || (this.#mark === "write" && this.#known === undefined)
    if (isNew && !this.#saved) this.#fresh ??= newToken()
    const token = isNew ? this.#fresh : this.#known
    return token === undefined ? undefined : idOf(token)
  }
  get(key: string): any {
    return deepFrozen(this.#fetched().get(key))
  }
  all(): any {
    return deepFrozen(Object.fromEntries(this.#fetched()))
  }
  put(key: string, value: unknown): this {
    if (value === undefined) throw new UsageError(`session: ${key} is undefined; use delete to take it out`)
    const copy = frozenJson(key, value)
    this.#changing("write")
    this.#fetched().set(key, copy)
    return this
  }
  delete(key: string): this {
    if (!this.#fetched().has(key)) return this
    this.#changing("write")
    this.#fetched().delete(key)
    return this
  }
  clear(): this {
    if (this.#fetched().size === 0) return this
    this.#changing("write")
    this.#fetched().clear()
    return this
  }
  renew(): this {
    return this.#changing("renew")
  }
  drop(): this {
    return this.#changing("drop")
  }
  ignore(): this {
    return this.#changing("ignore")
  }

  /** A write keeps any other mark, and "ignore" stays. */
  #changing(mark: Mark): this {
    if (this.#saved) throw new AlreadySentError("the session was changed after it had been written: change it earlier")
    if (this.#mark !== "ignore" && (mark !== "write" || this.#mark === "none")) this.#mark = mark
    return this
  }

  /** The session of a store that answers later: a promise when there is something to ask for. */
  fetch(): Promise<void> | undefined {
    const { store, key } = this.#shape
    if ("seal" in store || !store.async) return undefined
    const sent = this.#conn.reqCookies[key]
    if (sent !== undefined && tokenShape.test(sent)) {
      const found = this.#guarded("read", () => store.get(idOf(sent)))
      return Promise.resolve(found).then((data) => void this.#take(sent, data))
    }
    this.#entries = new Map()
    return undefined
  }

  #fetched(): Map<string, unknown> {
    if (this.#entries !== undefined) return this.#entries
    const { store, key } = this.#shape
    const sent = this.#conn.reqCookies[key]
    if (sent === undefined || sent === "") return this.#take("", undefined)
    if ("seal" in store) return this.#take(sent, store.open(sent, this.#conn, key))
    if (!tokenShape.test(sent)) return this.#take("", undefined)
    const found = this.#guarded("read", () => store.get(idOf(sent)))
    if (found instanceof Promise) throw new UsageError("a session store that gives promises has `async: true`")
    return this.#take(sent, found)
  }

  #take(sent: string, data: SessionData | undefined): Map<string, unknown> {
    const isFound = typeof data === "object" && data !== null && !Array.isArray(data)
    if (isFound) this.#known = sent
    this.#entries = new Map(isFound ? Object.entries(data) : [])
    return this.#entries
  }

  /** Writes what has changed. */
  save(): MaybePromise<void> {
    if (this.#saved) return
    const mark = this.#mark
    if (mark === "none" || mark === "ignore") {
      this.#saved = true
      return
    }
    const entries = mark === "drop" ? undefined : this.#fetched()
    this.#saved = true
    if (entries === undefined) return this.#drop()
    // Nothing to remember of somebody who is not known.
    if (entries.size === 0 && this.#known === undefined && this.#fresh === undefined) return
    const { store, key } = this.#shape
    const data: SessionData = Object.freeze(Object.fromEntries(entries))
    if ("seal" in store) this.#putCookie(store.seal(data, this.#conn, key), data)
    else return this.#write(store, data, mark === "renew" ? undefined : this.#known)
  }

  #write(store: SessionStore, data: SessionData, known: string | undefined): MaybePromise<void> {
    const old = this.#known
    const token = known ?? (this.#fresh ??= newToken())
    // Before the store has answered: then it would be too late for a header.
    this.#putCookie(token, data)
    const kept = this.#guarded("write", () => store.put(idOf(token), data, known !== undefined))
    return after(kept, (isKept) => {
      if (isKept === false) return this.#withdraw()
      // Only now, so that a failure leaves the browser with a session that is there.
      if (known === undefined && old !== undefined) return this.#end(store, old)
    })
  }

  #drop(): MaybePromise<void> {
    const { store, key, attributes } = this.#shape
    const sent = this.#conn.reqCookies[key]
    if (sent === undefined) return
    this.#conn.deleteRespCookie(key, attributes)
    if (!("seal" in store) && tokenShape.test(sent)) return this.#end(store, sent)
  }

  #end(store: SessionStore, token: string): MaybePromise<void> {
    return after(
      this.#guarded("delete", () => store.delete(idOf(token))),
      () => undefined,
    )
  }

  #putCookie(value: string, data: SessionData): void {
    const { key, attributes } = this.#shape
    const isSecure = attributes.secure ?? this.#conn.scheme === "https"
    const bytes = this.#shape.bytes + (isSecure ? secureBytes : 0) + value.length
    if (bytes > cookieBytes) {
      const sizes = Object.entries(data).map(([name, entry]) => [JSON.stringify(entry).length, name] as const)
      const [size, name] = sizes.sort(([a], [b]) => b - a)[0] ?? [0, ""]
      throw new CookieOverflowError(
        `the session of cookie ${key} makes it ${bytes} bytes, of ${cookieBytes} that it may have; ` +
          `the most is ${name} with ${size}: put less, or use a store that keeps sessions on the server`,
      )
    }
    this.#conn.putRespCookie(key, value, attributes)
  }

  /** Takes the cookie out of an answer that is kept back: what it stands for was not stored. */
  #withdraw(): void {
    const { key } = this.#shape
    const { respCookies, headers = [] } = inner(this.#conn)
    respCookies?.delete(key)
    for (let i = headers.length - 2; i >= 0; i -= 2) {
      if (headers[i] === "set-cookie" && headers[i + 1]!.startsWith(`${key}=`)) headers.splice(i, 2)
    }
  }

  #guarded<T>(doing: string, run: () => MaybePromise<T>): MaybePromise<T> {
    const failed = (cause: unknown): never => {
      if (this.#saved) this.#withdraw()
      this.#shape.log(`the store of session ${this.#shape.key} failed to ${doing}:`, cause)
      throw new ServiceUnavailableError("the session store is not available", { cause })
    }
    try {
      const result = run()
      return result instanceof Promise ? result.catch(failed) : result
    } catch (error) {
      return failed(error)
    }
  }
}

function after<T>(value: MaybePromise<T>, then: (value: T) => MaybePromise<void>): MaybePromise<void> {
  return value instanceof Promise ? value.then(then) : then(value)
}
