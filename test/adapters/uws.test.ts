import { uws } from "plumage/adapters/uws"
import { describe } from "vitest"
import { columnOf, suite } from "./suite.ts"

/** The binary is there for some versions of Node and some systems only. */
const loads = await import("uWebSockets.js").then(
  () => true,
  () => false,
)
if (!loads) console.warn(`uws is left out: its binary does not load on Node ${process.version}`)

describe.skipIf(!loads)("", () => {
  suite(columnOf("uws", uws))
  suite(columnOf("uws TLS", uws, { secure: true }))
})
