/** Redirects, within the site and elsewhere. */
import { UsageError } from "plumage"
import { conn, sentResp } from "plumage/test"
import { describe, expect, test } from "vitest"
import { loose } from "../loose.ts"

const open = () => conn("GET", "/")

describe("redirect", () => {
  test("is a 302 with a link, as text that a browser cannot take for markup", () => {
    const sent = sentResp(open().redirect("/a?b=1&c='<\">"))
    expect(sent).toMatchObject({ status: 302, headers: { location: "/a?b=1&c='<\">" } })
    expect(sent.headers["content-type"]).toBe("text/html; charset=utf-8")
    expect(sent.body).not.toMatch(/c='<">/)
  })

  test.each([301, 302, 303, 307, 308])("keeps the status %d", (status) => {
    expect(sentResp(open().putStatus(status).redirect("/")).status).toBe(status)
  })

  test.each([200, 204, 404, 500])("refuses the status %d", (status) => {
    expect(() => open().putStatus(status).redirect("/")).toThrow(UsageError)
  })

  test.each(["/", "/a/b", "/a?to=//x", "/a#b", "/a//b", "/%41", "/a:b@c", "/./..", "/~a", "/?x=%5C"])(
    "to %s is a way within the site",
    (to) => {
      expect(sentResp(open().redirect(to)).headers["location"]).toBe(to)
    },
  )

  test.each([
    "",
    "a",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/%09/evil.example",
    "/%0a/evil.example",
    "/\n/evil.example",
    "/\r\nset-cookie: a=b",
    "/%5Cevil.example",
    "/%2Fevil.example",
    " //evil.example",
    "\t//evil.example",
    "https://evil.example",
    "javascript:alert(1)",
    "/a\\b",
    "/a\0",
  ])("to %j is refused with UsageError, and nothing is sent or put", (to) => {
    const one = loose(open())
    expect(() => one.redirect(to)).toThrow(UsageError)
    expect([one.exchange.sent, one.getRespHeader("location")]).toEqual([false, undefined])
  })

  test("redirectExternal takes a whole address, as text or URL", () => {
    const location = (url: string | URL) => sentResp(open().redirectExternal(url)).headers["location"]
    expect(location("https://a.example/b?c=d e")).toBe("https://a.example/b?c=d%20e")
    expect(location(new URL("http://a.example"))).toBe("http://a.example/")
  })

  test.each(["/a", "a", "", "//a.example", "not an address"])("redirectExternal refuses %j", (url) => {
    expect(() => open().redirectExternal(url)).toThrow(UsageError)
  })
})
