import fc from "fast-check"
import { UsageError } from "plumage"
import { describe, expect, test } from "vitest"
import { deepFrozen, frozenJson } from "../../src/plugs/session-store.ts"

const isDeeplyFrozen = (value: unknown): boolean =>
  typeof value !== "object" ||
  value === null ||
  (Object.isFrozen(value) && Object.values(value).every((item) => isDeeplyFrozen(item)))

class User {
  name = "ann"
}
const cycle: unknown[] = []
cycle.push([cycle])

describe("a value for a session", () => {
  test("is copied as JSON would bring it back, and frozen", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const copy = frozenJson("v", value)
        expect(JSON.stringify(copy)).toBe(JSON.stringify(value))
        expect(copy).toEqual(JSON.parse(JSON.stringify(value)))
        expect(isDeeplyFrozen(copy)).toBe(true)
      }),
    )
  })

  test("is left as it was", () => {
    const value = { list: [1] }
    frozenJson("v", value)
    expect(Object.isFrozen(value) || Object.isFrozen(value.list)).toBe(false)
  })

  test("may have undefined properties, which are left out, and keys of any name", () => {
    expect(frozenJson("v", { a: undefined, b: 1 })).toEqual({ b: 1 })
    const odd = frozenJson("v", JSON.parse('{"__proto__":{"x":1}}')) as object
    expect(Object.keys(odd)).toEqual(["__proto__"])
    expect((odd as { x?: number }).x).toBeUndefined()
    expect(frozenJson("v", Object.assign(Object.create(null), { a: 1 }))).toEqual({ a: 1 })
  })

  test.each<[string, unknown, RegExp]>([
    ["undefined in a list", { list: [1, undefined] }, /v\.list\[1] is undefined/],
    ["a hole in a list", new Array(2), /v\[0] is undefined/],
    ["NaN", Number.NaN, /v is NaN/],
    ["Infinity", { n: Number.POSITIVE_INFINITY }, /v\.n is Infinity/],
    ["a bigint", 1n, /v is a bigint/],
    ["a symbol", Symbol("x"), /v is a symbol/],
    ["a function", { f: () => 1 }, /v\.f is a function/],
    ["a Date", { at: new Date(0) }, /v\.at is an instance of Date/],
    ["a Map", new Map(), /v is an instance of Map/],
    ["a Set", new Set(), /v is an instance of Set/],
    ["bytes", new Uint8Array(1), /v is an instance of Uint8Array/],
    ["an instance of a class", [new User()], /v\[0] is an instance of User/],
    ["a boxed string", Object("x"), /v is an instance of String/],
    ["symbol keys", { [Symbol("x")]: 1 }, /v is no plain object/],
    ["a cycle", cycle, /holds itself/],
    ["what turns itself into something else", { toJSON: () => 7 }, /v\.toJSON is a function/],
  ])("is not %s: the error says where", (_, value, message) => {
    expect(() => frozenJson("v", value)).toThrow(UsageError)
    expect(() => frozenJson("v", value)).toThrow(message)
  })

  test("is frozen when it comes from a store", () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => isDeeplyFrozen(deepFrozen(value))))
  })
})
