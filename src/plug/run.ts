/**
 * The one loop that runs plugs. It is sync as long as the plugs are: only a plug that returns a promise makes the rest of
 * the request asynchronous.
 */

import { Connection } from "../conn/conn.ts"
import { NotAConnError } from "../conn/errors.ts"

/** Plugs and actions as the loop sees them. Types were settled where they were put together. */
export type AnyPlug = (conn: any) => unknown
export type AnyAction = (conn: any, params: any) => unknown

/**
 * Runs plugs in a row until one halts, then the action where there is one. Gives the connection, or a promise of it.
 * Raises `NotAConnError` naming the plug that returned anything else. What an async action gives is not looked at here, which
 * would cost a promise on every floor: who asked first calls `checkLater`.
 */
export function run(
  plugs: readonly AnyPlug[],
  conn: Connection,
  action: AnyAction | undefined,
  params: unknown,
  from = 0,
): Connection | Promise<Connection> {
  if (conn.halted) return conn
  conn.row = plugs
  for (let i = from; i < plugs.length; i++) {
    const plug = plugs[i]!
    conn.at = i
    const result = plug(conn)
    if (result !== conn) {
      return promised(result, plug, conn).then((value) => {
        if (value !== conn) throw notAConn(value, plug, conn)
        return run(plugs, conn, action, params, i + 1)
      })
    }
    if (conn.halted) return conn
  }
  if (action === undefined) return conn
  conn.at = plugs.length
  const result = action(conn, params)
  if (result === conn) return conn
  // Actions may run inside one another; the innermost is who answers.
  if (conn.action === undefined) conn.action = action
  return promised(result, action, conn) as Promise<Connection>
}

/** Raises `NotAConnError` unless what a row's promise gave is the connection. */
export function checkLater(value: unknown, conn: Connection): void {
  if (value !== conn) throw notAConn(value, conn.action ?? unnamed, conn)
}
const unnamed: AnyAction = Object.defineProperty(() => undefined, "name", { value: "" })

function promised(result: unknown, by: AnyAction, conn: Connection): Promise<unknown> {
  if (result instanceof Promise) return result
  // What only looks like a promise (a query builder) is not trusted to answer as one.
  if (typeof (result as PromiseLike<unknown> | null | undefined)?.then === "function") return Promise.resolve(result)
  throw notAConn(result, by, conn)
}

function notAConn(result: unknown, by: Function, conn: Connection): NotAConnError {
  const what = result instanceof Connection ? "another connection" : describe(result)
  const who = by.name === "" ? "an unnamed function" : by.name
  return new NotAConnError(`${who} must return the connection, got ${what}, for ${conn.method} ${conn.unsafeRawPath}`)
}

function describe(value: unknown): string {
  if (value === null || typeof value !== "object") return String(value)
  return `a ${value.constructor?.name ?? "object"}`
}
