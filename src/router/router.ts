/** The router: finds the route of a request and runs its plugs and its action in one row. */

import type { MaybePromise } from "../conn/adapter.ts"
import type { Connection } from "../conn/conn.ts"
import { MethodNotAllowedError, NoRouteError, UsageError } from "../conn/errors.ts"
import { checkOption, checkOptionNames } from "../conn/options.ts"
import type { Measures } from "../conn/request-side.ts"
import type { Assigns, Conn, Done, MatchedRoute } from "../conn/states.ts"
import { type AnyAction, run } from "../plug/run.ts"
import { forwardTo } from "./forward.ts"
import { buildMatcher, type Match, type Matcher, type MatcherRoute } from "./matcher.ts"
import { join } from "./params.ts"
import { parsePattern, parsePrefix } from "./pattern.ts"
import { type Entry, entriesOf, type Routes } from "./route.ts"
import { type Scope, scopeAt } from "./scope.ts"
import { tables } from "./table.ts"
import { checkReachable } from "./unreachable.ts"

/** A route table that runs. It is a plug that always answers, or raises `NoRouteError` or `MethodNotAllowedError`. */
export interface Router<in A extends Assigns = {}, out R extends Routes = Routes> {
  (conn: Conn<A>): MaybePromise<Done>
  readonly routes: R
}

export interface RouterOptions {
  /** What a known path answers to a wrong method: 405 with `allow` (the default), or 404 as in Phoenix. */
  wrongMethod?: 405 | 404
  /** Whether GET routes answer HEAD, without a body; true. */
  head?: boolean
  /** Whether a known path answers OPTIONS with 204 and `allow`, where no route does; false. */
  options?: boolean
  /** Whether routes that no request can reach raise `UsageError` with both places ("raise"), or stand ("allow"). */
  unreachable?: "raise" | "allow"
}

/**
 * Defines a router. Routes are tried in declared order; the first whose method, path and host fit wins.
 *
 * Raises `InvalidPatternError` for a pattern that cannot be understood, `UsageError` for a route that is declared twice or
 * stands behind one that takes all its requests.
 *
 * @example
 * routes(defineRouter((r) => [r.get("/users/:id", (conn, { id }) => conn.text(id))])).map((route) => route.path) //=> ["/users/:id"]
 */
export function defineRouter<const R extends Routes>(
  build: (r: Scope<{}, "/">) => R,
  options: RouterOptions = {},
): Router<{}, R> {
  return makeRouter(build, options)
}

/** Defines a router whose routes need assigns from whoever forwards to it. */
export function routerFor<A extends Assigns>(): <const R extends Routes>(
  build: (r: Scope<A, "/">) => R,
  options?: RouterOptions,
) => Router<A, R> {
  return (build, options = {}) => makeRouter(build, options)
}

function makeRouter<A extends Assigns, const R extends Routes>(
  build: (r: Scope<any, "/">) => R,
  options: RouterOptions,
): Router<A, R> {
  checkOptionNames("defineRouter", options, ["wrongMethod", "head", "options", "unreachable"])
  const { wrongMethod = 405, head = true, options: answersOptions = false, unreachable = "raise" } = options
  checkOption("defineRouter", "wrongMethod", wrongMethod === 405 || wrongMethod === 404, "405 or 404", wrongMethod)
  checkOption("defineRouter", "head", typeof head === "boolean", "true or false", head)
  checkOption("defineRouter", "options", typeof answersOptions === "boolean", "true or false", answersOptions)
  const stands = unreachable === "raise" || unreachable === "allow"
  checkOption("defineRouter", "unreachable", stands, '"raise" or "allow"', unreachable)
  const routes = build(scopeAt({ prefix: "/", plugs: [], host: undefined, options: {} }))
  if (!Array.isArray(routes)) throw new UsageError("a router's callback returns its routes in an array")
  const entries = entriesOf(routes)
  const hosted = entries.some((entry) => entry.host !== undefined)
  const lines = entries.map(toMatch)
  const matcher = buildMatcher(lines, { head })
  if (unreachable === "raise") checkReachable(lines, matcher)

  const find = (conn: Connection, method: string): Match<Entry> | undefined => {
    const direct = conn.scriptName.length === 0 ? matcher.matchPath(method, conn.exchange.path) : undefined
    return direct ?? matcher.match(method, conn.pathInfo, hosted ? conn.host : "")
  }

  const router = (conn: Connection): unknown => {
    const { method } = conn
    const match = find(conn, method)
    if (match === undefined) {
      if (answersOptions && method === "OPTIONS") return answerOptions(conn, matcher)
      throw noRoute(conn, matcher, wrongMethod)
    }
    const { value, params } = match
    if (conn.route === undefined) {
      conn.pathParams = params
      conn.route = value
      conn.passed = conn.row
    } else {
      conn.pathParams = { ...conn.pathParams, ...params }
      conn.route = joinRoutes(conn.route, value)
    }
    const { instrumentation } = conn.settings
    // A forward is no action: the router that it leads to has those.
    const isMeasured = value.forward === undefined && instrumentation?.has(controllerCall)
    return run(value.plugs, conn, isMeasured ? measured(instrumentation!, value.action) : value.action, params)
  }
  router.routes = routes
  tables.set(router, { entries, matcher, hosted })
  return router as unknown as Router<A, R>
}

const controllerCall = "phoenix_controller_call"

function measured(instrumentation: Measures, action: AnyAction): AnyAction {
  const call: AnyAction = (conn, params) =>
    instrumentation.instrument(controllerCall, { conn }, () => action(conn, params))
  return Object.defineProperty(call, "name", { value: action.name })
}

function toMatch(entry: Entry): MatcherRoute<Entry> {
  const { method, path, host, forward } = entry
  if (forward === undefined) return { method, pattern: parsePattern(path), host, value: entry }
  return { method, pattern: parsePrefix(path), host, value: { ...entry, action: forwardTo(forward, path) } }
}

/** The pattern of a route below forwards is that of the whole path; what is said of it is said of what is inside. */
function joinRoutes(outer: MatchedRoute, own: Entry): MatchedRoute {
  const { method, path, metadata, log = outer.log } = own
  return { method, path: join(outer.path, path), metadata: { ...outer.metadata, ...metadata }, log }
}

function answerOptions(conn: Connection, matcher: Matcher<Entry>): Connection {
  const allowed = matcher.allowedMethods(conn.pathInfo, conn.host)
  if (allowed.length === 0) throw new NoRouteError(conn.method, conn.path)
  return conn.putRespHeader("allow", [...allowed, "OPTIONS"].join(", ")).sendResp(204)
}

function noRoute(conn: Connection, matcher: Matcher<Entry>, wrongMethod: 405 | 404): Error {
  if (wrongMethod === 405) {
    const allowed = matcher.allowedMethods(conn.pathInfo, conn.host)
    if (allowed.length > 0) return new MethodNotAllowedError(conn.method, conn.path, allowed)
  }
  return new NoRouteError(conn.method, conn.path)
}
