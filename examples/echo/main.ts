/** Serves the echo app: PORT (4000), ADAPTER = node | uws | elli (node), TLS=1 for HTTPS with a certificate for tests. */

import { fileURLToPath } from "node:url"
import { start } from "../start.ts"
import { echoLimits, makeEchoApp } from "./app.ts"

const at = (file: string): string => fileURLToPath(new URL(`./tls/${file}`, import.meta.url))
const tls = process.env["TLS"] === "1" ? { tls: { keyFile: at("key.pem"), certFile: at("cert.pem") } } : {}
const { server, name } = await start(makeEchoApp(), (name) => ({ limits: echoLimits(name), ...tls }))
console.log(`echo on ${name}: ${server.url}`)
