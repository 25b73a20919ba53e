import { describe, expect, test } from "vitest"
import { compileOriginPolicy, type OriginPolicy, originAllowed, type RequestOrigin } from "../../src/http/origin.ts"

const here: RequestOrigin = { scheme: "https", host: "a.com", port: undefined }
const allowed = (origin: string | undefined, policy: OriginPolicy, request = here) =>
  originAllowed(origin, policy, request)

describe("an origin policy", () => {
  test("lets a request without Origin through, whatever it is", () => {
    for (const policy of [true, false, "conn" as const, [], ["https://b.com"], () => false]) {
      expect(allowed(undefined, policy)).toBe(true)
    }
  })

  test("false lets everything through", () => {
    for (const origin of ["https://evil.com", "null", "", "file://"]) expect(allowed(origin, false)).toBe(true)
  })

  test("refuses null, nothing, file and what has no host or more than an origin", () => {
    const policies: OriginPolicy[] = [true, "conn", ["//a.com", "//*.a.com", "file://a.com"], () => true]
    for (const policy of policies) {
      for (const origin of [
        "null",
        "",
        "file://",
        "file:///",
        "https://",
        "a.com",
        "//a.com",
        "https:a.com",
        "https:/a.com",
        "https://a.com/",
        "https://a.com/x",
        "https://a.com?x",
        "https://a.com#x",
        "https://user@a.com",
        "https://evil.com@a.com",
        "https://a.com\\x",
        "https://a.com evil.com",
        "https://a.com\thttps://b.com",
        " https://a.com",
        "https://a.com:99999",
        "https://a.com:x",
        "about:blank",
        "data:text/html,x",
      ]) {
        expect(allowed(origin, policy), `${origin} by ${String(policy)}`).toBe(false)
      }
    }
  })
})

describe("true and conn", () => {
  test("take the scheme, host and port of the request, in any case", () => {
    for (const policy of [true, "conn"] as const) {
      expect(allowed("https://a.com", policy)).toBe(true)
      expect(allowed("HTTPS://A.com", policy)).toBe(true)
      expect(allowed("https://a.com:443", policy)).toBe(true)
      expect(allowed("https://a.com", policy, { scheme: "https", host: "A.COM", port: 443 })).toBe(true)
      expect(allowed("http://a.com", policy)).toBe(false)
      expect(allowed("wss://a.com", policy)).toBe(false)
      expect(allowed("https://a.com:8443", policy)).toBe(false)
      for (const host of ["b.com", "evila.com", "a.com.evil.com", "www.a.com", "a.com."]) {
        expect(allowed(`https://${host}`, policy), host).toBe(false)
      }
    }
  })

  test("know the port of a scheme, and ports of their own", () => {
    const local = { scheme: "http", host: "localhost", port: 4000 }
    expect(allowed("http://localhost:4000", true, local)).toBe(true)
    expect(allowed("http://localhost", true, local)).toBe(false)
    expect(allowed("http://localhost:80", true, { scheme: "http", host: "localhost", port: undefined })).toBe(true)
  })

  test("compare IPv6 literals as addresses, and refuse a request without a host", () => {
    expect(allowed("http://[::1]:4000", true, { scheme: "http", host: "[0:0::1]", port: 4000 })).toBe(true)
    expect(allowed("http://[::2]:4000", true, { scheme: "http", host: "[::1]", port: 4000 })).toBe(false)
    expect(allowed("https://a.com", true, { scheme: "https", host: "", port: undefined })).toBe(false)
  })
})

describe("a list", () => {
  test("compares what an entry says: the scheme with its port, or only host, or host and port", () => {
    expect(allowed("https://a.com", ["https://a.com"])).toBe(true)
    expect(allowed("https://a.com:443", ["https://a.com"])).toBe(true)
    expect(allowed("http://a.com", ["https://a.com"])).toBe(false)
    expect(allowed("https://a.com:8443", ["https://a.com"])).toBe(false)
    expect(allowed("https://a.com:8443", ["https://a.com:8443"])).toBe(true)
    expect(allowed("http://a.com:81", ["//a.com"])).toBe(true)
    expect(allowed("http://a.com:81", ["//a.com:81"])).toBe(true)
    expect(allowed("http://a.com", ["//a.com:81"])).toBe(false)
    expect(allowed("http://a.com", ["//a.com:80"])).toBe(true)
    expect(allowed("https://a.com", ["//a.com:80"])).toBe(false)
    expect(allowed("wss://a.com", ["//a.com:443"])).toBe(true)
    expect(allowed("ws://a.com", ["//a.com:80"])).toBe(true)
  })

  test("a wildcard takes the host and what is below it, at a label's boundary", () => {
    for (const entry of ["//*.a.com", "https://*.a.com", "//*.A.com"]) {
      for (const host of ["a.com", "www.a.com", "x.y.a.com", "WWW.A.COM"]) {
        expect(allowed(`https://${host}`, [entry]), host).toBe(true)
      }
      for (const host of ["evila.com", "a.com.evil.com", "com", "xa.com", "a.co", "www.a.com."]) {
        expect(allowed(`https://${host}`, [entry]), host).toBe(false)
      }
    }
  })

  test("takes any of its entries, schemes of apps, IPv6 and names beyond ASCII", () => {
    const check = compileOriginPolicy([
      "https://b.com",
      "capacitor://localhost",
      "http://[0::1]:4000",
      "//bücher.example",
    ])
    for (const origin of [
      "https://b.com",
      "capacitor://localhost",
      "http://[::1]:4000",
      "https://xn--bcher-kva.example",
    ]) {
      expect(check(origin, here), origin).toBe(true)
    }
    expect(check("capacitor://LOCALHOST", here)).toBe(true)
    for (const origin of ["https://a.com", "ionic://localhost", "http://[::1]:4001", "constructor://b.com"]) {
      expect(check(origin, here), origin).toBe(false)
    }
  })

  test("an empty one takes nobody", () => {
    expect(allowed("https://a.com", [])).toBe(false)
  })

  test("a malformed entry is an error at start that names it", () => {
    for (const entry of [
      "a.com",
      "*",
      "",
      "null",
      "//",
      "//*",
      "//*a.com",
      "//a.*.com",
      "//*.*.com",
      "https://",
      "https://a.com/",
      "https://a.com/x",
      "https://u@a.com",
      "//a.com:99999",
      "//a.com:x",
      "//a b",
      "//a%zz",
      "//[::1::1]",
      "https:a.com",
      "file://",
    ]) {
      expect(() => compileOriginPolicy([entry]), entry).toThrow(TypeError)
      expect(() => compileOriginPolicy(["//a.com", entry])).toThrow(JSON.stringify(entry))
    }
    expect(() => compileOriginPolicy([7 as unknown as string])).toThrow(TypeError)
    expect(() => compileOriginPolicy("https://a.com" as unknown as "conn")).toThrow(TypeError)
    expect(() => compileOriginPolicy(undefined as unknown as true)).toThrow(TypeError)
  })
})

test("a function decides on the origin, and only true is yes", () => {
  expect(allowed("https://b.com", (origin) => origin.hostname === "b.com")).toBe(true)
  expect(allowed("https://c.com", (origin) => origin.hostname === "b.com")).toBe(false)
  expect(allowed("https://c.com", (async () => false) as unknown as () => boolean)).toBe(false)
})
