import { ForbiddenError, InvalidOptionError } from "plumage"
import { call, conn } from "plumage/test"
import { describe, expect, test } from "vitest"
import { compileHosts, type FetchMetadataOptions, fetchMetadata, foreignSite } from "../../src/plugs/fetch-metadata.ts"

const own = "http://www.example.com"
const from = (headers: Record<string, string>, allowed: readonly string[] = []) =>
  foreignSite(conn("POST", "/", "", { headers }), compileHosts("test", allowed)) === undefined

describe("a request is taken for one of this site's own", () => {
  test.each<[Record<string, string>, boolean]>([
    [{ "sec-fetch-site": "same-origin" }, true],
    [{ "sec-fetch-site": "none" }, true],
    [{ "sec-fetch-site": "same-site" }, false],
    [{ "sec-fetch-site": "cross-site" }, false],
    [{ "sec-fetch-site": "same-origin", origin: "null" }, true],
    [{ "sec-fetch-site": "cross-site", origin: own }, false],
    [{ "sec-fetch-site": "none", origin: "https://evil.example" }, true],
    [{}, true],
    [{ origin: own }, true],
    [{ origin: "HTTP://WWW.EXAMPLE.COM" }, true],
    [{ origin: "https://www.example.com" }, false],
    [{ origin: "http://www.example.com:8080" }, false],
    [{ origin: "http://example.com" }, false],
    [{ origin: "http://www.example.com.evil.example" }, false],
    [{ origin: "http://www.example.com@evil.example" }, false],
    [{ origin: "null" }, false],
    [{ origin: "file://" }, false],
    [{ origin: "" }, false],
    [{ "sec-fetch-site": "what?", origin: "https://evil.example" }, false],
    [{ "sec-fetch-site": "what?" }, true],
  ])("by its headers %j: %s", (headers, expected) => {
    expect(from(headers)).toBe(expected)
  })

  test("or of a host that is allowed, by its origin alone", () => {
    const allowed = ["a.com", ".b.com"]
    const site = { "sec-fetch-site": "cross-site" }
    expect(from({ ...site, origin: "https://a.com" }, allowed)).toBe(true)
    expect(from({ origin: "https://x.b.com:8443" }, allowed)).toBe(true)
    for (const origin of ["https://b.com", "https://evilb.com", "https://xa.com", "https://a.com.evil", "null", ""]) {
      expect(from({ ...site, origin }, allowed), origin).toBe(false)
      expect(from({ origin }, allowed), origin).toBe(false)
    }
    expect(from(site, allowed), "without an origin nobody knows which host it is").toBe(false)
  })
})

describe("fetchMetadata", () => {
  const foreign = { headers: { "sec-fetch-site": "cross-site" } }

  test.each(["POST", "PUT", "PATCH", "DELETE", "TRACE", "post", "X"])("refuses %s of another site", (method) => {
    const one = conn("POST", "/", "{}", foreign).rewrite({ method })
    expect(() => call(fetchMetadata(), one)).toThrow(ForbiddenError)
  })

  test.each(["GET", "HEAD", "OPTIONS"])("lets %s of another site pass, which changes nothing", (method) => {
    const one = conn(method, "/", undefined, foreign)
    expect(call(fetchMetadata(), one)).toBe(one)
  })

  test("does not care what the body is", () => {
    for (const type of ["application/json", "text/plain", "multipart/form-data", ""]) {
      const one = conn("POST", "/", "{}", { headers: { ...foreign.headers, "content-type": type } })
      expect(() => call(fetchMetadata(), one), type).toThrow(ForbiddenError)
    }
  })

  test("takes other hosts that are allowed", () => {
    const one = conn("POST", "/", "{}", { headers: { ...foreign.headers, origin: "https://a.com" } })
    expect(call(fetchMetadata({ allowHosts: ["a.com"] }), one)).toBe(one)
  })

  test.each([
    { allowHosts: "a.com" },
    { allowHosts: ["https://a.com"] },
    { allowHosts: ["*.a.com"] },
    { allowHosts: ["A.com"] },
    { allowHosts: [""] },
    { allow: [] },
  ])("does not take %j", (options) => {
    expect(() => fetchMetadata(options as FetchMetadataOptions)).toThrow(InvalidOptionError)
  })
})
