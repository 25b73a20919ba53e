import * as fc from "fast-check"
import { match } from "path-to-regexp"
import { describe, expect, it } from "vitest"
import { mixed, namesIn, type Segment } from "../../src/router/segment.ts"

const literal = (text: string) => ({ kind: "literal", text }) as const
const param = (name: string) => ({ kind: "param", name }) as const

describe("mixed", () => {
  it("compiles to an expression that finds what path-to-regexp finds", () => {
    const text = fc.stringMatching(/^[-.a]{1,2}$/)
    const segment = fc.stringMatching(/^[-.ax]{1,12}$/)
    fc.assert(
      fc.property(text, text, text, segment, (first, second, last, value) => {
        const found = mixed([
          literal(first),
          param("a"),
          literal(second),
          param("b"),
          literal(last),
          param("c"),
        ]).regex.exec(value)
        const { params } =
          match(`/${first}:"a"${second}:"b"${last}:"c"`, { sensitive: true, trailing: false })(`/${value}`) || {}
        expect(found?.slice(1)).toEqual(params && [params["a"], params["b"], params["c"]])
      }),
      { numRuns: 3000 },
    )
  })

  it("takes every character of a regular expression as itself", () => {
    const special = "^$\\.*+?()[]{}|/-"
    expect(
      mixed([literal(special), param("a"), literal(special), param("b")])
        .regex.exec(`${special}x${special}y`)
        ?.slice(1),
    ).toEqual(["x", "y"])
  })

  it("is linear in the segment's length, whatever the segment", () => {
    const texts = ["-", "--", ".", "ab", "-.-"]
    const parts = texts.flatMap((text, index) => [param(`p${index}`), literal(text)])
    const { regex } = mixed([...parts, param("last"), literal("!")])
    for (const unit of ["-", ".", "ab", "x-", "x--", "--.ab-.-", "a", "-x.x"]) {
      // A quadratic expression would need 10^10 steps, which no machine does before the test's time is over.
      expect(regex.test(unit.repeat(100_000))).toBe(false)
    }
  })
})

describe("namesIn", () => {
  it("lists what a segment captures, in order", () => {
    const segments: Segment[] = [literal("a"), param("b"), mixed([param("c"), literal("."), param("d")])]
    expect(segments.flatMap(namesIn)).toEqual(["b", "c", "d"])
    expect(namesIn({ kind: "glob", name: "e" })).toEqual(["e"])
    expect(namesIn({ kind: "glob", name: undefined })).toEqual([])
  })
})
