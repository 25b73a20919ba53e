import { isCanonicalPath } from "../http/path.ts"
import { type Captures, capturesOf, type PathParams } from "./captures.ts"
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
   * `match`. It knows the canonical paths of literals alone, where no host and no parameter decides.
   */
  matchPath(method: string, path: string): Match<T> | undefined
  /** The methods with which this path would match, earliest route first: for a 405's `allow`. */
  allowedMethods(segments: readonly string[], host: string): string[]
}

/** Options of `buildMatcher`. */
export interface MatcherOptions {
  /** Whether a GET route also fits HEAD, in its declared place; true. */
  readonly head?: boolean | undefined
}

interface Candidate<T> extends Entry, Captures {
  readonly value: T
  /** What all its matches share, when it captures nothing. */
  readonly match: Match<T> | undefined
}

/** The routes for one method, those for every method among them. */
interface Table<T> {
  readonly root: Node<Candidate<T>>
  readonly paths: Map<string, Match<T>>
}

const NO_PARAMS: PathParams = Object.freeze({})
const NO_CAPTURES: Captures = { only: undefined, at: -1, read: () => NO_PARAMS }

/**
 * Builds the matcher of a route table: a trie of segments for each method.
 *
 * What a match costs depends on the path and on how many routes have a parameter where others have text, not on the
 * number of routes, and no path makes it exceed the size of the trie. Throws `UsageError` for a malformed host.
 *
 * @example
 * buildMatcher([]).match("GET", ["users"], "example.com") //=> undefined
 */
export function buildMatcher<T>(routes: readonly MatcherRoute<T>[], options: MatcherOptions = {}): Matcher<T> {
  const { head = true } = options
  const anyMethod: Table<T> = { root: emptyNode(), paths: new Map() }
  const tables = new Map<string, Table<T>>()
  const named = (method: string): string[] => (method === "GET" && head ? ["GET", "HEAD"] : [method])
  for (const method of routes.flatMap((route) => named(route.method))) {
    if (method !== "*" && !tables.has(method)) tables.set(method, { root: emptyNode(), paths: new Map() })
  }
  const all = [...tables.values(), anyMethod]
  let rank = 0
  for (const { method, pattern, host, value } of routes) {
    const hosts = compileHosts(host)
    const targets = method === "*" ? all : named(method).map((name) => tables.get(name)!)
    for (const segments of pattern.alternatives) {
      const captures = capturesOf(segments)
      const match = captures === undefined ? Object.freeze({ value, params: NO_PARAMS }) : undefined
      const candidate: Candidate<T> = { rank: rank++, hosts, value, match, ...(captures ?? NO_CAPTURES) }
      for (const table of targets) insert(table.root, segments, candidate)
    }
  }
  const nothing: Candidate<T> = {
    rank: NOWHERE,
    hosts: undefined,
    value: undefined as T,
    match: undefined,
    ...NO_CAPTURES,
  }
  for (const table of all) settlePaths(table, routes, nothing)

  const hosted = routes.some((route) => route.host !== undefined)
  const find = (table: Table<T>, segments: readonly string[], host: string): Candidate<T> =>
    search(table.root, segments, 0, hosted ? host.toLowerCase() : host, nothing)

  return {
    match(method, segments, host) {
      const found = find(tables.get(method) ?? anyMethod, segments, host)
      if (found === nothing) return undefined
      if (found.match !== undefined) return found.match
      if (found.only === undefined) return { value: found.value, params: found.read(segments) }
      const params: PathParams = {}
      params[found.only] = segments[found.at]!
      return { value: found.value, params }
    },
    matchPath(method, path) {
      return (tables.get(method) ?? anyMethod).paths.get(path)
    },
    allowedMethods(segments, host) {
      const ranked = [...tables].map(([method, table]) => ({ method, rank: find(table, segments, host).rank }))
      const fitting = ranked.filter((one) => one.rank < NOWHERE).sort((a, b) => a.rank - b.rank)
      return fitting.map((one) => one.method)
    },
  }
}

const isLiteral = (segment: Segment): segment is Literal => segment.kind === "literal"

/** Looks up beforehand the paths of literals alone, and keeps those where the outcome is the same for every host. */
function settlePaths<T>(table: Table<T>, routes: readonly MatcherRoute<T>[], nothing: Candidate<T>): void {
  for (const { pattern } of routes) {
    for (const segments of pattern.alternatives) {
      if (!segments.every(isLiteral)) continue
      const texts = segments.map((segment) => segment.text)
      const path = "/" + texts.join("/")
      const found = search(table.root, texts, 0, undefined, nothing)
      if (found.match !== undefined && found.hosts === undefined && isCanonicalPath(path))
        table.paths.set(path, found.match)
    }
  }
}
