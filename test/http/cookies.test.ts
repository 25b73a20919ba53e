import { parseCookie, parseSetCookie } from "cookie"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import {
  CookieError,
  type CookieOptions,
  cookieBytes,
  deleteCookie,
  parseCookies,
  serializeCookie,
} from "../../src/http/cookies.ts"
import { expectProportional, fill } from "./proportional.ts"

/** Plug's grammar of a request line written plainly, but for spaces before a value, which do not count here. */
function model(line: string): Record<string, string> {
  const cookies: Record<string, string> = Object.create(null)
  for (const pair of line.split(";")) {
    const [, name, value] = /^[ \t]*([^ \t\n\v\f\r=]+)= *([^\t\n\v\f\r]*)$/.exec(pair) ?? []
    if (name !== undefined && !(name in cookies)) cookies[name] = value!.replace(/ +$/, "")
  }
  return cookies
}

describe("parseCookies", () => {
  test("takes pairs as they are: no decoding, quotes, commas and further = belong to the value", () => {
    expect(parseCookies(['a=1; b="x, y"; c=d=e; f=%20'])).toEqual({ a: "1", b: '"x, y"', c: "d=e", f: "%20" })
    expect(parseCookies([])).toEqual({})
    expect(parseCookies([""])).toEqual({})
  })

  test("the first of a name wins in a line, and a later line wins over an earlier", () => {
    expect(parseCookies(["a=1; a=2"])).toEqual({ a: "1" })
    expect(parseCookies(["a=1; b=2", "a=3"])).toEqual({ a: "3", b: "2" })
    expect(parseCookies(["a=; a=2"])).toEqual({ a: "" })
  })

  test("drops what is no pair", () => {
    expect(parseCookies(["a; =1; b c=2; d =3; e=4\t5; f\tg=6; ;; h=7"])).toEqual({ h: "7" })
    expect(parseCookies(["a =1; a=2"])).toEqual({ a: "2" })
  })

  test("skips spaces and tabs before a name, and spaces around a value", () => {
    expect(parseCookies([" \t a=1;\tb= 2 3 ;c=4  "])).toEqual({ a: "1", b: "2 3", c: "4" })
  })

  test("has no prototype, so that a cookie's name is never more than that", () => {
    const cookies = parseCookies(["__proto__=1; constructor=2"])
    expect(Object.getPrototypeOf(cookies)).toBeNull()
    expect(Object.entries(cookies)).toEqual([
      ["__proto__", "1"],
      ["constructor", "2"],
    ])
  })

  test("agrees with the grammar written plainly", () => {
    const line = fc.string({ unit: fc.constantFrom(...'ab=; \t",%\r\n\x0b\x0c'), maxLength: 30 })
    fc.assert(
      fc.property(line, (text) => {
        expect(parseCookies([text])).toEqual(model(text))
      }),
      { numRuns: 5000 },
    )
  })

  test("agrees with the library on lines without whitespace", () => {
    const line = fc.string({ unit: fc.constantFrom(..."ab=;%\"'"), maxLength: 30 })
    fc.assert(
      fc.property(line, (text) => {
        const expected: Record<string, unknown> = { ...parseCookie(text, { decode: (value) => value }) }
        delete expected[""]
        expect({ ...parseCookies([text]) }).toEqual(expected)
      }),
      { numRuns: 1000 },
    )
  })

  test("takes time in proportion to the line", () => {
    for (const piece of [";", "=", " =", "a", " ", "a ;", "\t", "; =", "a=b;", "\t="]) {
      expectProportional((size) => parseCookies([fill(piece, size)]), undefined, piece)
    }
  })
})

describe("serializeCookie", () => {
  test("writes the attributes in Plug's order", () => {
    const all: CookieOptions = {
      extra: "Foo=Bar",
      priority: "High",
      partitioned: true,
      sameSite: "None",
      httpOnly: true,
      secure: true,
      maxAge: 3600,
      domain: "example.com",
      path: "/app",
    }
    expect(serializeCookie("id", "a b,c", all, Date.UTC(2010, 3, 17, 14))).toBe(
      "id=a b,c; path=/app; domain=example.com; expires=Sat, 17 Apr 2010 15:00:00 GMT; max-age=3600; secure; HttpOnly; " +
        "SameSite=None; Partitioned; Priority=High; Foo=Bar",
    )
    expect(serializeCookie("id", "")).toBe("id=; path=/; HttpOnly")
    expect(serializeCookie("id", "1", { httpOnly: false, secure: false, domain: undefined })).toBe("id=1; path=/")
  })

  test("is read by the library as it was meant", () => {
    const options = fc.record(
      {
        path: fc.constantFrom("/", "/a/b"),
        domain: fc.constantFrom("example.com", ".a.b"),
        maxAge: fc.integer({ min: -10, max: 1e12 }),
        secure: fc.boolean(),
        httpOnly: fc.boolean(),
        sameSite: fc.constantFrom("Strict" as const, "Lax" as const, "None" as const),
        partitioned: fc.boolean(),
        priority: fc.constantFrom("Low" as const, "Medium" as const, "High" as const),
      },
      { requiredKeys: [] },
    )
    const value = fc.string({ unit: fc.constantFrom(...'ab=,"%') })
    fc.assert(
      fc.property(value, options, (value, options) => {
        const parsed = parseSetCookie(serializeCookie("name", value, options), { decode: (text) => text })
        expect(parsed).toMatchObject({ name: "name", value, path: options.path ?? "/" })
        expect(parsed.domain).toBe(options.domain)
        expect(parsed.maxAge).toBe(options.maxAge)
        expect(parsed.secure ?? false).toBe(options.secure ?? false)
        expect(parsed.httpOnly ?? false).toBe(options.httpOnly ?? true)
        expect(parsed.sameSite).toBe(options.sameSite?.toLowerCase())
        expect(parsed.partitioned ?? false).toBe(options.partitioned ?? false)
        expect(parsed.priority).toBe(options.priority?.toLowerCase())
        expect(parsed.expires === undefined).toBe(options.maxAge === undefined)
      }),
    )
  })

  test("dates a cookie by expires, and one that outlives the calendar by its last day", () => {
    expect(serializeCookie("a", "", { expires: new Date(0) })).toContain(
      "; expires=Thu, 01 Jan 1970 00:00:00 GMT; Http",
    )
    expect(serializeCookie("a", "", { maxAge: Number.MAX_SAFE_INTEGER })).toContain("Fri, 31 Dec 9999 23:59:59 GMT")
    expect(serializeCookie("a", "", { maxAge: Number.MIN_SAFE_INTEGER })).toContain("Thu, 01 Jan 1970")
  })

  test("refuses in a name: nothing, whitespace, controls, ; , = and what is not ASCII", () => {
    for (const name of ["", "a b", "a\tb", "a;b", "a,b", "a=b", "a\r\nb", "a\0", "é", "a; HttpOnly"]) {
      expect(() => serializeCookie(name, "")).toThrow(CookieError)
    }
    expect(() => serializeCookie("a b", "")).toThrow("the cookie's name")
    expect(new CookieError("x")).toBeInstanceOf(TypeError)
  })

  test("refuses ; and control characters everywhere else, names the attribute and keeps the value to itself", () => {
    const bad = ["secret;x", "secret\r\nset-cookie: a=b", "secret\0", "secret\x7f", "secretŁ", "secret\t"]
    for (const text of bad) {
      for (const [what, write] of Object.entries({
        value: () => serializeCookie("a", text),
        path: () => serializeCookie("a", "", { path: text }),
        domain: () => serializeCookie("a", "", { domain: text }),
        extra: () => serializeCookie("a", "", { extra: text }),
      })) {
        expect(write).toThrow(CookieError)
        expect(write).toThrow(new RegExp(`^the cookie's ${what} has (?!.*secret)`))
      }
    }
  })

  test("refuses attributes that are not what they must be", () => {
    const bad: [string, unknown][] = [
      ["maxAge", 1.5],
      ["maxAge", Number.NaN],
      ["maxAge", "60"],
      ["expires", new Date(Number.NaN)],
      ["expires", "tomorrow"],
      ["sameSite", "lax; x"],
      ["priority", "urgent"],
      ["path", 7],
    ]
    for (const [name, value] of bad) {
      expect(() => serializeCookie("a", "", { [name]: value } as CookieOptions)).toThrow(CookieError)
      expect(() => serializeCookie("a", "", { [name]: value } as CookieOptions)).toThrow(name)
    }
    expect(() => serializeCookie("a", 7 as unknown as string)).toThrow("value is a string")
  })

  test("holds the rules of the prefixes __Host- and __Secure-, in any case", () => {
    expect(serializeCookie("__Host-id", "1", { secure: true })).toBe("__Host-id=1; path=/; secure; HttpOnly")
    expect(serializeCookie("__Secure-id", "1", { secure: true, domain: "a.b", path: "/x" })).toContain("__Secure-id")
    expect(() => serializeCookie("__Host-id", "1")).toThrow("secure")
    expect(() => serializeCookie("__host-id", "1")).toThrow("secure")
    expect(() => serializeCookie("__Secure-id", "1")).toThrow("secure")
    expect(() => serializeCookie("__Host-id", "1", { secure: true, domain: "a.b" })).toThrow("domain")
    expect(() => serializeCookie("__Host-id", "1", { secure: true, path: "/x" })).toThrow("path")
  })
})

test("deleteCookie empties the cookie, at the epoch, whatever times it is given", () => {
  expect(deleteCookie("id", { domain: "a.b", maxAge: 60, expires: new Date(), secure: true })).toBe(
    "id=; path=/; domain=a.b; expires=Thu, 01 Jan 1970 00:00:00 GMT; max-age=0; secure; HttpOnly",
  )
})

test("browsers keep 4096 bytes", () => {
  expect(cookieBytes).toBe(4096)
})
