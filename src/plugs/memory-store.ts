/** Sessions in the memory of this process: for development, tests, and servers that are one process. */

import { checkOption, checkOptionNames } from "../conn/options.ts"
import type { SessionData, SessionStore } from "./session-store.ts"

export interface MemoryStoreOptions {
  /** Sessions that are kept at most (10,000); one more drops the one that was used longest ago. */
  maxSessions?: number
  /** Seconds that a session lives after it was last written (86,400). */
  ttl?: number
  /** The time in milliseconds; for tests. */
  now?: () => number
}

interface Entry {
  readonly data: SessionData
  readonly expires: number
}

/**
 * A session store in memory. Its sessions end with the process and are not seen by another: use Redis or cookies where
 * there are several.
 *
 * @example
 * const store = memoryStore({ ttl: 60 })
 * store.put("id", { user: 7 }, false) //=> true
 * store.get("id") //=> { user: 7 }
 */
export function memoryStore(options: MemoryStoreOptions = {}): SessionStore {
  checkOptionNames("memoryStore", options, ["maxSessions", "ttl", "now"])
  const { maxSessions = 10_000, ttl = 86_400, now = Date.now } = options
  const whole = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) > 0
  checkOption("memoryStore", "maxSessions", whole(maxSessions), "a whole number of sessions from 1", maxSessions)
  checkOption("memoryStore", "ttl", whole(ttl), "a whole number of seconds from 1", ttl)
  checkOption("memoryStore", "now", typeof now === "function", "a function", now)
  /** In the order of their use, the one used longest ago first. */
  const entries = new Map<string, Entry>()
  const live = (id: string): Entry | undefined => {
    const entry = entries.get(id)
    if (entry === undefined) return undefined
    entries.delete(id)
    return entry.expires > now() ? entry : undefined
  }
  return {
    async: false,
    get(id) {
      const entry = live(id)
      if (entry !== undefined) entries.set(id, entry)
      return entry?.data
    },
    put(id, data, known) {
      const entry = live(id)
      if (known && entry === undefined) return false
      if (entries.size >= maxSessions) entries.delete(entries.keys().next().value!)
      entries.set(id, { data, expires: now() + ttl * 1000 })
      return true
    },
    delete: (id) => entries.delete(id),
  }
}
