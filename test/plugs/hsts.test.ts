import { InvalidOptionError } from "plumage"
import { call, conn, sentResp } from "plumage/test"
import { describe, expect, test } from "vitest"
import { type HstsOptions, hsts } from "../../src/plugs/hsts.ts"
import { rewriteOn } from "../../src/plugs/rewrite-on.ts"

const name = "strict-transport-security"
const header = (options?: HstsOptions, url = "https://a.example/") =>
  sentResp(hsts(options)(conn("GET", url)).text("")).headers[name]

describe("hsts", () => {
  // RFC 6797 §6.2 has directives of these forms.
  test.each<[HstsOptions | undefined, string]>([
    [undefined, "max-age=31536000"],
    [{}, "max-age=31536000"],
    [{ maxAge: 0 }, "max-age=0"],
    [{ maxAge: 15_768_000, includeSubDomains: true }, "max-age=15768000; includeSubDomains"],
    [{ includeSubDomains: true, preload: true }, "max-age=31536000; includeSubDomains; preload"],
    [{ maxAge: 63_072_000, includeSubDomains: true, preload: true }, "max-age=63072000; includeSubDomains; preload"],
    [{ includeSubDomains: false, preload: false }, "max-age=31536000"],
  ])("with %j says %j over https", (options, value) => expect(header(options)).toBe(value))

  test("says nothing over plain http (RFC 6797 §7.2)", () => {
    expect(header({}, "http://a.example/")).toBeUndefined()
    expect(header({ includeSubDomains: true, preload: true }, "http://a.example/")).toBeUndefined()
  })

  test("takes the scheme that a trusted proxy says, and that of nobody else", () => {
    const proxied = (remoteIp: string) => {
      const headers = { "x-forwarded-proto": "https" }
      const one = rewriteOn({ trust: ["loopback"], headers: ["x-forwarded-proto"] })(
        conn("GET", "/", undefined, { remoteIp, headers }),
      )
      return sentResp(hsts()(one).text("")).headers[name]
    }
    expect(proxied("127.0.0.1")).toBe("max-age=31536000")
    expect(proxied("192.0.2.1")).toBeUndefined()
  })

  test("sends one header, the last that was put", () => {
    const one = hsts({ maxAge: 1 })(hsts()(conn("GET", "https://a.example/")))
    const values = sentResp(one.text("")).headerList.filter(([key]) => key === name)
    expect(values).toEqual([[name, "max-age=1"]])
  })

  test("is a plug that answers at once, with the conn it was given", () => {
    const one = conn("GET", "https://a.example/")
    expect(call(hsts(), one)).toBe(one)
  })

  test.each([
    [{ maxAge: -1 }],
    [{ maxAge: 1.5 }],
    [{ maxAge: "31536000" }],
    [{ maxAge: Number.POSITIVE_INFINITY }],
    [{ maxAge: Number.NaN }],
    [{ includeSubDomains: 1 }],
    [{ preload: "yes" }],
    [{ preload: true }],
    [{ preload: true, includeSubDomains: false, maxAge: 63_072_000 }],
    [{ preload: true, includeSubDomains: true, maxAge: 31_535_999 }],
    [{ expires: 1 }],
    [{ subdomains: true }],
    [null],
    [true],
  ])("%j are refused at start", (options) => {
    expect(() => hsts(options as never)).toThrow(InvalidOptionError)
    expect(() => hsts(options as never)).toThrow(/^hsts/)
  })
})
