import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { type BodyDecoder, ChunkedBody, SizedBody } from "../../../adapters/elli/body.ts"
import { defaultLimits } from "../../../src/conn/adapter.ts"
import { chunked, smuggling } from "./requests.ts"

interface Decoded {
  body: string
  /** What was left when the body ended. */
  rest: string
  done: boolean
  broken: boolean
}

/** Gives the decoder the pieces until it is done. */
function decode(decoder: BodyDecoder, pieces: readonly string[]): Decoded {
  let body = ""
  let rest = ""
  for (const piece of pieces) {
    const bytes = Buffer.from(piece, "latin1")
    const end = decoder.done || decoder.broken ? 0 : decoder.take(bytes, 0)
    if (end > 0) body += decoder.piece?.toString("latin1") ?? ""
    rest += bytes.toString("latin1", end)
  }
  return { body, rest, done: decoder.done, broken: decoder.broken }
}

const chunks = (...pieces: string[]) => decode(new ChunkedBody(defaultLimits), pieces)
const cuts = (text: string) =>
  Array.from({ length: text.length - 1 }, (_, i) => [text.slice(0, i + 1), text.slice(i + 1)])

describe("RFC 9112 §6.2: a body of a known size", () => {
  test("ends where it says, wherever it is cut", () => {
    for (const pieces of cuts("abcdeNEXT")) {
      expect(decode(new SizedBody(5), pieces)).toEqual({ body: "abcde", rest: "NEXT", done: true, broken: false })
    }
  })

  test("is not done one byte before", () => {
    expect(decode(new SizedBody(5), ["abcd"]).done).toBe(false)
  })
})

describe("RFC 9112 §7.1: a chunked body", () => {
  const text = '3\r\nabc\r\n0a;x;y=z;q="a \\" b"\r\n0123456789\r\n0;e\r\nTrailer: a\r\nOther: b\r\n\r\n'

  test("is its chunks without their frames, wherever it is cut", () => {
    for (const pieces of [[text + "NEXT"], ...cuts(text + "NEXT"), [...(text + "NEXT")]]) {
      expect(chunks(...pieces)).toEqual({ body: "abc0123456789", rest: "NEXT", done: true, broken: false })
    }
  })

  test("any body in any chunks, cut anywhere, is that body", () => {
    const body = fc.string({ unit: fc.constantFrom(..."ab\r\n0;\0\xff"), maxLength: 60 })
    fc.assert(
      fc.property(body, fc.array(fc.integer({ min: 1, max: 9 })), fc.array(fc.nat(200)), (data, sizes, places) => {
        const whole = `${chunked(data, sizes, "")}0\r\n\r\nNEXT`
        const marks = [0, ...places.map((place) => Math.min(place, whole.length)), whole.length].sort((a, b) => a - b)
        const pieces = marks.slice(1).map((mark, i) => whole.slice(marks[i], mark))
        expect(chunks(...pieces)).toEqual({ body: data, rest: "NEXT", done: true, broken: false })
      }),
    )
  })

  test("many chunks in one read are one piece of their bytes", () => {
    const decoder = new ChunkedBody(defaultLimits)
    decoder.take(Buffer.from("1\r\na\r\n".repeat(10_000)), 0)
    expect(decoder.piece?.length).toBe(10_000)
  })

  const inChunks = /^POST .*\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n(?=.)/s
  const broken = Object.entries(smuggling)
    .filter(([, bytes]) => inChunks.test(bytes) && !bytes.includes("HTTP/1.0"))
    .map(([name, bytes]) => [name, bytes.replace(inChunks, "") + "\r\n\r\n"] as const)
  test.each(broken)("%s is broken, wherever it is cut", (_, body) => {
    for (const pieces of [[body], ...cuts(body)]) {
      const { done, broken: isBroken } = chunks(...pieces)
      expect({ done, isBroken }, JSON.stringify(pieces)).toEqual({ done: false, isBroken: true })
    }
  })

  test("§7.1.1 what no further byte can mend is broken before the line ends", () => {
    for (const begun of ["g", "+", "00000000000000003", "3;a\n", "3;\0", `3;${"a".repeat(1_024)}`]) {
      expect(chunks(begun).broken, begun).toBe(true)
    }
  })

  test("§7.1.1 extensions are bounded, each and together", () => {
    const extension = ";" + "a".repeat(1_000)
    expect(chunks(`1${extension}\r\na\r\n`.repeat(4)).broken).toBe(false)
    expect(chunks(`1${extension}\r\na\r\n`.repeat(5)).broken).toBe(true)
  })

  test("§7.1.2 trailers are bounded in lines and bytes", () => {
    const lines = (count: number) => `0\r\n${"a: b\r\n".repeat(count)}\r\n`
    expect(chunks(lines(defaultLimits.headerCount)).done).toBe(true)
    expect(chunks(lines(defaultLimits.headerCount + 1)).broken).toBe(true)
    expect(chunks(`0\r\na: ${"b".repeat(defaultLimits.headerBytes)}`).broken).toBe(true)
    expect(chunks("0\r\n", ...Array.from({ length: defaultLimits.headerBytes + 10 }, () => "a")).broken).toBe(true)
  })

  test("a size beyond what a number can hold is broken", () => {
    expect(chunks("1fffffffffffff\r\n").broken).toBe(false)
    expect(chunks("20000000000000\r\n").broken).toBe(true)
  })
})
