import { UsageError } from "../conn/errors.ts"
import { canonicalPath, splitPath } from "../http/path.ts"
import { encodeSegment } from "../http/percent.ts"
import { encodeQuery } from "../http/query.ts"
import { buildMatcher, type PathParams } from "./matcher.ts"
import { type Pattern, parsePattern } from "./pattern.ts"
import { namesIn, type Segment } from "./segment.ts"

/** What can stand for a parameter: one of these for a segment, a list of them for a glob. */
export type PathValue = string | number | bigint | boolean

type Values = Readonly<Record<string, unknown>>
type Writer = (values: Values) => string

const LONE_SURROGATE = /\p{Surrogate}/gu

/** What building the paths of one pattern needs. */
interface Builder {
  readonly pattern: Pattern
  readonly alternatives: readonly { readonly names: readonly string[]; readonly writers: readonly Writer[] }[]
  /** Reads a built path back, where one value can be taken for another's; else undefined. */
  readonly readBack: ((path: string) => PathParams | undefined) | undefined
}

/** Patterns are in the program's text, so there are few; the bound is for programs that put them together. */
const MAX_BUILDERS = 10_000
const builders = new Map<string, Builder>()

/**
 * Builds the path of a pattern with these parameters, percent-encoded, and this query.
 *
 * What it returns, split and matched with the pattern, gives the same parameters back (as text; a lone surrogate as
 * U+FFFD). Where that cannot be, it throws `UsageError` naming the parameter: one that is missing, empty, not a string,
 * finite number, bigint or boolean (for a glob: a list of these), "." or ".." (which clients resolve), or one that would
 * be read back as another. An optional group is written when one of its parameters is given. Other keys of `params`
 * mean nothing. Throws `InvalidPatternError` as `parsePattern` does.
 *
 * @example
 * buildPath("/users/:id", { id: "a/b" }) //=> "/users/a%2Fb"
 * buildPath("/posts{/:year}", {}, { page: 2 }) //=> "/posts?page=2"
 * buildPath("/files/*path", { path: ["a b", 1] }) //=> "/files/a%20b/1"
 * buildPath("/users/:id", {}) //=> throws UsageError
 */
export function buildPath(pattern: string, params: object = {}, query: object = {}): string {
  const values = params as Values
  const builder = builders.get(pattern) ?? makeBuilder(pattern)
  const { names } = builder.pattern
  let chosen = builder.alternatives[0]!
  if (builder.alternatives.length > 1) {
    const given = names.filter((name) => isGiven(values[name]))
    // With a group comes before without it, so the last one that has all that is given takes no group in vain.
    chosen = builder.alternatives.findLast((one) => given.every((name) => one.names.includes(name)))!
  }
  let path = ""
  for (const write of chosen.writers) path += write(values)
  path ||= "/"
  if (builder.readBack !== undefined) compare(pattern, names, values, builder.readBack(path) ?? {})
  const search = encodeQuery(query)
  return search === "" ? path : `${path}?${search}`
}

function makeBuilder(source: string): Builder {
  const pattern = parsePattern(source)
  const alternatives = pattern.alternatives.map((segments) => ({
    names: segments.flatMap(namesIn),
    writers: segments.map((segment) => writerOf(source, segment)),
  }))
  const isClear = alternatives.length === 1 && !pattern.alternatives[0]!.some((segment) => segment.kind === "mixed")
  const matcher = buildMatcher([{ method: "*", pattern, value: undefined }])
  const readBack = isClear ? undefined : (path: string) => matcher.match("*", splitPath(path) ?? [], "")?.params
  if (builders.size >= MAX_BUILDERS) builders.clear()
  const builder = { pattern, alternatives, readBack }
  builders.set(source, builder)
  return builder
}

/** What writes one segment, its "/" included. */
function writerOf(source: string, segment: Segment): Writer {
  if (segment.kind === "literal") {
    const text = canonicalPath([segment.text])
    return () => text
  }
  if (segment.kind === "mixed") {
    const writers = segment.parts.map((part) => {
      if (part.kind === "param") return (values: Values) => encodeSegment(textOf(source, part.name, values[part.name]))
      const text = canonicalPath([part.text]).slice(1)
      return () => text
    })
    return (values) => segmentOf(source, segment, writers.map((write) => write(values)).join(""))
  }
  const name = segment.name!
  if (segment.kind === "param") {
    return (values) => segmentOf(source, segment, encodeSegment(textOf(source, name, values[name])))
  }
  return (values) => {
    const list = values[name]
    if (!isGiven(list)) refuse(source, name, "is missing")
    if (!Array.isArray(list)) refuse(source, name, `must be a list, got ${shown(list)}`)
    return list.map((one) => segmentOf(source, segment, encodeSegment(textOf(source, name, one)))).join("")
  }
}

function segmentOf(source: string, segment: Segment, encoded: string): string {
  if (encoded === "." || encoded === "..") refuse(source, namesIn(segment).join(", "), `makes the segment "${encoded}"`)
  return "/" + encoded
}

const isGiven = (value: unknown): boolean => value !== undefined && value !== null && typeof value !== "function"

function textOf(source: string, name: string, value: unknown): string {
  if (!isGiven(value)) refuse(source, name, "is missing")
  if (value === "") refuse(source, name, "is empty, which no segment can be")
  if (typeof value === "string") return value
  if (typeof value === "boolean" || typeof value === "bigint" || Number.isFinite(value)) return String(value)
  return refuse(source, name, `must be a string, finite number, bigint or boolean, got ${shown(value)}`)
}

/** Holds that what was given is what a router will read. */
function compare(source: string, names: readonly string[], values: Values, read: PathParams): void {
  for (const name of names) {
    const value = values[name]
    const got = read[name]
    if (typeof got === "string" && got === value) continue
    const wanted = isGiven(value) ? [value].flat().map((one) => String(one).replace(LONE_SURROGATE, "\ufffd")) : []
    const same = JSON.stringify(wanted) === JSON.stringify([got ?? []].flat())
    if (!same) refuse(source, name, `is ${shown(value)}, but would be read back as ${shown(got)}`)
  }
}

/** A value for a message, bounded. */
function shown(value: unknown): string {
  if (typeof value === "function" || typeof value === "symbol") return `a ${typeof value}`
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return "an object"
  if (Array.isArray(value)) return "a list"
  if (value === undefined) return "absent"
  const text = typeof value === "string" ? JSON.stringify(value) : String(value)
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}

function refuse(source: string, name: string, reason: string): never {
  throw new UsageError(`the parameter "${name}" of the path ${JSON.stringify(source)} ${reason}`)
}
