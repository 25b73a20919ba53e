/** The builder that the callbacks of a router are given: it knows the assigns and the path so far. */

import type { MaybePromise } from "../conn/adapter.ts"
import { inner } from "../conn/conn.ts"
import { InvalidPatternError, UsageError } from "../conn/errors.ts"
import { checkOptionNames } from "../conn/options.ts"
import type { Assigns, Conn, Halted } from "../conn/states.ts"
import { openEventStream } from "../conn/stream.ts"
import { flat } from "../plug/pipeline.ts"
import type { Flat } from "../plug/plug.ts"
import type { AnyAction, AnyPlug } from "../plug/run.ts"
import { type Join, join, type Params } from "./params.ts"
import {
  type AnyResourceOptions,
  type NestedPrefix,
  nestedPrefix,
  type ResourceController,
  type ResourceOptions,
  type ResourceRoutes,
  resourceLines,
} from "./resources.ts"
import type {
  AnyRouter,
  Entry,
  ForwardRoutes,
  Handler,
  Route,
  RouteOptions,
  Routes,
  ScopeOptions,
  StreamHandler,
} from "./route.ts"
import { mergeOptions, noMetadata, settling } from "./route-options.ts"
import type { Router } from "./router.ts"
import { type Source, sourceOf } from "./source.ts"
import { tableOf } from "./table.ts"

type Verb<M extends string, A extends Assigns, Prefix extends string> = <const P extends string>(
  path: P,
  handler: Handler<A, Params<Join<Prefix, P>>>,
  options?: RouteOptions,
) => Route<M, Join<Prefix, P>>

/**
 * What the callback of a router or scope builds its routes with. `A` is what the plugs so far have assigned, `Prefix` the
 * path so far. Every member is a function of its own: `({ get, scope }) => [get("/", …)]` works too.
 */
export interface Scope<A extends Assigns, Prefix extends string> {
  get: Verb<"GET", A, Prefix>
  post: Verb<"POST", A, Prefix>
  put: Verb<"PUT", A, Prefix>
  patch: Verb<"PATCH", A, Prefix>
  delete: Verb<"DELETE", A, Prefix>
  head: Verb<"HEAD", A, Prefix>
  options: Verb<"OPTIONS", A, Prefix>
  /** Fits every method, those unknown too. */
  any: Verb<"*", A, Prefix>
  /** Fits the methods named; a custom method is written as it is sent. */
  match<const M extends string, const P extends string>(
    methods: M | readonly M[],
    path: P,
    handler: Handler<A, Params<Join<Prefix, P>>>,
    options?: RouteOptions,
  ): readonly Route<M, Join<Prefix, P>>[]
  /** A GET that opens a stream of server-sent events; it stays open after the handler, until `close` or the client's leaving. */
  stream<const P extends string>(
    path: P,
    handler: StreamHandler<A, Params<Join<Prefix, P>>>,
    options?: RouteOptions,
  ): Route<"GET", Join<Prefix, P>>
  resources<
    const P extends string,
    const C extends ResourceController<A, Params<Join<Prefix, P>>, { [K in Param]: string }>,
    const Param extends string = "id",
    const Singleton extends boolean = false,
  >(
    path: P,
    controller: C,
    options?: ResourceOptions<Param, string, Singleton>,
  ): ResourceRoutes<Join<Prefix, P>, keyof C, Param, Singleton>
  resources<
    const P extends string,
    const C extends ResourceController<A, Params<Join<Prefix, P>>, { [K in Param]: string }>,
    const Name extends string,
    const R extends Routes,
    const Param extends string = "id",
    const Singleton extends boolean = false,
  >(
    path: P,
    controller: C,
    options: ResourceOptions<Param, Name, Singleton>,
    nested: (r: Scope<A, NestedPrefix<Join<Prefix, P>, Param, Name, Singleton>>) => R,
  ): readonly [...ResourceRoutes<Join<Prefix, P>, keyof C, Param, Singleton>, ...R]
  /** Puts routes below a path, and behind a plug or pipeline. */
  scope<const P extends string, const R extends Routes>(path: P, build: (r: Scope<A, Join<Prefix, P>>) => R): R
  scope<const P extends string, Out extends Assigns, const R extends Routes>(
    path: P,
    through: (conn: Conn<A>) => MaybePromise<Conn<Out> | Halted>,
    build: (r: Scope<Flat<A & Out>, Join<Prefix, P>>) => R,
  ): R
  /** Limits routes to a host, to a prefix that ends with "." or to a list of these; an inner host replaces the outer one. */
  host<const R extends Routes>(host: string | readonly string[], build: (r: Scope<A, Prefix>) => R): R
  /** Says more of all routes inside: metadata, log level, and what is assigned before their plugs run; the inner wins. */
  with<const S extends Assigns, const R extends Routes>(
    options: ScopeOptions<S>,
    build: (r: Scope<Flat<A & S>, Prefix>) => R,
  ): R
  /** Mounts a router: it sees the rest of the path, and answers 404 itself. */
  forward<const P extends string, R extends Routes>(path: P, to: Router<A, R>): ForwardRoutes<Join<Prefix, P>, R>
}

interface Place {
  readonly prefix: string
  readonly plugs: readonly AnyPlug[]
  readonly host: string | readonly string[] | undefined
  readonly options: ScopeOptions<Assigns>
}
type Build = (r: Scope<any, any>) => Routes

interface Line {
  readonly method: string
  readonly path: string
  readonly action: AnyAction
  readonly forward?: AnyRouter
}

/** The builder for routes at a place. */
export function scopeAt(place: Place): Scope<any, any> {
  const under = (path: string): string => {
    if (path === "" || path.startsWith("/") || path.startsWith("{/")) return join(place.prefix, path)
    throw new InvalidPatternError(`a path begins with "/", got ${path} (below ${place.prefix})`)
  }
  const entry = (line: Line, options: RouteOptions, source: Source): Entry => {
    const { method, path, action, forward } = line
    if (typeof action !== "function") {
      throw new UsageError(`the action of ${method} ${join(place.prefix, path)} is no function, got ${typeof action}`)
    }
    checkOptionNames(`${method} ${path}`, options, ["metadata", "private", "log"])
    const all = mergeOptions(place.options, options)
    const plugs = [...settling(all), ...place.plugs]
    const { metadata = noMetadata, log } = all
    return { method, path: under(path), plugs, action, host: place.host, forward, metadata, log, source }
  }
  const verb = (method: string) => {
    const add = (path: string, action: AnyAction, options: RouteOptions = {}): Entry =>
      entry({ method, path, action }, options, sourceOf(add))
    return add
  }
  const inside = (changes: Partial<Place>, build: Build): Routes => {
    const routes = build(scopeAt({ ...place, ...changes }))
    if (!Array.isArray(routes))
      throw new UsageError(`a scope's callback returns its routes in an array (${place.prefix})`)
    return routes
  }
  const match = (methods: string | readonly string[], path: string, action: AnyAction, options: RouteOptions = {}) => {
    const source = sourceOf(match)
    return (typeof methods === "string" ? [methods] : methods).map((method) =>
      entry({ method, path, action }, options, source),
    )
  }
  const stream = (path: string, handler: AnyAction, options: RouteOptions = {}): Entry => {
    const action = typeof handler === "function" ? streamAction(handler) : handler
    return entry({ method: "GET", path, action }, options, sourceOf(stream))
  }
  const resources = (
    path: string,
    controller: Record<string, AnyAction>,
    options: AnyResourceOptions = {},
    nested?: Build,
  ): Routes => {
    const source = sourceOf(resources)
    const own = resourceLines(path, controller, options).map(([method, at, action]) =>
      entry({ method, path: at, action }, {}, source),
    )
    return nested === undefined ? own : [...own, ...inside({ prefix: under(nestedPrefix(path, options)) }, nested)]
  }
  const forward = (path: string, to: AnyRouter): Routes => {
    tableOf(to)
    return [entry({ method: "*", path, action: to, forward: to }, {}, sourceOf(forward))]
  }
  const built = {
    get: verb("GET"),
    post: verb("POST"),
    put: verb("PUT"),
    patch: verb("PATCH"),
    delete: verb("DELETE"),
    head: verb("HEAD"),
    options: verb("OPTIONS"),
    any: verb("*"),
    match,
    stream,
    resources,
    forward,
    scope: (path: string, ...rest: [build: Build] | [through: AnyPlug, build: Build]) =>
      rest.length === 1
        ? inside({ prefix: under(path) }, rest[0])
        : inside({ prefix: under(path), plugs: [...place.plugs, ...flat(rest[0])] }, rest[1]),
    host: (host: string | readonly string[], build: Build) => inside({ host }, build),
    with: (options: ScopeOptions<Assigns>, build: Build) => {
      checkOptionNames("with", options, ["assigns", "metadata", "private", "log"])
      return inside({ options: mergeOptions(place.options, options) }, build)
    },
  }
  return built as unknown as Scope<any, any>
}

/** Opens the stream, then lets the handler write; the stream outlives it. */
function streamAction(handler: AnyAction): AnyAction {
  const action = (conn: Conn, params: unknown): unknown => {
    openEventStream(inner(conn), {})
    const result = handler(conn, params)
    return result instanceof Promise ? result.then(() => conn) : conn
  }
  Object.defineProperty(action, "name", { value: handler.name })
  return action
}
