/**
 * Comparisons that take the same time wherever two secrets differ, so that an attacker cannot guess one byte by byte.
 * Their lengths are no secret. Text is UTF-8.
 */
import { Buffer } from "node:buffer"
import { timingSafeEqual } from "node:crypto"

type Secret = string | Uint8Array

/**
 * Whether two secrets are the same.
 *
 * @example
 * secureCompare("abc", "abc") //=> true
 * secureCompare("abc", "abd") //=> false
 */
export function secureCompare(left: Secret, right: Secret): boolean {
  const [a, b] = [bytes(left), bytes(right)]
  return a.length === b.length && timingSafeEqual(a, b)
}

/**
 * Whether `left` is `right` under a mask; false unless all three are equally long.
 *
 * @example
 * maskedCompare("abc", mask("abc", "xyz"), "xyz") //=> true
 */
export function maskedCompare(left: Secret, right: Secret, masked: Secret): boolean {
  const [a, b, m] = [bytes(left), bytes(right), bytes(masked)]
  return a.length === b.length && b.length === m.length && timingSafeEqual(a, mask(b, m))
}

/**
 * The exclusive or of two secrets of one length. Doing it again takes it away. Raises a RangeError for different lengths.
 *
 * @example
 * mask(mask("abc", "xyz"), "xyz").toString() //=> "abc"
 */
export function mask(left: Secret, right: Secret): Buffer {
  const [a, b] = [bytes(left), bytes(right)]
  if (a.length !== b.length)
    throw new RangeError(`a mask is as long as what it hides: ${a.length} bytes, got ${b.length}`)
  const result = Buffer.allocUnsafe(a.length)
  for (let i = 0; i < a.length; i++) result[i] = a[i]! ^ b[i]!
  return result
}

function bytes(secret: Secret): Uint8Array {
  return typeof secret === "string" ? Buffer.from(secret) : secret
}
