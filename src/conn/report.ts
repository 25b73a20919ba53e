/** Telling the endpoint of an error, without trusting what listens there. */

import type { Connection } from "./conn.ts"
import type { Conn } from "./states.ts"

/** Hands an error to `onError`; one that fails itself is written to stderr, and neither reaches the caller. */
export function report(conn: Connection, error: unknown): void {
  try {
    conn.settings.onError(error, conn as unknown as Conn)
  } catch (failure) {
    console.error("onError failed:", failure, "while it was told of:", error)
  }
}
