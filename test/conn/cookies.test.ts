import { CookieOverflowError, InvalidHeaderError, type RespCookieOptions, UsageError } from "plumage"
import { conn, sentResp } from "plumage/test"
import { afterEach, describe, expect, test, vi } from "vitest"

const secretKeyBase = "0123456789abcdef".repeat(4)
const open = (cookie?: string, url = "/") =>
  conn("GET", url, undefined, { secretKeyBase, headers: cookie === undefined ? {} : { cookie } })
const lines = (sent: Parameters<typeof sentResp>[0]) =>
  sentResp(sent).headerList.flatMap(([name, value]) => (name === "set-cookie" ? [value] : []))
/** The value that a cookie is sent with, to be sent back. */
const sentValue = (name: string, value: unknown, options: RespCookieOptions) =>
  /^[^=]*=([^;]*)/.exec(lines(open().putRespCookie(name, value, options).text(""))[0]!)![1]!

afterEach(() => void vi.useRealTimers())

describe("cookies of the request", () => {
  test("are those of all cookie lines: the first of a name in a line, a later line over an earlier one", () => {
    const one = conn("GET", "/", undefined, {
      headers: [
        ["cookie", "a=1; a=2; b=x=y"],
        ["cookie", "b=3; c"],
      ],
    })
    expect(one.reqCookies).toEqual({ a: "1", b: "3" })
    expect(one.cookies).toEqual({ a: "1", b: "3" })
  })

  test("are not decoded, keep their quotes, and have no prototype", () => {
    const one = open('a=%20; b="q"; __proto__=x; constructor=y')
    expect({ ...one.reqCookies }).toMatchObject({ a: "%20", b: '"q"', constructor: "y" })
    expect(Object.getPrototypeOf(one.reqCookies)).toBeNull()
    expect(Object.getPrototypeOf(one.cookies)).toBeNull()
  })

  test("are overlaid with what was put into the answer and what was deleted, before or after they were read", () => {
    const early = open("a=1; b=2").putRespCookie("a", "new").deleteRespCookie("b")
    expect(early.cookies).toEqual({ a: "new" })
    const late = open("a=1; b=2")
    expect(late.cookies).toEqual({ a: "1", b: "2" })
    late.putRespCookie("a", "new").deleteRespCookie("b").putRespCookie("c", "3")
    expect(late.cookies).toEqual({ a: "new", c: "3" })
    expect(late.reqCookies).toEqual({ a: "1", b: "2" })
  })
})

describe("cookies of the answer", () => {
  test("have the path / and HttpOnly, and nothing else unless asked", () => {
    expect(lines(open().putRespCookie("a", "b").text(""))).toEqual(["a=b; path=/; HttpOnly"])
  })

  test("have the attributes that were given, in Plug's order", () => {
    vi.useFakeTimers({ now: 0 })
    const options = {
      path: "/p",
      domain: "a.example",
      maxAge: 60,
      secure: true,
      httpOnly: false,
      sameSite: "Strict",
    } as const
    expect(lines(open().putRespCookie("a", "b", options).text(""))).toEqual([
      "a=b; path=/p; domain=a.example; expires=Thu, 01 Jan 1970 00:01:00 GMT; max-age=60; secure; SameSite=Strict",
    ])
    expect(lines(open().putRespCookie("a", "b", { extra: "Foo=1" }).text(""))[0]).toMatch(/; Foo=1$/)
  })

  test("are secure when the request's scheme is https, unless it is said otherwise", () => {
    const line = (url: string, options: RespCookieOptions = {}) =>
      lines(open(undefined, url).putRespCookie("a", "b", options).text(""))[0]!
    expect(line("https://a.example/")).toContain("; secure")
    expect(line("http://a.example/")).not.toContain("secure")
    expect(line("https://a.example/", { secure: false })).not.toContain("secure")
    expect(line("http://a.example/", { secure: true })).toContain("; secure")
    const proxied = open().rewrite({ scheme: "https" }).putRespCookie("a", "b").text("")
    expect(lines(proxied)[0]).toContain("; secure")
    expect(lines(open(undefined, "https://a.example/").deleteRespCookie("a").text(""))[0]).toContain("; secure")
  })

  test("are one per name: the last put or delete counts", () => {
    expect(lines(open().putRespCookie("a", "1").putRespCookie("a", "2").text(""))).toEqual(["a=2; path=/; HttpOnly"])
    const deleted = lines(open().putRespCookie("a", "1").deleteRespCookie("a").text(""))
    expect(deleted).toEqual(["a=; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; max-age=0; HttpOnly"])
    expect(lines(open().deleteRespCookie("a").putRespCookie("a", "1").text(""))).toHaveLength(1)
  })

  test("are a line each, in front of the other headers, never folded", () => {
    const sent = open().putRespCookie("a", "1").putRespCookie("b", "2").text("")
    expect(sentResp(sent).headerList.map(([name]) => name)).toEqual([
      "set-cookie",
      "set-cookie",
      "cache-control",
      "content-type",
    ])
  })

  test("delete keeps path and domain and ignores an age of its own", () => {
    const line = lines(open().deleteRespCookie("a", { path: "/p", domain: "a.example", maxAge: 99 }).text(""))[0]
    expect(line).toBe("a=; path=/p; domain=a.example; expires=Thu, 01 Jan 1970 00:00:00 GMT; max-age=0; HttpOnly")
  })

  test("leave with a stream and with a file too", async () => {
    const stream = open().putRespCookie("a", "1")
    expect(lines(stream.sendChunked(200))).toHaveLength(1)
    const file = await open()
      .putRespCookie("a", "1")
      .sendFile(200, import.meta.filename)
    expect(lines(file)).toHaveLength(1)
  })

  test("that are plain have a string for a value", () => {
    for (const value of [1, null, undefined, {}, true]) {
      expect(() => open().putRespCookie("a", value), String(value)).toThrow(UsageError)
    }
  })

  test.each([
    ["", "x", {}],
    ["a;b", "x", {}],
    ["a=b", "x", {}],
    ["a b", "x", {}],
    ["a\r\n", "x", {}],
    ["a", "x;y", {}],
    ["a", "x\r\nset-cookie: b=c", {}],
    ["a", "x\0", {}],
    ["a", "é", {}],
    ["a", "x", { path: "/;a" }],
    ["a", "x", { path: "/\n" }],
    ["a", "x", { domain: "a;b" }],
    ["a", "x", { domain: "a\r" }],
    ["a", "x", { extra: "a\n" }],
    ["a", "x", { extra: "a; b" }],
    ["a", "x", { sameSite: "None; Secure" as "None" }],
    ["a", "x", { maxAge: Number.NaN }],
    ["a", "x", { maxAge: 1.5 }],
    ["__Host-a", "x", { secure: false }],
    ["__Host-a", "x", { secure: true, path: "/p" }],
  ] as [string, string, RespCookieOptions][])(
    "%j=%j with %j is refused when it is put, and nothing is kept of it",
    (name, value, options) => {
      const one = open()
      expect(() => one.putRespCookie(name, value, options)).toThrow(InvalidHeaderError)
      expect(one.cookies).toEqual({})
      expect(lines(one.text(""))).toEqual([])
    },
  )

  test("the error of a refused cookie does not repeat its value", () => {
    expect(() => open().putRespCookie("a", "secret;")).toThrow(/cookie's value/)
    expect(() => open().putRespCookie("a", "secret;")).not.toThrow(/secret/)
  })

  test("may have 4096 bytes, attributes included; one more raises CookieOverflowError when the answer is sent", () => {
    const room = 4096 - "a=; path=/; HttpOnly".length
    expect(lines(open().putRespCookie("a", "x".repeat(room)).text(""))[0]).toHaveLength(4096)
    const long = open().putRespCookie("a", "x".repeat(room + 1))
    expect(() => long.text("")).toThrow(CookieOverflowError)
    expect(long.exchange.sent).toBe(false)
  })
})

describe.each(["sign", "encrypt"] as const)("cookies with %s", (way) => {
  const options = { [way]: true }
  const names = way === "sign" ? "signed" : "encrypted"
  const fetched = (cookie: string) => open(cookie).fetchCookies({ [names]: ["a"] }).cookies

  test("carry anything that JSON carries, there and back", () => {
    for (const value of ["x", 7, null, true, [1, "é"], { b: { c: [] } }]) {
      expect(fetched(`a=${sentValue("a", value, options)}`)).toEqual({ a: value })
    }
  })

  test("show the value in conn.cookies at once", () => {
    expect(open().putRespCookie("a", { n: 1 }, options).cookies).toEqual({ a: { n: 1 } })
  })

  test("stay as they were sent until they are fetched, and in reqCookies for ever", () => {
    const cookie = sentValue("a", { n: 1 }, options)
    const one = open(`a=${cookie}`)
    expect(one.cookies).toEqual({ a: cookie })
    expect(one.fetchCookies({ [names]: ["a"] }).cookies).toEqual({ a: { n: 1 } })
    expect(one.reqCookies).toEqual({ a: cookie })
  })

  test("are gone from conn.cookies when any byte of them was changed", () => {
    const cookie = sentValue("a", { admin: false }, options)
    for (let at = 0; at < cookie.length; at++) {
      const changed = cookie.slice(0, at) + (cookie[at] === "A" ? "B" : "A") + cookie.slice(at + 1)
      const value = fetched(`a=${changed}`)["a"]
      // The last character of base64 may carry bits that mean nothing.
      if (value !== undefined) expect(value, `at ${at}`).toEqual({ admin: false })
    }
    for (const forged of ["", "x", cookie.slice(0, -1), `${cookie}${cookie}`, cookie.replaceAll(".", "")]) {
      expect(fetched(`a=${forged}`), forged).toEqual({})
    }
  })

  test("are gone when they were moved to another name", () => {
    expect(fetched(`a=${sentValue("b", "x", options)}`)).toEqual({})
  })

  test("are gone when they were made the other way, or with another secret", () => {
    const other = way === "sign" ? { encrypt: true } : { sign: true }
    expect(fetched(`a=${sentValue("a", "x", other)}`)).toEqual({})
    const elsewhere = conn("GET", "/", undefined, { secretKeyBase: "z".repeat(64) }).putRespCookie("a", "x", options)
    const cookie = /^a=([^;]*)/.exec(lines(elsewhere.text(""))[0]!)![1]!
    expect(fetched(`a=${cookie}`)).toEqual({})
  })

  test("are believed for a day, or for their maxAge", () => {
    vi.useFakeTimers({ now: 1_000_000 })
    const day = sentValue("a", "x", options)
    const minute = sentValue("a", "x", { ...options, maxAge: 60 })
    vi.setSystemTime(1_000_000 + 60_000)
    expect(fetched(`a=${minute}`)).toEqual({ a: "x" })
    vi.setSystemTime(1_000_000 + 60_001)
    expect(fetched(`a=${minute}`)).toEqual({})
    vi.setSystemTime(1_000_000 + 86_400_000)
    expect(fetched(`a=${day}`)).toEqual({ a: "x" })
    vi.setSystemTime(1_000_000 + 86_400_001)
    expect(fetched(`a=${day}`)).toEqual({})
  })

  test("with a maxAge of 0 are never believed", () => {
    expect(fetched(`a=${sentValue("a", "x", { ...options, maxAge: 0 })}`)).toEqual({})
  })

  test("that are absent are nothing, and what the answer has put is not verified", () => {
    expect(fetched("b=1")).toEqual({ b: "1" })
    const one = open("a=forged").putRespCookie("a", "mine", options)
    expect(one.fetchCookies({ [names]: ["a"] }).cookies).toEqual({ a: "mine" })
  })

  test("need a secret of at least 64 characters", () => {
    for (const short of [undefined, "x".repeat(63)]) {
      const one = conn("GET", "/", undefined, short === undefined ? {} : { secretKeyBase: short })
      expect(() => one.putRespCookie("a", "x", options)).toThrow(UsageError)
      const given = conn("GET", "/", undefined, {
        headers: { cookie: "a=b" },
        ...(short === undefined ? {} : { secretKeyBase: short }),
      })
      expect(() => given.fetchCookies({ [names]: ["a"] })).toThrow(UsageError)
    }
  })

  test("outlive a change of the secret while the old one is still listed, and are made with the newest", () => {
    const [old, young, other] = ["o", "y", "x"].map((letter) => letter.repeat(64)) as [string, string, string]
    const sentWith = (secrets: string[]): string => {
      const one = conn("GET", "/", undefined, { secretKeyBase: secrets }).putRespCookie("a", "x", options)
      return /^a=([^;]*)/.exec(lines(one.text(""))[0]!)![1]!
    }
    const seenWith = (secrets: string[], value: string) =>
      conn("GET", "/", undefined, { secretKeyBase: secrets, headers: { cookie: `a=${value}` } }).fetchCookies({
        [names]: ["a"],
      }).cookies
    expect(seenWith([young, old], sentWith([old]))).toEqual({ a: "x" })
    expect(seenWith([young], sentWith([young, old]))).toEqual({ a: "x" })
    expect(seenWith([old], sentWith([young, old]))).toEqual({})
    expect(seenWith([young, other], sentWith([old]))).toEqual({})
  })

  test("with a value that JSON cannot carry are refused", () => {
    for (const value of [() => 1, Symbol("x"), 1n]) {
      expect(() => open().putRespCookie("a", value, options), typeof value).toThrow()
    }
  })
})

test("sign and encrypt together are refused", () => {
  expect(() => open().putRespCookie("a", "x", { sign: true, encrypt: true })).toThrow(UsageError)
})

test("an encrypted value cannot be read by who holds it, a signed one can", () => {
  const readable = (cookie: string) =>
    cookie.split(".").some((part) => Buffer.from(part, "base64url").toString("latin1").includes("canary"))
  expect(readable(sentValue("a", "canary", { sign: true }))).toBe(true)
  expect(readable(sentValue("a", "canary", { encrypt: true }))).toBe(false)
})
