/** The suite's self-signed certificate, valid until 2120; its key is public and protects nothing. */
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

const fixture = (name: string) => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url))

/** The `tls` option that the certificate goes with. */
export const tls = { keyFile: fixture("localhost.key"), certFile: fixture("localhost.crt") }

/** The certificate, for clients to trust. */
export const ca: string = readFileSync(tls.certFile, "utf8")
