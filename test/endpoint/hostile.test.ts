/** No request, whatever it holds, makes an endpoint throw, reject, hang, or answer anything but once. */
import fc from "fast-check"
import { type Conn, defineEndpoint, defineRouter, pipeline } from "plumage"
import { conn, exchangeOf, TestExchange } from "plumage/test"
import { expect, test } from "vitest"
import { watchProcess } from "../adapters/suite/guard.ts"
import { handshake } from "../loose.ts"

const told: unknown[] = []
const seen = new Set<number>()
/** Reads all that there is of a request, as apps do. */
const readAll = pipeline()
  .plug((conn) => conn.assign("path", [conn.path, conn.pathInfo, conn.host, conn.port, conn.requestUrl()]))
  .plug((conn) => conn.assign("query", [conn.queryParams, conn.params]))
  .plug((conn) => conn.fetchCookies({ signed: ["a"], encrypted: ["b"] }).assign("cookies", conn.cookies))
const show = (conn: Conn<{ path: unknown; query: unknown }>) => conn.json([conn.assigns.path, conn.pathParams])
const router = defineRouter((r) => [
  r.scope("/read", readAll, (r) => [
    r.get("/file", (conn) => conn.serveFile(import.meta.filename)),
    r.get("/:id", show),
    r.post("/json", async (conn) => conn.json(await conn.readJson({ length: 50 }))),
    r.post("/text", async (conn) => conn.text(await conn.readText({ length: 50 }))),
    r.any("/*rest", show),
  ]),
  r.host("a.example", (r) => [r.get("/hosted", (conn) => conn.text("x"))]),
  r.get("/ws", (conn) => conn.upgrade("websocket", {})),
  r.stream("/events", (conn) => conn.close()),
  r.get("/plain", (conn) => conn.text("x")),
])
const endpoint = defineEndpoint({ secretKeyBase: "s".repeat(64), onError: (error) => told.push(error) })
  .socket("/socket/:room", {})
  .router(router)

const nasty = fc.constantFrom(
  "%", "%zz", "%FF", "%00", "%2f", "..", "//", "\\", "\0", "\r\n", "\n", ";", "=", "&", "[", "]", "[]", "__proto__", "constructor",
  "+", "#", "?", "*", "@", ":", "é", "\ud800", "🐎", '"', ",", "a.b.c", "bytes=0-", "W/", "q=1", " ", "\t", "-1", "9".repeat(400),
) // biome-ignore format: a corpus
const word = fc.constantFrom("read", "7", "json", "text", "file", "hosted", "ws", "events", "plain", "socket", "x")
const path = fc
  .array(fc.oneof(nasty, word), { maxLength: 6 })
  .chain((parts) =>
    fc
      .array(fc.constantFrom("/", "", "//"), { minLength: parts.length, maxLength: parts.length })
      .map((gaps) => ["/", ...parts.flatMap((part, at) => [part, gaps[at]!])].join("")),
  )
const junk = fc.array(fc.oneof(nasty, fc.string({ maxLength: 8 })), { maxLength: 8 }).map((parts) => parts.join(""))
const headerName = fc.constantFrom(
  "host", "accept", "cookie", "content-type", "content-length", "range", "if-range", "if-match", "if-none-match", "if-modified-since",
  "if-unmodified-since", "upgrade", "connection", "sec-websocket-key", "sec-websocket-version", "sec-websocket-protocol", "origin",
  "last-event-id", "__proto__", "x-forwarded-for",
) // biome-ignore format: a corpus
const useful = fc.constantFrom(
  "websocket",
  "Upgrade",
  "13",
  "dGhlIHNhbXBsZSBub25jZQ==",
  "a.example",
  "application/json",
  "bytes=1-2",
  "*",
)
const known = fc.constantFrom(
  "/read/7",
  "/read/json",
  "/read/text",
  "/read/file",
  "/hosted",
  "/ws",
  "/socket/%F0%9F%90%8E",
  "/events",
  "/plain",
)
const upgrading = Object.entries(handshake)
const request = fc.record({
  method: fc.constantFrom("GET", "GET", "GET", "HEAD", "POST", "POST", "PUT", "DELETE", "OPTIONS", "BREW", "*", ""),
  path: fc.oneof(path, { arbitrary: known, weight: 2 }),
  query: fc.oneof(junk, fc.constant("")),
  headers: fc.array(fc.tuple(headerName, fc.oneof(junk, useful)), { maxLength: 10 }),
  upgrade: fc.constantFrom(true, false, false),
  body: fc.uint8Array({ maxLength: 80, size: "max" }),
})

watchProcess()

test("every request is answered, upgraded or cut: once, with a status that HTTP has", async () => {
  const { request: template } = exchangeOf(conn("GET", "/")) as unknown as {
    request: ConstructorParameters<typeof TestExchange>[0]
  }
  await fc.assert(
    fc.asyncProperty(request, async ({ headers, upgrade, ...given }) => {
      told.length = 0
      const exchange = new TestExchange({
        ...template,
        ...given,
        headers: [...headers, ...(upgrade ? upgrading : [])].flat(),
      })
      expect(await endpoint.call(exchange)).toBeUndefined()
      expect(exchange.answers).toBe(1)
      const { answer } = exchange
      seen.add(answer?.status ?? 101)
      if (answer !== undefined) {
        expect([200, 206, 304, 400, 403, 404, 405, 412, 413, 414, 415, 416, 426]).toContain(answer.status)
        expect(answer.ended).toBe(true)
        expect(answer.headers.some((text) => /[\r\n\0]/.test(text))).toBe(false)
      }
      expect(told, "nothing is the program's fault").toEqual([])
    }),
    { numRuns: 4_000 },
  )
  expect([...seen].sort(), "the requests reach everything").toEqual(
    expect.arrayContaining([101, 200, 400, 404, 405, 413, 415, 426]),
  )
})
