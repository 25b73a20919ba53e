import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { list, parseContentType, parseMediaType, parseParams, token } from "../../src/http/media-type.ts"
import { expectProportional, fill } from "./proportional.ts"

describe("parseMediaType", () => {
  test("takes type, subtype and parameters, in lower case but for the values", () => {
    expect(parseMediaType("Text/HTML; Charset=UTF-8; q=0.5")).toEqual({
      type: "text",
      subtype: "html",
      params: Object.assign(Object.create(null), { charset: "UTF-8", q: "0.5" }),
    })
    expect(parseMediaType("text/html;charset=x;a=b")?.params).toEqual({ charset: "x", a: "b" })
    expect(parseMediaType("application/vnd.api+json_x")?.subtype).toBe("vnd.api+json_x")
  })

  test("sees through odd spelling: case, spaces, tabs, line ends, a bare semicolon, broken parameters", () => {
    for (const text of [
      "application/json",
      "APPLICATION/JSON",
      " \tapplication/json\r\n",
      "application/json;",
      "application/json\t;x",
      "application/json ; charset",
      "application/json;;;",
      "application/json; =;a=b c",
      'application/json; a="b',
    ]) {
      expect(parseContentType(text), text).toEqual({
        type: "application",
        subtype: "json",
        params: Object.create(null),
      })
    }
  })

  test("takes wildcards as ranges only, and only whole ones", () => {
    expect(parseMediaType("*/*")).toMatchObject({ type: "*", subtype: "*" })
    expect(parseMediaType("text/*")).toMatchObject({ type: "text", subtype: "*" })
    for (const text of ["*/html", "text/*x", "te*t/*", "*", "*/"]) expect(parseMediaType(text), text).toBeUndefined()
    for (const text of ["*/*", "text/*"]) expect(parseContentType(text)).toBeUndefined()
  })

  test("is undefined for what is no media type", () => {
    for (const text of [
      "",
      "text",
      "text/",
      "/html",
      "a/b/c",
      "a b/c",
      "a/b c",
      "a,b/c",
      "té/x",
      "a/b\0",
      "/",
      "a/\xa0b",
      "a/b\xa0",
    ]) {
      expect(parseMediaType(text), text).toBeUndefined()
    }
  })

  test("takes time in proportion to the input", () => {
    for (const piece of [" ", "a/", ";", "; a=b", '"', "\\", ' a="\\', "=", "a/b;\t", ";a="]) {
      expectProportional((size) => {
        const text = fill(piece, size)
        for (const whole of [text, `a/b;${text}`, `a/b;a="${text}`, `a/b;a="${text}"`]) parseMediaType(whole)
      })
    }
  })
})

describe("parseParams", () => {
  test("splits at semicolons outside quotes, and unescapes", () => {
    expect(parseParams('a="x;y"; b="\\"\\\\"; c=d')).toEqual({ a: "x;y", b: '"\\', c: "d" })
    expect(parseParams('boundary="--a, b=c"')).toEqual({ boundary: "--a, b=c" })
  })

  test("drops malformed pairs, and the first of a name counts", () => {
    expect(parseParams("a; =b; c =d; e= f; g=h i; j=; K=1; k=2; l=(m)")).toEqual({ k: "1" })
  })

  test("has no prototype", () => {
    const params = parseParams("__proto__=x; constructor=y")
    expect(Object.getPrototypeOf(params)).toBeNull()
    expect(Object.keys(params)).toEqual(["__proto__", "constructor"])
  })

  test("reads back every value written as a quoted string", () => {
    const value = fc.string({ unit: fc.constantFrom(...'ab;="\\, é\t') })
    fc.assert(
      fc.property(fc.array(value, { maxLength: 4 }), (values) => {
        const text = values.map((value, i) => `p${i}="${value.replace(/["\\]/g, "\\$&")}"`).join("; ")
        expect(Object.values(parseParams(text))).toEqual(values)
      }),
      { numRuns: 1000 },
    )
  })
})

describe("token", () => {
  test("takes tokens and quoted strings, trimmed at their end", () => {
    expect(token("utf-8 \t")).toBe("utf-8")
    expect(token('"a b" ')).toBe("a b")
    expect(token('""')).toBe("")
    expect(token('"a\\\\\\"b"')).toBe('a\\"b')
  })

  test("refuses nothing, separators, controls and unbalanced quotes", () => {
    for (const text of [
      "",
      " ",
      " a",
      "a b",
      ...'()<>@,;:\\"/[]?={}',
      '"a',
      'a"',
      '"a"b"',
      '"a\\"',
      "a\0",
      '"\n"',
      "é",
    ]) {
      expect(token(text), text).toBeUndefined()
    }
  })
})

test("list splits at commas, trims, and drops what is empty", () => {
  expect(list(" a , b,,\tc \r\n,")).toEqual(["a", "b", "c"])
  expect(list("")).toEqual([])
  expect(list(" , ")).toEqual([])
})
