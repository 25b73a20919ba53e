import fc from "fast-check"
import {
  type Conn,
  InvalidCrossOriginRequestError,
  InvalidCSRFTokenError,
  InvalidOptionError,
  pipeline,
  UsageError,
} from "plumage"
import { call, conn, sentResp } from "plumage/test"
import { beforeEach, describe, expect, test } from "vitest"
import {
  type CSRFProtectionOptions,
  csrfProtection,
  csrfToken,
  csrfTokenFor,
  deleteCsrfToken,
  isCsrfToken,
} from "../../src/plugs/csrf-protection.ts"
import { memoryStore } from "../../src/plugs/memory-store.ts"
import { type Session, session } from "../../src/plugs/session.ts"
import { cookieOf, secretKeyBase } from "./session-suite.ts"

type Opened = Conn<{ session: Session<any> }>
interface Sent {
  body?: Record<string, unknown>
  headers?: Record<string, string>
  url?: string
  secrets?: readonly string[]
  private?: Record<string, unknown>
}

const store = memoryStore()
const plugOf = (options: CSRFProtectionOptions = {}) =>
  pipeline()
    .plug(session<any>({ store, key: "app" }))
    .plug(csrfProtection(options))
const plug = plugOf()
const stored = (conn: Opened) => conn.assigns.session.get("_csrf_token")
let cookie = ""
beforeEach(() => {
  cookie = ""
})

/** A request of the one browser, up to the action. */
function open(
  method: string,
  { body, headers = {}, url = "/", secrets = [secretKeyBase], ...given }: Sent = {},
  with_ = plug,
) {
  const all = { ...(cookie === "" ? {} : { cookie }), ...headers }
  const one = conn(method, url, undefined, { headers: all, secretKeyBase: secrets })
  if (body !== undefined) one.putBodyParams(body)
  for (const [key, value] of Object.entries(given.private ?? {})) one.putPrivate(key, value)
  return call(with_, one) as Opened
}
function answer(conn: Opened) {
  conn.text("x")
  cookie = cookieOf(sentResp(conn)) ?? cookie
}
/** The token of a page. */
function page(url?: string): string {
  const one = open("GET")
  const token = url === undefined ? csrfToken(one) : csrfTokenFor(one, url)
  answer(one)
  return token
}

describe("a CSRF token", () => {
  test("has 56 characters, is the same in one request and another in the next", () => {
    const one = open("GET")
    const token = csrfToken(one)
    expect(token).toMatch(/^[\w-]{56}$/)
    expect(csrfToken(one)).toBe(token)
    answer(one)
    const next = open("GET")
    expect(csrfToken(next)).not.toBe(token)
    expect(stored(next), "of one token of the session").toBe(stored(one))
    expect(stored(one)).toMatch(/^[\w-]{24}$/)
  })

  test("is in the session only when somebody has asked for it", () => {
    const one = open("GET")
    answer(one)
    expect(cookie).toBe("")
    page()
    expect(cookie).not.toBe("")
  })

  test("says nothing of the session's under its mask", () => {
    const one = open("GET")
    const token = csrfToken(one)
    expect(token).not.toContain(stored(one))
    expect(Buffer.from(token, "base64url").toString("latin1")).not.toContain(stored(one))
  })

  test("follows the session when that is cleared and the page still needs one", () => {
    page()
    const one = open("GET")
    const before = csrfToken(one)
    one.assigns.session.clear()
    const token = csrfToken(one)
    expect(token).not.toBe(before)
    answer(one)
    expect(() => open("POST", { headers: { "x-csrf-token": token } })).not.toThrow()
    expect(() => open("POST", { headers: { "x-csrf-token": before } })).toThrow(InvalidCSRFTokenError)
  })

  test("that is in the session in another form than ours does not count, and is replaced", () => {
    for (const odd of ["short", 7, null, { a: 1 }, "x".repeat(25), ""]) {
      const one = open("GET")
      one.assigns.session.put("_csrf_token", odd)
      expect(stored(one)).toEqual(odd)
      expect(csrfToken(one)).toHaveLength(56)
      expect(stored(one)).toHaveLength(24)
    }
  })

  test("that was deleted is worth nothing, and the next page gets another", () => {
    const token = page()
    const login = open("POST", { headers: { "x-csrf-token": token } })
    deleteCsrfToken(login)
    login.assigns.session.renew().put("user", 7)
    answer(login)
    expect(() => open("POST", { headers: { "x-csrf-token": token } })).toThrow(InvalidCSRFTokenError)
    const next = page()
    expect(() => open("POST", { headers: { "x-csrf-token": next } })).not.toThrow()
  })

  test("deleted and asked for again in one request is another, that works", () => {
    const before = page()
    const one = open("GET")
    csrfToken(one)
    deleteCsrfToken(one)
    const token = csrfToken(one)
    answer(one)
    expect(() => open("POST", { body: { _csrf_token: token } })).not.toThrow()
    expect(() => open("POST", { body: { _csrf_token: before } })).toThrow(InvalidCSRFTokenError)
  })

  test("is not made where csrfProtection has not run: UsageError", () => {
    const one = conn("GET", "/").assign("session", open("GET").assigns.session)
    for (const ask of [csrfToken, deleteCsrfToken, (conn: Opened) => csrfTokenFor(conn, "/")]) {
      expect(() => ask(one)).toThrow(UsageError)
    }
    expect(() => csrfProtection()(conn("GET", "/") as never)).toThrow(/session/)
  })

  test("can be checked against a session's for what is no request of its own", () => {
    const token = page()
    const kept = stored(open("GET"))
    expect(isCsrfToken(kept, token)).toBe(true)
    fc.assert(
      fc.property(fc.anything(), fc.anything(), (a, b) => !isCsrfToken(a, b) && !isCsrfToken(kept, b)),
      { numRuns: 200 },
    )
  })
})

describe("csrfProtection", () => {
  test.each(["GET", "HEAD", "OPTIONS"])("lets %s pass without a token", (method) => {
    expect(open(method).halted).toBe(false)
  })

  test.each(["POST", "PUT", "PATCH", "DELETE", "PURGE", "TRACE", "get"])("wants a token of %s", (method) => {
    const rewritten = pipeline()
      .plug((conn) => conn.rewrite({ method }))
      .plug(plug)
    expect(() => open("GET", {}, rewritten as never)).toThrow(InvalidCSRFTokenError)
    const token = page()
    expect(() => open("GET", { headers: { "x-csrf-token": token } }, rewritten as never)).not.toThrow()
  })

  test("takes the token from the body or from the header, whichever is good", () => {
    const token = page()
    const good = { _csrf_token: token }
    expect(() => open("POST", { body: good })).not.toThrow()
    expect(() => open("POST", { headers: { "x-csrf-token": token } })).not.toThrow()
    expect(() => open("POST", { body: { _csrf_token: "bad" }, headers: { "x-csrf-token": token } })).not.toThrow()
    expect(() => open("POST", { body: good, headers: { "x-csrf-token": "bad" } })).not.toThrow()
  })

  test("does not take it from the query, nor from a second header, nor where it is no text", () => {
    const token = page()
    expect(() => open("POST", { url: `/?_csrf_token=${token}` })).toThrow(InvalidCSRFTokenError)
    for (const odd of [[token], { a: token }, 7, null, undefined, ""]) {
      expect(() => open("POST", { body: { _csrf_token: odd } })).toThrow(InvalidCSRFTokenError)
    }
    const twice = conn("POST", "/", undefined, {
      headers: [
        ["cookie", cookie],
        ["x-csrf-token", "bad"],
        ["x-csrf-token", token],
      ],
    })
    expect(() => call(plug, twice)).toThrow(InvalidCSRFTokenError)
  })

  test("protects requests whatever their body is, read or not", () => {
    const token = page()
    for (const type of [
      "application/json",
      "text/plain",
      "application/octet-stream",
      "multipart/form-data; boundary=x",
    ]) {
      expect(() => open("POST", { headers: { "content-type": type } }), type).toThrow(InvalidCSRFTokenError)
      expect(() => open("POST", { headers: { "content-type": type, "x-csrf-token": token } }), type).not.toThrow()
    }
  })

  test("answers 403 before anything behind it runs", () => {
    let ran = false
    const row = plug.plug((conn) => {
      ran = true
      return conn
    })
    expect(() => open("POST", {}, row as never)).toThrow(expect.objectContaining({ status: 403 }))
    expect(ran).toBe(false)
  })

  test("does not take another session's token, nor one that was changed anywhere", () => {
    const foreign = page()
    cookie = ""
    const token = page()
    expect(() => open("POST", { headers: { "x-csrf-token": foreign } })).toThrow(InvalidCSRFTokenError)
    fc.assert(
      fc.property(fc.nat(55), fc.constantFrom(..."AZaz09-_"), (at, character) => {
        const changed = token.slice(0, at) + character + token.slice(at + 1)
        fc.pre(changed !== token)
        expect(() => open("POST", { headers: { "x-csrf-token": changed } })).toThrow(InvalidCSRFTokenError)
      }),
      { numRuns: 100 },
    )
    fc.assert(
      fc.property(fc.string({ maxLength: 80, unit: "binary" }), (text) => {
        expect(() => open("POST", { body: { _csrf_token: text } })).toThrow(InvalidCSRFTokenError)
      }),
      { numRuns: 100 },
    )
  })

  test("takes no token of a visitor whose session has none", () => {
    const token = page()
    cookie = ""
    expect(() => open("POST", { headers: { "x-csrf-token": token } })).toThrow(InvalidCSRFTokenError)
  })

  test("keeps the token under the key that was given", () => {
    const other = plugOf({ sessionKey: "mine" })
    const one = open("GET", {}, other)
    const token = csrfToken(one)
    expect(one.assigns.session.get("mine")).toHaveLength(24)
    answer(one)
    expect(() => open("POST", { body: { _csrf_token: token } }, other)).not.toThrow()
  })

  test("plugged twice keeps one token", () => {
    const twice = plug.plug(csrfProtection())
    const token = page()
    const one = open("GET", {}, twice as never)
    answer(one)
    expect(() => open("POST", { body: { _csrf_token: token } }, twice as never)).not.toThrow()
    expect(isCsrfToken(stored(open("GET")), token)).toBe(true)
  })

  test("leaves out a request that a test has marked, and gives it tokens all the same", () => {
    const mark = { plumage_skip_csrf_protection: true }
    const one = open("POST", { private: mark })
    expect(csrfToken(one)).toHaveLength(56)
    const script = open("GET", { private: mark }).putRespContentType("text/javascript")
    expect(sentResp(script.sendResp(200, "x")).status).toBe(200)
    expect(() => open("POST", { private: { plumage_skip_csrf_protection: "true" } })).toThrow(InvalidCSRFTokenError)
  })

  test.each<[string, object]>([
    ["with", { with: "ignore" }],
    ["sessionKey", { sessionKey: 1 }],
    ["allowHosts", { allowHosts: ["https://a.com"] }],
    ["fetchMetadata", { fetchMetadata: "yes" }],
    ["log", { log: 1 }],
    ["csrf", { csrf: 1 }],
  ])("does not take any %s: that is an error at start", (_, options) => {
    expect(() => csrfProtection(options as CSRFProtectionOptions)).toThrow(InvalidOptionError)
  })
})

describe("csrfProtection that clears the session", () => {
  const clearing = plugOf({ with: "clear_session" })

  test("gives a forged request an empty session, and leaves the real one as it is", () => {
    const first = open("GET")
    first.assigns.session.put("user", 7)
    answer(first)
    const forged = open("POST", {}, clearing)
    expect(forged.assigns.session.all()).toEqual({})
    answer(forged)
    expect(open("GET").assigns.session.get("user")).toBe(7)
  })

  test("writes nothing of a forged request: not its login either", () => {
    const forged = open("POST", {}, clearing)
    forged.assigns.session.renew().put("user", "the attacker")
    csrfToken(forged)
    answer(forged)
    expect(cookie).toBe("")
  })

  test("is in no one's way who has a token", () => {
    const token = page()
    const good = open("POST", { body: { _csrf_token: token } }, clearing)
    good.assigns.session.put("user", 7)
    answer(good)
    expect(open("GET").assigns.session.get("user")).toBe(7)
  })
})

describe("a token for another host", () => {
  const other = "https://b.com/users"

  test("is bound to that host: only there it is good", () => {
    const token = page(other)
    const post = (url: string, options: CSRFProtectionOptions = { log: () => undefined }) =>
      open("POST", { url, headers: { "x-csrf-token": token } }, plugOf(options))
    expect(() => post("http://b.com/users")).not.toThrow()
    expect(() => post("http://B.com:8080/")).not.toThrow()
    expect(() => post("http://www.b.com/")).toThrow(InvalidCSRFTokenError)
    expect(() => post("/")).toThrow(InvalidCSRFTokenError)
    expect(() => post("/", { allowHosts: ["b.com"] })).not.toThrow()
    expect(() => post("/", { allowHosts: [".b.com"], log: () => undefined })).toThrow(InvalidCSRFTokenError)
  })

  test("of this site's own name is good here", () => {
    const token = page("http://www.example.com/users")
    expect(token).not.toHaveLength(56)
    expect(() => open("POST", { body: { _csrf_token: token } })).not.toThrow()
  })

  test("of a host below one that begins with a dot is taken", () => {
    const token = page("//x.b.com/")
    const post = () => open("POST", { headers: { "x-csrf-token": token } }, plugOf({ allowHosts: [".b.com"] }))
    expect(post).not.toThrow()
  })

  test("sent to the wrong one is logged, with both", () => {
    const lines: string[] = []
    const token = page(other)
    const strict = plugOf({ log: (line) => void lines.push(line) })
    expect(() => open("POST", { headers: { "x-csrf-token": token } }, strict)).toThrow(InvalidCSRFTokenError)
    expect(lines).toEqual([expect.stringMatching(/b\.com was sent to www\.example\.com/)])
    expect(() => open("POST", { headers: { "x-csrf-token": "bad" } }, strict)).toThrow(InvalidCSRFTokenError)
    expect(lines).toHaveLength(1)
  })

  test("of another session, or of another secret, is not good", () => {
    const foreign = page(other)
    cookie = ""
    const token = page(other)
    const post = (token: string, secrets = [secretKeyBase]) =>
      open("POST", { url: "http://b.com/", headers: { "x-csrf-token": token }, secrets })
    expect(() => post(foreign)).toThrow(InvalidCSRFTokenError)
    expect(() => post(token, ["f".repeat(64)])).toThrow(InvalidCSRFTokenError)
    expect(() => post(token, []), "without any").toThrow(InvalidCSRFTokenError)
    expect(() => post(token, ["f".repeat(64), secretKeyBase]), "an older secret").not.toThrow()
  })

  test("is made for whatever a browser would take for another host, and for nothing else", () => {
    for (const url of [
      "https://b.com",
      "//b.com/x",
      "/\\b.com",
      "\\\\b.com",
      "http:b.com",
      " //b.com",
      "/\t/b.com",
      "HTTPS://b.com",
    ]) {
      expect(page(url), url).not.toHaveLength(56)
    }
    for (const url of ["/users", "users", "?a=b", "#a", "", ".", "/a//b.com", "/http://b.com"]) {
      expect(page(url), url).toHaveLength(56)
    }
    expect(page(new URL("https://b.com/").href)).not.toHaveLength(56)
  })

  test("is not made for what is no page, or without a secret: UsageError", () => {
    for (const url of ["javascript:alert(1)", "mailto:a@b.com", "http://", "data:,x", "https://a b"]) {
      expect(() => page(url), url).toThrow(UsageError)
    }
    expect(() => csrfTokenFor(open("GET", { secrets: [] }), other)).toThrow(/secretKeyBase/)
  })
})

describe("Fetch Metadata and Origin", () => {
  const post = (headers: Record<string, string>, options: CSRFProtectionOptions = {}) => {
    const token = page()
    return () => open("POST", { headers: { ...headers, "x-csrf-token": token } }, plugOf(options))
  }

  test("refuse another site's request even with a good token", () => {
    expect(post({ "sec-fetch-site": "same-origin" })).not.toThrow()
    expect(post({ "sec-fetch-site": "cross-site" })).toThrow(/another site/)
    expect(post({ "sec-fetch-site": "same-site" })).toThrow(InvalidCSRFTokenError)
    expect(post({ origin: "https://evil.example" })).toThrow(InvalidCSRFTokenError)
    expect(post({ origin: "null" })).toThrow(/origin is not http:\/\/www\.example\.com[;)]/)
    expect(post({ origin: "http://www.example.com" })).not.toThrow()
  })

  test("do not replace the token", () => {
    expect(() => open("POST", { headers: { "sec-fetch-site": "same-origin" } })).toThrow(InvalidCSRFTokenError)
  })

  test("let hosts pass that are allowed, with a token", () => {
    const headers = { "sec-fetch-site": "cross-site", origin: "https://a.com" }
    expect(post(headers, { allowHosts: ["a.com"] })).not.toThrow()
    expect(() => open("POST", { headers }, plugOf({ allowHosts: ["a.com"] }))).toThrow(InvalidCSRFTokenError)
  })

  test("can be left out", () => {
    expect(post({ "sec-fetch-site": "cross-site" }, { fetchMetadata: false })).not.toThrow()
  })
})

describe("JavaScript for another site", () => {
  const get = (type: string, headers: Record<string, string> = {}, method = "GET", with_ = plug) => {
    const token = method === "POST" ? page() : ""
    const all = token === "" ? headers : { ...headers, "x-csrf-token": token }
    return open(method, { headers: all }, with_).putRespHeader("content-type", type)
  }

  test.each([
    "text/javascript",
    "application/javascript; charset=utf-8",
    "TEXT/JavaScript",
    "text/javascript1.5",
    "application/x-javascript",
    "text/ecmascript",
    "text/jscript",
    "text/livescript",
  ])("is refused when it leaves: %s", (type) => {
    expect(() => get(type).sendResp(200, "x")).toThrow(InvalidCrossOriginRequestError)
    expect(() => get(type).sendChunked(200)).toThrow(expect.objectContaining({ status: 403 }))
    expect(() => get(type, { "sec-fetch-site": "cross-site" }).sendResp(200, "x")).toThrow()
  })

  test("is sent to scripts of this site, which say that they ask", () => {
    const own = get("text/javascript", { "x-requested-with": "XMLHttpRequest" })
    expect(sentResp(own.sendResp(200, "x")).status).toBe(200)
    expect(() => get("text/javascript", { "x-requested-with": "xmlhttprequest" }).sendResp(200, "x")).toThrow()
  })

  test("is sent to pages of this site, by their browser's word, where Fetch Metadata counts", () => {
    const headers = { "sec-fetch-site": "same-origin" }
    expect(sentResp(get("text/javascript", headers).sendResp(200, "x")).status).toBe(200)
    const without = plugOf({ fetchMetadata: false })
    expect(() => get("text/javascript", headers, "GET", without).sendResp(200, "x")).toThrow()
  })

  test("is meant by nothing else: other types, and other methods", () => {
    for (const type of ["text/html", "application/json", "text/plain; a=text/javascript", "image/svg+xml"]) {
      expect(sentResp(get(type).sendResp(200, "x")).status).toBe(200)
    }
    expect(sentResp(get("text/javascript", {}, "POST").sendResp(200, "x")).status).toBe(200)
    expect(sentResp(open("GET").sendResp(204)).status).toBe(204)
  })

  test("leaves the session as it was", () => {
    const one = open("GET").putRespContentType("text/javascript")
    one.assigns.session.put("a", 1)
    expect(() => one.sendResp(200, "x")).toThrow()
    expect(one.cookies).toEqual({})
  })
})
