/** What `tls.ciphers` lets in, asked by clients of Node's own TLS. */
import { type ConnectionOptions, connect } from "node:tls"
import { fileURLToPath } from "node:url"
import { defineEndpoint, defineRouter, InvalidOptionError, MissingCapabilityError, serve } from "plumage"
import { elli } from "plumage/adapters/elli"
import { node } from "plumage/adapters/node"
import { uws } from "plumage/adapters/uws"
import { describe, expect, test } from "vitest"
import { adapterNames } from "../tools/adapters.ts"

const adapters = { node, uws, elli }
const file = (name: string) => fileURLToPath(new URL(`../../examples/echo/tls/${name}.pem`, import.meta.url))
const files = { keyFile: file("key"), certFile: file("cert") }
const endpoint = defineEndpoint().router(defineRouter((r) => [r.get("/", (conn) => conn.text("hello"))]))

/** The version and cipher that a client and the server agree on; undefined where they do not. */
function agreed(
  port: number,
  options: ConnectionOptions,
): Promise<[version: string | null, cipher: string] | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false, ...options })
    socket.once("secureConnect", () => {
      resolve([socket.getProtocol(), socket.getCipher().name])
      socket.destroy()
    })
    socket.once("error", () => resolve(undefined))
  })
}
const old: ConnectionOptions = { maxVersion: "TLSv1.2" }
const cbc: ConnectionOptions = { ...old, ciphers: "ECDHE-RSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA256:AES128-SHA" }

describe.each(await adapterNames())("tls.ciphers of %s", (name) => {
  const start = (ciphers: "strong" | "compatible") =>
    serve(endpoint, adapters[name]({ port: 0, host: "127.0.0.1", tls: { ...files, ciphers } }))

  test('"compatible" speaks TLS 1.3 and 1.2, of that only what keeps its secrets', async () => {
    const server = await start("compatible")
    try {
      expect((await agreed(server.port, {}))?.[0]).toBe("TLSv1.3")
      const [version, cipher] = (await agreed(server.port, old))!
      expect(version).toBe("TLSv1.2")
      expect(cipher).toMatch(/^ECDHE-.*(?:GCM|CHACHA20)/)
      expect(await agreed(server.port, cbc)).toBe(undefined)
    } finally {
      await server.stop({ graceMs: 500 })
    }
  })

  test('"strong" speaks TLS 1.3 alone, or says at start that it cannot', async () => {
    if (name === "uws") {
      await expect(async () => start("strong")).rejects.toThrow(MissingCapabilityError)
      return
    }
    const server = await start("strong")
    try {
      expect((await agreed(server.port, {}))?.[0]).toBe("TLSv1.3")
      expect(await agreed(server.port, old)).toBe(undefined)
    } finally {
      await server.stop({ graceMs: 500 })
    }
  })

  test("takes these two words and no other", () => {
    for (const ciphers of ["usual", "weak", "toString", 1, null]) {
      const make = () => adapters[name]({ tls: { ...files, ciphers: ciphers as never } })
      expect(make, String(ciphers)).toThrow(InvalidOptionError)
      expect(make, String(ciphers)).toThrow(/tls\.ciphers takes "strong" or "compatible"/)
    }
  })
})
