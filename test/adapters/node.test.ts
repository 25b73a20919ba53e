import { node } from "plumage/adapters/node"
import { columnOf, suite } from "./suite.ts"

suite(columnOf("node", node))
suite(columnOf("node TLS", node, { secure: true }))
suite(columnOf("node h2", (options) => node({ ...options, http2: true }), { secure: true, protocol: "http2" }))
