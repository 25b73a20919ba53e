import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { canonicalPath, isCanonicalPath, splitPath } from "../../src/http/path.ts"
import { decodePercent } from "../../src/http/percent.ts"
import { expectProportional, fill } from "./proportional.ts"

const piece = fc.constantFrom(
  ..."/ab.%+:@;=é",
  "//",
  "%2f",
  "%2F",
  "%5c",
  "%252e",
  "%20",
  "%",
  "%zz",
  "%00",
  "%FF",
  "..",
  "%C3%A9",
)
const rawPath = fc.array(piece).map((parts) => "/" + parts.join(""))
const segment = fc.oneof(
  fc.string({ unit: "grapheme", minLength: 1 }),
  fc.string({ unit: "binary-ascii", minLength: 1 }),
)

describe("splitPath", () => {
  test("splits before it decodes, drops empty segments, decodes once", () => {
    expect(splitPath("/")).toEqual([])
    expect(splitPath("")).toEqual([])
    expect(splitPath("//a///b/")).toEqual(["a", "b"])
    expect(splitPath("/a%2Fb/c")).toEqual(["a/b", "c"])
    expect(splitPath("/%252e%252e/%2e%2e")).toEqual(["%2e%2e", ".."])
    expect(splitPath("*")).toEqual(["*"])
  })

  test("takes + literally and leaves a malformed % as it is", () => {
    expect(splitPath("/a+b/100%/%zz")).toEqual(["a+b", "100%", "%zz"])
  })

  test("is undefined when a segment is not UTF-8", () => {
    for (const path of ["/%FF", "/a/%C0%AF/b", "/%C3/%A9"]) expect(splitPath(path)).toBeUndefined()
  })

  test("agrees with split, filter and decode on anything", () => {
    fc.assert(
      fc.property(rawPath, (path) => {
        const parts = path
          .split("/")
          .filter(Boolean)
          .map((part) => decodePercent(part, false))
        expect(splitPath(path)).toEqual(parts.includes(undefined) ? undefined : parts)
      }),
      { numRuns: 2000 },
    )
  })

  test("takes time in proportion to the input", () => {
    for (const piece of ["/", "/%", "/a", "/%41", "%2F", "/%FF"]) {
      expectProportional((size) => splitPath(fill(piece, size)), undefined, piece)
    }
  })
})

describe("canonicalPath", () => {
  test("keeps what a URL may show and encodes the rest", () => {
    expect(canonicalPath([])).toBe("/")
    expect(canonicalPath(["a!$&'()*+,;=:@-._~z"])).toBe("/a!$&'()*+,;=:@-._~z")
    expect(canonicalPath(["é!$&'()*+,;=:@-._~z"])).toBe("/%C3%A9!$&'()*+,;=:@-._~z")
    expect(canonicalPath(["a b!", "c/d", "?#[]%24", "é"])).toBe("/a%20b!/c%2Fd/%3F%23%5B%5D%2524/%C3%A9")
  })

  test("splits into the segments that it was made of", () => {
    fc.assert(
      fc.property(fc.array(segment), (segments) => {
        const path = canonicalPath(segments)
        expect(splitPath(path)).toEqual(segments)
        expect(path).toMatch(/^\/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-F]{2})*$/)
      }),
      { numRuns: 1000 },
    )
  })

  test("is the same for all ways to write a path, and again for itself", () => {
    fc.assert(
      fc.property(rawPath, (path) => {
        const segments = splitPath(path)
        fc.pre(segments !== undefined)
        const once = canonicalPath(segments)
        expect(canonicalPath(splitPath(once)!)).toBe(once)
      }),
    )
  })

  test("does not throw for a lone surrogate", () => {
    expect(canonicalPath(["\ud800+"])).toBe("/%EF%BF%BD+")
  })
})

describe("isCanonicalPath", () => {
  test("knows the path that canonicalPath would give, as long as it has no escapes", () => {
    fc.assert(
      fc.property(rawPath, (path) => {
        const segments = splitPath(path)
        expect(isCanonicalPath(path)).toBe(
          !path.includes("%") && segments !== undefined && canonicalPath(segments) === path,
        )
      }),
      { numRuns: 2000 },
    )
  })

  test("refuses a slash at the end, two in a row, escapes, and what no path has", () => {
    for (const path of [
      "",
      "a",
      "*",
      "//",
      "/a/",
      "/a//b",
      "/a%20",
      "/a b",
      "/a?b",
      "/a#b",
      "/[",
      "/é",
      "/a\\b",
      "/a\n",
      "/\0",
    ]) {
      expect(isCanonicalPath(path)).toBe(false)
    }
    for (const path of ["/", "/a", "/a/b:c@d", "/..", "/a+b"]) expect(isCanonicalPath(path)).toBe(true)
  })

  test("takes time in proportion to the input", () => {
    for (const piece of ["/", "/a", "a", "a/"]) {
      expectProportional((size) => isCanonicalPath(`/${fill(piece, size)}%`), undefined, piece)
    }
  })
})
