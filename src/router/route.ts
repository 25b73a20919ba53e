/** One line of a route table, and the types by which a table tells its patterns. */

import type { MaybePromise } from "../conn/adapter.ts"
import type { Assigns, Chunked, Conn, Done } from "../conn/states.ts"
import type { AnyAction, AnyPlug } from "../plug/run.ts"
import type { Join } from "./params.ts"
import type { Source } from "./source.ts"

/** Ends a request: a controller action or an inline function. */
export type Handler<A extends Assigns, P> = (conn: Conn<A>, params: P) => MaybePromise<Done>

/** Writes to a stream of server-sent events that is already open. */
export type StreamHandler<A extends Assigns, P> = (conn: Chunked<A>, params: P) => MaybePromise<unknown>

export type LogLevel = "debug" | "info" | "warn" | "error"

/** What is known of a route beside its action. */
export interface RouteOptions {
  /** For whoever reads routes: `conn.route.metadata`, `routes(router)`. Merged from scopes inward. */
  metadata?: Readonly<Record<string, unknown>>
  /** Put into `conn.private` before the plugs of the route run. */
  private?: Readonly<Record<string, unknown>>
  /** The level at which the logger writes this route's requests; false for none. */
  log?: LogLevel | false
}
/** The same for all routes inside, and what they find assigned. */
export interface ScopeOptions<S extends Assigns = {}> extends RouteOptions {
  /** Assigned before the plugs of the route run. */
  assigns?: S
}

/** One line of the route table. The type carries its method and full pattern. */
export interface Route<M extends string = string, P extends string = string> {
  readonly method: M
  readonly path: P
}
export type Routes = readonly (Route | Routes)[]

/** A route with what runs for it. */
export interface Entry extends Route {
  /** Every plug of its scopes, pipelines written out. */
  readonly plugs: readonly AnyPlug[]
  readonly action: AnyAction
  readonly host: string | readonly string[] | undefined
  /** Where another router is mounted. */
  readonly forward: AnyRouter | undefined
  readonly metadata: Readonly<Record<string, unknown>>
  readonly log: LogLevel | false | undefined
  /** Where it was written. */
  readonly source: Source
}

/** A router without its types. */
export interface AnyRouter {
  (conn: any): unknown
  readonly routes: Routes
}

/** Every pattern in a route table, as a union of string literals. */
export type PatternOf<R> = Routes extends R
  ? string
  : R extends Route<string, infer P>
    ? P
    : R extends readonly (infer E)[]
      ? PatternOf<E>
      : never

export type ForwardRoutes<P extends string, R> = readonly (R extends Routes ? Prefixed<P, PatternOf<R>> : never)[]
type Prefixed<P extends string, R extends string> = R extends string ? Route<string, Join<P, R>> : never

/** All entries of a table, nested lists written out, in declared order. */
export function entriesOf(routes: Routes): Entry[] {
  const all: Entry[] = []
  for (const route of routes) {
    if (Array.isArray(route)) all.push(...entriesOf(route))
    else all.push(route as Entry)
  }
  return all
}
