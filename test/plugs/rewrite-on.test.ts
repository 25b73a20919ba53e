import fc from "fast-check"
import { BadRequestError, InvalidOptionError } from "plumage"
import { conn } from "plumage/test"
import { describe, expect, test, vi } from "vitest"
import { formatAddress, parseAddress } from "../../src/http/address.ts"
import { type RewriteOnOptions, rewriteOn } from "../../src/plugs/rewrite-on.ts"

/** It has no types of its own. */
const { default: express } = await import("express" as string)

type Headers = Record<string, string> | [string, string][]
const all = ["x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto"] as const
const proxies = ["10.0.0.0/8", "2001:db8:ffff::/48", "loopback"]

/** What is known of a request that came from a peer with these headers: `ip scheme://host:port`. */
function seen(options: Partial<RewriteOnOptions>, remoteIp: string, headers: Headers, url = "/"): string {
  const plug = rewriteOn({ trust: proxies, headers: all, ...options })
  const one = plug(conn("GET", url, undefined, { remoteIp, headers }))
  return `${one.remoteIp} ${one.scheme}://${one.host}:${one.port}`
}

describe("the client", () => {
  const xff = (peer: string, chain: string) =>
    seen({ headers: ["x-forwarded-for"] }, peer, { "x-forwarded-for": chain }).split(" ")[0]

  test.each([
    ["the peer when it is not trusted, whatever the header says", "192.0.2.1", "203.0.113.9", "192.0.2.1"],
    [
      "the first address from the right that is not trusted",
      "10.0.0.1",
      "6.6.6.6, 203.0.113.9, 10.0.0.2",
      "203.0.113.9",
    ],
    ["the nearest one without a further proxy", "10.0.0.1", "6.6.6.6,203.0.113.9", "203.0.113.9"],
    ["the last of a chain that is trusted wholly", "10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"],
    ["the peer when the chain is empty", "10.0.0.1", "", "10.0.0.1"],
    ["the peer when the chain has only commas", "10.0.0.1", " ,, ,\t,", "10.0.0.1"],
    ["found beyond empty items", "10.0.0.1", "6.6.6.6,,203.0.113.9, ,10.0.0.2,", "203.0.113.9"],
    ["IPv6", "10.0.0.1", "2001:DB8:0::9", "2001:db8::9"],
    ["behind IPv6 proxies", "2001:db8:ffff::1", "2001:db8::9, 2001:db8:ffff:1::2", "2001:db8::9"],
    ["IPv4 where it is IPv4-mapped", "::ffff:10.0.0.1", "::ffff:203.0.113.9, ::ffff:10.0.0.2", "203.0.113.9"],
    ["without its port", "10.0.0.1", "203.0.113.9:4711", "203.0.113.9"],
    ["without port and brackets", "10.0.0.1", "[2001:db8::9]:4711, [2001:db8:ffff::1]", "2001:db8::9"],
    ["the proxy that says unknown", "10.0.0.1", "203.0.113.9, unknown, 10.0.0.2", "10.0.0.2"],
    ["the proxy that hides it", "10.0.0.1", "203.0.113.9, _hidden", "10.0.0.1"],
    ["found before what is malformed is read", "10.0.0.1", "<script>, 203.0.113.9, 10.0.0.2", "203.0.113.9"],
  ])("is %s", (_, peer, chain, expected) => expect(xff(peer, chain)).toBe(expected))

  test.each([
    "garbage",
    "203.0.113.9 10.0.0.2",
    "256.0.0.1",
    "010.0.0.1",
    "1.2.3.4:99999",
    "fe80::1%eth0",
    "10.0.0.1/8",
    "unix:",
  ])("%j where a trusted proxy wrote is a 400", (bad) => {
    for (const chain of [bad, `203.0.113.9, ${bad}`, `${bad}, 10.0.0.2`]) {
      expect(() => xff("10.0.0.1", chain), chain).toThrow(BadRequestError)
      expect(xff("192.0.2.1", chain)).toBe("192.0.2.1")
    }
  })

  test("is found in all lines of the header, read as one", () => {
    const lines: [string, string][] = [
      ["x-forwarded-for", "6.6.6.6"],
      ["x-forwarded-for", "203.0.113.9, 10.0.0.3"],
      ["x-forwarded-for", "10.0.0.2"],
    ]
    expect(seen({}, "10.0.0.1", lines)).toMatch(/^203\.0\.113\.9 /)
    expect(seen({ trust: 1 }, "10.0.0.1", lines)).toMatch(/^10\.0\.0\.2 /)
  })

  test("of a link-local peer is told from its zone", () => {
    expect(seen({ trust: ["link-local"] }, "fe80::1%eth0", { "x-forwarded-for": "203.0.113.9" })).toMatch(/^203/)
  })

  test("is who Express finds, by networks and by numbers of proxies", () => {
    const address = fc.oneof(
      fc.constantFrom("10.0.0.1", "10.9.9.9", "127.0.0.1", "::1", "2001:db8:ffff::1", "::ffff:10.0.0.1"),
      fc.ipV4(),
      fc.ipV6(),
    )
    const trust = fc.oneof(fc.constant(proxies), fc.integer({ min: 1, max: 6 }))
    fc.assert(
      fc.property(address, fc.array(address, { maxLength: 6 }), trust, (peer, chain, trust) => {
        const app = express()
        app.set("trust proxy", trust)
        const headers = { "x-forwarded-for": chain.join(", ") }
        const request = Object.assign(Object.create(app.request), { app, headers, socket: { remoteAddress: peer } })
        const found = seen({ trust, headers: ["x-forwarded-for"] }, peer, headers).split(" ")[0]!
        expect(formatAddress(parseAddress(found)!)).toBe(formatAddress(parseAddress(request.ip)!))
      }),
      { numRuns: 500 },
    )
  })
})

describe("by a number of proxies", () => {
  const chain = "6.6.6.6, 203.0.113.9, 10.0.0.3"
  test.each([
    [1, "10.0.0.3"],
    [2, "203.0.113.9"],
    [3, "6.6.6.6"],
    [4, "6.6.6.6"],
  ])("%i, the client is %s", (trust, expected) => {
    expect(seen({ trust }, "198.51.100.1", { "x-forwarded-for": chain })).toBe(`${expected} http://www.example.com:80`)
  })

  test("a chain that is shorter ends at the furthest address that is known", () => {
    expect(seen({ trust: 2 }, "198.51.100.1", { "x-forwarded-for": "203.0.113.9" })).toMatch(/^203\.0\.113\.9 /)
    expect(seen({ trust: 2 }, "198.51.100.1", {})).toMatch(/^198\.51\.100\.1 /)
  })

  test("without a chain, a value is the one that so many proxies wrote", () => {
    const value = (trust: number, proto: string) =>
      seen({ trust, headers: ["x-forwarded-proto"] }, "198.51.100.1", { "x-forwarded-proto": proto })
    expect(value(1, "https, http")).toContain(" http:")
    expect(value(2, "https, http")).toContain(" https:")
    expect(value(2, "http, https, http")).toContain(" https:")
    expect(value(3, "https")).toContain(" https:")
  })

  test("an unknown on the way does not end it", () => {
    expect(seen({ trust: 2 }, "198.51.100.1", { "x-forwarded-for": "6.6.6.6, 203.0.113.9, unknown" })).toMatch(/^203/)
    expect(seen({ trust: 2 }, "198.51.100.1", { "x-forwarded-for": "6.6.6.6, _x, 10.0.0.3" })).toMatch(/^10\.0\.0\.3 /)
  })
})

describe("scheme, host and port", () => {
  test.each<[string, Headers, string]>([
    [
      "all four",
      { "x-forwarded-proto": "https", "x-forwarded-host": "a.example", "x-forwarded-port": "8443" },
      "https://a.example:8443",
    ],
    ["a host has its scheme's port", { "x-forwarded-host": "a.example" }, "http://a.example:80"],
    [
      "a host has the new scheme's port",
      { "x-forwarded-proto": "https", "x-forwarded-host": "a.example" },
      "https://a.example:443",
    ],
    [
      "a host brings its port",
      { "x-forwarded-proto": "https", "x-forwarded-host": "a.example:8443" },
      "https://a.example:8443",
    ],
    [
      "a port stands above the host's",
      { "x-forwarded-host": "a.example:1", "x-forwarded-port": "2" },
      "http://a.example:2",
    ],
    ["IPv6 as a host", { "x-forwarded-host": "[2001:db8::1]:8080" }, "http://[2001:db8::1]:8080"],
    ["a scheme takes its port along", { "x-forwarded-proto": "https" }, "https://www.example.com:443"],
    ["a scheme is compared without case", { "x-forwarded-proto": "HTTPS" }, "https://www.example.com:443"],
    ["wss is https", { "x-forwarded-proto": "wss" }, "https://www.example.com:443"],
    ["ws is http", { "x-forwarded-proto": "ws" }, "http://www.example.com:80"],
    ["a port alone changes no scheme", { "x-forwarded-port": "443" }, "http://www.example.com:443"],
    ["the highest port", { "x-forwarded-port": "65535" }, "http://www.example.com:65535"],
    [
      "empty values are none",
      { "x-forwarded-proto": "", "x-forwarded-host": " ", "x-forwarded-port": "," },
      "http://www.example.com:80",
    ],
    ["the Host's own port stays", { host: "b.example:8080", "x-forwarded-proto": "https" }, "https://b.example:8080"],
    [
      "the Host's port of the old scheme does not",
      { host: "b.example:80", "x-forwarded-proto": "https" },
      "https://b.example:443",
    ],
    [
      "a malformed Host does not matter beside another",
      { host: "a@b", "x-forwarded-host": "c.example" },
      "http://c.example:80",
    ],
  ])("%s", (_, headers, expected) => {
    expect(seen({}, "10.0.0.1", headers)).toBe(`10.0.0.1 ${expected}`)
    expect(seen({ trust: 1 }, "192.0.2.1", headers)).toBe(`192.0.2.1 ${expected}`)
  })

  test("https may become http again", () => {
    const headers = { "x-forwarded-proto": "http" }
    expect(seen({}, "10.0.0.1", headers, "https://a.example/")).toBe("10.0.0.1 http://a.example:80")
  })

  test("are those of the hop that the client is at", () => {
    const headers = {
      "x-forwarded-for": "6.6.6.6, 203.0.113.9, 10.0.0.2",
      "x-forwarded-proto": "http, https, http",
      "x-forwarded-host": "evil.example, a.example, inner.example",
      "x-forwarded-port": "1, 443, 8080",
    }
    expect(seen({}, "10.0.0.1", headers)).toBe("203.0.113.9 https://a.example:443")
    expect(seen({ trust: 1 }, "10.0.0.1", headers)).toBe("10.0.0.2 http://inner.example:8080")
    expect(seen({ trust: 3 }, "10.0.0.1", headers)).toBe("6.6.6.6 http://evil.example:1")
  })

  test("are the leftmost where a header has fewer values than the chain, and never further left than the chain goes", () => {
    const chain = { "x-forwarded-for": "203.0.113.9, 10.0.0.3, 10.0.0.2" }
    expect(seen({}, "10.0.0.1", { ...chain, "x-forwarded-proto": "https" })).toContain("https:")
    expect(seen({}, "10.0.0.1", { ...chain, "x-forwarded-proto": "https, http" })).toContain("https:")
    expect(seen({}, "10.0.0.1", { ...chain, "x-forwarded-proto": "http, https, http, http" })).toContain("https:")
    expect(seen({}, "10.0.0.1", { "x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https, http" })).toContain(
      " http:",
    )
    expect(seen({}, "10.0.0.1", { "x-forwarded-for": "", "x-forwarded-proto": "https, http" })).toContain(" http:")
  })

  test.each([
    [
      "x-forwarded-host",
      ["a@b", "a/b", "a b", "a.example:0", "a.example:65536", "a.example:-1", "[::1", "a\\b", "<b>", "a#b", ":80"],
    ],
    ["x-forwarded-port", ["0", "-1", "65536", "99999999", "80a", "a", "8 0", "+80", "0x50", "1e3", "80.0"]],
    ["x-forwarded-proto", ["ftp", "javascript", "https:", "https://", "http s", "h2"]],
  ])("%s is a 400 when a trusted proxy sends what it cannot be, and nothing from others", (header, values) => {
    for (const value of values) {
      expect(() => seen({}, "10.0.0.1", { [header]: value }), value).toThrow(BadRequestError)
      expect(seen({}, "192.0.2.1", { [header]: value })).toBe("192.0.2.1 http://www.example.com:80")
    }
  })

  test("the error does not repeat what was sent", () => {
    for (const header of all) {
      const raised = vi.fn()
      try {
        seen({}, "10.0.0.1", { [header]: "<script>" })
      } catch (error) {
        raised((error as Error).message)
      }
      expect(raised).toHaveBeenCalledWith(expect.not.stringContaining("script"))
    }
  })
})

describe("the headers", () => {
  const everything = {
    "x-forwarded-for": "203.0.113.9",
    "x-forwarded-proto": "https",
    "x-forwarded-host": "a.example",
    "x-forwarded-port": "8443",
    forwarded: "for=203.0.113.10;proto=https;host=b.example",
    "cf-connecting-ip": "203.0.113.11",
  }

  test.each<[RewriteOnOptions["headers"], string]>([
    [["x-forwarded-for"], "203.0.113.9 http://www.example.com:80"],
    [["X-Forwarded-Proto"], "10.0.0.1 https://www.example.com:443"],
    [["x-forwarded-host", "x-forwarded-port"], "10.0.0.1 http://a.example:8443"],
    ["forwarded", "203.0.113.10 https://b.example:443"],
    [{ for: "CF-Connecting-IP", proto: "x-forwarded-proto" }, "203.0.113.11 https://www.example.com:443"],
  ])("that are named are read and no others: %j", (headers, expected) => {
    expect(seen({ headers }, "10.0.0.1", everything)).toBe(expected)
  })

  test("and the peer's data stay as they are", () => {
    const one = conn("GET", "/", undefined, { remoteIp: "10.0.0.1", headers: everything })
    const before = [...one.reqHeaders]
    rewriteOn({ trust: proxies, headers: all })(one)
    expect(one.reqHeaders).toEqual(before)
    expect(one.getPeerData().address).toBe("10.0.0.1")
    expect(one.remoteIp).toBe("203.0.113.9")
    expect(one.requestUrl()).toBe("https://a.example:8443/")
  })

  test("of a peer that is not trusted are not even looked at", () => {
    const one = conn("GET", "/", undefined, { remoteIp: "192.0.2.1", headers: everything })
    const read = vi.spyOn(one.exchange, "getHeaders")
    const readOne = vi.spyOn(one.exchange, "getHeader")
    rewriteOn({ trust: proxies, headers: all })(one)
    rewriteOn({ trust: proxies, headers: "forwarded" })(one)
    expect([read.mock.calls, readOne.mock.calls]).toEqual([[], []])
    expect((one as unknown as { overrides: unknown }).overrides).toBeUndefined()
  })

  test("decide on the socket's peer, also when the plug runs twice", () => {
    const plug = rewriteOn({ trust: ["10.0.0.1"], headers: ["x-forwarded-for"] })
    const one = conn("GET", "/", undefined, { remoteIp: "10.0.0.1", headers: { "x-forwarded-for": "203.0.113.9" } })
    expect(plug(plug(one)).remoteIp).toBe("203.0.113.9")
  })

  test("of runs of requests from several proxies are each judged by their own peer", () => {
    const plug = rewriteOn({ trust: ["10.0.0.1", "10.0.0.2"], headers: ["x-forwarded-for"] })
    for (const [peer, expected] of [
      ["10.0.0.1", "203.0.113.9"],
      ["10.0.0.3", "10.0.0.3"],
      ["10.0.0.3", "10.0.0.3"],
      ["10.0.0.2", "203.0.113.9"],
      ["", ""],
    ] as const) {
      const one = conn("GET", "/", undefined, { remoteIp: peer, headers: { "x-forwarded-for": "203.0.113.9" } })
      expect(plug(one).remoteIp).toBe(expected)
    }
  })
})

describe("Forwarded", () => {
  const forwarded = (peer: string, ...lines: string[]) =>
    seen(
      { headers: "forwarded" },
      peer,
      lines.map((line): [string, string] => ["forwarded", line]),
    )

  test.each<[string, string[], string]>([
    ["one proxy", ["for=203.0.113.9;proto=https;host=a.example"], "203.0.113.9 https://a.example:443"],
    [
      "the first that is not trusted, from the right",
      ["for=6.6.6.6;host=evil.example, for=203.0.113.9;host=a.example, for=10.0.0.2;host=inner.example"],
      "203.0.113.9 http://a.example:80",
    ],
    [
      "several lines",
      ["for=6.6.6.6", "for=203.0.113.9;proto=https", "for=10.0.0.2"],
      "203.0.113.9 https://www.example.com:443",
    ],
    [
      "IPv6 with a port",
      ['for="[2001:db8:cafe::17]:4711";host="a.example:8080"'],
      "2001:db8:cafe::17 http://a.example:8080",
    ],
    ["unknown", ["for=6.6.6.6, for=unknown;proto=https, for=10.0.0.2"], "10.0.0.2 https://www.example.com:443"],
    ["obfuscated", ["for=_mdn;host=a.example"], "10.0.0.1 http://a.example:80"],
    ["without for", ["for=6.6.6.6;proto=http, proto=https"], "10.0.0.1 https://www.example.com:443"],
    ["all are trusted", ["for=10.0.0.3;host=a.example, for=10.0.0.2"], "10.0.0.3 http://a.example:80"],
    [
      "values of another hop do not count",
      ["for=203.0.113.9, for=10.0.0.2;proto=https;host=a.example"],
      "203.0.113.9 http://www.example.com:80",
    ],
    ["a node further left may be malformed", ["for=garbage, for=203.0.113.9"], "203.0.113.9 http://www.example.com:80"],
    ["empty", [""], "10.0.0.1 http://www.example.com:80"],
    ["none", [], "10.0.0.1 http://www.example.com:80"],
  ])("%s", (_, lines, expected) => {
    expect(forwarded("10.0.0.1", ...lines)).toBe(expected)
    expect(forwarded("192.0.2.1", ...lines)).toBe("192.0.2.1 http://www.example.com:80")
  })

  test.each([
    ["an open quote", ['for="203.0.113.9']],
    ["an open quote of the client's in a line of its own", ['for=6.6.6.6;host="a', 'for="203.0.113.9"']],
    ["a parameter twice", ["for=203.0.113.9;for=10.0.0.2"]],
    ["IPv6 without quotes", ["for=2001:db8::1"]],
    ["no address", ["for=garbage"]],
    ["a host that is none", ['for=203.0.113.9;host="a@b"']],
    ["an empty host", ['for=203.0.113.9;host=""']],
    ["a scheme that is none", ["for=203.0.113.9;proto=ftp"]],
  ])("%s is a 400 from a trusted proxy", (_, lines) => {
    expect(() => forwarded("10.0.0.1", ...lines)).toThrow(BadRequestError)
    expect(forwarded("192.0.2.1", ...lines)).toBe("192.0.2.1 http://www.example.com:80")
  })

  test("agrees with X-Forwarded-* that say the same", () => {
    const hop = fc.record({
      ip: fc.oneof(fc.constantFrom("10.0.0.2", "2001:db8:ffff::1"), fc.ipV4(), fc.ipV6()),
      proto: fc.constantFrom("http", "https"),
      host: fc.constantFrom("a.example", "b.example:81", "[::1]:82"),
    })
    fc.assert(
      fc.property(fc.array(hop, { minLength: 1, maxLength: 6 }), (hops) => {
        const list = (part: keyof (typeof hops)[0]) => hops.map((one) => one[part]).join(", ")
        const line = hops
          .map(({ ip, proto, host }) => `for="${ip.includes(":") ? `[${ip}]` : ip}";proto=${proto};host="${host}"`)
          .join(", ")
        const xff = {
          "x-forwarded-for": list("ip"),
          "x-forwarded-proto": list("proto"),
          "x-forwarded-host": list("host"),
        }
        expect(forwarded("10.0.0.1", line)).toBe(seen({}, "10.0.0.1", xff))
      }),
    )
  })
})

describe("long chains", () => {
  const thousand = (address: string) => Array<string>(1_000).fill(address).join(", ")

  test("of 1,000 entries are read as far as they are trusted", () => {
    const xff = (chain: string) => seen({}, "10.0.0.1", { "x-forwarded-for": chain }).split(" ")[0]
    expect(xff(`${thousand("6.6.6.6")}, 203.0.113.9`)).toBe("203.0.113.9")
    expect(xff(`203.0.113.9, ${thousand("10.0.0.2")}`)).toBe("203.0.113.9")
    const line = `for=203.0.113.9, ${thousand("for=10.0.0.2")}`
    expect(seen({ headers: "forwarded" }, "10.0.0.1", { forwarded: line })).toMatch(/^203\.0\.113\.9 /)
  })

  test("of 64 kB cost no more than a few milliseconds, trusted or not", () => {
    const size = 65_536
    for (const piece of ["10.0.0.2,", "6.6.6.6,", ",", " ", "1", "a", ":", "[", "for=10.0.0.2,", 'for="', "for=\\"]) {
      const text = piece.repeat(size / piece.length)
      for (const headers of [all, "forwarded"] as const) {
        const used = process.cpuUsage()
        for (let runs = 0; runs < 5; runs++) {
          const sent = Object.fromEntries([...all, "forwarded"].map((name) => [name, text]))
          try {
            seen({ headers }, "10.0.0.1", sent)
          } catch (error) {
            expect(error).toBeInstanceOf(BadRequestError)
          }
        }
        expect(process.cpuUsage(used).user / 5, `${JSON.stringify(piece)} ${headers}`).toBeLessThan(100_000)
      }
    }
  })
})

describe("the options", () => {
  test("trust is never true, and the error says why and what instead", () => {
    const options = { trust: true, headers: ["x-forwarded-for"] } as never
    expect(() => rewriteOn(options)).toThrow(InvalidOptionError)
    expect(() => rewriteOn(options)).toThrow(/rewriteOn: trust is never true.*any client.*networks.*number/)
  })

  test.each([
    [{}],
    [{ trust: proxies }],
    [{ headers: all }],
    [{ trust: false, headers: all }],
    [{ trust: [], headers: all }],
    [{ trust: "10.0.0.0/8", headers: all }],
    [{ trust: ["10.0.0.0/33"], headers: all }],
    [{ trust: ["0.0.0.0/0"], headers: all }],
    [{ trust: ["::/0"], headers: all }],
    [{ trust: ["*"], headers: all }],
    [{ trust: [true], headers: all }],
    [{ trust: 0, headers: all }],
    [{ trust: -1, headers: all }],
    [{ trust: 1.5, headers: all }],
    [{ trust: Number.NaN, headers: all }],
    [{ trust: Number.POSITIVE_INFINITY, headers: all }],
    [{ trust: 101, headers: all }],
    [{ trust: "1", headers: all }],
    [{ trust: 1, headers: [] }],
    [{ trust: 1, headers: {} }],
    [{ trust: 1, headers: "x-forwarded-for" }],
    [{ trust: 1, headers: ["x-real-ip"] }],
    [{ trust: 1, headers: ["forwarded"] }],
    [{ trust: 1, headers: { ip: "x-real-ip" } }],
    [{ trust: 1, headers: { for: "x real ip" } }],
    [{ trust: 1, headers: { for: 7 } }],
    [{ trust: 1, headers: null }],
    [{ trust: 1, headers: all, proxies: 1 }],
  ])("%j are refused at start", (options) => {
    expect(() => rewriteOn(options as never)).toThrow(InvalidOptionError)
    expect(() => rewriteOn(options as never)).toThrow(/^rewriteOn/)
  })

  test("are read once", () => {
    const trust = ["10.0.0.0/8"]
    const headers = ["x-forwarded-for"]
    const plug = rewriteOn({ trust, headers })
    trust[0] = "192.0.2.0/24"
    headers.pop()
    const one = conn("GET", "/", undefined, { remoteIp: "10.0.0.1", headers: { "x-forwarded-for": "203.0.113.9" } })
    expect(plug(one).remoteIp).toBe("203.0.113.9")
  })
})
