/** Starting an endpoint on a server. */

import type { Adapter, Server } from "../conn/adapter.ts"
import { UsageError } from "../conn/errors.ts"
import type { Endpoint } from "./endpoint.ts"

/**
 * Starts a server that carries the endpoint: `await serve(endpoint, node({ port: 4000 }))`.
 *
 * Rejects with `InvalidOptionError` or `MissingCapabilityError` when the adapter cannot do what was asked, and with the
 * system's error when the port is taken.
 */
export async function serve(endpoint: Endpoint, adapter: Adapter): Promise<Server> {
  if (typeof endpoint !== "object" || typeof endpoint?.call !== "function") {
    throw new UsageError("serve() takes an endpoint first: defineEndpoint().router(router)")
  }
  if (typeof adapter?.listen !== "function") throw new UsageError("serve() takes an adapter second, such as node()")
  return adapter.listen(endpoint)
}
