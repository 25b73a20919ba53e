import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { UsageError } from "../../src/conn/errors.ts"
import { isCanonicalPath } from "../../src/http/path.ts"
import { buildMatcher, type Matcher, type MatcherRoute } from "../../src/router/matcher.ts"
import { parsePattern, parsePrefix } from "../../src/router/pattern.ts"
import { matchCases } from "./match-cases.ts"
import { libraryParams, patterns, segmentLists } from "./patterns.ts"

type Line = readonly [method: string, pattern: string, host?: string | readonly string[]]

/** A matcher whose values are the places of the lines. */
function matcherOf(lines: readonly Line[], head?: boolean): Matcher<number> {
  return buildMatcher(
    lines.map(([method, pattern, host], value) => ({ method, pattern: parsePattern(pattern), host, value })),
    { head },
  )
}

const found = (matcher: Matcher<number>, method: string, path: string, host = "") =>
  matcher.match(method, path.split("/").filter(Boolean), host)

describe("match", () => {
  it.each(matchCases)("%s on %j captures %j", (pattern, segments, params) => {
    expect(matcherOf([["GET", pattern]]).match("GET", segments, "")?.params).toEqual(params)
  })

  it("takes the first declared route that fits, not the most specific one", () => {
    const matcher = matcherOf([
      ["GET", "/users/:id"],
      ["GET", "/users/new"],
      ["GET", "/:any/old"],
      ["GET", "/*rest"],
      ["GET", "/users"],
    ])
    expect(found(matcher, "GET", "/users/new")).toEqual({ value: 0, params: { id: "new" } })
    expect(found(matcher, "GET", "/users/old")).toEqual({ value: 0, params: { id: "old" } })
    expect(found(matcher, "GET", "/posts/old")).toEqual({ value: 2, params: { any: "posts" } })
    expect(found(matcher, "GET", "/users")).toEqual({ value: 3, params: { rest: ["users"] } })
  })

  it("looks into every branch before it says no", () => {
    const matcher = matcherOf([
      ["GET", "/a/b/c"],
      ["GET", "/a/:x/d"],
      ["GET", "/a:y/b/e"],
      ["GET", "/:z/b/f"],
    ])
    expect(found(matcher, "GET", "/a/b/d")?.value).toBe(1)
    expect(found(matcher, "GET", "/ab/b/e")?.value).toBe(2)
    expect(found(matcher, "GET", "/a/b/f")?.value).toBe(3)
    expect(found(matcher, "GET", "/a/b/g")).toBe(undefined)
  })

  it("fits a method as it is written, and every method with *", () => {
    const matcher = matcherOf([
      ["GET", "/users/:id"],
      ["*", "/users/fallback"],
      ["LINK", "/users/:id"],
    ])
    expect(found(matcher, "GET", "/users/fallback")?.value).toBe(0)
    expect(found(matcher, "POST", "/users/fallback")?.value).toBe(1)
    expect(found(matcher, "LINK", "/users/1")?.value).toBe(2)
    expect(found(matcher, "get", "/users/1")).toBe(undefined)
    expect(found(matcher, "*", "/users/1")).toBe(undefined)
  })

  it("lets GET routes answer HEAD in their place, unless told not to", () => {
    const lines: Line[] = [
      ["HEAD", "/a"],
      ["GET", "/a"],
      ["GET", "/b/:id"],
      ["*", "/*rest"],
    ]
    expect(found(matcherOf(lines), "HEAD", "/a")?.value).toBe(0)
    expect(found(matcherOf(lines), "HEAD", "/b/1")).toEqual({ value: 2, params: { id: "1" } })
    expect(matcherOf([["GET", "/c"]]).matchPath("HEAD", "/c")?.value).toBe(0)
    expect(found(matcherOf(lines, false), "HEAD", "/b/1")?.value).toBe(3)
  })

  it("finds the host exactly, by prefix and in lists, without regard to case", () => {
    const matcher = matcherOf([
      ["GET", "/", "Admin.example.com"],
      ["GET", "/", ["api.", "x.org"]],
      ["GET", "/", "x.org"],
      ["GET", "/"],
      ["GET", "/", "late.com"],
      ["GET", "/:id", "api."],
    ])
    expect(found(matcher, "GET", "/", "admin.EXAMPLE.com")?.value).toBe(0)
    expect(found(matcher, "GET", "/", "admin.example.com.evil")?.value).toBe(3)
    expect(found(matcher, "GET", "/", "API.anything")?.value).toBe(1)
    expect(found(matcher, "GET", "/", "api")?.value).toBe(3)
    expect(found(matcher, "GET", "/", "my.api.org")?.value).toBe(3)
    expect(found(matcher, "GET", "/", "X.org")?.value).toBe(1)
    expect(found(matcher, "GET", "/", "late.com")?.value).toBe(3)
    expect(found(matcher, "GET", "/", "")?.value).toBe(3)
    expect(found(matcher, "GET", "/7", "x.org")).toBe(undefined)
    expect(found(matcher, "GET", "/7", "api.x")).toEqual({ value: 5, params: { id: "7" } })
  })

  it("refuses a malformed host at once", () => {
    expect(() => matcherOf([["GET", "/", ""]])).toThrow(UsageError)
  })

  it("mounts a prefix without capturing what is below", () => {
    const matcher = buildMatcher([{ method: "*", pattern: parsePrefix("/orgs/:org"), value: 1 }])
    expect(matcher.match("PUT", ["orgs", "7"], "")).toEqual({ value: 1, params: { org: "7" } })
    expect(matcher.match("PUT", ["orgs", "7", "a", "b"], "")).toEqual({ value: 1, params: { org: "7" } })
    expect(matcher.match("PUT", ["orgs"], "")).toBe(undefined)
  })

  it("makes the parameters anew for each match, and shares only an empty frozen object", () => {
    const matcher = matcherOf([
      ["GET", "/a/:id"],
      ["GET", "/b"],
      ["GET", "/c"],
    ])
    expect(found(matcher, "GET", "/a/1")?.params).not.toBe(found(matcher, "GET", "/a/1")?.params)
    expect(found(matcher, "GET", "/b")?.params).toBe(found(matcher, "GET", "/c")?.params)
    expect(Object.isFrozen(found(matcher, "GET", "/b")?.params)).toBe(true)
  })

  it("does not keep the list that it was given for a glob", () => {
    const segments = ["a", "b"]
    const params = matcherOf([["GET", "/*rest"]]).match("GET", segments, "")?.params
    expect(params).toEqual({ rest: ["a", "b"] })
    expect(params?.["rest"]).not.toBe(segments)
  })

  it("gives what path-to-regexp gives for one pattern", () => {
    fc.assert(
      fc.property(patterns, segmentLists, (pattern, segments) => {
        const ours = matcherOf([["GET", pattern]]).match("GET", segments, "")?.params
        expect(ours).toEqual(libraryParams(pattern, segments))
      }),
      { numRuns: 3000 },
    )
  })
})

const methods = ["GET", "POST", "*"]
const hosts = [undefined, undefined, undefined, "a.com", "A.", ["b.com", "a.c"], ["b.", "a.com"]]
const tables: fc.Arbitrary<Line[]> = fc.array(
  fc.tuple(fc.constantFrom(...methods), patterns, fc.constantFrom(...hosts)) as fc.Arbitrary<Line>,
  { maxLength: 12 },
)

/** Every route in turn, as Phoenix would try them. */
function tryOneByOne(lines: readonly Line[], method: string, segments: readonly string[], host: string) {
  for (const [value, [own, pattern, hosts]] of lines.entries()) {
    const list = hosts === undefined ? undefined : [hosts].flat().map((one) => one.toLowerCase())
    const fits = list?.some((one) => (one.endsWith(".") ? host.startsWith(one) : host === one)) ?? true
    const params = fits && (own === "*" || own === method) ? libraryParams(pattern, segments) : undefined
    if (params !== undefined) return { value, params }
  }
  return undefined
}

describe("the trie", () => {
  const request = fc.record({
    method: fc.constantFrom("GET", "POST", "PUT"),
    segments: segmentLists,
    host: fc.constantFrom("a.com", "a.c", "b.com", "c.com", ""),
  })

  it("finds what trying every route with path-to-regexp finds", () => {
    fc.assert(
      fc.property(tables, fc.array(request, { minLength: 1, maxLength: 8 }), (lines, requests) => {
        const matcher = matcherOf(lines)
        for (const { method, segments, host } of requests) {
          expect(matcher.match(method, segments, host)).toEqual(tryOneByOne(lines, method, segments, host))
        }
      }),
      { numRuns: 1500 },
    )
  })

  it("allows the methods with which a route would be found, in declared order", () => {
    fc.assert(
      fc.property(tables, request, (lines, { segments, host }) => {
        const declared = [...new Set(lines.map(([method]) => method).filter((method) => method !== "*"))]
        const wanted = declared
          .map((method) => ({ method, value: tryOneByOne(lines, method, segments, host)?.value }))
          .filter((one) => one.value !== undefined)
          .sort((a, b) => a.value! - b.value!)
          .flatMap(({ method }) => (method === "GET" ? ["GET", "HEAD"] : [method]))
        expect(matcherOf(lines).allowedMethods(segments, host)).toEqual(wanted)
      }),
      { numRuns: 500 },
    )
  })

  it("settles by raw path only what it would find by segments, for every host", () => {
    fc.assert(
      fc.property(tables, request, (lines, { method, segments, host }) => {
        const path = "/" + segments.join("/")
        const settled = matcherOf(lines).matchPath(method, path)
        if (settled !== undefined) expect(settled).toEqual(tryOneByOne(lines, method, segments, host))
        if (settled !== undefined) expect(isCanonicalPath(path)).toBe(true)
      }),
      { numRuns: 1500 },
    )
  })
})

describe("matchPath", () => {
  it("knows canonical literal paths, the root and written-out groups", () => {
    const matcher = matcherOf([
      ["GET", "/"],
      ["GET", "/a/b{/c}"],
      ["POST", "/a/b"],
      ["*", "/any"],
    ])
    expect(matcher.matchPath("GET", "/")).toEqual({ value: 0, params: {} })
    expect(matcher.matchPath("GET", "/a/b")?.value).toBe(1)
    expect(matcher.matchPath("GET", "/a/b/c")?.value).toBe(1)
    expect(matcher.matchPath("POST", "/a/b")?.value).toBe(2)
    expect(matcher.matchPath("POST", "/any")?.value).toBe(3)
    expect(matcher.matchPath("BREW", "/any")?.value).toBe(3)
    for (const path of ["/a/b/", "//a/b", "/a%2Fb", "/A/b", "a/b", ""])
      expect(matcher.matchPath("GET", path)).toBe(undefined)
    expect(matcher.matchPath("BREW", "/a/b")).toBe(undefined)
  })

  it("leaves alone what a host, an earlier parameter or decoding decides", () => {
    const matcher = matcherOf([
      ["GET", "/hosted", "a.com"],
      ["GET", "/hosted"],
      ["GET", "/after"],
      ["GET", "/after", "a.com"],
      ["GET", "/p/:id"],
      ["GET", "/p/new"],
      ["GET", "/é"],
      ["GET", "/50%"],
      ["GET", "/a b"],
    ])
    expect(matcher.matchPath("GET", "/hosted")).toBe(undefined)
    expect(matcher.matchPath("GET", "/after")?.value).toBe(2)
    for (const path of ["/p/new", "/é", "/50%", "/a b", "/%C3%A9"])
      expect(matcher.matchPath("GET", path)).toBe(undefined)
  })
})

describe("allowedMethods", () => {
  it("lists the methods of the path in declared order, HEAD after GET", () => {
    const matcher = matcherOf([
      ["POST", "/users/:id"],
      ["GET", "/users/:id"],
      ["DELETE", "/users/:id", "admin."],
      ["PUT", "/posts"],
    ])
    expect(matcher.allowedMethods(["users", "1"], "x.com")).toEqual(["POST", "GET", "HEAD"])
    expect(matcher.allowedMethods(["users", "1"], "admin.x")).toEqual(["POST", "GET", "HEAD", "DELETE"])
    expect(matcher.allowedMethods(["posts"], "")).toEqual(["PUT"])
    expect(matcher.allowedMethods(["nothing"], "")).toEqual([])
  })

  it("names HEAD once, and only where something answers it", () => {
    const lines: Line[] = [
      ["HEAD", "/a"],
      ["GET", "/a"],
      ["GET", "/b"],
    ]
    expect(matcherOf(lines).allowedMethods(["a"], "")).toEqual(["HEAD", "GET"])
    expect(matcherOf(lines, false).allowedMethods(["a"], "")).toEqual(["HEAD", "GET"])
    expect(matcherOf(lines, false).allowedMethods(["b"], "")).toEqual(["GET"])
  })
})

/** How often the matcher looks at a segment: the steps of a search, which no other load on the machine can change. */
function looks(matcher: Matcher<number>, segments: readonly string[]): number {
  let count = 0
  const watched = new Proxy(segments, {
    get(target, key) {
      if (typeof key === "string" && key !== "length") count++
      return Reflect.get(target, key)
    },
  })
  matcher.match("GET", watched, "")
  return count
}

describe("the cost of a match", () => {
  it("does not grow with the number of routes", () => {
    const lines = (count: number): Line[] =>
      Array.from({ length: count }, (_, index) => ["GET", `/api/things${index}/:id/parts${index % 7}`])
    const path = (index: number) => ["api", `things${index}`, "1", `parts${index % 7}`]
    const few = matcherOf(lines(10))
    const many = matcherOf(lines(10_000))
    expect(looks(many, path(9_999))).toBe(looks(few, path(9)))
    expect(looks(many, ["api", "things", "1", "parts"])).toBe(2)
  })

  it("is at most the size of the trie when every segment can be text or a parameter", () => {
    const depth = 10
    const lines: Line[] = []
    for (let mask = 0; mask < 2 ** depth; mask++) {
      const parts = Array.from({ length: depth }, (_, index) => ((mask >> index) & 1 ? "/a" : `/:p${index}`))
      lines.push(["GET", `${parts.join("")}/end`])
    }
    const nodes = 2 ** (depth + 1)
    expect(looks(matcherOf(lines), [...Array(depth).fill("a"), "miss"])).toBeLessThanOrEqual(nodes)
    // The first declared route fits, so nothing else is tried; and so it is when the table is turned round.
    const once = 2 * depth + 1
    expect(looks(matcherOf(lines), [...Array(depth).fill("a"), "end"])).toBeLessThanOrEqual(once)
    expect(looks(matcherOf(lines.toReversed()), [...Array(depth).fill("a"), "end"])).toBeLessThanOrEqual(once)
  })

  it("stays small in a table where a search that goes back could try every combination", () => {
    const depth = 24
    const lines: Line[] = Array.from({ length: depth }, (_, at) => [
      "GET",
      `${Array.from({ length: depth }, (_, index) => (index === at ? `/:p${index}` : "/a")).join("")}/end`,
    ])
    // Two to the power of 24 for a search that follows the path's choices; the trie has 24 + 23 + … nodes.
    expect(looks(matcherOf(lines), [...Array(depth).fill("a"), "miss"])).toBeLessThanOrEqual((depth + 2) ** 2)
  })

  it("ends at the first segment that no route has, however long the path", () => {
    const matcher = matcherOf([
      ["GET", "/a/:b/c"],
      ["GET", "/a/*rest"],
    ])
    expect(looks(matcher, ["x", ...Array(100_000).fill("a")])).toBe(1)
    expect(looks(matcherOf([["GET", "/a/:b/c"]]), ["a", ...Array(100_000).fill("a")])).toBe(3)
  })

  it("is one look-up when thousands of hosts share a path", () => {
    const lines: Line[] = Array.from({ length: 5_000 }, (_, index) => ["GET", "/", `host${index}.com`])
    const matcher = matcherOf(lines)
    expect(matcher.match("GET", [], "host4999.com")?.value).toBe(4_999)
    expect(matcher.match("GET", [], "other.com")).toBe(undefined)
  })
})

// The types: a value keeps its type, and a route needs a parsed pattern.
const typed: MatcherRoute<"x"> = { method: "GET", pattern: parsePattern("/"), value: "x" }
const value: "x" | undefined = buildMatcher([typed]).match("GET", [], "")?.value
void value
