/** What keeps secrets out of logs: parameters whose names say that they are secret are replaced before they are written. */

import { checkOption } from "../conn/options.ts"
import { decodePercent } from "../http/percent.ts"

/**
 * Which parameters are hidden: those whose name contains one of these, whatever its case and with or without "-" and "_"
 * (`apikey` hides `X-Api-Key`). Or, with `keep`, all but those with exactly these names and what is below them.
 */
export type ParamFilter = readonly string[] | { readonly keep: readonly string[] }

/** What stands for a value that is not shown. */
export const filtered = "[FILTERED]"

/** The names that are hidden unless others are given. */
export const secretNames: readonly string[] = [
  "password",
  "passwd",
  "passphrase",
  "secret",
  "token",
  "authorization",
  "cookie",
  "session",
  "credential",
  "signature",
  "api_key",
  "private_key",
]

/** How deep and how much of a value is looked at; beyond it stands "[TRUNCATED]". */
const maxDepth = 16
const maxValues = 10_000

/** A filter that was read once. */
export interface CompiledFilter {
  /** True when a value below this name is hidden by the name. */
  hides(name: string): boolean
  /** True when only what is named is shown. */
  readonly keeps: boolean
}

const plain = (name: string): string => name.toLowerCase().replace(/[-_\s]/g, "")

/** Reads a filter once. Raises `InvalidOptionError` for what is none. */
export function compileFilter(where: string, filter: ParamFilter): CompiledFilter {
  const keep = (filter as { keep?: readonly string[] } | null)?.keep
  const names = keep ?? (filter as readonly string[])
  const holds = Array.isArray(names) && names.every((name) => typeof name === "string" && plain(name) !== "")
  checkOption(where, "filter", holds, "a list of names, or { keep: names }", filter)
  if (keep !== undefined) {
    const kept = new Set(names)
    return { hides: (name) => !kept.has(name), keeps: true }
  }
  const parts = names.map(plain)
  const hides = (name: string): boolean => {
    const text = plain(name)
    return parts.some((part) => text.includes(part))
  }
  return { hides, keeps: false }
}

/**
 * A copy of a value for a log, in which what is named as a secret is `"[FILTERED]"`, at every depth; `names` is
 * `secretNames` when left out.
 *
 * The copy is JSON whatever the value was: maps become objects and sets lists, bytes are counted, what has a `toJSON` is
 * asked for it. What contains itself shows `"[CIRCULAR]"` there, and after 16 levels or 10,000 values comes
 * `"[TRUNCATED]"`. Objects of the copy have no prototype. Names are looked at and nothing else: a secret inside a text
 * stays. Raises `InvalidOptionError` for names that are none.
 *
 * @example
 * filterParams({ user: { name: "ada", password: "x" }, page: "2" }) //=> { user: { name: "ada", password: "[FILTERED]" }, page: "2" }
 * filterParams({ card: "4111", page: "2" }, ["card"]) //=> { card: "[FILTERED]", page: "2" }
 * filterParams({ id: "7", user: { id: "8", name: "ada" } }, { keep: ["id"] }) //=> { id: "7", user: { id: "8", name: "[FILTERED]" } }
 */
export function filterParams(value: unknown, names: ParamFilter = secretNames): unknown {
  return new Walk(compileFilter("filterParams", names)).copy(value, 0, false)
}

class Walk {
  readonly #filter: CompiledFilter
  readonly #open = new Set<object>()
  #left = maxValues

  constructor(filter: CompiledFilter) {
    this.#filter = filter
  }

  /** `shown`: the value is below a name that is kept. */
  copy(value: unknown, depth: number, shown: boolean): unknown {
    if (typeof value !== "object" || value === null) return this.#filter.keeps && !shown ? filtered : leaf(value)
    if (this.#open.has(value)) return "[CIRCULAR]"
    if (depth >= maxDepth || this.#left-- <= 0) return "[TRUNCATED]"
    this.#open.add(value)
    try {
      return this.#object(value, depth + 1, shown)
    } catch {
      // A getter, a proxy or a toJSON that fails is no reason to lose the line.
      return "[UNREADABLE]"
    } finally {
      this.#open.delete(value)
    }
  }

  #object(value: object, depth: number, shown: boolean): unknown {
    if (Array.isArray(value) || value instanceof Set) return this.#list(value, depth, shown)
    if (value instanceof Map) return this.#record(value, depth, shown)
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
      return this.#filter.keeps && !shown ? filtered : `[${value.byteLength} bytes]`
    }
    const { toJSON } = value as { toJSON?: unknown }
    if (typeof toJSON === "function") return this.copy(toJSON.call(value, ""), depth, shown)
    return this.#record(Object.entries(value), depth, shown)
  }

  #list(values: Iterable<unknown>, depth: number, shown: boolean): unknown[] {
    const copies: unknown[] = []
    for (const value of values) {
      if (this.#left-- <= 0) {
        copies.push("[TRUNCATED]")
        break
      }
      copies.push(this.copy(value, depth, shown))
    }
    return copies
  }

  #record(entries: Iterable<readonly [unknown, unknown]>, depth: number, shown: boolean): Record<string, unknown> {
    const copies: Record<string, unknown> = Object.create(null)
    const { hides, keeps } = this.#filter
    for (const [key, value] of entries) {
      if (this.#left-- <= 0) {
        copies["…"] = "[TRUNCATED]"
        break
      }
      const name = String(key)
      if (!keeps) copies[name] = hides(name) ? filtered : this.copy(value, depth, false)
      else copies[name] = this.copy(value, depth, shown || !hides(name))
    }
    return copies
  }
}

function leaf(value: unknown): unknown {
  if (typeof value === "bigint") return String(value)
  return typeof value === "function" || typeof value === "symbol" ? `[${typeof value}]` : value
}

/**
 * A query string as it was sent, with the values of hidden names replaced. A name that cannot be decoded hides its value.
 *
 * @example
 * filterQuery("page=2&user%5Bpassword%5D=x", compileFilter("logger", ["password"])) //=> "page=2&user%5Bpassword%5D=[FILTERED]"
 */
export function filterQuery(query: string, filter: CompiledFilter): string {
  if (query === "") return ""
  const pairs = query.split("&").map((pair) => {
    const at = pair.indexOf("=")
    if (at === -1) return filter.keeps && pair !== "" ? filtered : pair
    const name = decodePercent(pair.slice(0, at), true)
    return name === undefined || hidesParam(filter, name) ? `${pair.slice(0, at)}=${filtered}` : pair
  })
  return pairs.join("&")
}

/** Whether a name with brackets (`user[id]`) is hidden: kept is what one of its parts keeps. */
function hidesParam(filter: CompiledFilter, name: string): boolean {
  if (!filter.keeps) return filter.hides(name)
  return name.split(/[[\]]/).every((part) => filter.hides(part))
}
