/**
 * What keeps sessions: a store that has them by id, or a cookie that carries them. And what a session may hold.
 *
 * A store never sees what a browser sends: the cookie holds a random token, the id is its SHA-256. Whoever reads a store,
 * its dump or its log has no cookie that works, and a look-up that takes longer tells nothing of the token.
 */

import type { MaybePromise } from "../conn/adapter.ts"
import { UsageError } from "../conn/errors.ts"
import type { AnyConn } from "../conn/states.ts"

/** The entries of a session: values that JSON carries, frozen. */
export type SessionData = Readonly<Record<string, unknown>>

/**
 * Keeps sessions by id: in memory, in Redis, in a database. How long one lives is the store's own option. A store that
 * cannot answer raises or rejects, within a bounded time; the client then gets 503.
 */
export interface SessionStore {
  /** True when the methods give promises. The plug then fetches a session before what follows it runs. */
  readonly async: boolean
  /** The session of an id; undefined when there is none, or no longer. */
  get(id: string): MaybePromise<SessionData | undefined>
  /**
   * Keeps a session. One that is `known` was got from here before: when it is no longer there it stays away, and the
   * result is false. So a slow request cannot bring back a session that a faster one has ended.
   */
  put(id: string, data: SessionData, known: boolean): MaybePromise<boolean>
  delete(id: string): MaybePromise<unknown>
}

/** Makes a cookie's value of a session, and the session of such a value. `key` is the cookie's name. */
export interface SessionCookie {
  seal(data: SessionData, conn: AnyConn, key: string): string
  /** Undefined for a value that is not believed, or no longer. */
  open(value: string, conn: AnyConn, key: string): SessionData | undefined
}

/** Levels that a value may nest: more is taken for one that holds itself. */
const maxDepth = 64

/**
 * A frozen copy of a value for a session. Properties that are undefined are left out. Raises `UsageError`, with the place,
 * for what JSON would lose or change: undefined, NaN, a bigint, a Date, a Map, an instance of a class, a cycle.
 *
 * @example
 * frozenJson("cart", { items: [{ id: 7, note: undefined }] }) //=> { items: [{ id: 7 }] }
 * frozenJson("cart", { at: new Date(0) }) //=> throws UsageError
 */
export function frozenJson(place: string, value: unknown, depth: number = maxDepth): unknown {
  if (typeof value === "string" || typeof value === "boolean" || value === null) return value
  // JSON has no -0.
  if (typeof value === "number" && Number.isFinite(value)) return value === 0 ? 0 : value
  if (depth === 0) throw new UsageError(`session: ${place} nests deeper than ${maxDepth} levels, or holds itself`)
  if (Array.isArray(value)) {
    return Object.freeze(Array.from(value, (item, at) => frozenJson(`${place}[${at}]`, item, depth - 1)))
  }
  if (isPlain(value)) {
    const entries = Object.entries(value).filter(([, item]) => item !== undefined)
    const copies = entries.map(([name, item]) => [name, frozenJson(`${place}.${name}`, item, depth - 1)] as const)
    return Object.freeze(Object.fromEntries(copies))
  }
  throw new UsageError(`session: ${place} is ${described(value)}, which JSON does not carry; put text or a number`)
}

function isPlain(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== null && prototype !== Object.prototype) return false
  return Object.getOwnPropertySymbols(value).length === 0
}

function described(value: unknown): string {
  if (typeof value === "number" || value === undefined) return String(value)
  if (typeof value !== "object" || value === null) return `a ${typeof value}`
  const name: unknown = value.constructor?.name
  return typeof name === "string" && name !== "" && name !== "Object" ? `an instance of ${name}` : "no plain object"
}

/** Freezes what was read from a store, with all that it holds. */
export function deepFrozen(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value
  for (const item of Object.values(value)) deepFrozen(item)
  return Object.freeze(value)
}
