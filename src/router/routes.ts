/** What a router knows of itself: its routes as data, and the route that a request would take. */

import { splitPath } from "../http/path.ts"
import type { PathParams } from "./captures.ts"
import { join } from "./params.ts"
import { type Entry, entriesOf, type LogLevel, type Routes } from "./route.ts"
import type { Router } from "./router.ts"
import { placeOf } from "./source.ts"
import { tableOf } from "./table.ts"

/** A route as data. */
export interface RouteInfo {
  readonly method: string
  readonly path: string
  readonly host: string | readonly string[] | undefined
  /** The names of its plugs, in the order in which they run. */
  readonly plugs: readonly string[]
  /** The name of its action. */
  readonly action: string
  readonly metadata: Readonly<Record<string, unknown>>
  /** The level at which its requests are logged, where the route says so. */
  readonly log: LogLevel | false | undefined
  /** Where it was written: `file:line:column`. */
  readonly source: string | undefined
}

const nameOf = (plug: { name: string }): string => (plug.name === "" ? "(unnamed)" : plug.name)

/** What forwards on the way say of everything below them. */
interface Above {
  readonly prefix: string
  readonly plugs: readonly string[]
  readonly metadata: Readonly<Record<string, unknown>>
  readonly log: LogLevel | false | undefined
}
const top: Above = { prefix: "/", plugs: [], metadata: {}, log: undefined }

function below(above: Above, entry: Entry): Above {
  const { path, plugs, metadata, log = above.log } = entry
  return {
    prefix: join(above.prefix, path),
    plugs: [...above.plugs, ...plugs.map(nameOf)],
    metadata: { ...above.metadata, ...metadata },
    log,
  }
}

function infoOf(above: Above, entry: Entry): RouteInfo {
  const { prefix: path, plugs, metadata, log } = below(above, entry)
  const { method, host, action, source } = entry
  return { method, path, host, plugs, action: nameOf(action), metadata, log, source: placeOf(source) }
}

/** What a list of entries says, those of the routers that it forwards to among them. */
export function routesIn(routes: Routes): RouteInfo[] {
  return infos(entriesOf(routes), top)
}

function infos(entries: readonly Entry[], above: Above): RouteInfo[] {
  return entries.flatMap((entry) =>
    entry.forward === undefined ? [infoOf(above, entry)] : infos(tableOf(entry.forward).entries, below(above, entry)),
  )
}

/** All routes of a router in declared order, those of the routers that it forwards to among them. */
export function routes(router: Router<never>): RouteInfo[] {
  return infos(tableOf(router).entries, top)
}

/**
 * The route that a request would take, with its parameters decoded; undefined when there is none. `path` is raw, without
 * query. HEAD finds the GET route that answers it.
 */
export function routeInfo(
  router: Router<never>,
  method: string,
  path: string,
  host = "",
): (RouteInfo & { readonly pathParams: PathParams }) | undefined {
  const segments = splitPath(path)
  return segments === undefined ? undefined : find(router, method, segments, host, top)
}

function find(
  router: object,
  method: string,
  segments: readonly string[],
  host: string,
  above: Above,
): (RouteInfo & { readonly pathParams: PathParams }) | undefined {
  const match = tableOf(router).matcher.match(method, segments, host)
  if (match === undefined) return undefined
  const entry = match.value
  if (entry.forward === undefined) return { ...infoOf(above, entry), pathParams: match.params }
  const count = entry.path.split("/").filter((segment) => segment !== "").length
  const found = find(entry.forward, method, segments.slice(count), host, below(above, entry))
  return found && { ...found, pathParams: { ...match.params, ...found.pathParams } }
}
