import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { InvalidPatternError } from "../../src/conn/errors.ts"
import { parsePattern, parsePrefix } from "../../src/router/pattern.ts"
import { patterns } from "./patterns.ts"

const literal = (text: string) => ({ kind: "literal", text })
const param = (name: string) => ({ kind: "param", name })

function messageOf(pattern: string): string {
  try {
    parsePattern(pattern)
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidPatternError)
    return (error as Error).message
  }
  throw new Error(`${pattern} was accepted`)
}

describe("parsePattern", () => {
  it("tells literals, parameters, mixed segments and globs apart", () => {
    const { source, names, alternatives } = parsePattern("/users/:id/v:major.:minor/*rest")
    expect(source).toBe("/users/:id/v:major.:minor/*rest")
    expect(names).toEqual(["id", "major", "minor", "rest"])
    expect(alternatives).toEqual([
      [
        literal("users"),
        param("id"),
        {
          kind: "mixed",
          parts: [literal("v"), param("major"), literal("."), param("minor")],
          regex: /^v(.+)\.((?:(?!\.).)+|\.)$/s,
        },
        { kind: "glob", name: "rest" },
      ],
    ])
  })

  it("drops empty segments, so a trailing slash means nothing", () => {
    expect(parsePattern("/").alternatives).toEqual([[]])
    expect(parsePattern("//a//b/").alternatives).toEqual([[literal("a"), literal("b")]])
  })

  it("writes optional groups out, the leftmost group first, without repeats", () => {
    const written = (pattern: string) =>
      parsePattern(pattern).alternatives.map((one) =>
        one.map((segment) => ("text" in segment ? segment.text : "*")).join("/"),
      )
    expect(written("/a{/b}{/c}")).toEqual(["a/b/c", "a/b", "a/c", "a"])
    expect(written("/a{/b{/c}}")).toEqual(["a/b/c", "a/b", "a"])
    expect(written("{/a}/b")).toEqual(["a/b", "b"])
    expect(written("/a{/}{/}")).toEqual(["a"])
    expect(written("/a{b}c")).toEqual(["abc", "ac"])
    expect(written("/a{}{/b}{/c}{/d}{/e}{/f}")).toHaveLength(32)
  })

  it("takes the meaning from an escaped character", () => {
    expect(parsePattern("/\\:a\\*\\{\\}\\#\\?").alternatives).toEqual([[literal(":a*{}#?")]])
  })

  it.each([
    ["users", 0, 'must start with "/"'],
    ["", 0, 'must start with "/"'],
    [":id", 0, 'must start with "/"'],
    ["{/a}b", 0, "with and without its optional groups"],
    ["/a(b)", 2, "unexpected ("],
    ["/a?", 2, "unexpected ?"],
    ["/a}", 2, "unexpected }"],
    ["/{a", 3, "expected }"],
    ["/😀/:", 4, "missing parameter name"],
    ["/a\\", 3, "end after \\"],
    ['/:"x', 2, "unterminated quote"],
    ["/*rest/x", 1, "a glob must be the whole last segment"],
    ["/a*rest", 2, "a glob must be the whole last segment"],
    ["/*rest.json", 1, "a glob must be the whole last segment"],
    ["/\\*a/:b/*rest{/x}", 8, "a glob must be the whole last segment"],
    ["/*a/*b", 1, "a glob must be the whole last segment"],
    ["/:id/x/:id", 7, 'two parameters "id"'],
    ["/:id{/*id}", 6, 'two parameters "id"'],
    ['/:id/:"id"', 5, 'two parameters "id"'],
    ["/:__proto__", 1, '"__proto__" cannot name'],
    ["/:constructor", 1, '"constructor" cannot name'],
    ["/*prototype", 1, '"prototype" cannot name'],
    ["/:a:b", 3, 'text between "a" and "b"'],
    ["/:a{x}:b", 6, 'text between "a" and "b"'],
    ["/a#top", 2, "a fragment never reaches the server"],
    ["/a\ud800", 2, "half of a surrogate pair"],
  ])("refuses %j and shows the place", (pattern, place, reason) => {
    const [first, shown, pointer] = messageOf(pattern).split("\n")
    expect(first).toContain(JSON.stringify(pattern))
    expect(first).toContain(reason)
    expect(shown).toBe(`  ${pattern}`)
    expect(pointer).toBe(`  ${" ".repeat(place)}^`)
  })

  it("refuses more than six optional groups, nested ones counted", () => {
    expect(parsePattern("{/a}{/b}{/c}{/d}{/e{/f}}").alternatives.length).toBe(48)
    expect(messageOf("{/a}{/b}{/c}{/d}{/e{/f}}{/g}")).toContain("more than 6 optional groups")
  })

  it("refuses what is no string", () => {
    expect(() => parsePattern(/x/ as unknown as string)).toThrow(InvalidPatternError)
    expect(() => parsePattern(undefined as unknown as string)).toThrow("got undefined")
  })

  it("understands or refuses any text, and throws nothing but InvalidPatternError", () => {
    const text = fc.oneof(
      fc.string({ unit: fc.constantFrom(...'/:*{}\\"ab.-#') }).map((one) => `/${one}`),
      fc.string({ unit: "binary" }),
    )
    fc.assert(
      fc.property(text, (pattern) => {
        try {
          const { names, alternatives } = parsePattern(pattern)
          expect(new Set(names).size).toBe(names.length)
          expect(alternatives.length).toBeGreaterThan(0)
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidPatternError)
        }
      }),
      { numRuns: 2000 },
    )
  })

  it("understands every pattern that the other tests generate", () => {
    fc.assert(fc.property(patterns, (pattern) => void parsePattern(pattern)))
  })
})

describe("parsePrefix", () => {
  it("fits the path itself and what is below, and captures nothing more", () => {
    const below = { kind: "glob", name: undefined }
    expect(parsePrefix("/admin").alternatives).toEqual([[literal("admin"), below]])
    expect(parsePrefix("/").alternatives).toEqual([[below]])
    expect(parsePrefix("/:org{/x}").alternatives).toEqual([
      [param("org"), literal("x"), below],
      [param("org"), below],
    ])
  })

  it("refuses a glob", () => {
    expect(() => parsePrefix("/a/*rest")).toThrow("a glob cannot stand where something is mounted")
  })
})
