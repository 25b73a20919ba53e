/** What controllers answer with, where a client has a say in it: redirects back, names of files, callbacks, addresses. */
import { createContext, Script } from "node:vm"
import { BadRequestError, type Conn, InvalidHeaderError } from "plumage"
import { parsers } from "plumage/plugs"
import { conn, sentResp } from "plumage/test"
import { describe, expect, test } from "vitest"
import { currentPath, currentUrl } from "../../src/controller/current-path.ts"
import { sendDownload } from "../../src/controller/download.ts"
import { allowJsonp } from "../../src/controller/jsonp.ts"
import { redirectBack } from "../../src/controller/redirect-back.ts"
import { scrubParams } from "../../src/controller/scrub-params.ts"
import { contentDisposition } from "../../src/http/content-disposition.ts"
import { readDisposition } from "../http/read-disposition.ts"
import { errorOf } from "../loose.ts"

const site = "https://site.example"
const back = (referer: string) =>
  sentResp(redirectBack(conn("POST", `${site}/cart`, undefined, { headers: { referer } }), "/home")).headers[
    "location"
  ]!
/** Where a browser goes that follows a location from this site. */
const destination = (location: string) => new URL(location, `${site}/`).origin

describe.each([
  ["h3 459a1c65", ["//evil.example", "///evil.example", `${site}//evil.example`, `${site}//evil.example/%2e%2e`]],
  [
    "CVE-2025-8129, GHSA-jgmv-j7ww-jx2x",
    [
      "https://evil.example/",
      "http://site.example/",
      "https://site.example.evil.example/",
      "https://site.example@evil.example/",
      "https://site.example:444/",
      "https://site.example%2eevil.example/",
      "https://site.example\u3002evil.example/",
    ],
  ],
  [
    "Phoenix 5d737201e (#5415)",
    [
      "/\\evil.example",
      `${site}/\\evil.example`,
      `${site}\\\\evil.example`,
      `${site}/%09/evil.example`,
      `${site}/\t/evil.example`,
      `${site}/%5cevil.example`,
      `${site}/%2fevil.example`,
    ],
  ],
  ["schemes that run", ["javascript:alert(1)", "javascript://site.example/%0aalert(1)", "data:text/html,x", "blob:x"]],
])("%s", (_, referers) => {
  test.each(referers)("a Referer of %j is sent to the fallback", (referer) => {
    expect(back(referer)).toBe("/home")
  })
})

test("h3 459a1c65: whatever the Referer, a browser stays on the site", () => {
  const starts = [site, "https://site.example:443", "https:", "", "HTTPS://SITE.EXAMPLE", "https://u@site.example"]
  const pieces = ["/", "\\", "//", "%2f", "%5c", "%09", "\t", ".", "..", "@", ":", "?", "#", "evil.example", ""]
  let followed = 0
  for (const start of starts) {
    for (const first of pieces) {
      for (const second of pieces) {
        for (const third of pieces) {
          const referer = `${start}/${first}${second}${third}`
          const location = back(referer)
          expect(destination(location), referer).toBe(site)
          if (location !== "/home") followed++
        }
      }
    }
  }
  expect(followed).toBeGreaterThan(1_000)
})

test("Phoenix 5d737201e (#5415): the current path is one of this site, whatever was asked for", () => {
  for (const path of [
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "/./\\evil.example",
    "//evil.example/..",
  ]) {
    expect(destination(currentPath(conn("GET", path))), path).toBe(site)
  }
})

describe("elixir-plug a19cd4d1, Bandit GHSA-x3gh-xhj4-3vq8: a name of a file", () => {
  test.each(["a\r\nx-injected: 1", "a\nx-injected: 1", "a\rx-injected: 1", "a\0"])("%j starts no line", (name) => {
    expect(() => contentDisposition("attachment", name)).toThrow(TypeError)
    const { headerList } = sentResp(sendDownload(conn("GET", "/"), { data: "", filename: name }))
    expect(headerList.map(([header]) => header)).not.toContain("x-injected")
    expect(headerList.flat().join("")).not.toMatch(/[\r\n\0]/)
    const options = { contentType: `text/css; a=${name}` }
    const error = errorOf(() => sendDownload(conn("GET", "/"), { data: "", filename: "a" }, options))
    expect(error).toBeInstanceOf(InvalidHeaderError)
  })
})

describe("CVE-2022-36359, CVE-2020-5398: a name of a file", () => {
  test.each([
    ['multi-part-one";" dummy".txt', "multi-part-one_;_ dummy_.txt"],
    ['multi-part-one\\";" dummy".txt', "_;_ dummy_.txt"],
    ["x.bat\"; filename*=UTF-8''evil.bat; a=\"", "x.bat_; filename_=UTF-8''evil.bat; a=_"],
    ["setup.bat;/../report.txt", "report.txt"],
  ])("%j says no other name and no other extension", (name, read) => {
    const { headers } = sentResp(sendDownload(conn("GET", "/"), { data: "", filename: name }))
    expect(readDisposition(headers["content-disposition"]!)).toMatchObject({ type: "attachment", filename: read })
  })
})

test("CVE-2014-4671: what a callback says begins no file that a plug-in would run", () => {
  const ask = (callback: string) => allowJsonp()(conn("GET", "/", { callback }))
  const flash = `CWSMIKI0hCD0Up0IZUnnnnnnnnnnnnnnnnnnnUU5nnnnnn3Snn7iiudIbEAt333swW0s${"A".repeat(200)}`
  expect(() => ask(flash)).toThrow(BadRequestError)
  const { body, headers } = sentResp(ask("CWSMIKI0hCD0Up0IZUnnn").json("x"))
  expect(body.startsWith("/**/")).toBe(true)
  expect(headers["x-content-type-options"]).toBe("nosniff")
})

test("GHSA-v8w9-8mx6-g223, CVE-2025-68130: a key `__proto__` sets no prototype, here or in a page", async () => {
  const text = '{"user":{"__proto__":{"admin":" "},"name":" "}}'
  const headers = { "content-type": "application/json" }
  const parsed = (await parsers()(conn("POST", "/", text, { headers }))) as Conn
  const { user } = scrubParams("user")(parsed).params as { user: { admin?: unknown } }
  expect([user.admin, ({} as { admin?: unknown }).admin]).toEqual([undefined, undefined])
  const { body } = sentResp(allowJsonp()(conn("GET", "/?callback=f")).json(user))
  const page = { got: undefined as unknown, f: (value: unknown) => void (page.got = value) }
  new Script(body).runInContext(createContext(page))
  expect((page.got as { admin?: unknown }).admin).toBeUndefined()
  expect(JSON.stringify(page.got)).toBe('{"__proto__":{"admin":null},"name":null}')
})

test("CVE-2026-27959, GHSA-7gcc-r8m5-44qm: no address is made of a Host with a user in it, nor of any unless it is asked for", () => {
  const one = (host: string) => conn("GET", "/reset", undefined, { headers: { host } })
  expect(() => currentUrl(one("site.example@evil.example"), { trustHost: true })).toThrow(BadRequestError)
  expect(currentUrl(one("evil.example"), { base: site })).toBe(`${site}/reset`)
})
