import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { asciiFilename, contentDisposition } from "../../src/http/content-disposition.ts"
import { invalidHeaderValue } from "../../src/http/headers.ts"
import { expectProportional, fill } from "./proportional.ts"
import { readDisposition } from "./read-disposition.ts"

describe("contentDisposition", () => {
  test("says both names where ASCII is not enough, the plain one first (RFC 6266 §5 and appendix D)", () => {
    expect(contentDisposition("attachment", "€ rates")).toBe(
      `attachment; filename="_ rates"; filename*=UTF-8''%E2%82%AC%20rates`,
    )
    expect(contentDisposition("inline", "example.html")).toBe('inline; filename="example.html"')
  })

  test("encodes the example of RFC 8187 §3.2.3", () => {
    expect(contentDisposition("attachment", "£ and € rates")).toMatch(
      /; filename\*=UTF-8''%C2%A3%20and%20%E2%82%AC%20rates$/,
    )
  })

  test.each([
    ['a"b.txt', "a_b.txt"],
    ["a\\b.txt", "a_b.txt"],
    ["100%41.txt", "100_41.txt"],
    ["%%41", "%_41"],
    ["😀.txt", "_.txt"],
    ["a; filename=evil.exe", "a; filename=evil.exe"],
    [`a'b(c),d*e.txt`, `a'b(c),d*e.txt`],
    ["a\u202etxt.exe", "a_txt.exe"],
  ])("%j is read as itself, and as %j by those who know only ASCII", (filename, ascii) => {
    expect(readDisposition(contentDisposition("attachment", filename))).toEqual({ type: "attachment", ascii, filename })
  })

  test("any name without control characters is a header of the grammar, and is read as it was written", () => {
    const names = fc.string({ unit: "binary", minLength: 1 }).filter((name) => !/\p{Cc}/u.test(name))
    const likely = fc.string({ unit: fc.constantFrom(..."%\"\\;='* a4é"), minLength: 1 })
    fc.assert(
      fc.property(fc.oneof(names, likely), fc.constantFrom("attachment" as const, "inline"), (name, disposition) => {
        const header = contentDisposition(disposition, name)
        expect(invalidHeaderValue(header)).toBeUndefined()
        const { type, ascii, filename } = readDisposition(header)
        expect([type, filename, ascii]).toEqual([disposition, name, asciiFilename(name)])
        expect(asciiFilename(ascii!)).toBe(ascii)
      }),
      { numRuns: 500 },
    )
  })

  test("refuses an empty name and every control character, and does not repeat the name", () => {
    for (let code = 0; code <= 0xa0; code++) {
      const name = `secret${String.fromCharCode(code)}`
      const isControl = code < 0x20 || (code >= 0x7f && code <= 0x9f)
      if (isControl) expect(() => contentDisposition("attachment", name)).toThrow(/^the name .* \(U\+00.*position 6$/)
      else expect(() => contentDisposition("attachment", name)).not.toThrow()
    }
    expect(() => contentDisposition("attachment", "")).toThrow(TypeError)
    expect(() => contentDisposition("attachment", undefined as never)).toThrow(TypeError)
  })

  test("half a surrogate pair is written as U+FFFD", () => {
    expect(readDisposition(contentDisposition("attachment", "a\ud83d.txt")).filename).toBe("a\ufffd.txt")
  })

  test("takes time in proportion to the name", () => {
    for (const piece of ["%", '"', "é", "%41", "\ud83d"]) {
      expectProportional((size) => void contentDisposition("attachment", fill(piece, size)), 20_000, piece)
    }
  })
})
