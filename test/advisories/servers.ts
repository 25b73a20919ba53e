/** Runs cases on every server, with the app and the raw client of the conformance suite. */

import type { Adapter } from "plumage"
import { elli } from "plumage/adapters/elli"
import { node } from "plumage/adapters/node"
import { uws } from "plumage/adapters/uws"
import type { ServerOptions } from "../../adapters/options.ts"
import { eventually } from "../adapters/suite/guard.ts"
import { columnOf, Suite } from "../adapters/suite/harness.ts"
import { canLoadUws } from "../tools/adapters.ts"

const adapters: Readonly<Record<string, (options: ServerOptions) => Adapter>> = { node, elli, uws }

/** Registers the cases once for each server that loads here. */
export async function onEveryServer(register: (suite: Suite) => void): Promise<void> {
  const loads = await canLoadUws()
  for (const [name, adapter] of Object.entries(adapters)) {
    if (name === "uws" && !loads) continue
    const suite = new Suite(columnOf(name, adapter))
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
