/** A websocket that is mounted at a path of the endpoint. */

import type { WebSocketHandler } from "../conn/adapter.ts"
import { inner } from "../conn/conn.ts"
import { UsageError } from "../conn/errors.ts"
import type { Conn, UpgradeOptions } from "../conn/states.ts"
import { checkUpgradeOptions } from "../conn/upgrade.ts"
import type { AnyPlug } from "../plug/run.ts"
import { buildMatcher } from "../router/matcher.ts"
import { parsePattern } from "../router/pattern.ts"
import type { SocketSource } from "./endpoint.ts"

/** The plug that upgrades requests for a path and lets all others pass. Raises `UsageError` for what is no socket. */
export function socketPlug(path: string, socket: SocketSource<any>, options: UpgradeOptions = {}): AnyPlug {
  if (typeof socket !== "function" && (typeof socket !== "object" || socket === null)) {
    throw new UsageError(`socket(${path}) takes a websocket handler or a function that gives one, got ${typeof socket}`)
  }
  checkUpgradeOptions(options)
  const upgrade = (conn: Conn, result: unknown): unknown => {
    if (result === conn) return conn.halt()
    if (typeof result !== "object" || result === null) {
      throw new UsageError(`socket(${path}): the function must give a handler, or answer; got ${String(result)}`)
    }
    return conn.upgrade("websocket", result as WebSocketHandler, options).halt()
  }
  const matcher = buildMatcher([{ method: "*", pattern: parsePattern(path), value: true }])
  const plug = (conn: Conn): unknown => {
    const match = matcher.match("*", conn.pathInfo, "")
    if (match === undefined) return conn
    inner(conn).pathParams = match.params
    if (typeof socket !== "function") return upgrade(conn, socket)
    const result: unknown = socket(conn)
    return result instanceof Promise ? result.then((value) => upgrade(conn, value)) : upgrade(conn, result)
  }
  Object.defineProperty(plug, "name", { value: `socket ${path}` })
  return plug
}
