/** Who may see the debugger's page. */
import { type Conn, defineEndpoint, defineRouter } from "plumage"
import { type ConnOptions, client } from "plumage/test"
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { type DebugErrorsOptions, debugErrors } from "../../src/plugs/debug-errors.ts"

const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined)
beforeEach(() => void warn.mockClear())
afterEach(() => vi.unstubAllEnvs())

const plain = "500 Internal Server Error\n"
const app = (options: DebugErrorsOptions = {}, plug: (conn: Conn) => Conn = (conn) => conn) =>
  defineEndpoint({ renderErrors: debugErrors(options), onError: () => undefined })
    .plug(plug)
    .router(
      defineRouter((r) => [
        r.any("/*rest", () => {
          throw new Error("boom")
        }),
      ]),
    )
const sees = async (one: ReturnType<typeof app>, url = "http://localhost/", options: ConnOptions = {}) => {
  const answer = await client(one).get(url, undefined, options)
  const text = await answer.text()
  expect(text === plain || text.includes("boom")).toBe(true)
  return text !== plain
}

describe("the page is shown to", () => {
  test.each(["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])("a peer on this machine: %s", async (remoteIp) => {
    expect(await sees(app(), undefined, { remoteIp })).toBe(true)
  })

  test.each([
    "http://localhost:4000/",
    "http://LOCALHOST/",
    "http://app.localhost/",
    "https://shop.test/",
    "http://127.0.0.1:4000/",
    "http://[::1]:4000/",
  ])("a request for a name that is this machine's: %s", async (url) => {
    expect(await sees(app(), url)).toBe(true)
  })

  test.each(["http://localhost:5173", "http://127.0.0.1:3000", "https://shop.test"])(
    "a script of %s",
    async (origin) => {
      expect(await sees(app(), undefined, { headers: { origin } })).toBe(true)
    },
  )

  test("a browser that goes there, and a form of a page that tells nobody where it is", async () => {
    const foreign = { origin: "https://evil.example", "sec-fetch-site": "cross-site" }
    expect(await sees(app(), undefined, { headers: { ...foreign, "sec-fetch-mode": "navigate" } })).toBe(true)
    expect(await sees(app(), undefined, { headers: { ...foreign, "sec-fetch-mode": "cors" } })).toBe(false)
    expect(await sees(app(), undefined, { headers: { origin: "null", "sec-fetch-site": "same-origin" } })).toBe(true)
    expect(await sees(app(), undefined, { headers: { origin: "null", "sec-fetch-site": "cross-site" } })).toBe(false)
  })

  test("a peer that is named, under its server's address or a host that is named", async () => {
    const one = app({ allowPeers: ["192.168.1.0/24"], allowHosts: ["Dev.Example"] })
    expect(await sees(one, "http://192.168.1.5/", { remoteIp: "192.168.1.9" })).toBe(true)
    expect(await sees(one, "http://dev.example/", { remoteIp: "192.168.1.9" })).toBe(true)
    expect(await sees(one, "http://localhost/", { remoteIp: "127.0.0.1" })).toBe(true)
    expect(await sees(one, "http://192.168.1.5/", { remoteIp: "192.168.2.9" })).toBe(false)
  })

  test("a request through a proxy on this machine for a client on this machine", async () => {
    expect(await sees(app(), undefined, { headers: { "x-forwarded-for": "127.0.0.1, ::1" } })).toBe(true)
  })

  test("nobody else is told anything on the way", async () => {
    await sees(app())
    expect(warn).not.toHaveBeenCalled()
  })
})

describe("the plain page is sent to", () => {
  test.each(["10.0.0.1", "192.0.2.7", "2001:db8::1", "::ffff:10.0.0.1", "128.0.0.1", "not an address"])(
    "a peer elsewhere: %s",
    async (remoteIp) => expect(await sees(app(), undefined, { remoteIp })).toBe(false),
  )

  test("a peer elsewhere that a plug, or a header, says is here", async () => {
    const believing = app({}, (conn) => conn.rewrite({ remoteIp: "127.0.0.1" }))
    expect(await sees(believing, undefined, { remoteIp: "192.0.2.7" })).toBe(false)
    const headers = { "x-forwarded-for": "127.0.0.1" }
    expect(await sees(app(), undefined, { remoteIp: "192.0.2.7", headers })).toBe(false)
  })

  test.each<[string, string]>([
    ["x-forwarded-for", "192.0.2.7"],
    ["x-forwarded-for", "127.0.0.1, 192.0.2.7"],
    ["x-forwarded-for", "192.0.2.7, 127.0.0.1"],
    ["x-forwarded-for", "unknown"],
    ["x-forwarded-for", ""],
    ["x-real-ip", "192.0.2.7"],
    ["forwarded", "for=127.0.0.1"],
    ["via", "1.1 proxy"],
    ["cf-connecting-ip", "192.0.2.7"],
  ])("a client elsewhere behind a proxy on this machine: %s: %s", async (name, value) => {
    expect(await sees(app(), undefined, { headers: { [name]: value } })).toBe(false)
  })

  test("one whose proxy's headers a plug has removed or believed", async () => {
    const headers = { "x-forwarded-for": "192.0.2.7" }
    expect(
      await sees(
        app({}, (conn) => conn.deleteReqHeader("x-forwarded-for")),
        undefined,
        { headers },
      ),
    ).toBe(false)
    expect(await sees(app({}, (conn) => conn.rewrite({ remoteIp: "192.0.2.7" })))).toBe(false)
  })

  test.each([
    "http://evil.example/",
    "http://localhost.evil.example/",
    "http://evillocalhost/",
    "http://127.0.0.1.evil.example/",
    "http://test/",
    "http://10.0.0.1/",
  ])("a site that points its own name here (DNS rebinding): %s", async (url) => {
    expect(await sees(app(), url)).toBe(false)
    expect(
      await sees(
        app({}, (conn) => conn.rewrite({ host: "localhost" })),
        url,
      ),
    ).toBe(false)
  })

  test("a request without a host, or with one that is none", async () => {
    for (const host of ["", "a b", "localhost, evil"]) {
      expect(await sees(app(), undefined, { headers: { host } })).toBe(false)
    }
  })

  test.each(["https://evil.example", "null", "http://localhost.evil.example", "odd"])(
    "a script of another site, whatever cors() lets it read: %s",
    async (origin) => expect(await sees(app(), undefined, { headers: { origin } })).toBe(false),
  )

  test("and stderr says why, once for each reason, with what to do", async () => {
    const one = app()
    for (let n = 0; n < 3; n++) {
      await sees(one, "http://evil.example/")
      await sees(one, undefined, { remoteIp: "192.0.2.7" })
    }
    expect(warn.mock.calls).toEqual([
      ['debugErrors shows nothing to a request for the host "evil.example": see allowHosts (said once)'],
      ['debugErrors shows nothing to "192.0.2.7", which is not this machine: see allowPeers (said once)'],
    ])
  })

  test("whose words are quoted there", async () => {
    await sees(app(), undefined, { headers: { origin: "\x1b[31m\r\nfake" } })
    expect(String(warn.mock.calls[0])).not.toMatch(/[\x1b\r\n]/)
  })
})
