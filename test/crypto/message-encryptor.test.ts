import { webcrypto } from "node:crypto"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { decryptMessage, encryptMessage } from "../../src/crypto/message-encryptor.ts"

const key = Buffer.alloc(32, 7)
const keys = fc.uint8Array({ minLength: 32, maxLength: 32 })
const aadOf = (aad: string) => new TextEncoder().encode(`QTI1NkdDTQ.${aad}`)

describe("encryptMessage and decryptMessage", () => {
  test("give back any bytes, with the same key and aad only", () => {
    fc.assert(
      fc.property(fc.uint8Array(), keys, fc.string(), (message, key, aad) => {
        const token = encryptMessage(message, key, aad)
        expect(decryptMessage(token, key, aad)).toEqual(Buffer.from(message))
        expect(decryptMessage(token, key, `${aad}x`)).toBeUndefined()
        expect(
          decryptMessage(
            token,
            key.map((byte, i) => (i === 0 ? byte ^ 1 : byte)),
            aad,
          ),
        ).toBeUndefined()
      }),
    )
  })

  test("speak AES-256-GCM as Web Crypto does", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array(), keys, async (message, key) => {
        const theirs = await webcrypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt", "decrypt"])
        const sealed = Buffer.from(encryptMessage(message, key, "a").slice("QTI1NkdDTQ.".length), "base64url")
        const iv = sealed.subarray(0, 12)
        const params = { name: "AES-GCM", iv, additionalData: aadOf("a") }
        const opened = await webcrypto.subtle.decrypt(
          params,
          theirs,
          Buffer.concat([sealed.subarray(28), sealed.subarray(12, 28)]),
        )
        expect(Buffer.from(opened)).toEqual(Buffer.from(message))
        const other = Buffer.from(await webcrypto.subtle.encrypt(params, theirs, message))
        const token = Buffer.concat([iv, other.subarray(-16), other.subarray(0, -16)]).toString("base64url")
        expect(decryptMessage(`QTI1NkdDTQ.${token}`, key, "a")).toEqual(Buffer.from(message))
      }),
      { numRuns: 30 },
    )
  })

  test("never use one iv twice, so one message gives different tokens", () => {
    const tokens = Array.from({ length: 100 }, () => encryptMessage("hello", key))
    expect(new Set(tokens.map((token) => token.slice(0, "QTI1NkdDTQ.".length + 16))).size).toBe(100)
  })

  test("hide the message", () => {
    expect(Buffer.from(encryptMessage("hello", key).split(".")[1]!, "base64url").includes("hello")).toBe(false)
  })

  test("refuse each changed character, each cut and each addition", () => {
    const token = encryptMessage("hello", key)
    for (let i = 0; i < token.length; i++) {
      for (const other of ["A", "B", "-", ".", "=", "+", " "]) {
        if (token[i] === other) continue
        expect(decryptMessage(token.slice(0, i) + other + token.slice(i + 1), key)).toBeUndefined()
      }
      expect(decryptMessage(token.slice(0, i), key)).toBeUndefined()
      expect(decryptMessage(token.slice(i + 1), key)).toBeUndefined()
    }
    for (const other of [`${token}=`, `${token}A`, ` ${token}`, `${token}.`, `${token}\n`]) {
      expect(decryptMessage(other, key)).toBeUndefined()
    }
  })

  test("never throw for what a client sends", () => {
    const text = fc.string({ unit: fc.constantFrom(..."QTI1NkdDTQ.AB=+/é\0", "QTI1NkdDTQ.") })
    fc.assert(
      fc.property(text, (token) => {
        expect(decryptMessage(token, key)).toBeUndefined()
      }),
      { numRuns: 1000 },
    )
  })

  test("want a key of exactly 32 bytes", () => {
    for (const bad of [Buffer.alloc(31), Buffer.alloc(33), "x".repeat(32), undefined]) {
      expect(() => encryptMessage("a", bad as Uint8Array)).toThrow(RangeError)
      expect(() => decryptMessage("a", bad as Uint8Array)).toThrow(RangeError)
    }
  })
})
