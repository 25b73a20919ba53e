/** What a router knows of itself: its routes as data, and the route that a request would take. */

import { splitPath } from "../http/path.ts"
import type { PathParams } from "./captures.ts"
import { join } from "./params.ts"
import type { Entry } from "./route.ts"
import type { Router } from "./router.ts"
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
}

const nameOf = (plug: { name: string }): string => (plug.name === "" ? "(unnamed)" : plug.name)

function infos(entries: readonly Entry[], prefix: string, plugs: readonly string[]): RouteInfo[] {
  return entries.flatMap((entry) => {
    const path = join(prefix, entry.path)
    const all = [...plugs, ...entry.plugs.map(nameOf)]
    if (entry.forward !== undefined) return infos(tableOf(entry.forward).entries, path, all)
    return [{ method: entry.method, path, host: entry.host, plugs: all, action: nameOf(entry.action) }]
  })
}

/** All routes of a router in declared order, those of the routers that it forwards to among them. */
export function routes(router: Router<never>): RouteInfo[] {
  return infos(tableOf(router).entries, "/", [])
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
  return segments === undefined ? undefined : infoOf(router, method, segments, host, "/", [])
}

function infoOf(
  router: object,
  method: string,
  segments: readonly string[],
  host: string,
  prefix: string,
  plugs: readonly string[],
): (RouteInfo & { readonly pathParams: PathParams }) | undefined {
  const match = tableOf(router).matcher.match(method, segments, host)
  if (match === undefined) return undefined
  const entry = match.value
  const path = join(prefix, entry.path)
  const all = [...plugs, ...entry.plugs.map(nameOf)]
  if (entry.forward === undefined) {
    return {
      method: entry.method,
      path,
      host: entry.host,
      plugs: all,
      action: nameOf(entry.action),
      pathParams: match.params,
    }
  }
  const count = entry.path.split("/").filter((segment) => segment !== "").length
  const below = infoOf(entry.forward, method, segments.slice(count), host, path, all)
  return below && { ...below, pathParams: { ...match.params, ...below.pathParams } }
}
