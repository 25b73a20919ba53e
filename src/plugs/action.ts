/** An action with plugs of its own, as Phoenix's controllers have them. */

import type { MaybePromise } from "../conn/adapter.ts"
import { inner } from "../conn/conn.ts"
import { NotAConnError, UsageError } from "../conn/errors.ts"
import type { Assigns, Conn, Done, Halted } from "../conn/states.ts"

/**
 * Runs a plug or pipeline, then the handler unless it has halted: what this one action needs, such as `validate`, stands
 * beside it and not in the scope of its route. The handler knows what the plug has assigned. Sync as long as both are.
 *
 * Raises `UsageError` for what is no function, and `NotAConnError` when the plug does not give the connection back.
 *
 * @example
 * const greet = action((conn) => conn.assign("name", "ann"), (conn) => conn.text(`hello ${conn.assigns.name}`))
 * sentResp(call(greet, conn("GET", "/"))).body //=> "hello ann"
 */
export function action<I extends Assigns, O extends Assigns, P = {}>(
  through: (conn: Conn<I>) => MaybePromise<Conn<O> | Halted>,
  handler: (conn: Conn<I & O>, params: P) => MaybePromise<Done>,
): (conn: Conn<I>, params: P) => MaybePromise<Done> {
  for (const given of [through, handler]) {
    if (typeof given !== "function") throw new UsageError(`action takes two functions, got ${typeof given}`)
  }
  const proceed = (conn: Conn<I>, result: unknown, params: P): MaybePromise<Done> => {
    if (result !== conn) {
      const who = through.name === "" ? "the plug" : through.name
      const got = result === null ? "null" : typeof result
      throw new NotAConnError(`${who} of an action must return the connection, got ${got}`)
    }
    return conn.halted ? (result as Halted) : handler(conn as unknown as Conn<I & O>, params)
  }
  return (conn, params) => {
    const object = inner(conn)
    const { row, at } = object
    const after = (result: unknown): MaybePromise<Done> => {
      // A pipeline says which of its plugs run; from here on it is the route's row again.
      object.row = row
      object.at = at
      return proceed(conn, result, params)
    }
    const result = through(conn)
    const waits = typeof (result as PromiseLike<unknown> | null | undefined)?.then === "function"
    return waits ? Promise.resolve(result).then(after) : after(result)
  }
}
