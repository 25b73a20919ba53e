/** Style sheets, scripts and source maps, with the names of fingerprinted files in place of those that they refer to. */

import { Buffer } from "node:buffer"
import { posix } from "node:path"
import { decodePercent } from "../http/percent.ts"
import { cssReferences, type Reference } from "./digest-css.ts"
import { mapReferences, sourceMapReference } from "./digest-source-maps.ts"

/** How a file is called: "css/app.css" is "css/app-0123….css", and "app.js.map" is "app-0123….js.map". */
export interface Fingerprint {
  readonly path: string
  readonly digest: string
  /** The path with the digest in it. */
  readonly digested: string
  /** What of the path comes behind the digest: ".css", ".js.map". */
  readonly tail: string
}

/** Files that may refer to others, so that their fingerprinted copies have other bytes than they. */
const kinds: Readonly<Record<string, "css" | "js" | "map">> = { ".css": "css", ".js": "js", ".mjs": "js", ".cjs": "js" }
const kindOf = (path: string): "css" | "js" | "map" | undefined => {
  const extension = posix.extname(path).toLowerCase()
  return extension === ".map" ? "map" : kinds[extension]
}

export const isStyleSheet = (path: string): boolean => kindOf(path) === "css"
export const mayRefer = (path: string): boolean => kindOf(path) !== undefined

/**
 * The content of a file's fingerprinted copy. Nothing is changed but names of files in `names`, into which their digests
 * are put, and queries of references from a style sheet, into which `vsn` puts `vsn=d`: what `serveStatic` takes as the sign
 * that the answer never changes. Bytes as they are come back as the same buffer.
 *
 * @example
 * const digest = "d41d8cd98f00b204e9800998ecf8427e"
 * const names = new Map([["img/a.png", { path: "img/a.png", digest, digested: `img/a-${digest}.png`, tail: ".png" }]])
 * const copy = withFingerprints(Buffer.from("b { background: url(../img/a.png?x#y) }"), "css/app.css", names, true)
 * copy.toString() //=> "b { background: url(../img/a-d41d8cd98f00b204e9800998ecf8427e.png?vsn=d&x#y) }"
 */
export function withFingerprints(
  content: Buffer,
  path: string,
  names: ReadonlyMap<string, Fingerprint>,
  vsn: boolean,
): Buffer {
  const kind = kindOf(path)
  if (kind === undefined) return content
  const text = content.toString("latin1")
  const insertions: [at: number, text: string][] = []
  const put = (reference: Reference, vsn: boolean): void => {
    const found = resolve(reference.value, path, names)
    if (found === undefined) return
    insertions.push([reference.at(found.at), `-${found.file.digest}`])
    const version = vsn ? versionOf(reference.value, found.end) : undefined
    if (version !== undefined) insertions.push([reference.at(version.at), version.text])
  }
  if (kind === "css") for (const reference of cssReferences(text)) put(reference, vsn)
  if (kind === "map") for (const reference of mapReferences(text)) put(reference, false)
  const map = kind === "map" ? undefined : sourceMapReference(text, kind)
  if (map !== undefined) put(map, false)
  if (insertions.length === 0) return content
  insertions.sort(([a], [b]) => a - b)
  const parts: string[] = []
  let done = 0
  for (const [at, inserted] of insertions) {
    parts.push(text.slice(done, at), inserted)
    done = at
  }
  parts.push(text.slice(done))
  return Buffer.from(parts.join(""), "latin1")
}

/** The paths of the files that a style sheet refers to. Its source map does not count. */
export function referredTo(content: Buffer, path: string, names: ReadonlyMap<string, Fingerprint>): string[] {
  return cssReferences(content.toString("latin1")).flatMap(({ value }) => resolve(value, path, names)?.file.path ?? [])
}

/** What a reference names. */
interface Resolved {
  readonly file: Fingerprint
  /** Where in the reference the digest belongs, and where its path ends. */
  readonly at: number
  readonly end: number
}

/** A scheme, a host, a backslash (a slash to browsers), and what a browser drops from the middle of a URL. */
const foreign = /^(?:[a-z][a-z0-9+.-]*:|\/\/)|[\\\t\n\r]/i

/** The file that a reference from the file at `from` names, undefined for all that is elsewhere or not there. */
function resolve(reference: string, from: string, names: ReadonlyMap<string, Fingerprint>): Resolved | undefined {
  const start = reference.search(/[^\x00- ]|$/)
  let length = reference.length
  while (length > start && reference[length - 1]! <= " ") length--
  const url = reference.slice(start, length)
  if (foreign.test(url)) return undefined
  const end = url.search(/[?#]|$/)
  const raw = url.slice(0, end)
  const segments = raw.startsWith("/") ? [] : from.split("/").slice(0, -1)
  const steps = raw.split("/")
  if (steps[0] === "" && steps.length > 1) steps.shift()
  for (const [index, step] of steps.entries()) {
    const segment = decode(step)
    const isLast = index === steps.length - 1
    if (segment === undefined || segment === "" || segment.includes("/")) return undefined
    if (segment === "." || segment === "..") {
      if (isLast || (segment === ".." && segments.pop() === undefined)) return undefined
    } else segments.push(segment)
  }
  const file = names.get(segments.join("/"))
  if (file === undefined) return undefined
  // Some of the name may be percent-encoded, its end too.
  let at = end
  while (at > 0 && raw[at] !== "/" && decode(raw.slice(at)) !== file.tail) at--
  return decode(raw.slice(at)) === file.tail ? { file, at: start + at, end: start + end } : undefined
}

/** Bytes as latin1, percent-decoded, as text; undefined when they are not UTF-8. */
function decode(bytes: string): string | undefined {
  const text = Buffer.from(bytes, "latin1").toString()
  return text.includes("\ufffd") ? undefined : decodePercent(text, false)
}

/** What makes the query of a reference begin with `vsn=`, undefined when it does. */
function versionOf(reference: string, end: number): { at: number; text: string } | undefined {
  if (reference[end] !== "?") return { at: end, text: "?vsn=d" }
  const rest = reference.slice(end + 1)
  if (rest.startsWith("vsn=")) return undefined
  return { at: end + 1, text: rest.trimEnd() === "" || rest.startsWith("#") ? "vsn=d" : "vsn=d&" }
}
