import fc from "fast-check"
import { BadRequestError, defineRouter, UsageError } from "plumage"
import { call, conn, sentResp } from "plumage/test"
import { describe, expect, test } from "vitest"
import { currentPath, currentUrl } from "../../src/controller/current-path.ts"
import { decodeQuery } from "../../src/http/query.ts"
import { errorOf } from "../loose.ts"

const base = "https://example.com"

describe("currentPath", () => {
  test.each([
    ["/", "/"],
    ["/a//b///", "/a/b"],
    ["/a%2Fb/%41?q=%41+b", "/a%2Fb/A?q=%41+b"],
    ["//evil.example/x", "/evil.example/x"],
    ["/%5Cevil.example", "/%5Cevil.example"],
    ["/a?", "/a"],
    ["/a??b", "/a??b"],
  ])("of %s is %s", (sent, path) => {
    expect(currentPath(conn("GET", sent))).toBe(path)
  })

  test("with parameters has these and no others, with none no query", () => {
    const one = conn("GET", "/a?page=1&q=x")
    expect(currentPath(one, { page: 2, tags: ["a b", "c&d"] })).toBe("/a?page=2&tags[]=a+b&tags[]=c%26d")
    expect(currentPath(one, {})).toBe("/a")
    expect(currentPath(one, { page: undefined })).toBe("/a")
    expect(currentPath(one, ({ page, ...others }) => others)).toBe("/a?q=x")
    expect(one.queryParams).toEqual({ page: "1", q: "x" })
  })

  test("holds what forwards have consumed, in the router that they lead to", async () => {
    const posts = defineRouter((r) => [r.get("/:id", (conn) => conn.text(currentPath(conn)))])
    const admin = defineRouter((r) => [r.forward("/admin", posts)])
    expect(sentResp(await call(admin, conn("GET", "/admin//7/?page=2"))).body).toBe("/admin/7?page=2")
  })

  test("gives parameters that decode to what they were, on the page itself", () => {
    const value = fc.oneof(fc.string({ unit: "grapheme" }), fc.array(fc.string(), { minLength: 1 }))
    const name = fc.string({ minLength: 1 }).filter((text) => !/[[\]]/.test(text) && text !== "__proto__")
    fc.assert(
      fc.property(fc.webPath(), fc.dictionary(name, value), (path, params) => {
        const one = conn("GET", `/a${path}`)
        const [made, query = ""] = currentPath(one, params).split("?")
        expect(made).toBe(one.path)
        expect({ ...decodeQuery(query) }).toEqual({ ...params })
        expect(conn("GET", currentPath(one, params)).path).toBe(one.path)
      }),
    )
  })

  test("encodes what a query should not have been sent with, so that a header takes it", () => {
    const one = conn("GET", "/a?q=\t<é b>")
    expect(currentPath(one)).toBe("/a?q=%09<%C3%A9%20b>")
    expect(currentPath(conn("GET", currentPath(one))), "once is enough").toBe(currentPath(one))
    expect(sentResp(one.redirect(currentPath(one))).headers["location"]).toBe("/a?q=%09<%C3%A9%20b>")
  })

  test("blames the program for parameters of its own, and the client for a query that cannot be written again", () => {
    const clean = conn("GET", "/a?page=1")
    expect(errorOf(() => currentPath(clean, { x: () => 1 }))).toBeInstanceOf(UsageError)
    expect(errorOf(() => currentPath(clean, () => ({ x: Symbol("x") })))).toBeInstanceOf(UsageError)
    expect(errorOf(() => currentPath(clean, () => undefined as never))).toBeInstanceOf(UsageError)
    const odd = conn("GET", "/a?x[][a]=1&x[][b]=2")
    expect(errorOf(() => currentPath(odd, (params) => ({ ...params, page: 2 })))).toBeInstanceOf(BadRequestError)
    expect(errorOf(() => currentPath(odd, { x: [{ a: 1, b: 2 }] }))).toBeInstanceOf(UsageError)
    expect(currentPath(odd)).toBe("/a?x[][a]=1&x[][b]=2")
  })
})

describe("currentUrl", () => {
  test("begins with the base, whatever host, scheme and port the request names", () => {
    for (const sent of ["http://evil.example/a?b=1", "https://example.com:8443/a?b=1", "/a?b=1"]) {
      expect(currentUrl(conn("GET", sent), { base })).toBe("https://example.com/a?b=1")
    }
    const forwarded = conn("GET", "/a", undefined, {
      headers: { host: "evil.example", "x-forwarded-host": "evil.org" },
    })
    expect(currentUrl(forwarded, { base }, { c: 2 })).toBe("https://example.com/a?c=2")
  })

  test("takes a base as a URL, with a port and with a path that a proxy takes away", () => {
    const one = conn("GET", "/a")
    expect(currentUrl(one, { base: new URL("http://localhost:4000") })).toBe("http://localhost:4000/a")
    expect(currentUrl(one, { base: "https://example.com:443/app/" })).toBe("https://example.com/app/a")
    expect(currentUrl(one, { base: "https://EXAMPLE.com" })).toBe("https://example.com/a")
  })

  test("takes the client's host where it is told to, and is then the address of the request", () => {
    const urls = ["http://a.example/x?y=1", "https://a.example:8443/x", "http://[::1]:4000/", "https://a.example/"]
    for (const url of urls) {
      const one = conn("GET", url)
      expect(currentUrl(one, { trustHost: true })).toBe(url)
      expect(currentUrl(one, { trustHost: true })).toBe(one.requestUrl())
    }
    expect(currentUrl(conn("GET", "http://a.example/x?y=1"), { trustHost: true }, {})).toBe("http://a.example/x")
  })

  test("is 400 where the client names no host, or one that no address has", () => {
    for (const host of ["", "a%00b", "a@b"]) {
      const one = conn("GET", "/a", undefined, { headers: { host } })
      expect(
        errorOf(() => currentUrl(one, { trustHost: true })),
        host,
      ).toBeInstanceOf(BadRequestError)
    }
  })

  test("takes no other base, and no host without being told to", () => {
    const one = conn("GET", "/a")
    const bases = ["", "/x", "example.com", "javascript:alert(1)", "ftp://a.example", "https://u:p@a.example"]
    for (const base of [...bases, "https://a.example/?q", "https://a.example/#f", undefined as never]) {
      expect(
        errorOf(() => currentUrl(one, { base })),
        base,
      ).toBeInstanceOf(UsageError)
    }
    for (const start of [{}, { trustHost: false }, { trustHost: 1 }]) {
      expect(errorOf(() => currentUrl(one, start as never))).toBeInstanceOf(UsageError)
    }
    // @ts-expect-error where an address begins is never guessed
    expect(() => currentUrl(one)).toThrow()
  })
})
