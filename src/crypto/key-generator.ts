/**
 * Keys derived from one secret (PBKDF2, RFC 8018 §5.2), so that each purpose has a key of its own.
 */
import { Buffer } from "node:buffer"
import { pbkdf2Sync } from "node:crypto"

export type Digest = "sha256" | "sha384" | "sha512"
export const digests: readonly Digest[] = ["sha256", "sha384", "sha512"]

export interface KeyOptions {
  /** Rounds (1,000): enough for a random secret, too few for a password. */
  iterations?: number
  /** Bytes (32). */
  length?: number
  digest?: Digest
}

/** Derived keys, the oldest first. Deriving one costs a fraction of a millisecond, in which nothing else runs. */
const cache = new Map<string, Buffer>()
const cacheLimit = 256

/**
 * The key for a purpose, which the salt names. The same for the same arguments, and remembered; the buffer is the
 * caller's own.
 *
 * Raises a TypeError for an empty secret and a RangeError that names any other option it does not take.
 *
 * @example
 * deriveKey("password", "salt").toString("hex") //=> "632c2812e46d4604102ba7618e9d6d7d2f8128f6266b4a03264d2a0460b7dcb3"
 */
export function deriveKey(secret: string, salt: string, options: KeyOptions = {}): Buffer {
  const { iterations = 1000, length = 32, digest = "sha256" } = options
  if (typeof secret !== "string" || secret === "")
    throw new TypeError("the secret of a key is a string that is not empty")
  const id = `${digest} ${iterations} ${length} ${secret.length} ${secret}${salt}`
  let key = cache.get(id)
  if (key === undefined) {
    checkOptions(iterations, length, digest)
    key = pbkdf2Sync(secret, salt, iterations, length, digest)
    if (cache.size >= cacheLimit) cache.delete(cache.keys().next().value!)
    cache.set(id, key)
  }
  return Buffer.from(key)
}

function checkOptions(iterations: number, length: number, digest: string): void {
  if (!Number.isInteger(iterations) || iterations < 1 || iterations > 2 ** 31 - 1) {
    throw new RangeError(`iterations is a whole number from 1, got ${String(iterations)}`)
  }
  if (!Number.isInteger(length) || length < 1 || length > 4096) {
    throw new RangeError(`length is a whole number of bytes from 1 to 4096, got ${String(length)}`)
  }
  if (!(digests as readonly string[]).includes(digest)) {
    throw new RangeError(`digest is one of ${digests.join(", ")}, got ${String(digest)}`)
  }
}
