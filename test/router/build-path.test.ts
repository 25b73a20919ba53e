import * as fc from "fast-check"
import { compile } from "path-to-regexp"
import { describe, expect, it, vi } from "vitest"
import { InvalidPatternError, UsageError } from "../../src/conn/errors.ts"
import { isCanonicalPath, splitPath } from "../../src/http/path.ts"
import { buildPath } from "../../src/router/build-path.ts"
import { buildMatcher } from "../../src/router/matcher.ts"
import { parsePattern } from "../../src/router/pattern.ts"
import { matchCases } from "./match-cases.ts"
import { patterns } from "./patterns.ts"

vi.mock("../../src/router/pattern.ts", { spy: true })

const readBack = (pattern: string, path: string) =>
  buildMatcher([{ method: "GET", pattern: parsePattern(pattern), value: 0 }]).match("GET", splitPath(path)!, "")?.params

describe("buildPath", () => {
  it("encodes everything but unreserved characters in parameters", () => {
    expect(buildPath("/users/:id", { id: "a/b?c#d e%é😀" })).toBe("/users/a%2Fb%3Fc%23d%20e%25%C3%A9%F0%9F%98%80")
    expect(buildPath("/:id", { id: "AZaz09-._~" })).toBe("/AZaz09-._~")
    expect(buildPath("/:id", { id: "!$&'()*+,;=:@" })).toBe("/%21%24%26%27%28%29%2A%2B%2C%3B%3D%3A%40")
  })

  it("writes literals as a canonical path has them", () => {
    expect(buildPath("/a b/ø/@\\:me/50%")).toBe("/a%20b/%C3%B8/@:me/50%25")
    expect(buildPath("/what\\?/\\#1")).toBe("/what%3F/%231")
    expect(buildPath("//a//b/")).toBe("/a/b")
    expect(buildPath("/")).toBe("/")
    expect(buildPath("/__proto__")).toBe("/__proto__")
  })

  it("takes numbers, bigints and booleans for text", () => {
    expect(buildPath("/:a/:b/:c/:d", { a: 1, b: -0.5, c: 10n ** 20n, d: false })).toBe(
      "/1/-0.5/100000000000000000000/false",
    )
    expect(buildPath("/:a", { a: 0 })).toBe("/0")
  })

  it("takes a list for a glob and encodes each of its segments", () => {
    expect(buildPath("/files/*path", { path: ["a/b", "c d", 3] })).toBe("/files/a%2Fb/c%20d/3")
    expect(buildPath("/files/*path", { path: [] })).toBe("/files")
    expect(buildPath("/*path", { path: [] })).toBe("/")
  })

  it("writes an optional group when one of its parameters is given", () => {
    const posts = "/posts{/:year{/:month}}"
    expect(buildPath(posts)).toBe("/posts")
    expect(buildPath(posts, { year: 2026 })).toBe("/posts/2026")
    expect(buildPath(posts, { year: 2026, month: 1 })).toBe("/posts/2026/1")
    expect(buildPath(posts, { year: undefined, month: null })).toBe("/posts")
    expect(() => buildPath(posts, { month: 1 })).toThrow(
      'the parameter "year" of the path "/posts{/:year{/:month}}" is missing',
    )
    expect(buildPath("/a{/b}")).toBe("/a")
    expect(buildPath("{/:locale}/about", { locale: "de" })).toBe("/de/about")
    expect(buildPath("{/:locale}/about", {})).toBe("/about")
    expect(buildPath("/:id{.:format}", { id: 7, format: "json" })).toBe("/7.json")
    expect(buildPath("/a{/*rest}", {})).toBe("/a")
    expect(buildPath("/a{/*rest}", { rest: ["b"] })).toBe("/a/b")
  })

  it("appends the query, and no question mark without one", () => {
    expect(buildPath("/a", {}, { q: "x y", page: 2 })).toBe("/a?q=x+y&page=2")
    expect(buildPath("/a", {}, { user: { name: "ann" }, tags: ["x"] })).toBe("/a?user[name]=ann&tags[]=x")
    expect(buildPath("/a", {}, {})).toBe("/a")
    expect(buildPath("/a", {}, { q: undefined })).toBe("/a")
    expect(buildPath("/a", undefined, undefined)).toBe("/a")
  })

  it.each([
    ["/:id", {}, '"id"', "is missing"],
    ["/:id", { id: undefined }, '"id"', "is missing"],
    ["/:id", { id: null }, '"id"', "is missing"],
    ["/:toString", {}, '"toString"', "is missing"],
    ["/:id", { id: "" }, '"id"', "is empty"],
    ["/:id", { id: Number.NaN }, '"id"', "got NaN"],
    ["/:id", { id: Number.POSITIVE_INFINITY }, '"id"', "got Infinity"],
    ["/:id", { id: {} }, '"id"', "got an object"],
    ["/:id", { id: ["a"] }, '"id"', "got a list"],
    ["/:id", { id: Symbol("x") }, '"id"', "got a symbol"],
    ["/:id", { id: "." }, '"id"', 'makes the segment "."'],
    ["/:id", { id: ".." }, '"id"', 'makes the segment ".."'],
    ["/.:id", { id: "." }, '"id"', 'makes the segment ".."'],
    ["/*rest", { rest: ["a", ".."] }, '"rest"', 'makes the segment ".."'],
    ["/*rest", { rest: ["a", ""] }, '"rest"', "is empty"],
    ["/*rest", { rest: [undefined] }, '"rest"', "is missing"],
    ["/*rest", { rest: "a/b" }, '"rest"', 'must be a list, got "a/b"'],
    ["/*rest", {}, '"rest"', "is missing"],
    ["/*rest", { rest: "x".repeat(500) }, '"rest"', `${"x".repeat(59)}…`],
  ])("refuses %j with %o and names the parameter", (pattern, params, name, reason) => {
    expect(() => buildPath(pattern, params)).toThrow(UsageError)
    expect(() => buildPath(pattern, params)).toThrow(`the parameter ${name} of the path ${JSON.stringify(pattern)} `)
    expect(() => buildPath(pattern, params)).toThrow(reason)
  })

  it.each([
    ["/:name.:ext", { name: "x", ext: "tar.gz" }, 'is "x", but would be read back as "x.tar"'],
    ["/:id{.:format}", { id: "j.doe" }, 'is "j.doe", but would be read back as "j"'],
    [
      "/x{/:a}{/:b}",
      { b: "1" },
      'the parameter "a" of the path "/x{/:a}{/:b}" is absent, but would be read back as "1"',
    ],
    ["/x{/:a}/*rest", { rest: ["1"] }, 'is absent, but would be read back as "1"'],
  ])("refuses %j with %o, which would be read back as something else", (pattern, params, reason) => {
    expect(() => buildPath(pattern, params)).toThrow(UsageError)
    expect(() => buildPath(pattern, params)).toThrow(reason)
  })

  it("refuses a malformed pattern, a fragment among them", () => {
    expect(() => buildPath("users")).toThrow(InvalidPatternError)
    expect(() => buildPath("/users#top")).toThrow("a fragment never reaches the server")
  })

  it("reads parameters of any object, and only those of the pattern", () => {
    class User {
      name = "Ann"
      get id() {
        return 7
      }
    }
    expect(buildPath("/users/:id", new User())).toBe("/users/7")
  })

  it("parses a pattern once, and forgets when a program makes ever new ones", () => {
    const parses = (path: string) => vi.mocked(parsePattern).mock.calls.filter(([pattern]) => pattern === path).length
    buildPath("/kept/:id", { id: 1 })
    buildPath("/kept/:id", { id: 2 })
    expect(parses("/kept/:id")).toBe(1)
    for (let index = 0; index < 10_500; index++) buildPath(`/made/${index}/:id`, { id: 1 })
    expect(buildPath("/kept/:id", { id: 3 })).toBe("/kept/3")
    expect(parses("/kept/:id")).toBe(2)
  })

  it("writes a lone surrogate, which has no encoding, as U+FFFD", () => {
    expect(buildPath("/:id", { id: "a\ud800" })).toBe("/a%EF%BF%BD")
    expect(buildPath("/v:id", { id: "a\ud800" })).toBe("/va%EF%BF%BD")
  })

  it.each(matchCases.filter(([, , params]) => params !== undefined))(
    "leads back on %s from %j",
    (pattern, _segments, params) => {
      expect(readBack(pattern, buildPath(pattern, params!))).toEqual(params)
    },
  )

  const text = fc.oneof(
    fc.string({ unit: "binary", minLength: 1, maxLength: 6 }),
    fc.stringMatching(/^[-.a%/+ ]{1,6}$/),
    fc.constantFrom("1", "a-b", "%2F", "a/b"),
  )

  it("gives a path that leads back to its parameters, or says that it cannot", () => {
    let built = 0
    fc.assert(
      fc.property(
        patterns,
        fc.array(fc.option(text, { freq: 8 }), { minLength: 20, maxLength: 20 }),
        (pattern, values) => {
          const { names } = parsePattern(pattern)
          const params: Record<string, string | string[]> = {}
          names.forEach((name, index) => {
            const value = values[index]
            const isGlob = pattern.endsWith(`*${name}`)
            if (isGlob) params[name] = values.slice(14).filter((one) => one !== null)
            else if (value !== null && value !== undefined) params[name] = value
          })
          let path: string
          try {
            path = buildPath(pattern, params)
          } catch (error) {
            expect(error).toBeInstanceOf(UsageError)
            return
          }
          built++
          expect(readBack(pattern, path)).toEqual(params)
          expect(isCanonicalPath(path) || path.includes("%")).toBe(true)
          expect(path.split("/").slice(1)).not.toContain("..")
          expect(new URL(path, "http://host").pathname).toBe(path)
        },
      ),
      { numRuns: 3000 },
    )
    expect(built).toBeGreaterThan(1000)
  })

  it("builds what path-to-regexp builds from simple values", () => {
    const word = fc.stringMatching(/^[a-z0-9]{1,5}$/)
    fc.assert(
      fc.property(patterns, fc.array(word, { minLength: 20, maxLength: 20 }), (pattern, values) => {
        const { names } = parsePattern(pattern)
        const params = Object.fromEntries(
          names.map((name, index) => [name, pattern.endsWith(`*${name}`) ? values.slice(18) : values[index]!]),
        )
        const wanted = compile(pattern, { encode: encodeURIComponent })(params)
        expect(buildPath(pattern, params)).toBe(wanted.replaceAll("é", "%C3%A9"))
      }),
      { numRuns: 1000 },
    )
  })
})
