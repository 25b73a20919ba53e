/**
 * Messages that nobody can read or change without the key: AES-256-GCM (NIST SP 800-38D).
 *
 * A token is `QTI1NkdDTQ` ("A256GCM" in base64url), a dot, and in base64url the iv (12 bytes), the tag (16 bytes) and the
 * ciphertext. Plug uses XChaCha20-Poly1305, which `node:crypto` does not have, so tokens are not interchangeable. The iv is
 * random: one key is good for some 2^32 messages.
 */
import { Buffer } from "node:buffer"
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto"

const cipher = "aes-256-gcm"
const header = "QTI1NkdDTQ"
const keyBytes = 32
const ivBytes = 12
const tagBytes = 16

/**
 * Encrypts a message (text is UTF-8). Decrypting it takes the same `aad`, which says what the message is for and is not
 * part of the token. Raises a RangeError unless the key has 32 bytes.
 *
 * @example
 * const key = new Uint8Array(32)
 * decryptMessage(encryptMessage("hello", key, "greeting"), key, "greeting")?.toString() //=> "hello"
 */
export function encryptMessage(message: string | Uint8Array, key: Uint8Array, aad = ""): string {
  const iv = randomBytes(ivBytes)
  const sealing = createCipheriv(cipher, checkedKey(key), iv, { authTagLength: tagBytes }).setAAD(bound(aad))
  const text = Buffer.concat([sealing.update(Buffer.from(message as string)), sealing.final()])
  return `${header}.${Buffer.concat([iv, sealing.getAuthTag(), text]).toString("base64url")}`
}

/**
 * The message of a token, undefined when key or `aad` are not those it was encrypted with, or it is no token at all.
 *
 * @example
 * decryptMessage(encryptMessage("hello", new Uint8Array(32), "a"), new Uint8Array(32), "b") //=> undefined
 */
export function decryptMessage(token: string, key: Uint8Array, aad = ""): Buffer | undefined {
  checkedKey(key)
  if (!token.startsWith(`${header}.`)) return undefined
  const text = token.slice(header.length + 1)
  const bytes = Buffer.from(text, "base64url")
  // Decoding forgives; a token has one spelling only.
  if (bytes.length < ivBytes + tagBytes || bytes.toString("base64url") !== text) return undefined
  const opening = createDecipheriv(cipher, key, bytes.subarray(0, ivBytes), { authTagLength: tagBytes })
    .setAAD(bound(aad))
    .setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes))
  const message = opening.update(bytes.subarray(ivBytes + tagBytes))
  try {
    return Buffer.concat([message, opening.final()])
  } catch {
    return undefined
  }
}

function bound(aad: string): Buffer {
  return Buffer.from(`${header}.${aad}`)
}

function checkedKey(key: Uint8Array): Uint8Array {
  if (key instanceof Uint8Array && key.length === keyBytes) return key
  throw new RangeError(`the key to encrypt with has exactly ${keyBytes} bytes, got ${String(key?.length)}`)
}
