import fc from "fast-check"
import rangeParser from "range-parser"
import { describe, expect, test } from "vitest"
import { parseRange } from "../../src/http/range.ts"

describe("parseRange", () => {
  test("takes the three forms, and cuts the end to the last byte", () => {
    expect(parseRange(1000, "bytes=0-0")).toEqual({ start: 0, end: 0 })
    expect(parseRange(1000, "bytes=10-19")).toEqual({ start: 10, end: 19 })
    expect(parseRange(1000, "bytes=990-2000")).toEqual({ start: 990, end: 999 })
    expect(parseRange(1000, "bytes=990-")).toEqual({ start: 990, end: 999 })
    expect(parseRange(1000, "bytes=-1")).toEqual({ start: 999, end: 999 })
    expect(parseRange(1000, "bytes=-1000")).toEqual({ start: 0, end: 999 })
    expect(parseRange(1000, "bytes=-1001")).toEqual({ start: 0, end: 999 })
    expect(parseRange(1000, "Bytes= 1-2 ")).toEqual({ start: 1, end: 2 })
  })

  test("is unsatisfiable when it starts beyond the end, asks for nothing, or there is nothing", () => {
    for (const header of ["bytes=1000-", "bytes=1000-1000", "bytes=-0", `bytes=${"9".repeat(400)}-`]) {
      expect(parseRange(1000, header), header).toBe("unsatisfiable")
    }
    for (const header of ["bytes=0-", "bytes=0-0", "bytes=-1", "bytes=-0"]) {
      expect(parseRange(0, header), header).toBe("unsatisfiable")
    }
  })

  test("ignores what is malformed, of another unit, or several ranges", () => {
    for (const header of [
      "",
      "bytes",
      "bytes=",
      "bytes=-",
      "bytes=a-b",
      "bytes=1",
      "bytes=5-4",
      "bytes=5000-4000",
      "bytes=0-1,2-3",
      "bytes=0-1,",
      "bytes=+1-2",
      "bytes=1.5-2",
      "bytes=0x1-2",
      "bytes=--1",
      "bytes=1-2-3",
      "bytes=1 - 2",
      "items=0-1",
      " bytes=0-1",
      "bytes =0-1",
    ]) {
      expect(parseRange(1000, header), header).toBeUndefined()
    }
  })

  test("agrees with RFC 9110 on every range, and with the library but for two cases", () => {
    const offset = fc.option(fc.integer({ min: 0, max: 12 }))
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10 }), offset, offset, (size, first, last) => {
        const header = `bytes=${first ?? ""}-${last ?? ""}`
        const found = parseRange(size, header)
        const all = Array.from({ length: size }, (_, i) => i)
        const asked = first === null ? all.slice(Math.max(size - last!, 0)) : all.slice(first, (last ?? size) + 1)
        if ((first === null && last === null) || (first !== null && last !== null && last < first)) {
          expect(found).toBeUndefined()
        } else if (asked.length === 0) expect(found).toBe("unsatisfiable")
        else expect(found).toEqual({ start: asked[0], end: asked.at(-1) })
        const theirs = rangeParser(size, header)
        if (Array.isArray(theirs)) expect(found).toEqual(theirs[0])
      }),
      { numRuns: 2000 },
    )
  })
})
