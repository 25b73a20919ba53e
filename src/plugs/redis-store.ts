/** Sessions in Redis, for servers that are several processes. */

import { checkOption, checkOptionNames } from "../conn/options.ts"
import type { SessionData, SessionStore } from "./session-store.ts"

/** What is used of a client, as `@redis/client` 5 and 6 have it. */
export interface RedisClient {
  get(key: string): Promise<unknown>
  set(key: string, value: string, options: { EX: number; XX?: true }): Promise<unknown>
  del(key: string): Promise<unknown>
}

export interface RedisStoreOptions {
  /** A connected client. It is yours to connect, to watch for errors, and to close. */
  client: RedisClient
  /** What the keys begin with ("session:"). */
  prefix?: string
  /** Seconds that a session lives after it was last written (86,400). */
  ttl?: number
  /** Milliseconds until a call of the client counts as failed (2,000). */
  timeout?: number
}

/**
 * A session store in Redis. The client keeps commands while it has no connection: bound them with its own option
 * `commandsQueueMaxLength`, or switch that off with `disableOfflineQueue`.
 *
 * @example
 * const kept = new Map()
 * const client = {
 *   get: async (key) => kept.get(key) ?? null,
 *   set: async (key, value) => void kept.set(key, value) ?? "OK",
 *   del: async (key) => Number(kept.delete(key)),
 * }
 * const store = redisStore({ client })
 * await store.put("id", { user: 7 }, false) //=> true
 * kept.get("session:id") //=> '{"user":7}'
 */
export function redisStore(options: RedisStoreOptions): SessionStore {
  checkOptionNames("redisStore", options, ["client", "prefix", "ttl", "timeout"])
  const { client, prefix = "session:", ttl = 86_400, timeout = 2_000 } = options
  const has = (name: "get" | "set" | "del"): boolean => typeof client?.[name] === "function"
  checkOption("redisStore", "client", has("get") && has("set") && has("del"), "a client with get, set and del", {})
  checkOption("redisStore", "prefix", typeof prefix === "string", "text", prefix)
  checkOption("redisStore", "ttl", Number.isSafeInteger(ttl) && ttl > 0, "a whole number of seconds from 1", ttl)
  const inTime = Number.isSafeInteger(timeout) && timeout > 0 && timeout < 2 ** 31
  checkOption("redisStore", "timeout", inTime, "a whole number of milliseconds from 1", timeout)
  return {
    async: true,
    async get(id) {
      const text = await within(timeout, "GET", client.get(prefix + id))
      return typeof text === "string" ? parsed(text) : undefined
    },
    async put(id, data, known) {
      const condition = known ? ({ EX: ttl, XX: true } as const) : { EX: ttl }
      return (await within(timeout, "SET", client.set(prefix + id, JSON.stringify(data), condition))) !== null
    },
    async delete(id) {
      await within(timeout, "DEL", client.del(prefix + id))
    },
  }
}

/** Undefined for what is no JSON, and so is not ours: it is no reason to lock its visitor out. */
function parsed(text: string): SessionData | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** What a call gives; an error when it takes longer, which a client without a connection may do for ever. */
async function within<T>(ms: number, command: string, call: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Redis did not answer ${command} within ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([call, late])
  } finally {
    clearTimeout(timer)
  }
}
