/**
 * Validators and conditional requests (RFC 9110 §8.8 and §13).
 */
import { createHash } from "node:crypto"
import { parseHttpDate } from "./date.ts"

/** What the answer would carry as `etag` (quoted) and `last-modified` (milliseconds). */
export interface Validators {
  readonly etag?: string | undefined
  readonly lastModified?: number | undefined
}

/** Reads the first value of a request header. */
export type HeaderReader = (name: string) => string | undefined

/**
 * A strong etag of these very bytes: 128 bits of their SHA-256.
 *
 * @example
 * strongEtag("hello") //=> '"LPJNul-wow4m6DsqxbninhsW"'
 */
export function strongEtag(bytes: string | Uint8Array): string {
  return `"${createHash("sha256").update(bytes).digest("base64url").slice(0, 24)}"`
}

/**
 * A weak etag of a file by size and modification time (milliseconds), without reading it.
 *
 * @example
 * weakEtag(300000, 1700000000000) //=> 'W/"493e0-18bcfe56800"'
 */
export function weakEtag(size: number, mtime: number): string {
  return `W/"${size.toString(16)}-${Math.floor(mtime).toString(16)}"`
}

const everyTag = /(?<![^\s,])(?:W\/)?"[^"]*"/g
const opaque = (tag: string): string => (tag.startsWith("W/") ? tag.slice(2) : tag)

/**
 * Whether an If-None-Match or If-Match list has an etag, or is "*". With `weak` (If-None-Match) only what is in quotes
 * counts; without it (If-Match) both must be strong.
 *
 * @example
 * matchesEtag('"a", W/"b"', '"b"', true) //=> true
 * matchesEtag('"a", W/"b"', '"b"', false) //=> false
 * matchesEtag("*", '"b"', false) //=> true
 */
export function matchesEtag(header: string, etag: string, weak: boolean): boolean {
  if (header.trim() === "*") return true
  if (!weak && etag.startsWith("W/")) return false
  const wanted = weak ? opaque(etag) : etag
  for (const tag of header.match(everyTag) ?? []) if ((weak ? opaque(tag) : tag) === wanted) return true
  return false
}

/**
 * Whether a GET or HEAD is answered with 304: If-None-Match matches, or, where there is none, nothing changed since
 * If-Modified-Since (§13.2.2). A date that is none is ignored.
 *
 * @example
 * notModified({ etag: '"a"' }, (name) => (name === "if-none-match" ? 'W/"a"' : undefined)) //=> true
 */
export function notModified({ etag, lastModified }: Validators, getHeader: HeaderReader): boolean {
  const tags = getHeader("if-none-match")
  if (tags !== undefined) return etag === undefined ? tags.trim() === "*" : matchesEtag(tags, etag, true)
  const header = getHeader("if-modified-since")
  const since = header === undefined || lastModified === undefined ? undefined : parseHttpDate(header)
  return since !== undefined && wholeSeconds(lastModified!) <= since
}

/**
 * Whether a Range header counts: there is no If-Range, or it names what the answer would carry (§13.1.5). An etag must be
 * strong on both sides, a date exactly that of `last-modified`.
 *
 * @example
 * ifRangeHolds({ etag: '"a"' }, () => '"a"') //=> true
 * ifRangeHolds({ etag: 'W/"a"' }, () => 'W/"a"') //=> false
 */
export function ifRangeHolds({ etag, lastModified }: Validators, getHeader: HeaderReader): boolean {
  const header = getHeader("if-range")
  if (header === undefined) return true
  if (header.includes('"')) return header === etag && !header.startsWith("W/")
  return lastModified !== undefined && parseHttpDate(header) === wholeSeconds(lastModified)
}

/** HTTP's dates know no fractions: a file that changed at 1.7 s was last modified at 1 s. */
function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1000) * 1000
}
