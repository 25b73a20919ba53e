import zlib from "node:zlib"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { type Coding, encoderOf, levelsOf } from "../../src/plugs/content-codings.ts"
import { decode } from "./compressed.ts"

const all: Coding[] = ["br", "gzip", "deflate", ...(levelsOf("zstd") === undefined ? [] : (["zstd"] as const))]

describe.each(all)("the encoder of %s", (coding) => {
  const { from, to, usual } = levelsOf(coding)!

  test("writes what Node's own decoder reads, at its first, its usual and its last level", async () => {
    const body = fc.oneof(fc.string({ unit: "grapheme" }), fc.uint8Array({ maxLength: 2_000 }))
    const level = fc.constantFrom(from, usual, Math.min(to, 11))
    await fc.assert(
      fc.asyncProperty(body, level, async (body, level) => {
        const encoder = encoderOf(coding, level)
        const wanted = Buffer.from(body as string)
        expect(decode(coding, encoder.sync(body)).equals(wanted)).toBe(true)
        expect(decode(coding, await encoder.async(body)).equals(wanted)).toBe(true)
      }),
      { numRuns: 30 },
    )
  })

  test("compresses in another way at its last level than at its first", () => {
    const body = Array.from({ length: 2_000 }, (_, i) => `${i * 7919} ${(i * 104729) % 1000};`).join("")
    const size = (level: number) => encoderOf(coding, level).sync(body).length
    expect(size(Math.min(to, 11))).not.toBe(size(from))
  })
})

test("zstd is there where Node has it, from 22.15 on", () => {
  expect(levelsOf("zstd") !== undefined).toBe("zstdCompressSync" in zlib)
})
