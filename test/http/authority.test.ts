import { isIPv6 } from "node:net"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { parseAuthority } from "../../src/http/authority.ts"
import { expectProportional, fill } from "./proportional.ts"

describe("parseAuthority", () => {
  test("takes names, IPv4 and IPv6 literals as they were sent, with or without a port", () => {
    expect(parseAuthority("Example.COM")).toEqual({ host: "Example.COM", port: undefined })
    expect(parseAuthority("localhost:4000")).toEqual({ host: "localhost", port: 4000 })
    expect(parseAuthority("127.0.0.1:80")).toEqual({ host: "127.0.0.1", port: 80 })
    expect(parseAuthority("[::1]:65535")).toEqual({ host: "[::1]", port: 65535 })
    expect(parseAuthority("[::FFFF:10.0.0.1]")).toEqual({ host: "[::FFFF:10.0.0.1]", port: undefined })
    expect(parseAuthority("[v1.a:b]:1")).toEqual({ host: "[v1.a:b]", port: 1 })
    expect(parseAuthority("a_b~%41!$&'()*+,;=:0")).toEqual({ host: "a_b~%41!$&'()*+,;=", port: 0 })
  })

  test("a colon without digits gives no port", () => {
    expect(parseAuthority("example.com:")).toEqual({ host: "example.com", port: undefined })
    expect(parseAuthority("[::1]:")).toEqual({ host: "[::1]", port: undefined })
  })

  test("is undefined for what RFC 3986 does not allow, and without a host", () => {
    for (const host of [
      "",
      ":80",
      "a@b",
      "user:pw@b",
      "a b",
      " a",
      "a ",
      "a:b",
      "a:1:2",
      "a:-1",
      "a:+1",
      "a:65536",
      "a:99999999999999999999",
      "::1",
      "[::1",
      "::1]",
      "[]",
      "[::1]x",
      "[fe80::1%25eth0]",
      "[1.2.3.4]",
      "[1::2::3]",
      "[1:2:3::4:5:6::7:8]",
      "a/b",
      "a?b",
      "a#b",
      "a\\b",
      "a\0",
      "a\n",
      "é",
      "%",
      "%4",
      "%zz",
      "[v.a]",
      "<a>",
    ]) {
      expect(parseAuthority(host), host).toBeUndefined()
    }
  })

  test("answers the same the second time, and after another", () => {
    for (const host of ["a:1", "a:1", "b", "a:1", "a@b", "a@b", "a:1"]) {
      expect(parseAuthority(host)?.port).toBe(host === "a:1" ? 1 : undefined)
      expect(parseAuthority(host)?.host).toBe(host === "a@b" ? undefined : host[0])
    }
  })

  test("gives a result that nobody can change for the next", () => {
    expect(Object.isFrozen(parseAuthority("example.com:1"))).toBe(true)
  })

  test("knows IPv6 as Node does, without zones", () => {
    const pieces = fc.array(
      fc.constantFrom(":", "::", "1", "ffff", "0", "12345", "g", "1.2.3.4", "256.1.1.1", "1.2.3", ".", ""),
      {
        maxLength: 17,
      },
    )
    const groups = fc.array(fc.constantFrom("1", "ffff", "0", "", "1.2.3.4"), { maxLength: 9 })
    fc.assert(
      fc.property(
        fc.oneof(
          fc.ipV6(),
          pieces.map((p) => p.join("")),
          groups.map((g) => g.join(":")),
        ),
        (address) => {
          expect(parseAuthority(`[${address}]`) !== undefined).toBe(isIPv6(address))
        },
      ),
      { numRuns: 5000 },
    )
  })

  test("takes time in proportion to the input", () => {
    for (const piece of ["a", "%41", ":", "1", "[", "::", "a.", "1.", "@"]) {
      expectProportional((size) => {
        const text = fill(piece, size)
        for (const host of [text, `a:${text}`, `[${text}]`, `[::${text}`]) parseAuthority(host)
      })
    }
  })
})
