import fc from "fast-check"
import { type Conn, InvalidOptionError, pipeline } from "plumage"
import { conn } from "plumage/test"
import { describe, expect, test } from "vitest"
import { type CspDirectives, contentSecurityPolicy, nonce } from "../../src/plugs/content-security-policy.ts"
import { type Equal, is } from "../types/is.ts"

const header = "content-security-policy"
const written = (directives: CspDirectives) => contentSecurityPolicy(directives)(conn("GET", "/")).getRespHeader(header)

/** A policy as a browser reads it (CSP3 §2.2.1): the first directive of a name counts. */
function parsed(policy: string): Record<string, string[]> {
  const directives: Record<string, string[]> = {}
  for (const part of policy.split(";")) {
    const [name, ...values] = part.trim().split(/\s+/)
    if (name !== "") directives[name!.toLowerCase()] ??= values
  }
  return directives
}

describe("a policy", () => {
  test("is written with its directives in order", () => {
    const policy = written({
      "default-src": [],
      "script-src": ["'self'", "'strict-dynamic'", `'sha256-${"a".repeat(43)}='`],
      "img-src": ["https:", "data:", "*.a.com", "http://localhost:*", "https://a.com:8443/path/"],
      "frame-ancestors": ["'none'"],
      "upgrade-insecure-requests": true,
      sandbox: [],
      "report-uri": ["/reports?a=b"],
      "report-to": ["main"],
      "require-trusted-types-for": ["'script'"],
      "trusted-types": ["a#b", "'allow-duplicates'"],
      "form-action": ["*"],
    })
    expect(policy).toBe(
      [
        "default-src 'none'",
        `script-src 'self' 'strict-dynamic' 'sha256-${"a".repeat(43)}='`,
        "img-src https: data: *.a.com http://localhost:* https://a.com:8443/path/",
        "frame-ancestors 'none'",
        "upgrade-insecure-requests",
        "sandbox",
        "report-uri /reports?a=b",
        "report-to main",
        "require-trusted-types-for 'script'",
        "trusted-types a#b 'allow-duplicates'",
        "form-action *",
      ].join("; "),
    )
    expect(written({ "default-src": ["'self'"], "upgrade-insecure-requests": false })).toBe("default-src 'self'")
  })

  test("is written once, and the same for every request without a nonce", () => {
    const plug = contentSecurityPolicy({ "default-src": ["'self'"] })
    const [one, other] = [plug(conn("GET", "/")), plug(conn("GET", "/"))]
    expect(one.getRespHeader(header)).toBe(other.getRespHeader(header))
    expect([one.assigns, one.private]).toEqual([{}, {}])
  })

  test("that is only reported has a header of its own, beside the other", () => {
    const both = pipeline()
      .plug(contentSecurityPolicy({ "default-src": ["'self'"] }))
      .plug(contentSecurityPolicy({ "default-src": [] }, { reportOnly: true }))
    const one = both(conn("GET", "/")) as Conn
    expect(one.getRespHeaders(header)).toEqual(["default-src 'self'"])
    expect(one.getRespHeaders(`${header}-report-only`)).toEqual(["default-src 'none'"])
  })

  test("reads back as it was given, whatever hosts and paths it names", () => {
    const source = fc.webUrl({ withQueryParameters: false, withFragments: false }).filter((url) => !/[;,']/.test(url))
    fc.assert(
      fc.property(fc.uniqueArray(source, { minLength: 1 }), (sources) => {
        expect(parsed(written({ "img-src": sources, "font-src": ["'self'"] })!)).toEqual({
          "img-src": sources,
          "font-src": ["'self'"],
        })
      }),
    )
  })

  test("cannot be left by a source: what is no source is refused, and no text makes another directive", () => {
    for (const bad of [
      "self",
      "none",
      "unsafe-inline",
      "strict-dynamic",
      "nonce-abc",
      "'nonce-abc'",
      "'nonce'",
      "sha256-abc",
      "'sha256-abc'",
      "'Self'",
      "'selfish'",
      "data",
      "https",
      "",
      " ",
      "a.com b.com",
      "a.com;script-src *",
      "a.com, default-src *",
      "a.com\r\nx: y",
      "https://a.com/a;b",
      "https://a.com/?q",
      "https://ü.com",
      "https://u@a.com",
      "*.*.com",
      1,
      null,
    ]) {
      expect(() => written({ "img-src": [bad as string] }), JSON.stringify(bad)).toThrow(InvalidOptionError)
    }
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."ab.:/'*-; ,\t\n\r") }), (text) => {
        let policy: string | undefined
        try {
          policy = written({ "img-src": [text], "font-src": ["'self'"] })
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidOptionError)
          return
        }
        expect(parsed(policy!)).toEqual({ "img-src": [text], "font-src": ["'self'"] })
      }),
      { numRuns: 1_000 },
    )
  })

  test("is refused where it says nothing, or nothing that browsers know", () => {
    const wrong: unknown[] = [
      {},
      null,
      "default-src 'self'",
      { "default-src": "'self'" },
      { "default-source": ["'self'"] },
      { defaultSrc: ["'self'"] },
      { "img-src": ["'none'", "a.com"] },
      { "upgrade-insecure-requests": ["a"] },
      { "report-to": [] },
      { "report-uri": ["/a;b"] },
      { "trusted-types": ["a b"] },
      { "require-trusted-types-for": ["script"] },
      { sandbox: ["scripts"] },
      { "img-src": [nonce()] },
      { "frame-ancestors": [nonce()] },
      { "report-to": [nonce()] },
    ]
    for (const directives of wrong) {
      expect(() => contentSecurityPolicy(directives as CspDirectives), JSON.stringify(directives)).toThrow(
        InvalidOptionError,
      )
    }
    const directives: CspDirectives = { "img-src": ["a.com"] }
    expect(() => contentSecurityPolicy(directives, { reportOnly: 1 } as never)).toThrow(InvalidOptionError)
    expect(() => contentSecurityPolicy(directives, { report: true } as never)).toThrow(InvalidOptionError)
  })
})

describe("a nonce", () => {
  const directives = { "script-src": ["'self'", nonce()], "style-src": [nonce()] } as const

  test("has 128 random bits, is new for every request, and the same wherever the policy names it", () => {
    const seen = new Set<string>()
    for (let count = 0; count < 100; count++) {
      const one = contentSecurityPolicy(directives)(conn("GET", "/"))
      const { cspNonce } = one.assigns
      expect(Buffer.from(cspNonce, "base64url")).toHaveLength(16)
      expect(cspNonce).toMatch(/^[\w-]{22}$/)
      expect(one.getRespHeader(header)).toBe(`script-src 'self' 'nonce-${cspNonce}'; style-src 'nonce-${cspNonce}'`)
      seen.add(cspNonce)
    }
    expect(seen.size).toBe(100)
  })

  test("is one for both policies of an answer, and not one that somebody else has assigned", () => {
    const both = pipeline()
      .plug((conn) => conn.assign("cspNonce", "theirs"))
      .plug(contentSecurityPolicy(directives))
      .plug(contentSecurityPolicy({ "script-src": [nonce()] }, { reportOnly: true }))
    const one = both(conn("GET", "/")) as Conn<{ cspNonce: string }>
    const { cspNonce } = one.assigns
    expect(cspNonce).not.toBe("theirs")
    expect(one.getRespHeader(`${header}-report-only`)).toBe(`script-src 'nonce-${cspNonce}'`)
    expect(one.getRespHeader(header)).toContain(`'nonce-${cspNonce}'`)
  })

  test("is in the type of the assigns where the policy certainly has one, and nowhere else", () => {
    const has = contentSecurityPolicy({ "default-src": ["'self'"], "script-src": ["'self'", nonce()] })
    is<Equal<ReturnType<typeof has>, Conn<{ readonly cspNonce: string }>>>()
    const hasNot = contentSecurityPolicy({ "default-src": ["'self'"] })
    is<Equal<ReturnType<typeof hasNot>, Conn<{}>>>()
    const loose: CspDirectives = { "script-src": [nonce()] }
    const mayHave = contentSecurityPolicy(loose)
    is<Equal<ReturnType<typeof mayHave>, Conn<{}>>>()
    const either = contentSecurityPolicy({ "script-src": (1 as number) > 0 ? [nonce()] : ["'self'"] })
    is<Equal<ReturnType<typeof either>, Conn<{}>>>()
    // @ts-expect-error a directive that is none
    expect(() => contentSecurityPolicy({ "script-source": [nonce()] })).toThrow(InvalidOptionError)
  })
})
