/** Runs cases on every server, with the app and the raw client of the conformance suite. */

import type { Adapter } from "plumage"
import { elli } from "plumage/adapters/elli"
import { node } from "plumage/adapters/node"
import { uws } from "plumage/adapters/uws"
import type { ServerOptions } from "../../adapters/options.ts"
import { eventually } from "../adapters/suite/guard.ts"
import { columnOf, type Lack, Suite } from "../adapters/suite/harness.ts"
import { canLoadUws } from "../tools/adapters.ts"

const adapters: Readonly<Record<string, (options: ServerOptions) => Adapter>> = { node, elli, uws }

/** What the native parser of uWebSockets.js lets through below the adapter; adapters/uws/README.md says what to do about it. */
const uwsLacking: readonly Lack[] = [
  [
    /oven-sh\/bun#29732|CVE-2025-43859/,
    "uWS takes any two bytes for the line end behind a chunk: put a strict proxy in front",
  ],
]

/** Registers the cases once for each server that loads here. */
export async function onEveryServer(register: (suite: Suite) => void): Promise<void> {
  const loads = await canLoadUws()
  for (const [name, adapter] of Object.entries(adapters)) {
    if (name === "uws" && !loads) continue
    const suite = new Suite(columnOf(name, adapter, { lacking: name === "uws" ? uwsLacking : [] }))
    suite.run(() => register(suite))
  }
}

/** Waits until a number has begun to grow and then is the same for a tenth of a second. */
export async function standsStill(read: () => number): Promise<void> {
  let last = 0
  let since = performance.now()
  await eventually("what is written stands still", () => {
    if (read() !== last) since = performance.now()
    last = read()
    return last > 0 && performance.now() - since > 100
  })
}
