import { webcrypto } from "node:crypto"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import type { Digest } from "../../src/crypto/key-generator.ts"
import { signMessage, verifyMessage } from "../../src/crypto/message-verifier.ts"

/** The same format by Web Crypto. */
async function signed(message: Uint8Array, secret: Uint8Array, header: string, hash: string): Promise<string> {
  const key = await webcrypto.subtle.importKey("raw", secret, { name: "HMAC", hash }, false, ["sign"])
  const content = `${header}.${Buffer.from(message).toString("base64url")}`
  const mac = await webcrypto.subtle.sign("HMAC", key, new TextEncoder().encode(content))
  return `${content}.${Buffer.from(mac).toString("base64url")}`
}

describe("signMessage and verifyMessage", () => {
  test("agree with Web Crypto, for any bytes", async () => {
    const digests = [
      ["sha256", "SFMyNTY", "SHA-256"],
      ["sha384", "SFMzODQ", "SHA-384"],
      ["sha512", "SFM1MTI", "SHA-512"],
    ] as const
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array(),
        fc.uint8Array({ minLength: 1 }),
        fc.constantFrom(...digests),
        async (message, secret, [digest, header, hash]) => {
          const token = signMessage(message, secret, digest)
          expect(token).toBe(await signed(message, secret, header, hash))
          expect(verifyMessage(token, secret)).toEqual(Buffer.from(message))
        },
      ),
    )
  })

  test("take text as UTF-8, and secrets too", () => {
    const token = signMessage("héllo", "sécret")
    expect(token).toBe(signMessage(Buffer.from("héllo"), Buffer.from("sécret")))
    expect(verifyMessage(token, "sécret")?.toString()).toBe("héllo")
  })

  test("refuse another secret, each changed character, each cut, and each addition", () => {
    const token = signMessage("hello", "secret")
    expect(verifyMessage(token, "Secret")).toBeUndefined()
    for (let i = 0; i < token.length; i++) {
      for (const other of ["A", "B", "-", ".", "=", " "]) {
        if (token[i] === other) continue
        const changed = token.slice(0, i) + other + token.slice(i + 1)
        expect(verifyMessage(changed, "secret"), changed).toBeUndefined()
      }
      expect(verifyMessage(token.slice(0, i), "secret")).toBeUndefined()
      expect(verifyMessage(token.slice(i + 1), "secret")).toBeUndefined()
    }
    for (const other of [`${token}=`, `${token} `, ` ${token}`, `${token}.`, `.${token}`, `${token}.${token}`]) {
      expect(verifyMessage(other, "secret"), other).toBeUndefined()
    }
  })

  test("refuse a signature in another spelling of base64", () => {
    // 32 bytes leave two bits of the last character unused: three more spellings decode to the same bytes.
    const token = signMessage("hello", "secret")
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    const last = alphabet.indexOf(token.at(-1)!)
    for (let bits = 1; bits < 4; bits++) {
      const twin = token.slice(0, -1) + alphabet[last ^ bits]
      expect(Buffer.from(twin.split(".")[2]!, "base64url")).toEqual(Buffer.from(token.split(".")[2]!, "base64url"))
      expect(verifyMessage(twin, "secret")).toBeUndefined()
    }
  })

  test("refuse a switched digest", () => {
    const token = signMessage("hello", "secret", "sha256")
    for (const header of ["SFMzODQ", "SFM1MTI", "", "none", "bm9uZQ"]) {
      expect(verifyMessage(token.replace("SFMyNTY", header), "secret")).toBeUndefined()
    }
    expect(() => signMessage("hello", "secret", "md5" as Digest)).toThrow(RangeError)
  })

  test("never throw for what a client sends", () => {
    const text = fc.oneof(
      fc.string({ unit: fc.constantFrom(..."SFMyNTY.=+ é\0", "SFMyNTY.") }),
      fc.string({ unit: "binary" }),
    )
    fc.assert(
      fc.property(text, (token) => {
        expect(verifyMessage(token, "secret")).toBeUndefined()
      }),
      { numRuns: 300 },
    )
  })
})
