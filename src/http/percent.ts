/**
 * Percent-encoding (RFC 3986 §2.1): lenient in what it reads, strict in what it writes.
 */

import { Buffer, isUtf8 } from "node:buffer"

const malformed = /%(?![0-9A-Fa-f]{2})/
const everyMalformed = /%(?![0-9A-Fa-f]{2})/g
const loneSurrogate = /\p{Surrogate}/gu
const unreserved = /^[A-Za-z0-9\-._~]*$/
/** From this length on bytes are faster than the platform's functions, whose cost per match adds up. */
const long = 128

/**
 * Decodes `%XX` byte by byte, and "+" as a space where `plus` says so; undefined when the result is not UTF-8.
 *
 * A "%" that two hex digits do not follow stays as it is. Overlong forms and encoded surrogates are no UTF-8. Characters
 * beyond ASCII in the text stand for themselves.
 *
 * @example
 * decodePercent("caf%C3%A9+100%", false) //=> "café+100%"
 * decodePercent("a+b%2B", true) //=> "a b+"
 * decodePercent("%C0%AF", false) //=> undefined
 */
export function decodePercent(text: string, plus: boolean): string | undefined {
  const spaces = plus && text.includes("+")
  if (!spaces && !text.includes("%")) return text
  if (text.length >= long) {
    const bytes = decodeBytes(text, plus)
    return isUtf8(bytes) ? bytes.toString() : undefined
  }
  const spaced = spaces ? text.replace(/\+/g, " ") : text
  try {
    // Tested first: an exception for each stray "%" would make a path of "/%" worth milliseconds.
    return decodeURIComponent(malformed.test(spaced) ? spaced.replace(everyMalformed, "%25") : spaced)
  } catch {
    return undefined
  }
}

/**
 * As `decodePercent`, with U+FFFD in place of what is not UTF-8.
 *
 * @example
 * decodePercentLossy("a%FF%zz", false) //=> "a\ufffd%zz"
 */
export function decodePercentLossy(text: string, plus: boolean): string {
  return decodePercent(text, plus) ?? decodeBytes(text, plus).toString()
}

function decodeBytes(text: string, plus: boolean): Buffer {
  const bytes = Buffer.from(text)
  let end = 0
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!
    const high = byte === 0x25 ? hexDigit(bytes[i + 1]) : -1
    const low = high < 0 ? -1 : hexDigit(bytes[i + 2])
    if (low >= 0) {
      bytes[end++] = high * 16 + low
      i += 2
    } else bytes[end++] = plus && byte === 0x2b ? 0x20 : byte
  }
  return bytes.subarray(0, end)
}

function hexDigit(byte = 0): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const letter = byte | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}

/**
 * Encodes everything but the unreserved characters `A-Z a-z 0-9 - . _ ~`, so that the result is one segment anywhere.
 *
 * A lone surrogate, which has no encoding, becomes U+FFFD.
 *
 * @example
 * encodeSegment("a/b c*") //=> "a%2Fb%20c%2A"
 */
export function encodeSegment(text: string): string {
  return unreserved.test(text) ? text : encodeAll(text).replace(/[!'()*]/g, hex)
}

/** As `encodeURIComponent`, which leaves `!'()*` as they are, but it never throws. */
export function encodeAll(text: string): string {
  return encodeURIComponent(text.replace(loneSurrogate, "\ufffd"))
}

function hex(character: string): string {
  return "%" + character.charCodeAt(0).toString(16).toUpperCase()
}
