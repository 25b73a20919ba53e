import fc from "fast-check"
import { InvalidOptionError } from "plumage"
import { conn, sentResp } from "plumage/test"
import { describe, expect, test } from "vitest"
import { requestId } from "../../src/plugs/request-id.ts"

const plug = requestId()
const withId = (...ids: string[]) =>
  conn("GET", "/", undefined, { headers: ids.map((id) => ["x-request-id", id] as const) })
const kept = (id: string) => plug(withId(id)).assigns.requestId === id

describe("requestId", () => {
  test("keeps 20 to 200 safe characters of the client", () => {
    for (const id of [
      "a".repeat(20),
      "Z".repeat(200),
      "AZaz09_.=+/-AZaz09_.",
      "0191e7a0-7d1f-7c3e-b2a1-5b1c8f3d2e4f",
    ]) {
      expect(kept(id), id).toBe(true)
    }
    for (const id of ["", "a".repeat(19), "a".repeat(201)]) expect(kept(id), id).toBe(false)
  })

  test("replaces an id with any other character", () => {
    const bad = fc
      .string({ unit: "binary", minLength: 1, maxLength: 1 })
      .filter((one) => !/[A-Za-z0-9_.=+/-]/.test(one))
    fc.assert(
      fc.property(bad, fc.nat(20), (one, at) => {
        const id = "a".repeat(at) + one + "a".repeat(20 - at)
        expect(kept(id)).toBe(false)
      }),
    )
    expect(kept("a".repeat(20) + "\n")).toBe(false)
  })

  test("answers the id that it assigns", () => {
    const one = plug(withId())
    const { requestId: id } = one.assigns
    expect(sentResp(one.text("")).headers["x-request-id"]).toBe(id)
  })

  test("takes the first of several", () => {
    expect(plug(withId("first-of-two-request-ids", "second-of-two-request-ids")).assigns.requestId).toBe(
      "first-of-two-request-ids",
    )
    expect(plug(withId("short", "second-of-two-request-ids")).assigns.requestId).not.toBe("second-of-two-request-ids")
  })

  test("makes ids that it would itself keep, none twice, with every bit in play", () => {
    const ids = Array.from({ length: 2_000 }, () => plug(withId()).assigns.requestId)
    for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9_-]{20}$/)
    expect(new Set(ids).size).toBe(ids.length)
    for (let bit = 0; bit < 120; bit++) {
      const set = ids.filter((id) => (Buffer.from(id, "base64url")[bit >> 3]! >> (bit & 7)) & 1).length
      // 2,000 throws of a coin are this far off once in 10^18.
      expect(Math.abs(set - 1_000), `bit ${bit}`).toBeLessThan(200)
    }
  })

  test("has another header, another generator and another assign", () => {
    const own = requestId({ header: "X-Trace", generate: (one) => `${one.method}-1`, assign: "trace" })
    const one = own(conn("GET", "/"))
    const { trace } = one.assigns
    expect(trace).toBe("GET-1")
    expect(one.getRespHeader("x-trace")).toBe("GET-1")
    expect(one.getRespHeader("x-request-id")).toBeUndefined()
  })

  test.each<[string, object]>([
    ["header", { header: "x y" }],
    ["header", { header: "" }],
    ["header", { header: "a\r\nb" }],
    ["header", { header: "Content-Length" }],
    ["header", { header: 7 }],
    ["generate", { generate: "id" }],
    ["assign", { assign: "" }],
    ["no option assignAs", { assignAs: "id" }],
  ])("raises InvalidOptionError that names %s", (name, options) => {
    expect(() => requestId(options as never)).toThrow(InvalidOptionError)
    expect(() => requestId(options as never)).toThrow(`requestId`)
    expect(() => requestId(options as never)).toThrow(name)
  })
})
