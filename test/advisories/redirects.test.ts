/** Redirects that lead away from the site. */
import { UsageError } from "plumage"
import { conn, sentResp } from "plumage/test"
import { describe, expect, test } from "vitest"
import { loose } from "../loose.ts"

/** Where a browser goes that follows a location from https://site.example/. */
const destination = (location: string) => new URL(location, "https://site.example/").origin

describe.each([
  ["Phoenix 5d737201e (#5415)", ["/\\evil.example", "/%09/evil.example", "/\t/evil.example", "/%5cevil.example"]],
  [
    "h3 459a1c65",
    ["//evil.example", "///evil.example", "/%2fevil.example", "\\/evil.example", "//evil.example/%2e%2e"],
  ],
  [
    "CVE-2025-8129, GHSA-jgmv-j7ww-jx2x",
    ["https://evil.example/", "http:evil.example", "https:/evil.example", "//site.example.evil"],
  ],
  [
    "control characters",
    ["/\n/evil.example", "/\r/evil.example", "\x01//evil.example", "/\x00/evil.example", " //evil.example"],
  ],
])("%s", (_, targets) => {
  test.each(targets)("%j is refused", (target) => {
    const one = loose(conn("GET", "/"))
    expect(() => one.redirect(target)).toThrow(UsageError)
    expect(one.exchange.sent).toBe(false)
  })
})

test("what redirect lets pass stays on the site, for a browser too", () => {
  const corpus = [
    "/",
    "a",
    "//",
    "\\",
    "%2f",
    "%5c",
    "%09",
    "\t",
    "\n",
    ".",
    "..",
    "@",
    ":",
    "evil.example",
    "?",
    "#",
    " ",
    "%00",
  ]
  for (const first of corpus) {
    for (const second of corpus) {
      for (const third of corpus) {
        const target = `/${first}${second}${third}`
        let sent: ReturnType<typeof sentResp>
        try {
          sent = sentResp(conn("GET", "/").redirect(target))
        } catch {
          continue
        }
        expect(destination(sent.headers["location"]!), JSON.stringify(target)).toBe("https://site.example")
      }
    }
  }
})

test("a redirect elsewhere has to be called by its name, and takes addresses of the web alone", () => {
  expect(sentResp(conn("GET", "/").redirectExternal("https://other.example/a")).headers["location"]).toBe(
    "https://other.example/a",
  )
  for (const url of [
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "file:///etc/passwd",
  ]) {
    const one = conn("GET", "/")
    let body = ""
    try {
      body = sentResp(one.redirectExternal(url)).body
    } catch (error) {
      expect(error, url).toBeInstanceOf(UsageError)
    }
    expect(body, url).not.toContain(url.slice(0, 8))
  }
})

test("the page of a redirect cannot be made to hold markup", () => {
  const { body } = sentResp(conn("GET", "/").redirect('/"><script>alert(1)</script>'))
  expect(body).not.toContain("<script>")
})
