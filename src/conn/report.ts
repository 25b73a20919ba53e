/** Telling the endpoint of an error, without trusting what listens there. */

import type { Connection } from "./conn.ts"
import type { Conn } from "./states.ts"

/** Reports the rejection of a callback that turned out to be async: nobody waits for it, and nobody else would hear of it. */
export function reportLater(conn: Connection, result: unknown): void {
  if (result instanceof Promise) result.catch((error) => report(conn, error))
}

/** Hands an error to `onError`; one that fails itself is written to stderr, and neither reaches the caller. */
export function report(conn: Connection, error: unknown): void {
  const failed = (failure: unknown): void => {
    try {
      console.error("onError failed:", failure, "while it was told of:", error)
    } catch {
      // Getters that throw, an inspect of its own: what was thrown need not be an error.
      console.error("onError failed, and neither its error nor what it was told of can be printed")
    }
  }
  try {
    const result: unknown = conn.settings.onError(error, conn as unknown as Conn)
    if (result instanceof Promise) result.catch(failed)
  } catch (failure) {
    failed(failure)
  }
}
