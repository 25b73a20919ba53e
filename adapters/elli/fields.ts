/**
 * Reads the field lines of a head or of trailers (RFC 9112 §5) and what they say about framing (§6) and connection (§9).
 */
import { parseAuthority } from "../../src/http/authority.ts"
import type { HeadLimits, NoHead } from "./parser.ts"

/** The length of ` HTTP/1.1` and its line end. */
const versionLength = 11

/** What follows the target in a head, read once and never changed: requests of one connection may share it. */
export class Fields {
  /** Version and all lines as they were sent, with the empty line that ends them. */
  readonly text: string
  /** 1 for HTTP/1.1, 0 for HTTP/1.0. */
  readonly minor: 0 | 1
  /** Flat, names in lower case, order and duplicates kept; frozen, for it may serve many requests. */
  readonly list: readonly string[]
  /** The body's size in bytes, 0 without a body, -1 for a chunked one. */
  readonly length: number
  /** The client wants the connection to go on after this exchange (RFC 9112 §9.3). */
  readonly keepAlive: boolean
  /** The client waits for `100 Continue` before it sends its body. */
  readonly expects: boolean
  /** The status that refuses a request with these lines; 0 when they are fine. */
  readonly refusal: NoHead

  constructor(text: string, minor: 0 | 1, list: readonly string[]) {
    this.text = text
    this.minor = minor
    this.list = Object.freeze(list)
    let hosts = 0
    let lengths = 0
    let codings = 0
    let length = 0
    let broken = false
    let connection = ""
    let expect = ""
    let upgrades = false
    for (let i = 0; i < list.length; i += 2) {
      const value = list[i + 1] as string
      switch (list[i]) {
        case "host":
          hosts++
          if (parseAuthority(value) === undefined) broken = true
          break
        case "content-length":
          lengths++
          length = contentLength(value)
          if (length < 0) broken = true
          break
        case "transfer-encoding":
          codings++
          if (value.length !== 7 || value.toLowerCase() !== "chunked") broken = true
          break
        case "connection":
          connection += "," + value.toLowerCase()
          break
        case "expect":
          expect += value.toLowerCase()
          break
        case "upgrade":
          upgrades = true
      }
    }
    if (hosts > 1 || (hosts === 0 && minor === 1) || lengths + codings > 1 || (codings > 0 && minor === 0))
      broken = true
    this.length = codings > 0 ? -1 : length
    this.keepAlive = connection === "" ? minor === 1 : goesOn(connection, minor, upgrades)
    this.expects = expect !== "" && minor === 1 && this.length !== 0
    this.refusal = broken ? 400 : expect !== "" && expect !== "100-continue" && minor === 1 ? 417 : 0
  }
}

/** The value of content-length: digits and nothing else, and exact as a number. -1 for everything else. */
function contentLength(value: string): number {
  if (!/^\d+$/.test(value)) return -1
  const length = Number(value)
  return Number.isSafeInteger(length) ? length : -1
}

/**
 * Whether a `connection` list lets the connection go on. Where another protocol is asked for it does not: if the app stays
 * with HTTP, nobody knows for sure what the client, or a proxy in between, takes the following bytes for.
 */
function goesOn(connection: string, minor: 0 | 1, upgrades: boolean): boolean {
  const options = connection.split(",").map((option) => option.trim())
  if (options.includes("close") || (upgrades && options.includes("upgrade"))) return false
  return minor === 1 || options.includes("keep-alive")
}

/**
 * Reads what follows the target, from `start` to the empty line that ends it. 0 when that line is not there yet and nothing
 * before it is wrong; else the status that refuses it.
 */
export function readFields(text: string, start: number, minor: 0 | 1, limits: HeadLimits): Fields | NoHead {
  const begin = start + versionLength
  // An empty line that begins at once leaves no field line at all.
  const end = text.indexOf("\r\n\r\n", begin - 2) + 2
  if (end === 1) return unfinished(text, begin, limits)
  if (end - begin > limits.headerBytes) return 431
  const list: string[] = []
  const status = readLines(text, begin, end, limits.headerCount, list)
  if (status !== 0) return status
  const fields = new Fields(detached(text, start, end + 2), minor, list)
  return fields.refusal === 0 ? fields : fields.refusal
}

/** What the bytes of a character may be in a field line: 0 nothing, 1 value, 2 name and value, 3 the same, upper case. */
const kinds = new Uint8Array(256)
for (let c = 0x20; c < 0x100; c++) kinds[c] = c === 0x7f ? 0 : 1
kinds[9] = 1
for (const c of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") kinds[c.charCodeAt(0)] = 2
for (const c of "ABCDEFGHIJKLMNOPQRSTUVWXYZ") kinds[c.charCodeAt(0)] = 3

/** Reads whole lines between `at` and `end` into the list; 0 when they are fine. Folded lines are not. */
export function readLines(text: string, at: number, end: number, count: number, list: string[]): 0 | 400 | 431 {
  let left = count
  while (at < end) {
    if (--left < 0) return 431
    const name = at
    let highest = 0
    let kind = 0
    while ((kind = kinds[text.charCodeAt(at)] as number) > 1) {
      if (kind > highest) highest = kind
      at++
    }
    if (at === name || text.charCodeAt(at) !== 58) return 400
    const key = text.slice(name, at)
    at++
    while (isBlank(text.charCodeAt(at))) at++
    const value = at
    while ((kinds[text.charCodeAt(at)] as number) > 0) at++
    if (text.charCodeAt(at) !== 13 || text.charCodeAt(at + 1) !== 10) return 400
    let stop = at
    while (stop > value && isBlank(text.charCodeAt(stop - 1))) stop--
    list.push(highest === 3 ? key.toLowerCase() : key, text.slice(value, stop))
    at += 2
  }
  return 0
}

function isBlank(c: number): boolean {
  return c === 32 || c === 9
}

/** Refuses early what no further byte can mend, so that a client need not wait for the deadline to hear of it. */
export function unfinished(text: string, start: number, limits: HeadLimits): 0 | 400 | 431 {
  if (text.length - start > limits.headerBytes + 1) return 431
  const last = text.lastIndexOf("\r\n")
  const whole = last < start ? start : last + 2
  const status = whole > start ? readLines(text, start, whole, limits.headerCount, []) : 0
  if (status !== 0) return status
  return /^(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?::[\t\x20-\x7e\x80-\xff]*)?)?\r?$/.test(text.slice(whole)) ? 0 : 400
}

/** A part of a text that does not keep the rest of it in memory. */
function detached(text: string, start: number, end: number): string {
  const part = text.slice(start, end)
  return text.length < 2 * part.length + 512 ? part : Buffer.from(part, "latin1").toString("latin1")
}
