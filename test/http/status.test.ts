import { STATUS_CODES } from "node:http"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import {
  bodyAllowed,
  reasonPhrase,
  type StatusName,
  statusCode,
  statusLine,
  statusName,
} from "../../src/http/status.ts"

/** The codes that Plug knows (reference: Plug.Conn.Status). */
const known = [
  ...range(100, 103),
  ...range(200, 208),
  226,
  ...range(300, 308),
  ...range(400, 418),
  ...range(421, 426),
  428,
  429,
  431,
  451,
  ...range(500, 508),
  510,
  511,
]

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
}

describe("statusCode", () => {
  test("lets every whole number from 100 to 999 through", () => {
    for (let code = 100; code <= 999; code++) expect(statusCode(code)).toBe(code)
  })

  test("refuses any other number and names it", () => {
    for (const bad of [99, 1000, 0, -200, 200.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => statusCode(bad)).toThrow(RangeError)
      expect(() => statusCode(bad)).toThrow(String(bad))
    }
  })

  test("takes names, with Plug's older names as aliases", () => {
    expect(statusCode("ok")).toBe(200)
    expect(statusCode("im_a_teapot")).toBe(418)
    expect(statusCode("unprocessable_content")).toBe(422)
    expect(statusCode("unprocessable_entity")).toBe(422)
    expect(statusCode("request_entity_too_large")).toBe(413)
    expect(statusCode("request_uri_too_long")).toBe(414)
    expect(statusCode("requested_range_not_satisfiable")).toBe(416)
  })

  test("refuses an unknown name and anything that is neither, names of Object's prototype too", () => {
    for (const bad of ["nope", "constructor", "__proto__", "200", null, undefined, {}, 10n]) {
      expect(() => statusCode(bad as StatusName)).toThrow(RangeError)
    }
    expect(() => statusCode("nope" as StatusName)).toThrow('"nope"')
  })

  test("repeats at most a part of a long name", () => {
    expect(() => statusCode("x".repeat(10_000) as StatusName)).toThrow(/^.{1,120}$/)
  })
})

describe("names and phrases", () => {
  test("every code that Plug knows has a name that leads back to it", () => {
    for (const code of known) expect(statusCode(statusName(code)!)).toBe(code)
  })

  test("a name is its phrase in lower case, without apostrophes, with _ for the rest", () => {
    for (const code of known) {
      expect(statusName(code)).toBe(
        reasonPhrase(code)
          .toLowerCase()
          .replaceAll("'", "")
          .replace(/[^a-z]/g, "_"),
      )
    }
  })

  test("phrases agree with Node's but where RFC 9110 renamed a status", () => {
    const renamed = new Map([
      [413, "Content Too Large"],
      [416, "Range Not Satisfiable"],
      [418, "I'm a teapot"],
      [422, "Unprocessable Content"],
    ])
    for (const code of known) {
      const expected = renamed.get(code) ?? STATUS_CODES[code]
      if (expected !== undefined && code !== 509) expect(reasonPhrase(code)).toBe(expected)
    }
  })

  test("an unknown code has no name and the phrase of its class", () => {
    expect(statusName(299)).toBeUndefined()
    expect([199, 299, 399, 499, 599, 600, 999].map(reasonPhrase)).toEqual([
      "Informational",
      "Success",
      "Redirection",
      "Client Error",
      "Server Error",
      "Unknown",
      "Unknown",
    ])
  })

  test("phrase and line never throw from 100 to 999, and always do elsewhere", () => {
    for (let code = 100; code <= 999; code++) expect(statusLine(code)).toBe(`${code} ${reasonPhrase(code)}`)
    expect(statusLine(404)).toBe("404 Not Found")
    fc.assert(
      fc.property(fc.oneof(fc.integer(), fc.double()), (code) => {
        fc.pre(!(Number.isInteger(code) && code >= 100 && code <= 999))
        expect(() => statusLine(code)).toThrow(RangeError)
        expect(() => reasonPhrase(code)).toThrow(RangeError)
      }),
    )
  })
})

test("1xx, 204 and 304 have no body, everything else may", () => {
  for (let code = 100; code <= 999; code++) {
    expect(bodyAllowed(code)).toBe(!(code < 200 || code === 204 || code === 304))
  }
})
