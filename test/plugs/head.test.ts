import { type Conn, defineRouter } from "plumage"
import { call, conn, sentResp } from "plumage/test"
import { describe, expect, test } from "vitest"
import { head } from "../../src/plugs/head.ts"

describe("head", () => {
  test("makes HEAD a GET and leaves every other method", () => {
    const methodOf = (method: string) => head()(conn(method, "/")).method
    expect(methodOf("HEAD")).toBe("GET")
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEADER"]) {
      expect(methodOf(method)).toBe(method)
    }
  })

  test("lets HEAD reach the route of GET, whose answer goes with its length and without its body", () => {
    const router = defineRouter((r) => [r.get("/", (conn) => conn.text("hello"))])
    const sent = sentResp(call(router as never, head()(conn("HEAD", "/"))) as Conn)
    expect(sent).toMatchObject({ status: 200, body: "" })
    expect(sent.headers["content-length"]).toBe("5")
  })
})
