import { parse } from "node:querystring"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { decodeQuery, encodeQuery, QueryError, type QueryParams } from "../../src/http/query.ts"
import { expectProportional, fill } from "./proportional.ts"

function reasonOf(decode: () => unknown): string | undefined {
  try {
    decode()
    return undefined
  } catch (error) {
    expect(error).toBeInstanceOf(QueryError)
    return (error as QueryError).reason
  }
}

/** What node:querystring gives, with the last value where it collects several. */
function lastOf(params: NodeJS.Dict<string | string[]>): Record<string, string> {
  return Object.fromEntries(Object.entries(params).map(([name, value]) => [name, [value].flat().at(-1)!]))
}

describe("decodeQuery", () => {
  test("splits on & only, at the first =, and takes a missing = as the empty value", () => {
    expect(decodeQuery("")).toEqual({})
    expect(decodeQuery("a=1&&b=2=3&c&=x&;d=4&")).toEqual({ a: "1", b: "2=3", c: "", "": "x", ";d": "4" })
    expect(decodeQuery("a=1;b=2")).toEqual({ a: "1;b=2" })
    expect(decodeQuery("a&b=1")).toEqual({ a: "", b: "1" })
  })

  test("decodes names and values, + as a space, and leaves a malformed % as it is", () => {
    expect(decodeQuery("a+b=c+d%2B&x=%zz&y=100%&%C3%A9=%E2%82%AC")).toEqual({
      "a b": "c d+",
      x: "%zz",
      y: "100%",
      é: "€",
    })
  })

  test("decodes a name before it looks for brackets", () => {
    expect(decodeQuery("a%5Bb%5D=1")).toEqual({ a: { b: "1" } })
  })

  test("nests lists and maps", () => {
    expect(decodeQuery("foo[]")).toEqual({ foo: [""] })
    expect(decodeQuery("x[][][]=1")).toEqual({ x: [[["1"]]] })
    expect(decodeQuery("a[0]=x&a[1]=y")).toEqual({ a: { 0: "x", 1: "y" } })
    expect(decodeQuery("u[a][b]=1&u[a][c][]=2&u[a][c][]=3")).toEqual({ u: { a: { b: "1", c: ["2", "3"] } } })
    expect(decodeQuery("u[][a]=1&u[][b]=2")).toEqual({ u: [{ a: "1", b: "2" }] })
  })

  test("the last writer wins and may change the type", () => {
    expect(decodeQuery("x=1&x=2")).toEqual({ x: "2" })
    expect(decodeQuery("x=1&x[y]=1")).toEqual({ x: { y: "1" } })
    expect(decodeQuery("x[y]=1&x=2")).toEqual({ x: "2" })
    expect(decodeQuery("x[]=1&x[y]=1")).toEqual({ x: { y: "1" } })
    expect(decodeQuery("x[y]=1&x[]=2")).toEqual({ x: ["2"] })
  })

  test("goes beyond Plug where it lets an earlier value stand: a later map entry wins over it", () => {
    expect(decodeQuery("x[y]=1&x=2&x[z]=3")).toEqual({ x: { y: "1", z: "3" } })
  })

  test("initial parameters win", () => {
    expect(decodeQuery("a=1&b[c]=2&d=3", { initial: { a: "x", b: "y" } })).toEqual({ a: "x", b: "y", d: "3" })
  })

  test("refuses what is not UTF-8 in names and values, and names the parameter", () => {
    expect(reasonOf(() => decodeQuery("a=%FF"))).toBe("utf8")
    expect(reasonOf(() => decodeQuery("%FF=a"))).toBe("utf8")
    expect(reasonOf(() => decodeQuery("a=%C0%AF"))).toBe("utf8")
    expect(() => decodeQuery("ok=1&name=%FF")).toThrow('"name"')
    expect(() => decodeQuery(`${"x".repeat(9999)}=%FF`)).toThrow(/^.{1,120}$/)
  })

  test("replaces what is not UTF-8 when it is told not to validate", () => {
    expect(decodeQuery("a=%FFb&%FF=c+", { validateUtf8: false })).toEqual({ a: "\ufffdb", "\ufffd": "c " })
  })

  test("refuses more than 1000 pairs or 32 brackets unless told otherwise", () => {
    expect(Object.keys(decodeQuery(pairs(1000)))).toHaveLength(1000)
    expect(reasonOf(() => decodeQuery(pairs(1001)))).toBe("pairs")
    expect(() => decodeQuery(pairs(1001))).toThrow('"k1000"')
    expect(Object.keys(decodeQuery(pairs(1500), { maxPairs: 2000 }))).toHaveLength(1500)
    expect(reasonOf(() => decodeQuery("a&b&c", { maxPairs: 2 }))).toBe("pairs")
    expect(reasonOf(() => decodeQuery(`a${"[]".repeat(33)}=1`))).toBe("depth")
    expect(reasonOf(() => decodeQuery("a[b][c]=1", { maxDepth: 1 }))).toBe("depth")
    expect(reasonOf(() => decodeQuery("a[b][c]=1", { maxDepth: 2 }))).toBeUndefined()
  })

  test("empty pieces are no pairs", () => {
    expect(decodeQuery("&".repeat(5000))).toEqual({})
  })

  test("agrees with URLSearchParams and node:querystring on flat queries", () => {
    const text = fc.string({ unit: fc.constantFrom(..."ab &=%+é€😀") })
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text)), (entries) => {
        const query = new URLSearchParams(entries).toString()
        const expected: Record<string, string> = Object.create(null)
        for (const [name, value] of new URLSearchParams(query)) expected[name] = value
        expect(decodeQuery(query)).toEqual(expected)
      }),
    )
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."ab+&=;%20") }), (query) => {
        const expected: Record<string, string> = Object.create(null)
        for (const [name, value] of new URLSearchParams(query)) expected[name] = value
        const params = decodeQuery(query, { validateUtf8: false })
        expect(params).toEqual(expected)
        expect(params).toEqual(Object.assign(Object.create(null), lastOf(parse(query))))
      }),
      { numRuns: 1000 },
    )
  })

  test("never throws anything but a QueryError, and never touches Object.prototype", () => {
    const before = Object.getOwnPropertyNames(Object.prototype)
    const piece = fc.constantFrom(..."[]&=%a+", "__proto__", "constructor", "[]=", "%FF", "%5B", "toString")
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (parts) => {
        reasonOf(() => decodeQuery(parts.join("")))
      }),
      { numRuns: 2000 },
    )
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before)
  })

  test("takes time in proportion to the query, with its limits and without", () => {
    const hostile: ((size: number) => string)[] = [
      ...["&", "=", "a[]=x&", "a[b]=x&", "%", "%41", "%zz=", "+", "1234567&", "a[b][c]=&"].map(
        (piece) => (size: number) => fill(piece, size),
      ),
      (size) => `${fill("a&", size)}=`,
      (size) => `a${fill("[", size)}]`,
      (size) => `a${fill("[b]", size)}=1`,
      (size) => `a[${fill("][", size)}]`,
      (size) => `${fill("%C3%A9", size)}=%FF`,
    ]
    for (const queryOf of hostile) {
      for (const maxPairs of [1000, Number.POSITIVE_INFINITY]) {
        const decode = (size: number) => void reasonOf(() => decodeQuery(queryOf(size), { maxPairs }))
        expectProportional(decode, undefined, queryOf(20))
      }
    }
  })
})

function pairs(count: number): string {
  return Array.from({ length: count }, (_, i) => `k${i}=v`).join("&")
}

describe("encodeQuery", () => {
  test("writes maps with [key], lists with [], null as an empty value", () => {
    expect(encodeQuery({ a: { b: 1, c: [true, "x y"] }, n: null, u: undefined })).toBe(
      "a[b]=1&a[c][]=true&a[c][]=x+y&n=",
    )
    expect(encodeQuery({ a: {}, b: [], c: { d: [] } })).toBe("")
    expect(encodeQuery({ l: [{ a: 1 }, { b: 2 }] })).toBe("l[][a]=1&l[][b]=2")
  })

  test("encodes names and values as a form does, and not the brackets it adds", () => {
    expect(encodeQuery({ "a b": "c&d=é+", "x[": { "]": "*~" } })).toBe("a+b=c%26d%3D%C3%A9%2B&x%5B[%5D]=%2A~")
    expect(encodeQuery({ big: 10n ** 20n, at: new Date(0) })).toBe(
      "big=100000000000000000000&at=1970-01-01T00%3A00%3A00.000Z",
    )
  })

  test("gives what decodes to the same parameters", () => {
    const key = fc.string({ minLength: 1, unit: fc.constantFrom(..."ab _%&=+é0") })
    const { params } = fc.letrec<{ value: unknown; params: QueryParams }>((tie) => ({
      value: fc.oneof({ maxDepth: 3 }, fc.string(), fc.array(fc.string(), { minLength: 1 }), tie("params")),
      params: fc.dictionary(key, tie("value"), { minKeys: 1, noNullPrototype: false }) as fc.Arbitrary<QueryParams>,
    }))
    fc.assert(
      fc.property(params, (given) => {
        expect(decodeQuery(encodeQuery(given), { maxPairs: 1e6 })).toEqual(nullPrototypes(given))
      }),
      { numRuns: 500 },
    )
  })

  test("refuses what it cannot write, and names the parameter", () => {
    expect(() => encodeQuery({ l: [{ a: 1, b: 2 }] })).toThrow('"l[]" has a map in a list')
    expect(() => encodeQuery({ l: [{}] })).toThrow(TypeError)
    expect(() => encodeQuery({ a: { f: () => 1 } })).toThrow('"a[f]" cannot be a function')
    expect(() => encodeQuery({ m: new Map() })).toThrow('"m" cannot be a Map')
    expect(() => encodeQuery({ d: new Date(Number.NaN) })).toThrow('"d" cannot be a Date without a time')
    expect(() => encodeQuery(new URLSearchParams("a=1"))).toThrow(TypeError)
    expect(() => encodeQuery([1])).toThrow(TypeError)
  })

  test("ends with an error, not with the stack, for a value that contains itself", () => {
    const own: Record<string, unknown> = {}
    own["self"] = own
    expect(() => encodeQuery(own)).toThrow("contains itself")
  })

  test("does not throw for a lone surrogate", () => {
    expect(encodeQuery({ a: "\ud800" })).toBe("a=%EF%BF%BD")
  })
})

function nullPrototypes(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value
  const map = Object.create(null)
  for (const [key, item] of Object.entries(value)) map[key] = nullPrototypes(item)
  return map
}
