/** Plugs in a row, themselves a plug. */

import type { MaybePromise } from "../conn/adapter.ts"
import type { Connection } from "../conn/conn.ts"
import { UsageError } from "../conn/errors.ts"
import type { Assigns, Conn, Halted } from "../conn/states.ts"
import type { Flat } from "./plug.ts"
import { type AnyPlug, run } from "./run.ts"

/** Plugs in a row. A pipeline is itself a plug: it asks for `In` and leaves `Out`. It never changes; `plug` makes a longer one. */
export interface Pipeline<in In extends Assigns = {}, out Out extends Assigns = {}> {
  (conn: Conn<In>): MaybePromise<Conn<Out> | Halted>
  /** Appends a plug, which sees every assign made before it. */
  plug<O extends Assigns>(plug: (conn: Conn<Out>) => MaybePromise<Conn<O> | Halted>): Pipeline<In, Flat<Out & O>>
}
/** The connection as a pipeline leaves it: `type UserConn = ConnOf<typeof authenticated>`. */
export type ConnOf<P> = P extends (conn: never) => MaybePromise<infer C | Halted> ? Extract<C, Conn<any>> : never

/**
 * Begins a pipeline; `In` names the assigns that it needs from whoever runs it.
 *
 * @example
 * pipeline().plug((conn) => conn.assign("at", 1)).plug((conn) => conn.putRespHeader("x-at", String(conn.assigns.at))).name //=> "pipeline"
 */
export function pipeline<In extends Assigns = {}>(): Pipeline<In, In> {
  return build<In, In>([])
}

/** The plugs of every pipeline, so that one inside another is run as part of one flat row. */
const rows = new WeakMap<AnyPlug, readonly AnyPlug[]>()

/** The plugs that a plug stands for: a pipeline's row, or itself. Raises `UsageError` for what is no function. */
export function flat(plug: AnyPlug): readonly AnyPlug[] {
  if (typeof plug !== "function") throw new UsageError(`a plug is a function of the connection, got ${typeof plug}`)
  return rows.get(plug) ?? [plug]
}

function build<In extends Assigns, Out extends Assigns>(row: readonly AnyPlug[]): Pipeline<In, Out> {
  const pipeline = (conn: Connection): unknown => run(row, conn, undefined, undefined)
  pipeline.plug = (plug: AnyPlug) => build([...row, ...flat(plug)])
  rows.set(pipeline, row)
  return pipeline as unknown as Pipeline<In, Out>
}
