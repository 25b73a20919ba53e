/** What the debugger shows of values: what Node prints, without secrets, without running any code of theirs, bounded. */

import { inspect, stripVTControlCharacters, types } from "node:util"
import { type CompiledFilter, compileFilter, filtered, type ParamFilter, secretNames } from "./log-filter.ts"

/** Characters of one value that are shown. */
const most = 10_000
const maxDepth = 6
const maxEntries = 100
const maxValues = 1_000

/** A name that ends in "key" is that of a secret, "keyboard" and "monkey" are not. */
const keyName = /(?:^|[-_.\s])key$|Key$/
const controls = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/** A text without what moves a terminal's cursor or turns what follows around; cut after 10,000 characters. */
export function clean(text: string, length: number = most): string {
  const cut = text.length > length ? `${text.slice(0, length)} … (${text.length - length} more characters)` : text
  return stripVTControlCharacters(cut).replaceAll("\r\n", "\n").replace(controls, escaped)
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
}

/** What a function gives; where it fails, a value that stands for that. Whatever was thrown may fail when it is read. */
export function attempt<T, D>(read: () => T, otherwise: D): T | D {
  try {
    return read()
  } catch {
    return otherwise
  }
}

/** Prints values for a developer, with those of secret names replaced. */
export class Mask {
  readonly filter: CompiledFilter

  constructor(where: string, names: ParamFilter = secretNames) {
    const given = compileFilter(where, names)
    this.filter = { keeps: given.keeps, hides: (name) => given.hides(name) || keyName.test(name) }
  }

  /** A value as Node prints it. No getter, `toJSON`, `inspect.custom` or trap of it is called. */
  print(value: unknown): string {
    const options = { depth: maxDepth + 1, customInspect: false, maxArrayLength: maxEntries + 1, breakLength: 100 }
    const copy = (): unknown => new Copier(this.filter).copy(value, 0)
    const text = attempt(() => inspect(copy(), { ...options, maxStringLength: 2_000 }), undefined)
    return clean(text ?? `[${typeof value} that cannot be printed]`)
  }

  /** The value of a name: a text as it is, anything else as Node prints it. */
  show(name: string, value: unknown): string {
    if (this.filter.hides(name)) return filtered
    return typeof value === "string" ? clean(value) : this.print(value)
  }
}

/** Copies a value for printing, masked and bounded in depth and size. */
class Copier {
  readonly #filter: CompiledFilter
  readonly #open = new Set<object>()
  #left = maxValues

  constructor(filter: CompiledFilter) {
    this.#filter = filter
  }

  copy(value: unknown, depth: number): unknown {
    if (typeof value !== "object" || value === null) return value
    if (types.isProxy(value)) return bracketed("Proxy")
    if (this.#open.has(value)) return bracketed("Circular")
    if (value instanceof URL) return value.origin === "null" ? bracketed("URL") : `${value.origin}${value.pathname}`
    if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) return bracketed(`${value.byteLength} bytes`)
    if (types.isNativeError(value)) return bracketed(`${nameOf(value)}: ${messageOf(value)}`)
    if (types.isDate(value) || types.isRegExp(value) || types.isPromise(value)) return value
    if (depth >= maxDepth || this.#left-- <= 0) return bracketed(Array.isArray(value) ? "Array" : classOf(value))
    this.#open.add(value)
    const copy = this.#children(value, depth + 1)
    this.#open.delete(value)
    return copy
  }

  #children(value: object, depth: number): unknown {
    if (Array.isArray(value)) return this.#list(value, depth)
    if (types.isSet(value))
      return new Set([...first(Set.prototype.values.call(value))].map((one) => this.copy(one, depth)))
    if (types.isMap(value)) {
      const entries = [...first(Map.prototype.entries.call(value))]
      return new Map(entries.map(([key, one]) => [this.copy(key, depth), this.#named(key, one, depth)]))
    }
    const made: object = Object.create(Object.getPrototypeOf(value))
    for (const key of Reflect.ownKeys(value).slice(0, maxEntries)) {
      const own = Object.getOwnPropertyDescriptor(value, key)
      if (own === undefined || !own.enumerable) continue
      const shown = "value" in own ? { value: this.#named(key, own.value, depth) } : { get: own.get as () => unknown }
      Object.defineProperty(made, key, { ...shown, enumerable: true, configurable: true })
    }
    return made
  }

  #list(value: readonly unknown[], depth: number): unknown[] {
    const items: unknown[] = []
    for (let at = 0; at < value.length && at < maxEntries; at++) {
      const own = Object.getOwnPropertyDescriptor(value, at)
      items.push(own === undefined || "value" in own ? this.copy(own?.value, depth) : bracketed("Getter"))
    }
    if (value.length > maxEntries) items.push(bracketed(`${value.length - maxEntries} more`))
    return items
  }

  #named(key: unknown, value: unknown, depth: number): unknown {
    return typeof key === "string" && this.#filter.hides(key) ? filtered : this.copy(value, depth)
  }
}

/** Prints as its text alone, in brackets: as Node prints an error that has no stack. */
function bracketed(text: string): object {
  const shown = new Error()
  for (const [key, value] of [
    ["stack", text],
    ["name", ""],
    ["message", ""],
  ] as const) {
    Object.defineProperty(shown, key, { value, enumerable: false })
  }
  return shown
}

function* first<T>(values: Iterable<T>): Iterable<T> {
  let left = maxEntries
  for (const value of values) if (left-- > 0) yield value
}

/** The name of a thrown or shown object's class. */
export function classOf(value: object): string {
  const name: unknown = attempt(() => value.constructor.name, undefined)
  return typeof name === "string" && name !== "" ? clean(name, 200) : "Object"
}

/** The name of an error: its own, or its class's where it has but "Error". */
export function nameOf(error: object): string {
  const name: unknown = attempt(() => (error as Error).name, undefined)
  return typeof name === "string" && name !== "" && name !== "Error" ? clean(name, 200) : classOf(error)
}

export function messageOf(error: object): string {
  const message: unknown = attempt(() => (error as Error).message, undefined)
  return typeof message === "string" ? clean(message) : ""
}
