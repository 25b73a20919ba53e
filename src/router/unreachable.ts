/** Routes that no request can reach, because routes before them take all that they would get. */

import { UsageError } from "../conn/errors.ts"
import type { Matcher, MatcherRoute } from "./matcher.ts"
import type { Entry } from "./route.ts"
import type { Segment } from "./segment.ts"
import { placeOf } from "./source.ts"

/** A text that no pattern spells out: only a parameter or a glob takes it. */
const anything = "\u{10fffd}"

/** Segments that the pattern takes, with as little in common with other patterns as possible. */
function sample(segments: readonly Segment[], globLength: number): string[] {
  return segments.flatMap((segment) => {
    if (segment.kind === "literal") return segment.text
    if (segment.kind === "param") return anything
    if (segment.kind === "glob") return new Array<string>(globLength).fill(anything)
    return segment.parts.map((part) => (part.kind === "literal" ? part.text : anything)).join("")
  })
}

function hostsOf({ host }: MatcherRoute<Entry>): string[] {
  const list = host === undefined ? [anything] : typeof host === "string" ? [host] : host
  return list.map((one) => (one.endsWith(".") ? one + anything : one))
}

/**
 * Raises `UsageError` for the first route that cannot be reached, naming it and the one in its way, with their places. A
 * pattern takes text, one of anything, or the rest: a route is out of reach when an earlier one takes even what nobody has
 * spelt out.
 */
export function checkReachable(routes: readonly MatcherRoute<Entry>[], matcher: Matcher<Entry>): void {
  const longest = Math.max(0, ...routes.flatMap(({ pattern }) => pattern.alternatives.map(({ length }) => length)))
  const lengths = Array.from({ length: longest + 2 }, (_, n) => longest + 1 - n)
  for (const route of routes) {
    const method = route.method === "*" ? anything : route.method
    let taker: Entry | undefined
    const isTaken = (segments: readonly string[], host: string): boolean => {
      const found = matcher.match(method, segments, host)?.value
      if (found === route.value) return false
      taker = found
      return true
    }
    const isOut = route.pattern.alternatives.every((segments) => {
      const hasGlob = segments.at(-1)?.kind === "glob"
      const samples = (hasGlob ? lengths : [0]).map((length) => sample(segments, length))
      return samples.every((one) => hostsOf(route).every((host) => isTaken(one, host)))
    })
    if (isOut && taker !== undefined) throw outOfReach(route.value, taker)
  }
}

const shown = (entry: Entry): string => `${entry.method} ${entry.path} (${placeOf(entry.source) ?? "unknown place"})`

function outOfReach(route: Entry, taker: Entry): UsageError {
  const same = route.path === taker.path && route.method === taker.method
  const what = same
    ? `${shown(route)} is declared twice; first as ${shown(taker)}`
    : `${shown(route)} can never be reached: ${shown(taker)} stands before it and takes all its requests`
  return new UsageError(`${what}. Remove one or change their order; { unreachable: "allow" } lets it stand`)
}
