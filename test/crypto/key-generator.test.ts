import { describe, expect, test } from "vitest"
import { deriveKey, type KeyOptions } from "../../src/crypto/key-generator.ts"

const hex = (secret: string, salt: string, options?: KeyOptions) => deriveKey(secret, salt, options).toString("hex")

describe("deriveKey", () => {
  test("holds Plug's vector, and takes 1000 rounds of SHA-256 for 32 bytes unless told otherwise", () => {
    expect(hex("password", "salt")).toBe("632c2812e46d4604102ba7618e9d6d7d2f8128f6266b4a03264d2a0460b7dcb3")
    expect(hex("password", "salt", { iterations: 1000, length: 32, digest: "sha256" })).toBe(hex("password", "salt"))
  })

  test("holds the vectors of RFC 7914 §11", () => {
    expect(hex("passwd", "salt", { iterations: 1, length: 64 })).toBe(
      "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc" +
        "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783",
    )
  })

  test("gives another key for anything that is different", () => {
    const keys = [
      hex("a", "bc"),
      hex("ab", "c"),
      hex("a", "b"),
      hex("a", "bc", { iterations: 1001 }),
      hex("a", "bc", { digest: "sha512" }),
      hex("a", "bc", { digest: "sha384" }),
    ]
    expect(new Set(keys).size).toBe(keys.length)
    expect(deriveKey("a", "bc", { length: 17 })).toHaveLength(17)
  })

  test("remembers a key, and hands out copies that the caller may wipe", () => {
    const before = hex("secret", "copies")
    deriveKey("secret", "copies").fill(0)
    expect(hex("secret", "copies")).toBe(before)
  })

  test("gives the same key after many others", () => {
    const before = hex("secret", "first", { iterations: 1 })
    for (let i = 0; i < 1000; i++) deriveKey("secret", `salt ${i}`, { iterations: 1 })
    expect(hex("secret", "first", { iterations: 1 })).toBe(before)
  })

  test("refuses an empty secret and options out of range, and names them", () => {
    expect(() => deriveKey("", "salt")).toThrow(TypeError)
    expect(() => deriveKey(undefined as unknown as string, "salt")).toThrow("secret")
    for (const [name, value] of [
      ["iterations", 0],
      ["iterations", 1.5],
      ["iterations", 2 ** 32],
      ["length", 0],
      ["length", 5000],
      ["length", Number.NaN],
      ["digest", "md5"],
    ] as const) {
      expect(() => deriveKey("secret", "salt", { [name]: value } as KeyOptions)).toThrow(RangeError)
      expect(() => deriveKey("secret", "salt", { [name]: value } as KeyOptions)).toThrow(name)
    }
  })
})
