/** Pastelli's verbs for whoever holds a chunked connection: another request, a timer, a subscription. */

import type { ServerSentEvent } from "../http/sse.ts"
import type { Body, MaybePromise } from "./adapter.ts"
import type { Chunked } from "./states.ts"

/** Keeps a chunked answer open after the pipeline has returned, and writes its first chunk where there is one. */
export function initChunk<C extends Chunked<any>>(conn: C, data: Body = ""): C {
  return conn.initChunk(data)
}

/**
 * Writes a server-sent event; `data` that is no string is sent as JSON. True: go on. A promise: the client is slow. False:
 * the client is gone. Raises `UsageError` for an `event` or `id` with a line break, and for a conn that is not chunked.
 */
export function event(
  conn: Chunked<any>,
  data: unknown,
  options: Omit<ServerSentEvent, "data"> = {},
): MaybePromise<boolean> {
  return conn.event(data, options)
}

/** Ends a chunked answer; does nothing when it has ended. */
export function closeChunk(conn: Chunked<any>): void {
  conn.close()
}
