/** What the examples share: the server is chosen by PORT (4000) and ADAPTER = node | uws | elli (node), and stops on a signal. */

import { type Endpoint, type Server, serve } from "plumage"
import { elli } from "plumage/adapters/elli"
import { node, type NodeOptions as ServerOptions } from "plumage/adapters/node"
import { uws } from "plumage/adapters/uws"

const adapters = { node, uws, elli }

export async function start(
  endpoint: Endpoint,
  optionsFor: (adapter: string) => ServerOptions = () => ({}),
): Promise<{ server: Server; name: string }> {
  const name = process.env["ADAPTER"] || "node"
  if (!Object.hasOwn(adapters, name)) {
    console.error(`ADAPTER takes ${Object.keys(adapters).join(", ")}; got ${name}`)
    process.exit(1)
  }
  const port = Number(process.env["PORT"] || 4000)
  const server = await serve(endpoint, adapters[name as keyof typeof adapters]({ port, ...optionsFor(name) }))
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, async () => {
      await server.stop()
      process.exit(0)
    })
  }
  return { server, name }
}
