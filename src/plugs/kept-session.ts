/**
 * A session at work: fetched when it is first used, changed in memory, written once when the answer leaves, if it was
 * changed.
 */

import { createHash, randomBytes } from "node:crypto"
import type { MaybePromise } from "../conn/adapter.ts"
import { inner } from "../conn/conn.ts"
import { AlreadySentError, CookieOverflowError, ServiceUnavailableError, UsageError } from "../conn/errors.ts"
import type { Conn } from "../conn/states.ts"
import { type CookieOptions, cookieBytes } from "../http/cookies.ts"
import { list } from "../http/media-type.ts"
import { deepFrozen, frozenJson, type SessionCookie, type SessionData, type SessionStore } from "./session-store.ts"

/** The options as a request needs them. */
export interface Shape {
  readonly key: string
  readonly store: SessionStore | SessionCookie
  readonly attributes: CookieOptions
  /** Bytes that the cookie has without its value, and without "; secure". */
  readonly bytes: number
}

export const secureBytes: number = "; secure".length

/** 256 random bits; nothing else is looked up. */
const tokenShape = /^[A-Za-z0-9_-]{43}$/
const newToken = (): string => randomBytes(32).toString("base64url")
const idOf = (token: string): string => createHash("sha256").update(token).digest("base64url")

/** What is done with the session when the answer leaves. */
type Mark = "none" | "write" | "renew" | "drop" | "ignore"

/** All of it is private, so that a connection whose assigns are printed does not print what is in its session. */
export class KeptSession {
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
      const found = this.#guarded(() => store.get(idOf(sent)))
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
    const found = this.#guarded(() => store.get(idOf(sent)))
    if (found instanceof Promise) {
      found.catch(() => undefined)
      throw new UsageError("a session store that gives promises has `async: true`")
    }
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
    const kept = this.#guarded(() => store.put(idOf(token), data, known !== undefined))
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
    keepPrivate(this.#conn)
    if (!("seal" in store) && tokenShape.test(sent)) return this.#end(store, sent)
  }

  #end(store: SessionStore, token: string): MaybePromise<void> {
    return after(
      this.#guarded(() => store.delete(idOf(token))),
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
    keepPrivate(this.#conn)
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

  #guarded<T>(run: () => MaybePromise<T>): MaybePromise<T> {
    const failed = (cause: unknown): never => {
      if (this.#saved) this.#withdraw()
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

const shared = /^(?:public|s-maxage=.*|private=.*)$/i
const unshared = /^(?:private|no-store)$/i

/** A shared cache would hand out the cookie with the answer (RFC 9111 §7.3), to whoever asks next. */
function keepPrivate(conn: Conn): void {
  const directives = list(conn.getRespHeader("cache-control") ?? "")
  if (directives.some((one) => unshared.test(one))) return
  conn.putRespHeader("cache-control", ["private", ...directives.filter((one) => !shared.test(one))].join(", "))
}

function after<T>(value: MaybePromise<T>, then: (value: T) => MaybePromise<void>): MaybePromise<void> {
  return value instanceof Promise ? value.then(then) : then(value)
}
