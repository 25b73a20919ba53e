/**
 * Query strings and urlencoded bodies (application/x-www-form-urlencoded) with nested names, after Plug.Conn.Query.
 *
 * The grammar of nested names is in `param-tree.ts`. Pairs are split on "&" only, name and value at the first "="; a piece
 * without "=" has the value ""; "+" is a space; a malformed "%" is itself. Decoding takes time in proportion to the input.
 */
import { ParamDepthError, ParamTree, shownName } from "./param-tree.ts"
import { decodePercent, decodePercentLossy, encodeSegment } from "./percent.ts"

export type QueryValue = string | QueryValue[] | QueryParams
/** Decoded parameters. Neither this nor any map in it has a prototype. */
export interface QueryParams {
  [name: string]: QueryValue
}

export interface DecodeQueryOptions {
  /** How many brackets a name may have (32). */
  maxDepth?: number
  /** How many pairs there may be (1,000). */
  maxPairs?: number
  /** Whether bytes that are not UTF-8 are an error (true); otherwise they become U+FFFD. */
  validateUtf8?: boolean
  /** Parameters that win over decoded ones of the same name. */
  initial?: Readonly<QueryParams>
}

/** A query that is not decoded: not UTF-8, nested too deep, too many pairs. The message names the parameter. */
export class QueryError extends Error {
  override readonly name = "QueryError"
  readonly reason: "utf8" | "depth" | "pairs"
  constructor(reason: "utf8" | "depth" | "pairs", message: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
  }
}

/**
 * Decodes a query string (without "?"). Raises a QueryError beyond the limits and for what is not UTF-8.
 *
 * @example
 * decodeQuery("q=a+b&page=2") //=> { q: "a b", page: "2" }
 * decodeQuery("user[name]=ann&user[tags][]=x&user[tags][]=y") //=> { user: { name: "ann", tags: ["x", "y"] } }
 * decodeQuery("x=1&x=2&flag") //=> { x: "2", flag: "" }
 */
export function decodeQuery(query: string, options: DecodeQueryOptions = {}): QueryParams {
  const { maxDepth = 32, maxPairs = 1000, validateUtf8 = true, initial } = options
  const coded = special.test(query)
  const tree = coded ? new ParamTree<string>(maxDepth) : undefined
  const flat: QueryParams = Object.create(null)
  let pairs = 0
  let start = 0
  let equals = -1
  while (start < query.length) {
    const ampersand = query.indexOf("&", start)
    const end = ampersand < 0 ? query.length : ampersand
    if (end > start) {
      // Looked for only when the last one is used up: pieces without "=" would each search to the end.
      if (equals < start) equals = indexOrEnd(query, "=", start)
      const split = Math.min(equals, end)
      const rawName = query.slice(start, split)
      if (++pairs > maxPairs)
        throw new QueryError("pairs", `more than ${maxPairs} parameters, at ${shownName(rawName)}`)
      const rawValue = split < end ? query.slice(split + 1, end) : ""
      if (tree === undefined) flat[rawName] = rawValue
      else put(tree, decode(rawName, validateUtf8, rawName), decode(rawValue, validateUtf8, rawName))
    }
    start = end + 1
  }
  const params: QueryParams = tree?.done() ?? flat
  if (initial !== undefined) for (const name of Object.keys(initial)) params[name] = initial[name]!
  return params
}

/** What makes a query more than names and values to be taken as they are. */
const special = /[%+[]/

function indexOrEnd(text: string, character: string, from: number): number {
  const at = text.indexOf(character, from)
  return at < 0 ? text.length : at
}

function decode(raw: string, validateUtf8: boolean, rawName: string): string {
  const text = decodePercent(raw, true)
  if (text !== undefined) return text
  if (!validateUtf8) return decodePercentLossy(raw, true)
  throw new QueryError("utf8", `the parameter ${shownName(rawName)} is not UTF-8`)
}

function put(tree: ParamTree<string>, name: string, value: string): void {
  try {
    tree.put(name, value)
  } catch (cause) {
    if (cause instanceof ParamDepthError) throw new QueryError("depth", `the parameter ${cause.message}`, { cause })
    throw cause
  }
}

/** Deeper than any query that can be decoded; a value that contains itself ends here. */
const encodeDepth = 100

/**
 * Encodes parameters as a query string. Decoding it gives them again as text, but for lists of lists or maps: those are
 * written `a[][b]`, which cannot say where one ends, and come back as one.
 *
 * Values are strings, numbers, bigints, booleans, Dates (ISO 8601) and null (`name=`); undefined is left out, and so are
 * empty maps and lists. A map inside a list has exactly one key. Raises a TypeError that names the parameter for anything
 * else.
 *
 * @example
 * encodeQuery({ q: "a b", page: 2 }) //=> "q=a+b&page=2"
 * encodeQuery({ user: { name: "ann", tags: ["x", "y"] }, none: null }) //=> "user[name]=ann&user[tags][]=x&user[tags][]=y&none="
 */
export function encodeQuery(params: object): string {
  const pairs: string[] = []
  if (!isPlain(params)) throw new TypeError("query parameters are a plain object")
  for (const [name, value] of Object.entries(params)) encodePair(pairs, formEncode(name), value, 0)
  return pairs.join("&")
}

function encodePair(pairs: string[], name: string, value: unknown, depth: number): void {
  if (value === undefined) return
  if (value === null || typeof value !== "object" || value instanceof Date) {
    pairs.push(`${name}=${formEncode(scalar(name, value))}`)
  } else if (depth === encodeDepth) {
    throw new TypeError(`the parameter ${shownName(name)} nests deeper than ${encodeDepth} levels, or contains itself`)
  } else if (Array.isArray(value)) {
    for (const item of value) encodePair(pairs, `${name}[]`, checkedItem(name, item), depth + 1)
  } else {
    for (const [key, item] of Object.entries(plain(name, value))) {
      encodePair(pairs, `${name}[${formEncode(key)}]`, item, depth + 1)
    }
  }
}

function scalar(name: string, value: unknown): string {
  switch (typeof value) {
    case "string":
      return value
    case "number":
    case "bigint":
    case "boolean":
      return String(value)
    default:
      if (value === null) return ""
      if (value instanceof Date && !Number.isNaN(value.getTime())) return value.toISOString()
      throw new TypeError(
        `the parameter ${shownName(name)} cannot be a ${value instanceof Date ? "Date without a time" : typeof value}`,
      )
  }
}

function checkedItem(name: string, item: unknown): unknown {
  if (typeof item !== "object" || item === null || item instanceof Date || Array.isArray(item)) return item
  if (Object.keys(item).length === 1) return item
  throw new TypeError(`the parameter ${shownName(`${name}[]`)} has a map in a list, which must have exactly one key`)
}

function plain(name: string, value: object): object {
  if (isPlain(value)) return value
  throw new TypeError(`the parameter ${shownName(name)} cannot be a ${value.constructor?.name || "class instance"}`)
}

/** True for `{}` (of any realm) and for maps without a prototype. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/** As a form encodes text: like a segment, with "+" for a space. */
function formEncode(text: string): string {
  const encoded = encodeSegment(text)
  return encoded.includes("%20") ? encoded.replaceAll("%20", "+") : encoded
}
