import { type Adapter, defineEndpoint, defineRouter, type Server, serve, UsageError } from "plumage"
import { describe, expect, test } from "vitest"

const endpoint = defineEndpoint().router(defineRouter((r) => [r.get("/", (conn) => conn.text("x"))]))
const server: Server = { url: "http://localhost:1", port: 1, stop: async () => undefined }
const capabilities = { http2: false, tls: false, inform: false, websocket: false }

describe("serve", () => {
  test("hands the endpoint to the adapter and gives its server", async () => {
    const given: unknown[] = []
    const adapter: Adapter = {
      name: "fake",
      capabilities,
      listen: async (handler) => {
        given.push(handler)
        return server
      },
    }
    expect(await serve(endpoint, adapter)).toBe(server)
    expect(given).toEqual([endpoint])
  })

  test("rejects with what the adapter raises", async () => {
    const failure = Object.assign(new Error("taken"), { code: "EADDRINUSE" })
    const listen = () => Promise.reject(failure)
    await expect(serve(endpoint, { name: "fake", capabilities, listen })).rejects.toBe(failure)
  })

  test("rejects with UsageError for what is no endpoint or no adapter", async () => {
    const adapter = { name: "fake", capabilities, listen: async () => server }
    for (const wrong of [undefined, null, {}, defineEndpoint(), () => undefined]) {
      await expect(serve(wrong as never, adapter), String(wrong)).rejects.toBeInstanceOf(UsageError)
    }
    for (const wrong of [undefined, null, {}, () => undefined, "node"]) {
      await expect(serve(endpoint, wrong as never), String(wrong)).rejects.toBeInstanceOf(UsageError)
    }
  })
})
