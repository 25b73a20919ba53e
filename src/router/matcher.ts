import { captureWith, type PathParams } from "./captures.ts"
import { compileHosts } from "./hosts.ts"
import type { Pattern } from "./pattern.ts"
import type { Literal, Segment } from "./segment.ts"
import { type Entry, emptyNode, insert, NOWHERE, type Node, search } from "./trie.ts"

export type { PathParams } from "./captures.ts"

/** A route as the matcher takes it. */
export interface MatcherRoute<T> {
  /** Compared as it is; "*" fits every method. */
  readonly method: string
  readonly pattern: Pattern
  /** A host, a prefix that ends with ".", or a list of these; none fits every host. */
  readonly host?: string | readonly string[] | undefined
  readonly value: T
}

/** What fitted: the route's value and what its parameters captured. */
export interface Match<T> {
  readonly value: T
  /** Decoded; the parameters of an optional group that was left out are absent. Frozen when there are none. */
  readonly params: PathParams
}

/** Finds the route of a request. */
export interface Matcher<T> {
  /** The first declared route that fits, as if tried one by one. `segments` are decoded, `host` is without port. */
  match(method: string, segments: readonly string[], host: string): Match<T> | undefined
  /**
   * The same for a raw path that a route spells out, by one look-up and without splitting. Undefined says nothing: ask
   * `match`. It knows the literal paths without "%" for which neither host nor an earlier parameter decides.
   */
  matchPath(method: string, path: string): Match<T> | undefined
  /** The methods with which this path would match, earliest route first, "HEAD" after "GET": for a 405's `allow`. */
  allowedMethods(segments: readonly string[], host: string): string[]
}

interface Candidate<T> extends Entry {
  readonly value: T
  readonly capture: (segments: readonly string[]) => PathParams
  /** Shared by all matches when there is nothing to capture. */
  readonly match: Match<T> | undefined
}

/** The routes for one method, those for every method among them. */
interface Table<T> {
  readonly root: Node<Candidate<T>>
  readonly paths: Map<string, Match<T>>
}

/**
 * Builds the matcher of a route table: one segment trie for each method.
 *
 * The cost of a match depends on the path's length and on how many routes differ only in parameters where others have
 * text, not on the number of routes. Throws `UsageError` for a malformed host.
 *
 * @example
 * buildMatcher([]).match("GET", ["users"], "example.com") //=> undefined
 */
export function buildMatcher<T>(routes: readonly MatcherRoute<T>[]): Matcher<T> {
  const tables = new Map<string, Table<T>>()
  for (const { method } of routes) tables.set(method, { root: emptyNode(), paths: new Map() })
  const anyMethod: Table<T> = tables.get("*") ?? { root: emptyNode(), paths: new Map() }
  tables.delete("*")
  fill(routes, tables, anyMethod)

  const none: Candidate<T> = {
    rank: NOWHERE,
    hosts: undefined,
    value: undefined as T,
    capture: () => ({}),
    match: undefined,
  }
  const hosted = routes.some((route) => route.host !== undefined)
  const find = (table: Table<T>, segments: readonly string[], host: string): Candidate<T> =>
    search(table.root, segments, 0, hosted ? host.toLowerCase() : host, none)
  for (const table of [...tables.values(), anyMethod]) settlePaths(table, routes, none)

  return {
    match(method, segments, host) {
      const found = find(tables.get(method) ?? anyMethod, segments, host)
      if (found === none) return undefined
      return found.match ?? { value: found.value, params: found.capture(segments) }
    },
    matchPath(method, path) {
      return (tables.get(method) ?? anyMethod).paths.get(path)
    },
    allowedMethods(segments, host) {
      const fitting = [...tables].map(([method, table]) => ({ method, rank: find(table, segments, host).rank }))
      const methods = fitting.filter((one) => one.rank < NOWHERE).sort((a, b) => a.rank - b.rank)
      const names = methods.map((one) => one.method)
      return names.includes("HEAD") ? names : names.flatMap((name) => (name === "GET" ? ["GET", "HEAD"] : [name]))
    },
  }
}

function fill<T>(routes: readonly MatcherRoute<T>[], tables: Map<string, Table<T>>, anyMethod: Table<T>): void {
  let rank = 0
  for (const { method, pattern, host, value } of routes) {
    const hosts = compileHosts(host)
    const targets = method === "*" ? [...tables.values(), anyMethod] : [tables.get(method)!]
    for (const segments of pattern.alternatives) {
      const capture = captureWith(segments)
      const match = capture === undefined ? Object.freeze({ value, params: NO_PARAMS }) : undefined
      const candidate = { rank: rank++, hosts, value, capture: capture ?? (() => NO_PARAMS), match }
      for (const table of targets) insert(table.root, segments, candidate)
    }
  }
}

const NO_PARAMS: PathParams = Object.freeze({})

/** Text that stands in a request's path as it is: RFC 3986 pchar without percent-encoding. */
const VERBATIM = /^[A-Za-z0-9._~!$&'()*+,;=:@-]+$/

/** Looks up beforehand every path that is all text, where the outcome is the same for every host. */
function settlePaths<T>(table: Table<T>, routes: readonly MatcherRoute<T>[], none: Candidate<T>): void {
  const isVerbatim = (segment: Segment): segment is Literal => segment.kind === "literal" && VERBATIM.test(segment.text)
  for (const { pattern } of routes) {
    for (const segments of pattern.alternatives) {
      if (!segments.every(isVerbatim)) continue
      const texts = segments.map((segment) => segment.text)
      const found = search(table.root, texts, 0, undefined, none)
      if (found.match !== undefined && found.hosts === undefined) table.paths.set("/" + texts.join("/"), found.match)
    }
  }
}
