/** What proxies say, and who is believed: the advisories on forwarded headers that concern the plugs. */
import { conn } from "plumage/test"
import { describe, expect, test } from "vitest"
import { compileNetworks, parseAddress } from "../../src/http/address.ts"
import { forceSsl } from "../../src/plugs/force-ssl.ts"
import { hsts } from "../../src/plugs/hsts.ts"
import { rewriteOn } from "../../src/plugs/rewrite-on.ts"

const headers = ["x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto"] as const
const forged = {
  "x-forwarded-for": "203.0.113.9",
  "x-forwarded-host": "evil.example",
  "x-forwarded-port": "8443",
  "x-forwarded-proto": "https",
  forwarded: "for=203.0.113.9;host=evil.example;proto=https",
}
const from = (remoteIp: string, sent: Record<string, string> = forged, options = {}) => {
  const plug = rewriteOn({ trust: ["10.0.0.0/8"], headers, ...options })
  return plug(conn("GET", "/", undefined, { remoteIp, headers: sent }))
}

describe("GHSA-xh87-mx6m-69f3", () => {
  test("the forwarded address of a peer that is not trusted is ignored", () => {
    expect(from("192.0.2.1").remoteIp).toBe("192.0.2.1")
    expect(from("192.0.2.1", forged, { headers: "forwarded" }).remoteIp).toBe("192.0.2.1")
  })
})

describe("41adbf56", () => {
  test("of a chain the address that the proxy appended is used, not the first, which the client wrote", () => {
    const sent = { "x-forwarded-for": "127.0.0.1, 198.51.100.7" }
    expect(from("10.0.0.1", sent).remoteIp).toBe("198.51.100.7")
    expect(from("10.0.0.1", sent, { trust: 1 }).remoteIp).toBe("198.51.100.7")
    const forwarded = { forwarded: "for=127.0.0.1, for=198.51.100.7" }
    expect(from("10.0.0.1", forwarded, { headers: "forwarded" }).remoteIp).toBe("198.51.100.7")
  })
})

describe("CVE-2026-3635, GHSA-444r-cwp2-x5xf", () => {
  test.each([
    ["x-forwarded-*", headers],
    ["forwarded", "forwarded"],
  ] as const)("host, port and scheme of a peer that is not trusted are ignored: %s", (_, headers) => {
    const one = from("192.0.2.1", forged, { headers })
    expect([one.scheme, one.host, one.port, one.requestUrl()]).toEqual([
      "http",
      "www.example.com",
      80,
      "http://www.example.com/",
    ])
  })

  test("nor does a redirect to https go where it says", () => {
    const rewrite = { trust: ["10.0.0.0/8"], headers }
    const one = conn("GET", "/", undefined, { remoteIp: "192.0.2.1", headers: forged })
    expect(forceSsl({ rewriteOn: rewrite })(one).getRespHeader("location")).toBe("https://www.example.com/")
  })
})

describe("CVE-2026-27959, GHSA-7gcc-r8m5-44qm", () => {
  test.each(["a@evil.example", "a:b@evil.example", "a/evil.example", "a#b", "a b", "a\\b"])(
    "the host %j, forwarded or redirected to, is a 400",
    (host) => {
      const status = expect.objectContaining({ status: 400 })
      expect(() => from("10.0.0.1", { "x-forwarded-host": host })).toThrow(status)
      expect(() => from("10.0.0.1", { forwarded: `host=${JSON.stringify(host)}` }, { headers: "forwarded" })).toThrow(
        status,
      )
      expect(() => forceSsl()(conn("GET", "/", undefined, { headers: { host } }))).toThrow(status)
    },
  )
})

describe("CVE-2026-39807", () => {
  test("the scheme is https by the transport or by a trusted proxy, and by nothing else", () => {
    expect(from("192.0.2.1").scheme).toBe("http")
    expect(from("10.0.0.1").scheme).toBe("https")
    expect(hsts()(from("192.0.2.1")).getRespHeader("strict-transport-security")).toBeUndefined()
    expect(forceSsl()(from("192.0.2.1")).halted).toBe(true)
  })
})

describe("48fa2233, c831020f, edbf6eea", () => {
  test("an IPv4-mapped address is the IPv4 address, as peer, in the chain and in the networks", () => {
    expect(from("::ffff:10.0.0.1", { "x-forwarded-for": "203.0.113.9, ::ffff:10.0.0.2" }).remoteIp).toBe("203.0.113.9")
    const trust = ["::ffff:10.0.0.0/104"]
    expect(from("10.0.0.1", { "x-forwarded-for": "::ffff:203.0.113.9" }, { trust }).remoteIp).toBe("203.0.113.9")
  })

  test("256.0.0.1 is no address, neither in the chain nor in the networks", () => {
    expect(() => from("10.0.0.1", { "x-forwarded-for": "256.0.0.1" })).toThrow(expect.objectContaining({ status: 400 }))
    expect(() => rewriteOn({ trust: ["256.0.0.1"], headers })).toThrow(/256\.0\.0\.1/)
    expect(parseAddress("256.0.0.1")).toBeUndefined()
    expect(() => compileNetworks(["256.0.0.0/8"])).toThrow(TypeError)
  })
})
