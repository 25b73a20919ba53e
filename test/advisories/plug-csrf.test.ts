/** What is known to go wrong with protection against forged requests. */
import * as crypto from "node:crypto"
import { type Conn, InvalidCrossOriginRequestError, InvalidCSRFTokenError, pipeline } from "plumage"
import { call, conn, sentResp } from "plumage/test"
import { describe, expect, test, vi } from "vitest"
import { type CSRFProtectionOptions, csrfProtection, csrfToken, csrfTokenFor } from "../../src/plugs/csrf-protection.ts"
import { memoryStore } from "../../src/plugs/memory-store.ts"
import { type Session, session } from "../../src/plugs/session.ts"
import { cookieOf, secretKeyBase } from "../plugs/session-suite.ts"

vi.mock("node:crypto", { spy: true })

type Opened = Conn<{ session: Session }>
const store = memoryStore()
const open = (method: string, headers: Record<string, string>, options: CSRFProtectionOptions = {}) =>
  call(
    pipeline()
      .plug(session({ store, key: "app" }))
      .plug(csrfProtection(options)),
    conn(method, "/", undefined, { headers, secretKeyBase }),
  ) as Opened

/** A visitor's cookie and the token of a page of theirs. */
function visitor(tokenOf: (conn: Opened) => string = csrfToken): { cookie: string; token: string } {
  const one = open("GET", {})
  const token = tokenOf(one)
  return { token, cookie: cookieOf(sentResp(one.text("x")))! }
}

describe("hono#3245: posts of JSON are protected like any other", () => {
  test.each([
    "application/json",
    "application/json; charset=utf-8",
    "APPLICATION/JSON",
    "text/plain",
    "application/x-www-form-urlencoded",
    "Multipart/Form-Data; boundary=x",
    "application/octet-stream",
    "",
  ])("of the type %j", (type) => {
    const { cookie, token } = visitor()
    const headers = { cookie, ...(type === "" ? {} : { "content-type": type }) }
    expect(() => open("POST", headers)).toThrow(InvalidCSRFTokenError)
    expect(() => open("POST", { ...headers, "x-csrf-token": token })).not.toThrow()
  })
})

describe("hono 117d0a41: what the browser says of a request counts first", () => {
  test.each([
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
    { origin: "https://evil.example" },
    { origin: "http://www.example.com.evil.example" },
    { origin: "http://evilwww.example.com" },
    { origin: "null" },
    { origin: "file://" },
  ])("a stolen token is worth nothing in a request with %j", (headers) => {
    const { cookie, token } = visitor()
    expect(() => open("POST", { cookie, "x-csrf-token": token, ...headers } as Record<string, string>)).toThrow(
      InvalidCSRFTokenError,
    )
  })

  test("and nothing that it says replaces the token", () => {
    const { cookie } = visitor()
    const headers = { cookie, "sec-fetch-site": "same-origin", origin: "http://www.example.com" }
    expect(() => open("POST", headers)).toThrow(InvalidCSRFTokenError)
  })
})

test("GHSA-p8f7-22gq-m7j9: a host of allowHosts stands for no other that ends like it", () => {
  const { cookie, token } = visitor((conn) => csrfTokenFor(conn, "https://evila.com/"))
  for (const allowHosts of [["a.com"], [".a.com"]]) {
    const post = () => open("POST", { cookie, "x-csrf-token": token }, { allowHosts, log: () => undefined })
    expect(post).toThrow(InvalidCSRFTokenError)
  }
})

test("hono 91def7ca, CVE-2026-21713: a token is compared in constant time, right or wrong", () => {
  const compare = vi.mocked(crypto.timingSafeEqual)
  const { cookie, token } = visitor()
  const wrong = token.slice(0, -1) + (token.endsWith("A") ? "B" : "A")
  const refused = (given: string): boolean => {
    compare.mockClear()
    try {
      open("POST", { cookie, "x-csrf-token": given })
      return false
    } catch {
      return true
    }
  }
  expect([refused(token), compare.mock.calls.length]).toEqual([false, 1])
  expect([refused(wrong), compare.mock.calls.length]).toEqual([true, 1])
})

test("BREACH (CVE-2013-3587): a page's token differs from request to request, so that its length tells nothing", () => {
  const { cookie } = visitor()
  const tokens = Array.from({ length: 50 }, () => csrfToken(open("GET", { cookie })))
  expect(new Set(tokens).size).toBe(50)
  expect(new Set(tokens.map((token) => token.slice(0, 8))).size).toBe(50)
  expect(new Set(tokens.map((token) => token.slice(-8))).size).toBe(50)
})

test("login CSRF: a forged login in an emptied session is forgotten, also when it renews the session", () => {
  const forged = open("POST", {}, { with: "clear_session" })
  forged.assigns.session.renew().put("user", "the attacker")
  expect(cookieOf(sentResp(forged.text("welcome")))).toBeUndefined()
})

test("cross-site script inclusion: JavaScript that says something of the visitor is not sent to other sites", () => {
  const { cookie } = visitor()
  const answer = (headers: Record<string, string>) =>
    open("GET", { cookie, ...headers })
      .putRespContentType("application/javascript")
      .sendResp(200, "show('secret')")
  expect(() => answer({})).toThrow(InvalidCrossOriginRequestError)
  expect(() => answer({ "sec-fetch-site": "cross-site", "sec-fetch-dest": "script" })).toThrow()
  expect(() => answer({ "x-requested-with": "XMLHttpRequest, XMLHttpRequest" })).toThrow()
  expect(sentResp(answer({ "x-requested-with": "XMLHttpRequest" })).body).toBe("show('secret')")
})
