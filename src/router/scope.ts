/** The builder that the callbacks of a router are given: it knows the assigns and the path so far. */

import type { MaybePromise } from "../conn/adapter.ts"
import { inner } from "../conn/conn.ts"
import { InvalidPatternError, UsageError } from "../conn/errors.ts"
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
import type { AnyRouter, Entry, ForwardRoutes, Handler, Route, Routes, StreamHandler } from "./route.ts"
import type { Router } from "./router.ts"
import { tableOf } from "./table.ts"

type Verb<M extends string, A extends Assigns, Prefix extends string> = <const P extends string>(
  path: P,
  handler: Handler<A, Params<Join<Prefix, P>>>,
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
  ): readonly Route<M, Join<Prefix, P>>[]
  /** A GET that opens a stream of server-sent events; it stays open after the handler, until `close` or the client's leaving. */
  stream<const P extends string>(
    path: P,
    handler: StreamHandler<A, Params<Join<Prefix, P>>>,
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
  /** Mounts a router: it sees the rest of the path, and answers 404 itself. */
  forward<const P extends string, R extends Routes>(path: P, to: Router<A, R>): ForwardRoutes<Join<Prefix, P>, R>
}

interface Place {
  readonly prefix: string
  readonly plugs: readonly AnyPlug[]
  readonly host: string | readonly string[] | undefined
}
type Build = (r: Scope<any, any>) => Routes

/** The builder for routes at a place. */
export function scopeAt(place: Place): Scope<any, any> {
  const under = (path: string): string => {
    if (path === "" || path.startsWith("/") || path.startsWith("{/")) return join(place.prefix, path)
    throw new InvalidPatternError(`a path begins with "/", got ${path} (below ${place.prefix})`)
  }
  const entry = (method: string, path: string, action: AnyAction, forward?: AnyRouter): Entry => {
    if (typeof action !== "function") {
      throw new UsageError(`the action of ${method} ${join(place.prefix, path)} is no function, got ${typeof action}`)
    }
    const { plugs, host } = place
    return { method, path: under(path), plugs, action, host, forward }
  }
  const verb = (method: string) => (path: string, action: AnyAction) => entry(method, path, action)
  const inside = (changes: Partial<Place>, build: Build): Routes => {
    const routes = build(scopeAt({ ...place, ...changes }))
    if (!Array.isArray(routes))
      throw new UsageError(`a scope's callback returns its routes in an array (${place.prefix})`)
    return routes
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
    match: (methods: string | readonly string[], path: string, action: AnyAction) =>
      (typeof methods === "string" ? [methods] : methods).map((method) => entry(method, path, action)),
    stream: (path: string, handler: AnyAction) =>
      entry("GET", path, typeof handler === "function" ? streamAction(handler) : handler),
    resources: (
      path: string,
      controller: Record<string, AnyAction>,
      options: AnyResourceOptions = {},
      nested?: Build,
    ): Routes => {
      const own = resourceLines(path, controller, options).map(([method, at, action]) => entry(method, at, action))
      return nested === undefined ? own : [...own, ...inside({ prefix: under(nestedPrefix(path, options)) }, nested)]
    },
    scope: (path: string, ...rest: [build: Build] | [through: AnyPlug, build: Build]) =>
      rest.length === 1
        ? inside({ prefix: under(path) }, rest[0])
        : inside({ prefix: under(path), plugs: [...place.plugs, ...flat(rest[0])] }, rest[1]),
    host: (host: string | readonly string[], build: Build) => inside({ host }, build),
    forward: (path: string, to: AnyRouter) => {
      tableOf(to)
      return [entry("*", path, to, to)]
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
