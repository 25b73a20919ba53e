/** What a plug is: a function of the connection that adds to it or halts it, sync or async. */

import type { MaybePromise } from "../conn/adapter.ts"
import type { Assigns, Conn, Halted } from "../conn/states.ts"

/**
 * A plug. It returns the connection it was given, with what it has assigned, or halted. A plug with options is a
 * function that checks them once and returns the plug.
 */
export type Plug<in In extends Assigns = {}, out Out extends Assigns = {}> = (
  conn: Conn<In>,
) => MaybePromise<Conn<Out> | Halted>

/** Prints the shape of an intersection, so that errors show one flat object. */
export type Flat<T> = { [K in keyof T]: T[K] } & {}
