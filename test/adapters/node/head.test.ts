import type { IncomingMessage } from "node:http"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { examine, lowerHeaders, noBody, rawHeader, splitTarget, withBody } from "../../../adapters/node/head.ts"
import { defaultLimits } from "../../../src/conn/adapter.ts"

const verdict = (raw: string[], request: Partial<IncomingMessage> = {}, limits = {}) =>
  examine({ httpVersionMajor: 1, httpVersionMinor: 1, method: "GET", url: "/", ...request } as IncomingMessage, raw, {
    ...defaultLimits,
    ...limits,
  })

describe("examine", () => {
  test.each([
    ["a plain request", ["Host", "a"], noBody],
    ["a body by length", ["host", "a", "Content-Length", "5"], withBody],
    ["no body by length", ["host", "a", "content-length", "0"], noBody],
    ["a chunked body, in any case", ["host", "a", "TRANSFER-ENCODING", "ChunKed"], withBody],
    ["an empty host", ["host", ""], noBody],
    ["a host with a port", ["host", "[::1]:80"], noBody],
    ["no host", [], 400],
    ["two hosts", ["host", "a", "HOST", "a"], 400],
    ["a host with userinfo", ["host", "a@evil"], 400],
    ["a host with a space", ["host", "a b"], 400],
    ["another coding before chunked", ["host", "a", "transfer-encoding", "gzip, chunked"], 400],
    ["chunked twice", ["host", "a", "transfer-encoding", "chunked", "transfer-encoding", "chunked"], 400],
    ["a length beside chunked", ["host", "a", "content-length", "1", "transfer-encoding", "chunked"], 400],
  ])("%s", (_, raw, expected) => {
    expect(verdict(raw)).toBe(expected)
  })

  test("1.0 needs no host, and may have no transfer coding", () => {
    expect(verdict([], { httpVersionMinor: 0 })).toBe(noBody)
    expect(verdict(["transfer-encoding", "chunked"], { httpVersionMinor: 0 })).toBe(400)
  })

  test.each([
    [2, 0],
    [0, 9],
    [1, 2],
  ])("HTTP/%i.%i is 505", (httpVersionMajor, httpVersionMinor) => {
    expect(verdict(["host", "a"], { httpVersionMajor, httpVersionMinor })).toBe(505)
  })

  test("each limit holds to the last byte", () => {
    const limits = { requestLineBytes: 20, headerCount: 3, headerBytes: 40 }
    expect(verdict(["host", "a"], { url: `/${"x".repeat(6)}` }, limits)).toBe(noBody)
    expect(verdict(["host", "a"], { url: `/${"x".repeat(7)}` }, limits)).toBe(414)
    expect(verdict(["host", "a", "b", "", "c", ""], {}, limits)).toBe(noBody)
    expect(verdict(["host", "a", "b", "", "c", "", "d", ""], {}, limits)).toBe(431)
    expect(verdict(["host", "a", "b", "x".repeat(26)], {}, limits)).toBe(noBody)
    expect(verdict(["host", "a", "b", "x".repeat(27)], {}, limits)).toBe(431)
  })
})

describe("splitTarget", () => {
  test.each([
    ["/", "/", ""],
    ["/a?", "/a", ""],
    ["/a?b?c", "/a", "b?c"],
    ["/a#b?c", "/a", ""],
    ["/a?b#c?d", "/a", "b"],
    ["//a//", "//a//", ""],
    ["/a%2fb", "/a%2fb", ""],
  ])("origin-form %s", (target, path, query) => {
    expect(splitTarget("GET", target)).toEqual({ path, query, authority: undefined })
  })

  test.each([
    ["http://a", "/", "", "a"],
    ["HTTPS://a:1/b?c", "/b", "c", "a:1"],
    ["http://a?b", "/", "b", "a"],
    ["http://[::1]/#x", "/", "", "[::1]"],
  ])("absolute-form %s", (target, path, query, authority) => {
    expect(splitTarget("GET", target)).toEqual({ path, query, authority })
  })

  test("* and a target without a path are for OPTIONS", () => {
    expect(splitTarget("OPTIONS", "*")).toEqual({ path: "*", query: "", authority: undefined })
    expect(splitTarget("OPTIONS", "http://a")).toEqual({ path: "*", query: "", authority: "a" })
    expect(splitTarget("GET", "*")).toBeUndefined()
  })

  test.each(["", "a", "a:1", "ftp://a/", "http:///x", "http://a@b/", "http://a b/", "?a"])("%j is none", (target) => {
    expect(splitTarget("GET", target)).toBeUndefined()
  })

  test("puts every origin-form target back together, but for its fragment", () => {
    fc.assert(
      fc.property(fc.string(), (rest) => {
        const target = `/${rest}`
        const { path, query } = splitTarget("GET", target) as { path: string; query: string }
        const whole = target.split("#")[0] as string
        expect([whole, `${whole}?`]).toContain(whole.includes("?") ? `${path}?${query}` : path)
        expect(path.includes("?") || path.includes("#") || query.includes("#")).toBe(false)
      }),
    )
  })
})

test("lowerHeaders keeps order, duplicates and values, and puts the authority of the target into host", () => {
  const raw = ["Host", "a", "X-A", "Q", "x-a", "r"]
  expect(lowerHeaders(raw, undefined)).toEqual(["host", "a", "x-a", "Q", "x-a", "r"])
  expect(lowerHeaders(raw, "b")).toEqual(["host", "b", "x-a", "Q", "x-a", "r"])
})

test("rawHeader gives the first line of a name in any case", () => {
  const raw = ["X-B", "0", "X-A", "1", "x-a", "2"]
  expect([rawHeader(raw, "x-a"), rawHeader(raw, "x-b"), rawHeader(raw, "x-c")]).toEqual(["1", "0", undefined])
})
