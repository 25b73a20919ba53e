import { createHash } from "node:crypto"
import { connect } from "node:net"
import { serve } from "plumage"
import { elli } from "plumage/adapters/elli"
import { node } from "plumage/adapters/node"
import { uws } from "plumage/adapters/uws"
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest"
import { WebSocket } from "ws"
import { echoLimits, makeEchoApp } from "../examples/echo/app.ts"
import { adapterNames } from "./tools/adapters.ts"

const adapters = { node, uws, elli }

describe.each(await adapterNames())("the echo app on %s", (name) => {
  let server: Awaited<ReturnType<typeof serve>>
  let url: string
  beforeAll(async () => {
    vi.spyOn(console, "error").mockImplementation(() => undefined)
    server = await serve(makeEchoApp(), adapters[name]({ port: 0, limits: echoLimits(name) }))
    url = `http://127.0.0.1:${server.port}`
  })
  afterAll(async () => {
    await server.stop({ graceMs: 500 })
    vi.restoreAllMocks()
  })
  const counts = async (): Promise<Record<string, number>> => (await fetch(`${url}/closed-count`)).json() as never

  test("hello, bytes and statuses, with HEAD wherever GET", async () => {
    expect(await (await fetch(`${url}/hello`)).text()).toBe("hello")
    expect((await (await fetch(`${url}/bytes/70000`)).arrayBuffer()).byteLength).toBe(70_000)
    expect((await fetch(`${url}/bytes/70000`, { method: "HEAD" })).headers.get("content-length")).toBe("70000")
    for (const [method, status, body] of [
      ["GET", 418, "status 418"],
      ["DELETE", 503, "status 503"],
      ["GET", 204, ""],
      ["GET", 304, ""],
      ["HEAD", 200, ""],
    ] as const) {
      const response = await fetch(`${url}/status/${status}`, { method })
      expect([response.status, await response.text()]).toEqual([status, body])
    }
    expect((await fetch(`${url}/nothing`)).status).toBe(404)
  })

  test("echo says what was sent", async () => {
    const body = Buffer.alloc(3_000_000, "é")
    const response = await fetch(`${url}/echo?a=%20b&c`, { method: "PUT", body, headers: { "X-One": "1" } })
    expect(await response.json()).toMatchObject({
      method: "PUT",
      path: "/echo",
      query: "a=%20b&c",
      headers: { "x-one": ["1"] },
      bodyLength: body.length,
      bodySha256: createHash("sha256").update(body).digest("hex"),
    })
    const tooLong = await fetch(`${url}/echo`, { method: "POST", body: Buffer.alloc(8 * 1024 * 1024 + 1) })
    expect(tooLong.status).toBe(413)
    expect(await (await fetch(`${url}/nobody`, { method: "POST", body })).text()).toBe("ok")
  })

  test("streams, slow answers and files", async () => {
    expect((await (await fetch(`${url}/stream/50`)).text()).length).toBe(50_000)
    expect(await (await fetch(`${url}/slow/30`)).text()).toBe("slow")
    const whole = new Uint8Array(await (await fetch(`${url}/file`)).arrayBuffer())
    expect([whole.length, whole[251 * 3 + 7]]).toEqual([300_000, 7])
    const etag = (await fetch(`${url}/file`, { method: "HEAD" })).headers.get("etag")!
    const part = await fetch(`${url}/file`, { headers: { range: "bytes=10-19", "if-range": etag } })
    expect([part.status, [...new Uint8Array(await part.arrayBuffer())]]).toEqual([
      206,
      [10, 11, 12, 13, 14, 15, 16, 17, 18, 19],
    ])
    expect((await fetch(`${url}/file`, { headers: { "if-none-match": etag } })).status).toBe(304)
    expect((await fetch(`${url}/file`, { headers: { range: "bytes=300000-" } })).status).toBe(416)
  })

  test("a header that would inject another is refused", async () => {
    expect((await fetch(`${url}/echo-header?name=x-a&value=b`)).headers.get("x-a")).toBe("b")
    const refused = await fetch(`${url}/echo-header?name=x-a&value=b%0d%0ax-evil:%201`)
    expect([refused.status, refused.headers.get("x-evil")]).toEqual([500, null])
  })

  test("an error leaks nothing, and one in the middle is seen", async () => {
    const response = await fetch(`${url}/throw`, { method: "POST" })
    expect([response.status, (await response.text()).includes("boom-7f3a1c")]).toEqual([500, false])
    const { aborted } = await counts()
    await expect(fetch(`${url}/throw-mid`).then((answer) => answer.text())).rejects.toThrow()
    expect((await counts())["aborted"], "nobody left: the app broke off").toBe(aborted)
  })

  test("websockets echo, speak chat and are counted when they close", async () => {
    const before = (await counts())["wsClosed"]!
    const socket = new WebSocket(`${url.replace("http", "ws")}/ws`)
    await new Promise((resolve) => socket.once("open", resolve))
    const heard = new Promise<[string, boolean]>((resolve) => {
      socket.once("message", (data, binary) => resolve([String(data), binary]))
    })
    socket.send("hé")
    expect(await heard).toEqual(["hé", false])
    socket.close()
    await vi.waitFor(async () => expect((await counts())["wsClosed"]).toBe(before + 1), 5_000)

    const chat = new WebSocket(`${url.replace("http", "ws")}/ws-sub`, ["chat"])
    await new Promise((resolve) => chat.once("open", resolve))
    expect(chat.protocol).toBe("chat")
    chat.terminate()
    const refused = new WebSocket(`${url.replace("http", "ws")}/ws-sub`)
    expect(String(await new Promise((resolve) => refused.once("error", resolve)))).toContain("400")
  })

  test("who leaves is told to the app, each once", async () => {
    const before = await counts()
    for (const request of ["GET /sse", "GET /slow/60000", "GET /stream/10000000"]) {
      const socket = connect(server.port, "127.0.0.1")
      socket.on("error", () => undefined)
      socket.write(`${request} HTTP/1.1\r\nhost: x\r\n\r\n`)
      if (request === "GET /slow/60000") await new Promise((resolve) => setImmediate(resolve))
      else await new Promise((resolve) => socket.once("data", resolve))
      if (request === "GET /slow/60000") socket.end()
      else socket.resetAndDestroy()
    }
    const expected = { sseClosed: before["sseClosed"]! + 1, aborted: before["aborted"]! + 2 }
    await vi.waitFor(async () => expect(await counts()).toMatchObject(expected), 5_000)
  })
})
