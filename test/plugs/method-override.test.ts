import fc from "fast-check"
import { conn } from "plumage/test"
import { describe, expect, test } from "vitest"
import { methodOverride } from "../../src/plugs/method-override.ts"

const plug = methodOverride()
const methodOf = (method: string, body: Record<string, unknown>, path = "/") =>
  plug(conn(method, path).putBodyParams(body)).method

describe("methodOverride", () => {
  test.each([
    ["PUT", "PUT"],
    ["put", "PUT"],
    ["Patch", "PATCH"],
    ["delete", "DELETE"],
  ])("takes %s of the body for %s", (wanted, method) => {
    expect(methodOf("POST", { _method: wanted })).toBe(method)
  })

  test.each(["GET", "HEAD", "OPTIONS", "TRACE", "CONNECT", "POST", "put ", "", "DELETE\0", "x".repeat(1_000)])(
    "does not take %j",
    (wanted) => {
      expect(methodOf("POST", { _method: wanted })).toBe("POST")
    },
  )

  test("takes text alone, and never raises", () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true }), (value) => {
        fc.pre(typeof value !== "string")
        expect(methodOf("POST", { _method: value })).toBe("POST")
      }),
    )
    const tricky = { _method: { toString: () => "PUT", toUpperCase: () => "PUT", length: 3 } }
    expect(methodOf("POST", tricky)).toBe("POST")
  })

  test("changes nothing but a POST", () => {
    for (const method of ["GET", "HEAD", "PUT", "PATCH", "DELETE"]) {
      expect(methodOf(method, { _method: "delete" })).toBe(method)
    }
  })

  test("does not listen to the query", () => {
    expect(methodOf("POST", {}, "/?_method=delete")).toBe("POST")
  })

  test("leaves a request alone whose body nobody has parsed", () => {
    expect(plug(conn("POST", "/", { _method: "delete" })).method).toBe("POST")
  })

  test("does not listen to a prototype", () => {
    expect(methodOf("POST", Object.create({ _method: "delete" }))).toBe("POST")
  })
})
