/**
 * Reads the head of a request (RFC 9112 §2 to §6) from text: pure, strict, and no more lenient than Node's own parser.
 *
 * The text is Latin-1, one character a byte. Whatever is not exactly a head is refused with the status to answer with;
 * nothing is repaired. The field lines are in `fields.ts`.
 */
import { METHODS } from "node:http"
import { parseAuthority } from "../../src/http/authority.ts"
import { type Fields, readFields } from "./fields.ts"

/** What bounds a head: the members of `Limits` that concern it. */
export interface HeadLimits {
  readonly requestLineBytes: number
  readonly headerBytes: number
  readonly headerCount: number
}

/** Why there is no head: 0 when more text may complete it, else the status to refuse it with. */
export type NoHead = 0 | 400 | 414 | 417 | 431 | 501 | 505

/** The head of one request. */
export class Head {
  readonly method: string
  readonly path: string
  readonly query: string
  readonly fields: Fields
  /** The field lines as a flat list; `fields.list` but for an absolute-form target, whose authority is the host then. */
  readonly headers: readonly string[]
  /** Where the head ends in the text: the first byte of the body, or of the next request. */
  readonly end: number

  constructor(method: string, path: string, query: string, fields: Fields, headers: readonly string[], end: number) {
    this.method = method
    this.path = path
    this.query = query
    this.fields = fields
    this.headers = headers
    this.end = end
  }
}

/** Node's parser knows these and refuses all others; which they are depends on its version. */
const methods: ReadonlySet<string> = new Set(METHODS)
const longestMethod = Math.max(...METHODS.map((name) => name.length))

/** Empty lines before a request line that are overlooked (RFC 9112 §2.2); more are no request. */
const emptyLines = 4

/**
 * Reads the head that begins at `start`. `last` is what followed the target in the connection's request before this
 * one: clients repeat themselves, and what reads the same need not be read again.
 */
export function parseHead(text: string, start: number, limits: HeadLimits, last: Fields | undefined): Head | NoHead {
  let at = start
  if (text.charCodeAt(at) === 13) {
    at = skipEmptyLines(text, at)
    if (at < 0) return 400
  }
  const method = methodAt(text, at)
  if (typeof method === "number") return method
  const target = at + method.length + 1

  const length = text.length
  let question = -1
  let end = target
  for (; end < length; end++) {
    const c = text.charCodeAt(end)
    if (c === 32) break
    if (c === 63) {
      if (question < 0) question = end
    } else if (c < 33 || c > 126 || c === 35) return 400
  }
  if (end + 9 - at > limits.requestLineBytes) return 414
  if (end === length) return 0
  if (end === target) return 400

  let fields: Fields
  if (last !== undefined && text.slice(end, end + last.text.length) === last.text) fields = last
  else {
    const minor = versionAt(text, end)
    if (minor === 2) return 0
    if (minor > 2) return minor as NoHead
    const read = readFields(text, end, minor as 0 | 1, limits)
    if (typeof read === "number") return read
    fields = read
  }
  if (method === "CONNECT") return 501

  const stop = end + fields.text.length
  if (text.charCodeAt(target) !== 47) return otherTarget(method, text.slice(target, end), fields, stop)
  if (question < 0) return new Head(method, text.slice(target, end), "", fields, fields.list, stop)
  return new Head(method, text.slice(target, question), text.slice(question + 1, end), fields, fields.list, stop)
}

/** The index of the first character that is no empty line; -1 when there are too many, or a CR stands alone. */
function skipEmptyLines(text: string, at: number): number {
  for (let i = 0; i <= emptyLines; i++) {
    if (text.charCodeAt(at) !== 13) return at
    if (at + 1 < text.length && text.charCodeAt(at + 1) !== 10) return -1
    at += 2
  }
  return -1
}

function methodAt(text: string, at: number): string | NoHead {
  const c = text.charCodeAt(at)
  if (c === 71 && text.charCodeAt(at + 1) === 69 && text.charCodeAt(at + 2) === 84 && text.charCodeAt(at + 3) === 32) {
    return "GET"
  }
  if (c === 80 && text.startsWith("POST ", at)) return "POST"
  const name = text.slice(at, at + longestMethod + 1)
  const space = name.indexOf(" ")
  if (space >= 0) return methods.has(name.slice(0, space)) ? name.slice(0, space) : 400
  if (name.length > longestMethod) return 400
  for (const known of methods) if (known.startsWith(name)) return 0
  return 400
}

/** The minor version; 2 when the line is not complete yet, a status when it is none that is spoken here. */
function versionAt(text: string, at: number): 0 | 1 | 2 | 400 | 505 {
  if (text.startsWith(" HTTP/1.1\r\n", at)) return 1
  if (text.startsWith(" HTTP/1.0\r\n", at)) return 0
  const rest = text.slice(at, at + 11)
  if (/^ HTTP\/\d\.\d\r\n$/.test(rest)) return 505
  return rest.length < 11 && " HTTP/".startsWith(rest.slice(0, 6)) && /^(?:\d(?:\.(?:\d\r?)?)?)?$/.test(rest.slice(6))
    ? 2
    : 400
}

/** A target that begins with no "/": the absolute form, and "*" for OPTIONS (RFC 9112 §3.2.2, §3.2.4). */
function otherTarget(method: string, target: string, fields: Fields, stop: number): Head | NoHead {
  if (target === "*") {
    return method === "OPTIONS" ? new Head(method, "*", "", fields, fields.list, stop) : 400
  }
  const parts = /^https?:\/\/([^/?]+)([^?]*)(?:\?(.*))?$/i.exec(target)
  const authority = parts?.[1] ?? ""
  if (parts === null || parseAuthority(authority) === undefined) return 400
  // The target's authority stands above the host line, which a proxy may have left as it was (RFC 9112 §3.2.2).
  const headers = ["host", authority]
  for (let i = 0; i < fields.list.length; i += 2) {
    if (fields.list[i] !== "host") headers.push(fields.list[i] as string, fields.list[i + 1] as string)
  }
  return new Head(method, parts[2] || "/", parts[3] ?? "", fields, Object.freeze(headers), stop)
}
