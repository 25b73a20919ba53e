import { validateHeaderName, validateHeaderValue } from "node:http"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import {
  deleteHeader,
  getHeader,
  getHeaders,
  invalidHeaderName,
  invalidHeaderValue,
  prependHeader,
  putHeader,
} from "../../src/http/headers.ts"

const passes = (check: () => void): boolean => {
  try {
    check()
    return true
  } catch {
    return false
  }
}

describe("header lists", () => {
  test("reading gives the first value or all of them, in order", () => {
    const list = ["a", "1", "b", "2", "a", "3"]
    expect(getHeader(list, "a")).toBe("1")
    expect(getHeader(list, "c")).toBeUndefined()
    expect(getHeaders(list, "a")).toEqual(["1", "3"])
    expect(getHeaders(list, "c")).toEqual([])
  })

  test("a value that equals a name is not taken for it", () => {
    expect(getHeader(["a", "b", "b", "c"], "b")).toBe("c")
    const list = ["a", "b", "b", "c"]
    putHeader(list, "b", "d")
    expect(list).toEqual(["a", "b", "b", "d"])
    deleteHeader(list, "b")
    expect(list).toEqual(["a", "b"])
  })

  test("put replaces the first of the name where it stands, else appends", () => {
    const list = ["a", "1", "b", "2", "a", "3"]
    putHeader(list, "a", "x")
    putHeader(list, "c", "y")
    expect(list).toEqual(["a", "x", "b", "2", "a", "3", "c", "y"])
  })

  test("prepend keeps what is there", () => {
    const list = ["a", "1"]
    prependHeader(list, "a", "2")
    expect(list).toEqual(["a", "2", "a", "1"])
  })

  test("delete removes only the first of the name, and nothing when it is absent", () => {
    const list = ["a", "1", "b", "2", "a", "3"]
    deleteHeader(list, "a")
    deleteHeader(list, "c")
    expect(list).toEqual(["b", "2", "a", "3"])
  })
})

describe("invalidHeaderName", () => {
  test("accepts lower-case tokens, again and again", () => {
    for (const name of ["x-request-id", "etag", "!#$%&'*+-.^_`|~09az", "etag"]) {
      expect(invalidHeaderName(name)).toBeUndefined()
    }
  })

  test("says what is wrong and where", () => {
    expect(invalidHeaderName("")).toBe("a header name is empty")
    expect(invalidHeaderName("X-A")).toBe('the header name "X-A" must be in lower case')
    expect(invalidHeaderName("a:b")).toBe('the header name "a:b" has ":" (U+003A) at position 1')
    expect(invalidHeaderName("a\r\nb")).toContain("a carriage return (U+000D) at position 1")
    expect(invalidHeaderName("a\0")).toContain("NUL (U+0000) at position 1")
    expect(invalidHeaderName("é")).toContain('"é" (U+00E9) at position 0')
    expect(invalidHeaderName(7 as unknown as string)).toBe("a header name is a string, got number")
  })

  test("repeats at most a part of a long name", () => {
    expect(invalidHeaderName("a".repeat(100_000) + " ")!.length).toBeLessThan(200)
  })

  test("agrees with Node on tokens", () => {
    const name = fc.oneof(
      fc.string({ unit: fc.constantFrom(..."abz09-_.:; \t\r\n\0é\u0100") }),
      fc.string({ unit: "binary", maxLength: 5 }),
    )
    fc.assert(
      fc.property(name, (text) => {
        const upper = /[A-Z]/.test(text)
        expect(invalidHeaderName(text) === undefined).toBe(!upper && passes(() => validateHeaderName(text)))
      }),
      { numRuns: 500 },
    )
  })

  test("stays correct when more names were seen than it remembers", () => {
    for (let i = 0; i < 3000; i++) expect(invalidHeaderName(`x-many-${i}`)).toBeUndefined()
    expect(invalidHeaderName("x many")).toBeDefined()
  })
})

describe("invalidHeaderValue", () => {
  test("accepts text, tabs and bytes beyond ASCII", () => {
    for (const value of ["", "a b", "a\tb", "~", "caf\xe9", "\x80\xff"])
      expect(invalidHeaderValue(value)).toBeUndefined()
  })

  test("says what is wrong and where, without the value", () => {
    expect(invalidHeaderValue("secret\r\nx: y")).toBe("a header value has a carriage return (U+000D) at position 6")
    expect(invalidHeaderValue("a\nb")).toContain("a line feed (U+000A) at position 1")
    expect(invalidHeaderValue("\0")).toContain("NUL (U+0000) at position 0")
    expect(invalidHeaderValue("\x7f")).toContain("a control character (U+007F)")
    expect(invalidHeaderValue("a€")).toBe(
      'a header value has "€" (U+20AC) at position 1, and a value takes characters up to U+00FF',
    )
    expect(invalidHeaderValue(undefined as unknown as string)).toBe("a header value is a string, got undefined")
  })

  test("agrees with Node", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(invalidHeaderValue(text) === undefined).toBe(passes(() => validateHeaderValue("a", text)))
      }),
      { numRuns: 500 },
    )
    for (let code = 0; code < 0x200; code++) {
      const text = `a${String.fromCharCode(code)}`
      expect(invalidHeaderValue(text) === undefined).toBe(passes(() => validateHeaderValue("a", text)))
    }
  })
})
