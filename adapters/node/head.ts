/**
 * The head of a request: what Node's parser lets through and we do not, and the parts of its target (RFC 9112 §2, §3).
 */
import type { IncomingMessage } from "node:http"
import type { Limits } from "../../src/conn/adapter.ts"
import { parseAuthority } from "../../src/http/authority.ts"

/** What `examine` gives for a head that is fine. */
export const noBody = 0
export const withBody = 1

/**
 * Looks a head over, once per request: `noBody` or `withBody` when it is fine, else the status to refuse it with.
 *
 * Node drops header lines beyond its maximum and keeps the first of two Host lines; here both are refused.
 */
export function examine(req: IncomingMessage, raw: readonly string[], limits: Limits): number {
  const minor = req.httpVersionMinor
  if (req.httpVersionMajor !== 1 || minor > 1) return 505
  const url = req.url as string
  if ((req.method as string).length + url.length + 10 > limits.requestLineBytes) return 414
  if (raw.length > limits.headerCount * 2) return 431
  let host: string | undefined
  let bytes = 0
  let body = noBody
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    const value = raw[i + 1] as string
    bytes += name.length + value.length + 4
    switch (name.length) {
      case 4:
        if (!isName(name, "Host", "host")) break
        if (host !== undefined) return 400
        host = value
        break
      case 14:
        if (isName(name, "Content-Length", "content-length") && value !== "0") body = withBody
        break
      case 17:
        if (!isName(name, "Transfer-Encoding", "transfer-encoding")) break
        // Node frames by the last coding and would leave the others to us; nor may 1.0 have any (RFC 9112 §6.1).
        if (body === withBody || minor === 0 || value.toLowerCase() !== "chunked") return 400
        body = withBody
        break
    }
  }
  if (bytes > limits.headerBytes) return 431
  if (host === undefined) return minor === 1 ? 400 : body
  if (host !== "" && parseAuthority(host) === undefined) return 400
  return body
}

function isName(name: string, usual: string, lower: string): boolean {
  return name === lower || name === usual || name.toLowerCase() === lower
}

/** A request target in its parts; `authority` is that of an absolute-form, which overrules the Host header. */
export interface Target {
  readonly path: string
  readonly query: string
  readonly authority: string | undefined
}

const absolute = /^https?:\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?/i

/**
 * Splits a target; undefined when it is none of origin-form, absolute-form and "*" (which is for OPTIONS only). A fragment,
 * which no client should send, is dropped.
 *
 * @example
 * splitTarget("GET", "/a?b=1#c") //=> { path: "/a", query: "b=1", authority: undefined }
 * splitTarget("GET", "http://example.com") //=> { path: "/", query: "", authority: "example.com" }
 * splitTarget("GET", "*") //=> undefined
 */
export function splitTarget(method: string, target: string): Target | undefined {
  if (target.charCodeAt(0) === 47) {
    const hash = target.indexOf("#")
    const whole = hash === -1 ? target : target.slice(0, hash)
    const mark = whole.indexOf("?")
    if (mark === -1) return { path: whole, query: "", authority: undefined }
    return { path: whole.slice(0, mark), query: whole.slice(mark + 1), authority: undefined }
  }
  if (target === "*") return method === "OPTIONS" ? { path: "*", query: "", authority: undefined } : undefined
  const parts = absolute.exec(target)
  if (parts === null) return undefined
  const authority = parts[1] as string
  if (parseAuthority(authority) === undefined) return undefined
  const path = parts[2] || (method === "OPTIONS" && parts[3] === undefined ? "*" : "/")
  return { path, query: parts[3] ?? "", authority }
}

/** The list of a request: names in lower case, and the host of an absolute-form in place of the Host header's. */
export function lowerHeaders(raw: readonly string[], authority: string | undefined): string[] {
  const list = new Array<string>(raw.length)
  for (let i = 0; i < raw.length; i += 2) {
    const name = (raw[i] as string).toLowerCase()
    list[i] = name
    list[i + 1] = authority !== undefined && name === "host" ? authority : (raw[i + 1] as string)
  }
  return list
}

/** The first value of a header in a raw list; `name` is in lower case. */
export function rawHeader(raw: readonly string[], name: string): string | undefined {
  const { length } = name
  for (let i = 0; i < raw.length; i += 2) {
    const given = raw[i] as string
    if (given.length === length && (given === name || given.toLowerCase() === name)) return raw[i + 1]
  }
  return undefined
}
