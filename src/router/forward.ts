/** Mounting one router below another. */

import type { Connection } from "../conn/conn.ts"
import { InvalidPatternError } from "../conn/errors.ts"
import type { AnyAction } from "../plug/run.ts"
import type { AnyRouter } from "./route.ts"

/**
 * The action that hands the rest of the path to a router: the prefix moves from `pathInfo` to `scriptName`, and back when the
 * router has answered. When it fails, the connection stays as it was at the failure.
 */
export function forwardTo(router: AnyRouter, path: string): AnyAction {
  if (/[{*]/.test(path))
    throw new InvalidPatternError(`forward: ${path} may hold text and parameters, nothing optional`)
  const count = path.split("/").filter((segment) => segment !== "").length
  const action = (conn: Connection): unknown => {
    const { pathInfo, scriptName } = conn
    conn.scriptName = [...scriptName, ...pathInfo.slice(0, count)]
    conn.segments = pathInfo.slice(count)
    const result = router(conn)
    if (result === conn) {
      conn.scriptName = scriptName
      conn.segments = pathInfo
      return conn
    }
    return (result as Promise<Connection>).then((same) => {
      conn.scriptName = scriptName
      conn.segments = pathInfo
      return same
    })
  }
  Object.defineProperty(action, "name", { value: `forward ${path}` })
  return action
}
