import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { decodePercent, decodePercentLossy, encodeAll, encodeSegment } from "../../src/http/percent.ts"
import { expectProportional, fill } from "./proportional.ts"

/** What the decoder must do, written byte by byte. */
function bytesOf(text: string, plus: boolean): Uint8Array {
  const bytes: number[] = []
  const input = Buffer.from(text)
  for (let i = 0; i < input.length; i++) {
    const digits = input.toString("latin1", i + 1, i + 3)
    if (input[i] === 0x25 && /^[0-9a-f]{2}$/i.test(digits)) {
      bytes.push(Number.parseInt(digits, 16))
      i += 2
    } else bytes.push(plus && input[i] === 0x2b ? 0x20 : input[i]!)
  }
  return Uint8Array.from(bytes)
}

function fatal(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

const byte = fc.integer({ min: 0, max: 255 }).map((n) => "%" + n.toString(16).padStart(2, "0"))
const messy = fc
  .array(fc.oneof(byte, fc.constantFrom("%", "%%", "%z", "+", "a", "é", "😀", "%C3", "%A9", "%e2%82%ac", "%ED%A0%80")))
  .map((parts) => parts.join(""))
const wellFormed = fc.string({ unit: "grapheme" })

describe("decodePercent", () => {
  test("decodes what is well formed as decodeURIComponent does", () => {
    fc.assert(
      fc.property(wellFormed, (text) => {
        expect(decodePercent(encodeURIComponent(text), false)).toBe(text)
        expect(decodePercent(encodeSegment(text), true)).toBe(text)
      }),
    )
  })

  test("agrees with a byte-wise decoder and a fatal TextDecoder on anything", () => {
    fc.assert(
      fc.property(messy, fc.boolean(), (text, plus) => {
        expect(decodePercent(text, plus)).toBe(fatal(bytesOf(text, plus)))
      }),
      { numRuns: 3000 },
    )
  })

  test("agrees with them on long texts too", () => {
    fc.assert(
      fc.property(messy, messy, fc.boolean(), (text, tail, plus) => {
        const long = (text || "a").repeat(1100) + tail
        expect(decodePercent(long, plus)).toBe(fatal(bytesOf(long, plus)))
      }),
      { numRuns: 100 },
    )
  })

  test("leaves a % that is no escape as it is", () => {
    for (const text of ["%", "%%", "%zz", "100%", "%4", "%g1", "%%4"]) expect(decodePercent(text, false)).toBe(text)
    expect(decodePercent("%%41%", false)).toBe("%A%")
  })

  test("turns + into a space only where asked, and never %2B", () => {
    expect(decodePercent("a+b%2B", false)).toBe("a+b+")
    expect(decodePercent("a+b%2B", true)).toBe("a b+")
    expect(decodePercent("++", true)).toBe("  ")
  })

  test("refuses what is not UTF-8: stray, cut, overlong, surrogates, beyond U+10FFFF", () => {
    for (const text of ["%FF", "%C3", "%C3a", "%C3é", "%C0%AF", "%E0%80%AF", "%ED%A0%80", "%F4%90%80%80", "%zz%80"]) {
      expect(decodePercent(text, false)).toBeUndefined()
    }
  })

  test("keeps a byte order mark and NUL", () => {
    expect(decodePercent("%EF%BB%BFa%00", false)).toBe("\ufeffa\0")
  })

  test("decodes once", () => {
    expect(decodePercent("%252e", false)).toBe("%2e")
  })

  test("takes time in proportion to the input, whatever it is made of", () => {
    for (const piece of ["%41", "%z", "%", "%E2%82%AC", "+"]) {
      expectProportional((size) => decodePercent(fill(piece, size), true), undefined, piece)
    }
  })
})

describe("decodePercentLossy", () => {
  test("agrees with a byte-wise decoder and a TextDecoder that replaces", () => {
    fc.assert(
      fc.property(messy, fc.boolean(), (text, plus) => {
        const expected = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytesOf(text, plus))
        expect(decodePercentLossy(text, plus)).toBe(expected)
      }),
      { numRuns: 2000 },
    )
  })
})

describe("encodeSegment", () => {
  test("writes nothing but unreserved characters and escapes, and decodes to what it was", () => {
    fc.assert(
      fc.property(wellFormed, (text) => {
        const encoded = encodeSegment(text)
        expect(encoded).toMatch(/^(?:[A-Za-z0-9\-._~]|%[0-9A-F]{2})*$/)
        expect(decodeURIComponent(encoded)).toBe(text)
      }),
    )
    expect(encodeSegment("!'()*")).toBe("%21%27%28%29%2A")
    expect(encodeSegment("Az0-._~")).toBe("Az0-._~")
  })

  test("does not throw for lone surrogates", () => {
    expect(encodeSegment("a\ud800b")).toBe("a%EF%BF%BDb")
    expect(encodeAll("\udc00!")).toBe("%EF%BF%BD!")
    expect(encodeSegment("😀")).toBe("%F0%9F%98%80")
  })
})
