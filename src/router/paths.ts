/** Verified paths: URLs written as patterns that the router really has. */

import { UsageError } from "../conn/errors.ts"
import { buildPath, type PathValue } from "./build-path.ts"
import { join, type Params } from "./params.ts"
import { entriesOf, type PatternOf, type Routes } from "./route.ts"
import type { Router } from "./router.ts"

/** What may stand for a parameter: text or what has an obvious text. */
type Values<P> = { [K in keyof P]: P[K] extends string[] ? readonly PathValue[] : PathValue }

export type PathsOf<P extends string> = <const T extends P>(
  pattern: T,
  ...rest: {} extends Params<T>
    ? [params?: Values<Params<T>>, query?: object]
    : [params: Values<Params<T>>, query?: object]
) => string

/**
 * Makes the function that builds paths of a router: `path("/users/:id", { id: "1" }, { page: 2 })`. Parameters and query
 * are encoded. A pattern that the router does not have does not compile, and raises `UsageError`.
 *
 * An action that calls it states its own return type (`: Sent`), or the types of router and action go in a circle.
 */
export function pathsOf<R extends Routes>(router: Router<never, R>): PathsOf<PatternOf<R>> {
  let known: Set<string> | undefined
  const path = (pattern: string, params: object = {}, query?: object): string => {
    known ??= patternsOf(router.routes, "/")
    if (!known.has(pattern)) throw new UsageError(`path(): the router has no route ${pattern}`)
    return buildPath(pattern, params, query)
  }
  return path as PathsOf<PatternOf<R>>
}

function patternsOf(routes: Routes, prefix: string): Set<string> {
  const patterns = new Set<string>()
  for (const entry of entriesOf(routes)) {
    const path = join(prefix, entry.path)
    if (entry.forward === undefined) patterns.add(path)
    else for (const inner of patternsOf(entry.forward.routes, path)) patterns.add(inner)
  }
  return patterns
}
