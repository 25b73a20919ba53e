/**
 * Messages that anyone can read and nobody can change: `header.payload.hmac`, each part in base64url.
 *
 * The header names the digest ("SFMyNTY" is "HS256" in base64url) and is signed with the payload, so that switching it
 * makes the signature wrong. The format is that of Plug's MessageVerifier.
 */
import { Buffer } from "node:buffer"
import { createHmac } from "node:crypto"
import type { Digest } from "./key-generator.ts"
import { secureCompare } from "./secure-compare.ts"

const headers: Readonly<Record<Digest, string>> = { sha256: "SFMyNTY", sha384: "SFMzODQ", sha512: "SFM1MTI" }
const digestOf: ReadonlyMap<string, Digest> = new Map(
  (Object.entries(headers) as [Digest, string][]).map(([digest, header]) => [header, digest]),
)

/**
 * Signs a message (text is UTF-8).
 *
 * @example
 * verifyMessage(signMessage("hello", "secret"), "secret")?.toString() //=> "hello"
 */
export function signMessage(
  message: string | Uint8Array,
  secret: string | Uint8Array,
  digest: Digest = "sha256",
): string {
  const header = headers[digest]
  if (header === undefined)
    throw new RangeError(`digest is one of ${Object.keys(headers).join(", ")}, got ${String(digest)}`)
  const content = `${header}.${Buffer.from(message as string).toString("base64url")}`
  return `${content}.${hmac(content, secret, digest)}`
}

/**
 * The message of a token, undefined when it was not signed with this secret, or is no token at all.
 *
 * @example
 * verifyMessage(signMessage("hello", "secret"), "another") //=> undefined
 */
export function verifyMessage(token: string, secret: string | Uint8Array): Buffer | undefined {
  const end = token.lastIndexOf(".")
  const start = token.indexOf(".")
  const digest = digestOf.get(token.slice(0, Math.max(start, 0)))
  if (digest === undefined || end <= start) return undefined
  // The signature's text is compared, so that no second spelling of it passes; what it covers is then ours.
  if (!secureCompare(token.slice(end + 1), hmac(token.slice(0, end), secret, digest))) return undefined
  return Buffer.from(token.slice(start + 1, end), "base64url")
}

function hmac(content: string, secret: string | Uint8Array, digest: Digest): string {
  return createHmac(digest, secret).update(content).digest("base64url")
}
