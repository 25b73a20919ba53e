/** Starts the accounts site: PORT (4000), ADAPTER = node | uws | elli (node), SECRET_KEY_BASE. */

import { randomBytes } from "node:crypto"
import { start } from "../start.ts"
import { accounts } from "./app.ts"

// Without a secret that stays, every restart logs everybody out.
const secretKeyBase = process.env["SECRET_KEY_BASE"] || randomBytes(48).toString("base64")
const { server, name } = await start(accounts({ secretKeyBase, log: console.log }))
console.log(`Accounts on ${name}: ${server.url}`)
