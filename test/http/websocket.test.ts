import fc from "fast-check"
import { describe, expect, test } from "vitest"
import {
  acceptKey,
  chooseSubprotocol,
  closeReason,
  invalidHandshake,
  validCloseCode,
} from "../../src/http/websocket.ts"
import { expectProportional } from "./proportional.ts"

test("acceptKey answers the key of RFC 6455 §1.3 as it says", () => {
  expect(acceptKey("dGhlIHNhbXBsZSBub25jZQ==")).toBe("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
})

describe("invalidHandshake", () => {
  const good = {
    upgrade: "websocket",
    connection: "Upgrade",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  }
  const check = (headers: Record<string, string | undefined>, method = "GET") =>
    invalidHandshake((name) => ({ ...good, ...headers })[name], method)

  test("takes what browsers send, in any case and among other tokens", () => {
    expect(check({})).toBeUndefined()
    expect(check({ upgrade: "WebSocket", connection: "keep-alive, UPGRADE" })).toBeUndefined()
    expect(check({ upgrade: "h2c, websocket" })).toBeUndefined()
  })

  test("says which part is wrong", () => {
    expect(check({}, "POST")).toContain("GET, not POST")
    for (const upgrade of [undefined, "", "h2c", "websockets", "web socket"])
      expect(check({ upgrade })).toContain("upgrade")
    for (const connection of [undefined, "close", "upgrades"]) expect(check({ connection })).toContain("connection")
    for (const version of [undefined, "8", "013", "13, 8"]) {
      expect(check({ "sec-websocket-version": version })).toContain("sec-websocket-version")
    }
    for (const key of [
      undefined,
      "",
      "x",
      "dGhlIHNhbXBsZSBub25jZQ=",
      "dGhlIHNhbXBsZSBub25jZQ===",
      "dGhlIHNhbXBsZSBub25j",
      " dGhlIHNhbXBsZSBub25jZQ==",
    ]) {
      expect(check({ "sec-websocket-key": key })).toContain("sec-websocket-key")
    }
  })
})

test("chooseSubprotocol takes the client's first that is spoken here, case and all", () => {
  expect(chooseSubprotocol("a, b ,c", ["c", "b"])).toBe("b")
  expect(chooseSubprotocol("A", ["a"])).toBeUndefined()
  expect(chooseSubprotocol("", ["a"])).toBeUndefined()
  expect(chooseSubprotocol(undefined, ["a"])).toBeUndefined()
  expect(chooseSubprotocol("a", [])).toBeUndefined()
})

test("validCloseCode knows the codes that may be sent", () => {
  const valid = Array.from({ length: 6000 }, (_, code) => code).filter(validCloseCode)
  const reserved = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014]
  expect(valid).toEqual([...reserved, ...Array.from({ length: 2000 }, (_, i) => 3000 + i)])
  for (const bad of [1000.5, Number.NaN, -1, Number.POSITIVE_INFINITY]) expect(validCloseCode(bad)).toBe(false)
})

describe("closeReason", () => {
  test("keeps what fits and cuts the rest at a character's end", () => {
    expect(closeReason("going away")).toBe("going away")
    expect(closeReason("x".repeat(123))).toBe("x".repeat(123))
    expect(closeReason("x".repeat(124))).toBe("x".repeat(123))
    expect(closeReason("x".repeat(122) + "é")).toBe("x".repeat(122))
    expect(closeReason("😀".repeat(40))).toBe("😀".repeat(30))
  })

  test("gives the longest beginning that fits, never half a character", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 200 }), (text) => {
        const cut = closeReason(text)
        let expected = ""
        for (const character of text) {
          if (Buffer.byteLength(expected + character) > 123) break
          expected += character
        }
        expect(cut).toBe(expected)
      }),
    )
  })

  test("costs little for a reason of any length", () => {
    expectProportional((size) => void closeReason("é".repeat(size)))
  })
})
