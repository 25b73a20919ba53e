/**
 * Request paths as segments: split on "/" first, then each segment is percent-decoded once.
 *
 * Everything that looks at a path looks at these segments, so that a guard and what it guards cannot disagree: "%2F"
 * never separates, "//" and a slash at the end mean nothing, "." and ".." are ordinary segments.
 */
import { decodePercent, encodeAll } from "./percent.ts"

const pchars = /^[A-Za-z0-9\-._~!$&'()*+,;=:@]*$/
const canonical = /^\/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]+(?:\/[A-Za-z0-9\-._~!$&'()*+,;=:@]+)*)?$/
/** What `encodeAll` encodes although a segment may have it: `$ & + , : ; = @`. */
const readable = /%(?:24|26|2B|2C|3A|3B|3D|40)/g

/**
 * The decoded segments of a raw path, undefined when one of them is not UTF-8. Empty segments are dropped.
 *
 * @example
 * splitPath("/files//a%2Fb/") //=> ["files", "a/b"]
 * splitPath("/a+b/100%") //=> ["a+b", "100%"]
 * splitPath("/%FF") //=> undefined
 */
export function splitPath(path: string): string[] | undefined {
  const segments: string[] = []
  let start = 0
  while (start < path.length) {
    const slash = path.indexOf("/", start)
    const end = slash < 0 ? path.length : slash
    if (end > start) segments.push(path.slice(start, end))
    start = end + 1
  }
  // Asked after the loop: V8 moves an answer that only the loop needs into it, and asks again at every turn.
  return path.includes("%") ? decodeAll(segments) : segments
}

function decodeAll(segments: string[]): string[] | undefined {
  for (let i = 0; i < segments.length; i++) {
    const segment = decodePercent(segments[i]!, false)
    if (segment === undefined) return undefined
    segments[i] = segment
  }
  return segments
}

/**
 * The one path that stands for these segments: splitting it gives them again, and what a URL may show stays readable.
 *
 * An empty segment cannot be written in a path; `splitPath` never gives one.
 *
 * @example
 * canonicalPath(["files", "a/b", "x@y:1", "100%"]) //=> "/files/a%2Fb/x@y:1/100%25"
 * canonicalPath([]) //=> "/"
 */
export function canonicalPath(segments: readonly string[]): string {
  let path = ""
  for (const segment of segments) {
    path += "/" + (pchars.test(segment) ? segment : encodeAll(segment).replace(readable, decodeURIComponent))
  }
  return path || "/"
}

/**
 * True when `canonicalPath(splitPath(path))` would be the path itself, with nothing in it to decode.
 *
 * @example
 * isCanonicalPath("/users/42") //=> true
 * isCanonicalPath("/users//42") //=> false
 * isCanonicalPath("/users/a%20b") //=> false
 */
export function isCanonicalPath(path: string): boolean {
  return canonical.test(path)
}
