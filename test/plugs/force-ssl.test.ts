import fc from "fast-check"
import { BadRequestError, defineEndpoint, defineRouter, InvalidOptionError } from "plumage"
import { call, client, conn, sentResp } from "plumage/test"
import { describe, expect, test, vi } from "vitest"
import { type ForceSslOptions, forceSsl } from "../../src/plugs/force-ssl.ts"

const hstsName = "strict-transport-security"

/** The answer to a request: `status location`, or "through" where the next plug was reached. */
function answer(options: ForceSslOptions, method: string, url: string, headers = {}, remoteIp = "192.0.2.1"): string {
  const one = forceSsl(options)(conn(method, url, undefined, { headers, remoteIp }))
  if (!one.halted) return "through"
  const { status, headers: sent } = sentResp(one)
  return `${status} ${sent["location"]}`
}
const to = (url: string, options: ForceSslOptions = {}, headers = {}) =>
  answer(options, "GET", url, headers).replace(/^301 /, "")

describe("plain http", () => {
  test.each([
    ["GET", 301],
    ["HEAD", 301],
    ["POST", 307],
    ["PUT", 307],
    ["PATCH", 307],
    ["DELETE", 307],
    ["OPTIONS", 307],
    ["PROPFIND", 307],
  ])("%s is redirected with %i, an empty body, and halted", (method, status) => {
    const one = forceSsl()(conn(method, "http://a.example/x?y", undefined))
    expect(one.halted).toBe(true)
    const sent = sentResp(one)
    expect([sent.status, sent.body]).toEqual([status, ""])
    expect(sent.headers["location"]).toBe("https://a.example/x?y")
  })

  test("never gets strict-transport-security", () => {
    const sent = sentResp(forceSsl({ hsts: { includeSubDomains: true, preload: true } })(conn("GET", "/")))
    expect(sent.headers[hstsName]).toBeUndefined()
  })

  test("may not be kept by shared caches: the answer depends on who asks", () => {
    expect(sentResp(forceSsl()(conn("GET", "/"))).headers["cache-control"]).toContain("private")
  })

  test.each([
    ["http://a.example/", "https://a.example/"],
    ["http://a.example:8080/", "https://a.example/"],
    ["http://A.Example/", "https://A.Example/"],
    ["http://[2001:db8::1]:80/x", "https://[2001:db8::1]/x"],
    ["http://a.example/a%2Fb//c/../d/?e=%20&f=+#", "https://a.example/a%2Fb//c/../d/?e=%20&f=+#"],
    ["http://a.example/?", "https://a.example/"],
    ["http://a.example//evil.example/", "https://a.example//evil.example/"],
    ["http://a.example/\\evil.example", "https://a.example/\\evil.example"],
    ["http://a.example/@evil.example", "https://a.example/@evil.example"],
    ["http://a.example/caf\xc3\xa9", "https://a.example/caf%C3%A9"],
    ["http://a.example/a b\r\nx: y", "https://a.example/a%20b%0D%0Ax:%20y"],
    ["http://a.example/\u{1f426}?\u{1f426}", "https://a.example/%F0%9F%90%A6?%F0%9F%90%A6"],
  ])("%s goes to %s", (url, location) => expect(to(url)).toBe(location))

  test("goes to an origin that the request's own host is, whatever the path", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" }), (path, query) => {
        const one = forceSsl()(conn("GET", `/${path.replaceAll("?", "")}?${query}`))
        const location = sentResp(one).headers["location"]!
        expect(location).toMatch(/^https:\/\/www\.example\.com\/[!-~]*$/)
        expect(new URL(location).origin).toBe("https://www.example.com")
      }),
    )
  })

  test('of an OPTIONS for "*" goes to the root', () => {
    const one = conn("OPTIONS", "/")
    Object.defineProperty(one.exchange, "path", { value: "*" })
    expect(sentResp(forceSsl()(one)).headers["location"]).toBe("https://www.example.com/")
  })

  test.each(["a@evil.example", "a/b", "a b", "[::1", "a:99999", "a\\b", "a#b", "a?b"])(
    "with the host %j is a 400, and no redirect",
    (host) => {
      expect(() => to("/", {}, { host })).toThrow(BadRequestError)
      expect(() => to("/", { host: ["a.example", "b.example"] }, { host })).toThrow(BadRequestError)
    },
  )

  test("without a host is a 400, unless the host is an option", () => {
    expect(() => to("/", {}, { host: "" })).toThrow(BadRequestError)
    expect(to("/x", { host: "a.example", exclude: {} }, { host: "" })).toBe("https://a.example/x")
  })
})

describe("https", () => {
  test("goes through, with strict-transport-security", () => {
    const one = conn("POST", "https://a.example/")
    expect(call(forceSsl(), one)).toBe(one)
    expect(one.halted).toBe(false)
    expect(one.getRespHeader(hstsName)).toBe("max-age=31536000")
  })

  test.each([
    [true, "max-age=31536000"],
    [false, undefined],
    [{ maxAge: 60, includeSubDomains: true }, "max-age=60; includeSubDomains"],
  ])("with hsts %j has %j", (hsts, value) => {
    const one = conn("GET", "https://a.example/")
    forceSsl({ hsts })(one)
    expect(one.getRespHeader(hstsName)).toBe(value)
  })

  test("holds in an endpoint, for answers, errors and redirects", async () => {
    const routes = defineRouter((r) => [r.get("/x", (conn) => conn.text("in"))])
    const http = client(defineEndpoint().plug(forceSsl()).router(routes))
    const plain = await http.get("http://a.example/x?y=1")
    expect([plain.status, plain.header("location")]).toEqual([301, "https://a.example/x?y=1"])
    const secure = await http.get("https://a.example/x")
    expect([secure.status, await secure.text(), secure.header(hstsName)]).toEqual([200, "in", "max-age=31536000"])
    const missing = await http.get("https://a.example/nowhere")
    expect([missing.status, missing.header(hstsName)]).toEqual([404, "max-age=31536000"])
    const forged = await http.get("/x", undefined, { headers: { host: "a@b" } })
    expect([forged.status, forged.header("location")]).toEqual([400, undefined])
  })
})

describe("host", () => {
  test.each<[ForceSslOptions["host"], string, string]>([
    ["a.example", "http://evil.example/x?y", "https://a.example/x?y"],
    ["a.example:8443", "http://b.example:80/", "https://a.example:8443/"],
    ["[2001:db8::1]", "http://b.example/", "https://[2001:db8::1]/"],
    [["a.example", "www.a.example"], "http://a.example/", "https://a.example/"],
    [["a.example", "www.a.example"], "http://WWW.a.example:8080/", "https://www.a.example/"],
    [["a.example", "www.a.example:8443"], "http://www.a.example/", "https://www.a.example:8443/"],
    [["a.example", "www.a.example"], "http://evil.example/", "https://a.example/"],
    [["a.example", "www.a.example"], "http://a.example.evil.example/", "https://a.example/"],
    [(conn) => `${conn.host}:444`, "http://b.example/", "https://b.example:444/"],
  ])("%j: %s goes to %s", (host, url, location) => expect(to(url, host === undefined ? {} : { host })).toBe(location))

  test("stands above what a proxy says", () => {
    const options: ForceSslOptions = {
      host: "a.example",
      rewriteOn: { trust: ["192.0.2.1"], headers: ["x-forwarded-host"] },
    }
    expect(to("/", options, { "x-forwarded-host": "b.example" })).toBe("https://a.example/")
  })

  test("from a function is checked: what is no host is a mistake of the program", () => {
    for (const given of ["a/b", "", "https://a.example", undefined, "a\r\nb"]) {
      expect(() => to("/", { host: (() => given) as never }), String(given)).toThrow(InvalidOptionError)
    }
  })
})

describe("exclude", () => {
  test("leaves local hosts alone by default, in any case and at any port", () => {
    for (const host of ["localhost", "LOCALHOST:4000", "127.0.0.1", "127.0.0.1:4000", "[::1]", "[::1]:4000"]) {
      expect(to(`http://${host}/`), host).toBe("through")
    }
    for (const host of ["localhost.evil.example", "127.0.0.1.nip.example", "127.0.0.2", "alocalhost"]) {
      expect(to(`http://${host}/`), host).toBe(`https://${host}/`)
    }
  })

  test("does not touch what is excluded: no redirect and no header", () => {
    const one = conn("GET", "https://localhost/")
    expect(forceSsl()(one)).toBe(one)
    expect(one.getRespHeader(hstsName)).toBeUndefined()
  })

  test("hosts replace the default ones", () => {
    const exclude = { hosts: ["a.example"] }
    expect(to("http://A.example:80/", { exclude })).toBe("through")
    expect(to("http://localhost/", { exclude })).toBe("https://localhost/")
    expect(to("http://localhost/", { exclude: { hosts: [] } })).toBe("https://localhost/")
  })

  test("paths are whole paths as the router sees them, and leave the default hosts", () => {
    const options = { exclude: { paths: ["/health", "/a%20b/c/"] } }
    for (const path of ["/health", "/health/", "//health", "/he%61lth", "/health?x", "/a%20b/c", "/a b/c"]) {
      expect(to(`http://a.example${path}`, options), path).toBe("through")
    }
    for (const path of ["/healthy", "/health/x", "/x/health", "/Health", "/health/..", "/", "/health;x"]) {
      expect(to(`http://a.example${path}`, options), path).toBe(`https://a.example${path}`)
    }
    expect(to("http://localhost/", options)).toBe("through")
  })

  test("conn excludes by whatever else, where it says exactly true", () => {
    const exclude = { conn: (one: { getReqHeader(name: string): string | undefined }) => one.getReqHeader("x") === "1" }
    expect(to("http://a.example/", { exclude }, { x: "1" })).toBe("through")
    expect(to("http://a.example/", { exclude }, { x: "2" })).toBe("https://a.example/")
    for (const given of [Promise.resolve(true), 1, "yes", undefined]) {
      expect(to("http://a.example/", { exclude: { conn: () => given as never } })).toBe("https://a.example/")
    }
  })
})

describe("behind a proxy", () => {
  const rewriteOn = { trust: ["10.0.0.0/8"], headers: ["x-forwarded-proto", "x-forwarded-host"] }
  const headers = { "x-forwarded-proto": "https", "x-forwarded-host": "a.example" }

  test("what came by https goes through, and its header with the answer", () => {
    const one = conn("GET", "/", undefined, { remoteIp: "10.0.0.1", headers })
    forceSsl({ rewriteOn })(one)
    expect([one.halted, one.scheme, one.host, one.getRespHeader(hstsName)]).toEqual([
      false,
      "https",
      "a.example",
      "max-age=31536000",
    ])
  })

  test("what came by http is redirected to the host that the client used", () => {
    const plain = { ...headers, "x-forwarded-proto": "http" }
    expect(answer({ rewriteOn }, "GET", "/x", plain, "10.0.0.1")).toBe("301 https://a.example/x")
  })

  test("nobody else is believed, neither scheme nor host", () => {
    expect(answer({ rewriteOn }, "GET", "/", headers, "192.0.2.1")).toBe("301 https://www.example.com/")
    expect(answer({}, "GET", "/", headers, "10.0.0.1")).toBe("301 https://www.example.com/")
  })

  test("exclusions see the host that was rewritten", () => {
    const plain = { "x-forwarded-proto": "http", "x-forwarded-host": "localhost" }
    expect(answer({ rewriteOn }, "GET", "/", plain, "10.0.0.1")).toBe("through")
    expect(answer({ rewriteOn }, "GET", "/", plain, "192.0.2.1")).toBe("301 https://www.example.com/")
  })
})

test("log is told of redirects, in printable ASCII, and of nothing else", () => {
  const log = vi.fn()
  const plug = forceSsl({ log })
  const one = conn("POST", "http://a.example/\r\n\x1b[31m?x")
  plug(one)
  expect(log.mock.calls).toEqual([["forceSsl redirects POST to https://a.example/%0D%0A%1B[31m?x with 307", one]])
  plug(conn("GET", "https://a.example/"))
  plug(conn("GET", "http://localhost/"))
  expect(log).toHaveBeenCalledTimes(1)
})

test.each([
  [null],
  [{ hosts: ["a.example"] }],
  [{ host: "" }],
  [{ host: "https://a.example" }],
  [{ host: "a.example/" }],
  [{ host: "a@b" }],
  [{ host: [] }],
  [{ host: ["a.example", ""] }],
  [{ host: 7 }],
  [{ hsts: 1 }],
  [{ hsts: null }],
  [{ hsts: { preload: true } }],
  [{ hsts: { expires: 1 } }],
  [{ exclude: null }],
  [{ exclude: ["localhost"] }],
  [{ exclude: { host: ["a"] } }],
  [{ exclude: { hosts: "localhost" } }],
  [{ exclude: { hosts: ["localhost:4000"] } }],
  [{ exclude: { hosts: ["a/b"] } }],
  [{ exclude: { paths: "/health" } }],
  [{ exclude: { paths: ["health"] } }],
  [{ exclude: { paths: ["/%FF"] } }],
  [{ exclude: { conn: true } }],
  [{ rewriteOn: {} }],
  [{ rewriteOn: { trust: true, headers: "forwarded" } }],
  [{ log: "info" }],
])("the options %j are refused at start", (options) => {
  expect(() => forceSsl(options as never)).toThrow(InvalidOptionError)
})
