/** Requests that nobody sane sends, by the thousand: broken forms, forged cookies, headers and paths out of their pieces. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import fc from "fast-check"
import { HTTPError } from "plumage"
import { cookieStore, multipart, parsers, Token } from "plumage/plugs"
import { call, conn } from "plumage/test"
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest"
import { watchProcess, within } from "../adapters/suite/guard.ts"
import { bytesOf, chunked } from "../adapters/suite/request.ts"
import { bodyOf, formData, inPieces, post, tempFiles } from "../plugs/multipart-bodies.ts"
import { adapterNames } from "../tools/adapters.ts"
import { canary, openSite, type Site, secretKeyBase } from "./plugs-app.ts"

watchProcess()

/** What a body is broken with: the places and the pieces that mean something to a parser of forms. */
const pieces = [
  "\r\n",
  "\n",
  "--",
  "------plumage7MA4YWxk",
  "------plumage7MA4YWxk--",
  "; name=",
  '"',
  "\\",
  "; filename=",
]
const more = [
  ";",
  ":",
  "\0",
  "\xff",
  "name*=utf-16''",
  "Content-Type: multipart/mixed; boundary=b",
  "[",
  "[]",
  "\r\n\r\n",
  "\t",
]
const edits = (length: number) =>
  fc.array(fc.record({ at: fc.nat(length), cut: fc.nat(40), put: fc.constantFrom(...pieces, ...more) }), {
    maxLength: 4,
  })
const broken = (body: Buffer) =>
  edits(body.length).map((all) =>
    all.reduce(
      (b, { at, cut, put }) => Buffer.concat([b.subarray(0, at), Buffer.from(put, "latin1"), b.subarray(at + cut)]),
      body,
    ),
  )
const form = bodyOf([
  { name: "a", body: "1" },
  { name: "u[f]", filename: "x.png", type: "image/png", body: "\r\n--b--\r\n" },
  { name: "b[]", body: "\u017e\ufffd" },
  { name: "b[]", filename: "\u017e.txt", type: "text/plain; charset=utf-8", body: "hello" },
  {
    head: "Content-Disposition: form-data; name=x; filename*=UTF-8''%c5%be\r\nContent-Transfer-Encoding: base64",
    body: "aGVsbG8=",
  },
])

describe("a form that was broken anywhere", () => {
  let root: string
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), "attack-"))
  })
  afterAll(() => rmSync(root, { recursive: true }))

  test("row 21: is read or refused, soon, and leaves no file", async () => {
    const plug = parsers({ parsers: [multipart({ tmpDir: root })] })
    const seen = new Set<number>()
    await fc.assert(
      fc.asyncProperty(broken(form), fc.constantFrom(1, 7, 1_000), async (body, size) => {
        const one = inPieces(post(body), size)
        try {
          await within(3_000, "an end of the parser", Promise.resolve(call(plug, one)))
          seen.add(200)
        } catch (error) {
          expect(error).toBeInstanceOf(HTTPError)
          seen.add((error as HTTPError).status)
        }
        one.text("")
      }),
      { numRuns: 1_500 },
    )
    expect([...seen].sort()).toEqual([200, 400])
    await vi.waitFor(() => expect(tempFiles(root)).toEqual([]), { interval: 1 })
  })
})

describe("what was signed or sealed", () => {
  const one = conn("GET", "/", undefined, { secretKeyBase })
  const stores = [cookieStore({ signingSalt: "s" }), cookieStore({ signingSalt: "s", encryptionSalt: "e" })]
  const seals: [what: string, sealed: string, opens: (text: string) => boolean][] = [
    ...stores.map((store, i): (typeof seals)[number] => [
      i === 0 ? "a signed session" : "an encrypted session",
      store.seal({ user: 7 }, one, "app"),
      (text) => store.open(text, one, "app") !== undefined,
    ]),
    ["a token", Token.sign(secretKeyBase, "salt", 7), (text) => Token.verify(secretKeyBase, "salt", text).ok],
  ]
  test.each(seals)(
    "91def7ca, row 28: %s has one spelling: whatever is changed, left out or put in, it is nothing",
    (_, sealed, opens) => {
      const signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ "
      expect(opens(sealed)).toBe(true)
      for (let at = 0; at <= sealed.length; at++) {
        const [before, after] = [sealed.slice(0, at), sealed.slice(at)]
        expect(opens(before) && before !== sealed, `cut at ${at}`).toBe(false)
        for (const sign of signs) {
          expect(opens(before + sign + after), `${sign} put in at ${at}`).toBe(false)
          if (sign !== sealed[at] && at < sealed.length)
            expect(opens(before + sign + after.slice(1)), `${sign} at ${at}`).toBe(false)
        }
      }
    },
  )
})

/** Text out of pieces that mean something where it is sent, and a few that do not. */
const soup = (...words: string[]) => {
  const noise = fc.string({ maxLength: 3 }).map((text) => text.replace(/[\r\n\0]/g, ""))
  const piece = fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...words) }, noise)
  return fc.array(piece, { maxLength: 12 }).map((all) => all.join(""))
}
const date = "Thu, 01 Jan 1970 00:00:00 GMT"
const headerValues: Readonly<Record<string, fc.Arbitrary<string>>> = {
  "X-Forwarded-For": soup(
    "127.0.0.1",
    "10.0.0.1",
    "::1",
    "[::1]:80",
    ",",
    " ",
    "unknown",
    "_x",
    "::ffff:",
    "fe80::1%lo",
  ),
  "X-Forwarded-Host": soup("a.example", ":", "80", ",", "[::1]", "@", "/", "%41", "-"),
  "X-Forwarded-Proto": soup("http", "https", "ws", "wss", ",", " ", "HTTPS"),
  "X-Forwarded-Port": soup("80", "0", "65536", ",", "-1", "1e3"),
  Forwarded: soup("for=", "host=", "proto=", '"', "[::1]", ";", ",", "127.0.0.1", "\\", "_x", "https", "="),
  Range: soup("bytes=", "0-", "-1", "1-2", ",", "9".repeat(20), "items="),
  "If-Range": soup('"', "W/", date),
  "If-None-Match": soup('"', "W/", "*", ",", '"1b58-'),
  "If-Match": soup('"', "W/", "*", ","),
  "If-Modified-Since": soup(date, "x"),
  "If-Unmodified-Since": soup(date, "x"),
  "Accept-Encoding": soup("gzip", "br", ";q=", "0", "1", ",", "*", "identity"),
  Accept: soup("text/html", "application/json", "*/*", ";q=", "0", ",", '"'),
  Origin: soup("https://", "good.example", "a.", "null", ":", "443", "http://localhost", "/"),
  "Sec-Fetch-Site": soup("same-origin", "none", "cross-site"),
  "Access-Control-Request-Method": soup("PUT", " "),
  "Access-Control-Request-Headers": soup("a", ",", "x-b", "(", "*"),
  Authorization: soup("Basic ", "Bearer ", "YW5uOg==", "=", "\t", "/w=="),
  Cookie: soup("app=", "carried=", "; ", "=", "__proto__", '"', "A".repeat(43), "%00", "SFMyNTY.", ".", "QTI1NkdDTQ."),
  "X-Request-Id": soup("b".repeat(20), "-", " ", "=", "<script>"),
  "X-Csrf-Token": soup("a".repeat(56), "a".repeat(32), "SFMyNTY", "."),
  "X-User": soup("a", "__proto__"),
  "Content-Type": soup(
    "application/json",
    "multipart/form-data",
    "; boundary=",
    "b",
    '"',
    ";",
    "charset=utf-8",
    "+json",
    "/",
  ),
  "Content-Encoding": fc.constantFrom("gzip", "identity"),
  "X-Http-Method-Override": fc.constantFrom("DELETE"),
  Upgrade: fc.constantFrom("websocket", "h2c"),
  Host: soup("localhost", ":", "80", "@", "/", "[::1]"),
}
const anyHeader = fc
  .constantFrom(...Object.keys(headerValues))
  .chain((name) => headerValues[name]!.map((value): [string, string] => [name, value]))
const readers = [
  "/files/public/a.txt",
  "/session",
  "/form",
  "/carried",
  "/untrusted",
  "/trusted",
  "/forwarded",
  "/ssl/a",
]
const others = [
  "/ssl-trusted/b",
  "/limited-by",
  "/cors",
  "/auth",
  "/token?token=a",
  "/text",
  "/redirect?to=/x",
  "/greeting/a.txt",
]
const writers = ["/parse", "/override", "/valid", "/session/renew", "/session/drop", "/form/x", "/carried/a"]
const anyPath = soup(
  "/",
  "files",
  "a.txt",
  "%2e",
  "%2f",
  "..",
  "?",
  "&",
  "[",
  "%ff",
  "%00",
  "\\",
  ";",
  ":",
  "ssl",
  "//",
  "%0d%0a",
  "*",
).map((text) => `/${text}`.replace(/ /g, "%20"))
const anyBody = fc.oneof(
  soup("a", "[", "]", "=", "&", "__proto__", "%5b", "%ff", "_method", "delete", "_csrf_token").map((text) => [
    "application/x-www-form-urlencoded",
    text,
  ]),
  soup("{", "}", "[", "]", '"', ":", ",", '"__proto__"', "1e999", "\\u0000", '"a":1').map((text) => [
    "application/json",
    text,
  ]),
  broken(form).map((body) => [formData, body.toString("latin1")]),
)
interface HostileRequest {
  readonly to: readonly [method: string, path: string]
  readonly headers: readonly string[][]
  readonly body: readonly string[] | undefined
  readonly chunks: boolean
}
const anyRequest: fc.Arbitrary<HostileRequest> = fc.record({
  to: fc.oneof(
    fc.tuple(fc.constantFrom("GET", "HEAD", "OPTIONS"), fc.oneof(fc.constantFrom(...readers, ...others), anyPath)),
    fc.tuple(fc.constantFrom("POST", "PUT", "DELETE"), fc.constantFrom(...writers)),
  ),
  headers: fc.array(anyHeader, { maxLength: 5 }),
  body: fc.option(anyBody, { nil: undefined, freq: 2 }),
  chunks: fc.boolean(),
})

describe.each(await adapterNames())("hostile requests to %s", (name) => {
  let site: Site
  beforeAll(async () => {
    site = await openSite(name)
  })
  afterAll(() => site.stop())

  test("rows 18 to 28: each gets one answer, soon, that is no failure and tells no secret", async () => {
    const statuses = new Set<number>()
    const attack = async ({ to: [method, path], headers, body, chunks }: HostileRequest) => {
      const list = headers.filter(([header]) => header !== "Content-Type" || body === undefined).flat()
      list.push("Connection", "close")
      if (body !== undefined) list.push("Content-Type", body[0]!)
      const isChunked = chunks && body !== undefined && body[1] !== ""
      if (isChunked) list.push("Transfer-Encoding", "chunked")
      const text = body?.[1]
      const bytes = bytesOf(method, path, {
        headers: list,
        ...(text !== undefined && { body: isChunked ? chunked([text]) : text }),
      })
      const shown = JSON.stringify(bytes.toString("latin1"))
      const wire = await site.connect(4_000)
      try {
        const answer = await wire
          .send(bytes)
          .answer(method)
          .catch((error: Error) => expect.fail(`${error.message}: ${shown}`))
        statuses.add(answer.status)
        expect(answer.status, shown).toBeLessThan(500)
        expect(`${answer.head.headers.join("\n")}${answer.text}`, shown).not.toMatch(/canary|<script/i)
        // What uWS itself refuses has a body even for HEAD; nothing is behind it.
        const isNative = name === "uws" && method === "HEAD" && answer.status === 400
        if (!isNative) expect((await wire.rest()).toString(), shown).toBe("")
      } finally {
        wire.destroy()
      }
    }
    const all = fc.array(anyRequest, { minLength: 8, maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(all, async (requests) => void (await Promise.all(requests.map(attack)))),
      { numRuns: 80 },
    )
    for (const status of [200, 301, 400, 401, 403, 404, 415]) expect(statuses).toContain(status)
    expect(site.errors).toEqual([])
    expect(site.lines.filter((line) => line.includes(canary) || /[\r\n\x7f-\x9f]/.test(line))).toEqual([])
    await site.nothingLeft()
  })
})
