/** Compressed answers over real servers, read by fetch, which decodes them as a browser does. */
import { connect } from "node:net"
import { type AbortReason, defineEndpoint, defineRouter, type Server, serve } from "plumage"
import { elli } from "plumage/adapters/elli"
import { node } from "plumage/adapters/node"
import { uws } from "plumage/adapters/uws"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { compress } from "../../src/plugs/compress.ts"
import { deferred, eventually, watchProcess, within } from "../adapters/suite/guard.ts"
import { adapterNames } from "../tools/adapters.ts"

watchProcess()

const adapters = { node, uws, elli }
const long = "so it goes, and so it went; ".repeat(100)
const large = Array.from({ length: 40_000 }, (_, i) => `${i * 7919}`).join(" ")
const noise = () => crypto.getRandomValues(new Uint8Array(16_384))

/** What the application has seen, and what it waits for. */
const seen = { closed: [] as (AbortReason | undefined)[], written: 0, left: 0 }
let next = deferred()

const router = defineRouter((r) => [
  r.get("/long", (conn) => conn.putRespHeader("etag", '"a"').text(long)),
  r.get("/large", (conn) => conn.text(large)),
  r.get("/short", (conn) => conn.text("short")),
  r.get("/stream", async (conn) => {
    const stream = conn.putRespContentType("text/plain").sendChunked(200)
    for (let n = 0; n < 50; n++) await stream.chunk(`${n} ${long}`)
    return stream
  }),
  r.get("/events", (conn) =>
    conn
      .onClose((reason) => seen.closed.push(reason))
      .eventStream(async function* (signal) {
        try {
          for (let n = 0; !signal.aborted; n++) {
            yield { data: `event ${n}` }
            await Promise.race([next.promise, new Promise((end) => signal.addEventListener("abort", end))])
          }
        } finally {
          seen.left++
        }
      }),
  ),
  r.get("/endless", async (conn) => {
    const stream = conn
      .onClose((reason) => seen.closed.push(reason))
      .putRespContentType("text/plain")
      .sendChunked(200)
    do seen.written += 16_384
    while (await stream.chunk(noise()))
    return stream
  }),
])
const endpoint = defineEndpoint()
  .plug(compress({ encodings: ["br", "gzip", "deflate"], eventStreams: true }))
  .router(router)

describe.each(await adapterNames())("compressed answers on %s", (name) => {
  let server: Server
  let at: string
  beforeAll(async () => {
    server = await serve(endpoint, adapters[name]({ port: 0 }))
    at = `http://127.0.0.1:${server.port}`
  })
  afterAll(() => server.stop({ graceMs: 500 }))
  const get = (path: string, accept: string, options: RequestInit = {}) =>
    fetch(`${at}${path}`, { ...options, headers: { "accept-encoding": accept } })

  test.each(["br", "gzip", "deflate"])("are read by fetch: %s", async (coding) => {
    for (const [path, body] of [
      ["/long", long],
      ["/large", large],
      ["/stream", Array.from({ length: 50 }, (_, n) => `${n} ${long}`).join("")],
    ] as const) {
      const answer = await get(path, coding)
      expect(answer.headers.get("content-encoding"), path).toBe(coding)
      expect(answer.headers.get("vary")).toBe("accept-encoding")
      expect((await answer.text()) === body, path).toBe(true)
      expect(answer.headers.has("content-length"), path).toBe(path !== "/stream")
    }
  })

  test("are not compressed for who does not ask, or where it is not worth it", async () => {
    for (const [path, accept] of [
      ["/long", "identity"],
      ["/short", "br"],
    ] as const) {
      const answer = await get(path, accept)
      expect(answer.headers.get("content-encoding")).toBeNull()
      expect(await answer.text()).toBe(path === "/long" ? long : "short")
    }
  })

  test("have for HEAD the headers of GET, and leave the connection fit for the next request", async () => {
    for (const path of ["/long", "/large", "/stream"]) {
      const head = await get(path, "gzip", { method: "HEAD" })
      expect([head.status, head.headers.get("content-encoding")], path).toEqual([200, "gzip"])
      const answer = await get(path, "gzip")
      const length = head.headers.get("content-length")
      if (path === "/long") expect(length).toBe(answer.headers.get("content-length"))
      else expect(length).toBeNull()
      await answer.arrayBuffer()
    }
  })

  test.each(["br", "gzip"])("of an event stream arrive one event at a time: %s", async (coding) => {
    const leave = new AbortController()
    const left = seen.left
    const answer = await get("/events", coding, { signal: leave.signal })
    expect(answer.headers.get("content-encoding")).toBe(coding)
    const reader = answer.body!.getReader()
    const decoder = new TextDecoder()
    let text = ""
    for (let n = 0; n < 5; n++) {
      // The next one is not written before this one was read.
      while (!text.includes(`data: event ${n}\n\n`)) {
        const { value, done } = await within(2_000, `event ${n}`, reader.read())
        if (done) expect.fail("the stream has ended")
        text += decoder.decode(value, { stream: true })
      }
      const { resolve } = next
      next = deferred()
      resolve()
    }
    // One that leaves ends it.
    seen.closed.length = 0
    leave.abort()
    await reader.read().catch(() => undefined)
    await eventually("the generator has ended", () => seen.left === left + 1)
    expect(seen.closed).toEqual([expect.objectContaining({ code: "ERR_CLIENT_GONE" })])
  })

  test("wait for a reader that does not read, and end with it", async () => {
    seen.written = 0
    seen.closed.length = 0
    const socket = connect(server.port, "127.0.0.1")
    socket.on("error", () => undefined)
    socket.pause()
    socket.write("GET /endless HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n")
    // It goes on as far as sockets and buffers take it, and then no further.
    let before = -1
    await eventually(
      "the writer waits",
      async () => {
        const still = before === seen.written && before > 0
        before = seen.written
        await new Promise((resolve) => setTimeout(resolve, 200))
        return still && before === seen.written
      },
      15_000,
    )
    expect(seen.written).toBeLessThan(32_000_000)
    socket.destroy()
    await eventually("the writer has ended", () => seen.closed.length === 1)
    expect(seen.closed[0]).toMatchObject({ code: "ERR_CLIENT_GONE" })
  })

  test("that are left by many at once leave nothing running", async () => {
    const left = seen.left
    const leaving = Array.from({ length: 50 }, async () => {
      const leave = new AbortController()
      const answer = await get("/events", "gzip", { signal: leave.signal })
      await answer.body!.getReader().read()
      leave.abort()
    })
    await Promise.all(leaving)
    await eventually("all generators have ended", () => seen.left === left + 50)
    expect(await (await get("/long", "gzip")).text()).toBe(long)
  })
})
