import { type Conn, defineEndpoint, defineRouter, InvalidOptionError } from "plumage"
import { client, conn } from "plumage/test"
import { describe, expect, test } from "vitest"
import { nonce } from "../../src/plugs/content-security-policy.ts"
import { type SecureHeadersOptions, secureHeaders } from "../../src/plugs/secure-headers.ts"
import { type Equal, is } from "../types/is.ts"

const defaults = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "SAMEORIGIN",
  "referrer-policy": "strict-origin-when-cross-origin",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "x-permitted-cross-domain-policies": "none",
  "content-security-policy": "base-uri 'self'; frame-ancestors 'self'",
}
const off: SecureHeadersOptions = {
  contentTypeOptions: false,
  frameOptions: false,
  referrerPolicy: false,
  crossOriginOpenerPolicy: false,
  crossOriginResourcePolicy: false,
  crossOriginEmbedderPolicy: false,
  permittedCrossDomainPolicies: false,
  permissionsPolicy: false,
  contentSecurityPolicy: false,
  contentSecurityPolicyReportOnly: false,
}

/** The headers of a conn but the one that every conn has. */
function headersOf({ respHeaders }: Conn): Record<string, string> {
  const headers: Record<string, string> = {}
  for (let i = 0; i < respHeaders.length; i += 2) {
    expect(headers, "no header twice").not.toHaveProperty([respHeaders[i]!])
    headers[respHeaders[i]!] = respHeaders[i + 1]!
  }
  const { "cache-control": _, ...rest } = headers
  return rest
}
const put = (options?: SecureHeadersOptions, one: Conn = conn("GET", "/")) => headersOf(secureHeaders(options)(one))

describe("the defaults", () => {
  test("are these and no others", () => {
    expect(put()).toEqual(defaults)
    expect(put({})).toEqual(defaults)
  })

  test("can each be turned off, and all", () => {
    expect(put(off)).toEqual({})
    for (const option of Object.keys(off)) {
      const { length } = Object.keys(put({ [option]: false }))
      const isDefault = !/embedder|permissions|report/i.test(option)
      expect(length, option).toBe(Object.keys(defaults).length - (isDefault ? 1 : 0))
    }
  })

  test("leave what an earlier plug has put, and options replace it", () => {
    const earlier = () =>
      conn("GET", "/")
        .putRespHeader("x-frame-options", "DENY")
        .putRespHeader("content-security-policy", "default-src 'none'")
    expect(put({}, earlier())).toEqual({
      ...defaults,
      "x-frame-options": "DENY",
      "content-security-policy": "default-src 'none'",
    })
    const options: SecureHeadersOptions = { frameOptions: "SAMEORIGIN", contentSecurityPolicy: { "img-src": ["*"] } }
    expect(put(options, earlier())).toEqual({ ...defaults, "content-security-policy": "img-src *" })
  })

  test("are on errors too, whoever answers them", async () => {
    const router = defineRouter((r) => [
      r.get("/", () => {
        throw new Error("boom")
      }),
    ])
    const app = client(
      defineEndpoint({ onError: () => undefined })
        .plug(secureHeaders())
        .router(router),
    )
    for (const [path, status] of [
      ["/", 500],
      ["/nowhere", 404],
    ] as const) {
      const answer = await app.get(path)
      expect(answer.status).toBe(status)
      for (const [name, value] of Object.entries(defaults)) expect(answer.headers(name), name).toEqual([value])
    }
  })
})

describe("options", () => {
  test("replace the values", () => {
    expect(
      put({
        referrerPolicy: "no-referrer",
        crossOriginOpenerPolicy: "same-origin-allow-popups",
        crossOriginResourcePolicy: "cross-origin",
        crossOriginEmbedderPolicy: "require-corp",
        permittedCrossDomainPolicies: "master-only",
        contentSecurityPolicyReportOnly: { "default-src": [] },
      }),
    ).toEqual({
      ...defaults,
      "referrer-policy": "no-referrer",
      "cross-origin-opener-policy": "same-origin-allow-popups",
      "cross-origin-resource-policy": "cross-origin",
      "cross-origin-embedder-policy": "require-corp",
      "x-permitted-cross-domain-policies": "master-only",
      "content-security-policy-report-only": "default-src 'none'",
    })
  })

  test("for permissions are written as a dictionary of structured fields", () => {
    const permissionsPolicy = {
      camera: [],
      geolocation: ["self", "https://a.com", "https://*.b.com:8443"],
      fullscreen: "*",
    } as const
    expect(put({ ...off, permissionsPolicy })).toEqual({
      "permissions-policy": 'camera=(), geolocation=(self "https://a.com" "https://*.b.com:8443"), fullscreen=*',
    })
  })

  test("are checked once, at start", () => {
    const wrong: unknown[] = [
      { contentTypeOptions: "none" },
      { frameOptions: "ALLOW-FROM https://a.com" },
      { frameOptions: "deny" },
      { frameOptions: true },
      { referrerPolicy: "unsafe" },
      { referrerPolicy: "" },
      { referrerPolicy: "no-referrer same-origin" },
      { crossOriginOpenerPolicy: "same-site" },
      { crossOriginResourcePolicy: "none" },
      { permittedCrossDomainPolicies: null },
      { permissionsPolicy: {} },
      { permissionsPolicy: "camera=()" },
      { permissionsPolicy: { Camera: [] } },
      { permissionsPolicy: { "camera=*, x": [] } },
      { permissionsPolicy: { camera: "self" } },
      { permissionsPolicy: { camera: ["none"] } },
      { permissionsPolicy: { camera: ['https://a.com" "https://b.com'] } },
      { permissionsPolicy: { camera: ["https://a.com\r\nx: y"] } },
      { contentSecurityPolicy: { "default-src": ["self"] } },
      { contentSecurityPolicy: "default-src 'self'" },
      { contentSecurityPolicyReportOnly: {} },
      { xssProtection: "1" },
      { "x-frame-options": "DENY" },
    ]
    for (const options of wrong) {
      expect(() => secureHeaders(options as SecureHeadersOptions), JSON.stringify(options)).toThrow(InvalidOptionError)
    }
  })

  test("with a nonce in a policy assign it, in the type as well", () => {
    const plug = secureHeaders({ contentSecurityPolicy: { "script-src": [nonce()] } })
    is<Equal<ReturnType<typeof plug>["assigns"]["cspNonce"], string>>()
    const one = plug(conn("GET", "/"))
    expect(one.getRespHeader("content-security-policy")).toBe(`script-src 'nonce-${one.assigns.cspNonce}'`)
    const reported = secureHeaders({ contentSecurityPolicyReportOnly: { "style-src": [nonce()] } })(conn("GET", "/"))
    expect(reported.getRespHeader("content-security-policy-report-only")).toContain(reported.assigns.cspNonce)
    const without = secureHeaders()(conn("GET", "/"))
    // @ts-expect-error nothing was assigned
    expect(without.assigns.cspNonce).toBeUndefined()
  })
})
