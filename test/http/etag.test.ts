import { createHash } from "node:crypto"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { httpDate } from "../../src/http/date.ts"
import { ifRangeHolds, matchesEtag, notModified, strongEtag, weakEtag } from "../../src/http/etag.ts"
import { expectProportional, fill } from "./proportional.ts"

const reader = (headers: Record<string, string>) => (name: string) => headers[name]

describe("etags", () => {
  test("a strong one is that of the bytes, text or not", () => {
    expect(strongEtag("é")).toBe(strongEtag(new TextEncoder().encode("é")))
    expect(strongEtag("a")).toBe(`"${createHash("sha256").update("a").digest("base64url").slice(0, 24)}"`)
    expect(strongEtag("a")).not.toBe(strongEtag("b"))
  })

  test("a weak one changes with size and time", () => {
    expect(weakEtag(255, 4096.7)).toBe('W/"ff-1000"')
    expect(weakEtag(255, 4096)).not.toBe(weakEtag(255, 4097))
    expect(weakEtag(255, 4096)).not.toBe(weakEtag(256, 4096))
  })
})

describe("matchesEtag", () => {
  test("compares as RFC 9110 §8.8.3.2 shows", () => {
    const table: [string, string, boolean, boolean][] = [
      ['W/"1"', 'W/"1"', false, true],
      ['W/"1"', 'W/"2"', false, false],
      ['W/"1"', '"1"', false, true],
      ['"1"', '"1"', true, true],
    ]
    for (const [a, b, strong, weak] of table) {
      expect(matchesEtag(a, b, false)).toBe(strong)
      expect(matchesEtag(b, a, false)).toBe(strong)
      expect(matchesEtag(a, b, true)).toBe(weak)
    }
  })

  test("looks through the whole list, whose tags may have commas", () => {
    const header = '"a,b" ,W/"c",, "d"'
    for (const tag of ['"a,b"', '"c"', '"d"']) expect(matchesEtag(header, tag, true)).toBe(true)
    for (const tag of ['"a"', '"b"', '"e"', '""', '","']) expect(matchesEtag(header, tag, true)).toBe(false)
  })

  test("* matches anything, and only alone", () => {
    expect(matchesEtag(" * ", '"a"', false)).toBe(true)
    expect(matchesEtag('*, "b"', '"a"', true)).toBe(false)
    expect(matchesEtag('"*"', '"a"', true)).toBe(false)
  })

  test("takes nothing that is not quoted, or has letters in front", () => {
    for (const header of ["a", "", '"a', 'a"', 'w/"a"', 'x"a"', "W/a"])
      expect(matchesEtag(header, '"a"', true)).toBe(false)
  })

  test("finds each tag of a list, whatever tags are in it", () => {
    const tag = fc
      .tuple(fc.constantFrom("", "W/"), fc.string({ unit: fc.constantFrom(..."ab,W/* \xe9") }))
      .map(([w, t]) => `${w}"${t}"`)
    fc.assert(
      fc.property(fc.array(tag), tag, (tags, wanted) => {
        const bare = (text: string) => text.replace(/^W\//, "")
        expect(matchesEtag(tags.join(", "), wanted, true)).toBe(tags.map(bare).includes(bare(wanted)))
        expect(matchesEtag(tags.join(", "), wanted, false)).toBe(!wanted.startsWith("W/") && tags.includes(wanted))
      }),
      { numRuns: 1000 },
    )
  })

  test("takes time in proportion to the header", () => {
    for (const piece of ['"', "W/", '"a",', " ", ",", 'W/"']) {
      expectProportional((size) => matchesEtag(fill(piece, size), '"x"', true), undefined, piece)
    }
  })
})

describe("notModified", () => {
  const changed = Date.UTC(2026, 0, 2, 3, 4, 5, 678)

  test("goes by If-None-Match where there is one, and then not by the date", () => {
    const validators = { etag: '"a"', lastModified: changed }
    expect(notModified(validators, reader({ "if-none-match": 'W/"a", "b"' }))).toBe(true)
    expect(notModified(validators, reader({ "if-none-match": '"b"', "if-modified-since": httpDate(changed) }))).toBe(
      false,
    )
    expect(notModified({ lastModified: changed }, reader({ "if-none-match": '"b"' }))).toBe(false)
    expect(notModified({}, reader({ "if-none-match": "*" }))).toBe(true)
  })

  test("goes by If-Modified-Since otherwise, in whole seconds", () => {
    const since = (ms: number) => notModified({ lastModified: changed }, reader({ "if-modified-since": httpDate(ms) }))
    expect(since(changed)).toBe(true)
    expect(since(changed + 1000)).toBe(true)
    expect(since(changed - 1000)).toBe(false)
    expect(notModified({ lastModified: changed }, reader({ "if-modified-since": "today" }))).toBe(false)
    expect(notModified({ etag: '"a"' }, reader({ "if-modified-since": httpDate(changed) }))).toBe(false)
  })

  test("is false for a request without conditions", () => {
    expect(notModified({ etag: '"a"', lastModified: changed }, reader({}))).toBe(false)
  })
})

describe("ifRangeHolds", () => {
  const changed = Date.UTC(2026, 0, 2, 3, 4, 5, 678)
  const validators = { etag: '"a"', lastModified: changed }

  test("holds without the header, for the strong etag and for the exact date", () => {
    for (const headers of [{}, { "if-range": '"a"' }, { "if-range": httpDate(changed) }]) {
      expect(ifRangeHolds(validators, reader(headers as Record<string, string>))).toBe(true)
    }
  })

  test("fails for another or a weak etag, a later or earlier date, and nonsense", () => {
    for (const header of ['"b"', 'W/"a"', '"a", "a"', httpDate(changed + 1000), httpDate(changed - 1000), "x", ""]) {
      expect(ifRangeHolds(validators, reader({ "if-range": header })), header).toBe(false)
    }
    expect(ifRangeHolds({ etag: 'W/"a"' }, reader({ "if-range": 'W/"a"' }))).toBe(false)
    expect(ifRangeHolds({}, reader({ "if-range": httpDate(changed) }))).toBe(false)
    expect(ifRangeHolds({}, reader({ "if-range": '"a"' }))).toBe(false)
  })
})
