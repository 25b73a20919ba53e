import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { mask, maskedCompare, secureCompare } from "../../src/crypto/secure-compare.ts"

describe("secureCompare", () => {
  test("agrees with ===", () => {
    const text = fc.string({ unit: fc.constantFrom(..."abé"), maxLength: 4 })
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(secureCompare(a, b)).toBe(a === b)
        expect(secureCompare(Buffer.from(a), b)).toBe(a === b)
        expect(secureCompare(a, a)).toBe(true)
      }),
    )
  })

  test("is false for different lengths, and does not throw", () => {
    expect(secureCompare("a", "aa")).toBe(false)
    expect(secureCompare("", "a")).toBe(false)
    expect(secureCompare("é", "e")).toBe(false)
    expect(secureCompare("", "")).toBe(true)
  })
})

describe("mask and maskedCompare", () => {
  const three = fc.nat(20).chain((n) => fc.tuple(...[0, 1, 2].map(() => fc.uint8Array({ minLength: n, maxLength: n }))))

  test("a mask twice is none", () => {
    fc.assert(
      fc.property(three, ([secret, key]) => {
        expect(mask(mask(secret!, key!), key!)).toEqual(Buffer.from(secret!))
      }),
    )
  })

  test("maskedCompare compares what is under the mask", () => {
    fc.assert(
      fc.property(three, ([secret, key, other]) => {
        expect(maskedCompare(secret!, mask(secret!, key!), key!)).toBe(true)
        expect(maskedCompare(other!, mask(secret!, key!), key!)).toBe(Buffer.compare(other!, secret!) === 0)
      }),
    )
    expect(maskedCompare("abc", mask("abc", "xyz"), "xyz")).toBe(true)
    expect(maskedCompare("abd", mask("abc", "xyz"), "xyz")).toBe(false)
  })

  test("different lengths are no match, and no mask", () => {
    expect(maskedCompare("ab", "abc", "xyz")).toBe(false)
    expect(maskedCompare("abc", "ab", "xyz")).toBe(false)
    expect(maskedCompare("abc", "abc", "xy")).toBe(false)
    expect(() => mask("ab", "x")).toThrow(RangeError)
  })
})
