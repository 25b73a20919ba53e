/**
 * The header lines of a request (RFC 9112 §5) and what they say about framing (§6) and connection (§9).
 */
import type { Limits } from "../../src/conn/adapter.ts"
import { parseAuthority } from "../../src/http/authority.ts"
import type { NativeRequest } from "./binding.ts"

/** The header lines of a request, checked once and never changed: requests that say the same share them. */
export class Fields {
  /** Flat, names in lower case, order and duplicates kept. */
  readonly list: readonly string[]
  /** The status that refuses these lines, 0 when they are fine. */
  refusal = 0
  /** The body's size in bytes, 0 without a body, -1 for a chunked one. */
  length = 0
  /** The client wants the connection to end with this exchange. */
  close = false
  /** The library knows that by itself: it looks at the value's length. */
  closesItself = false

  constructor(list: string[], request: NativeRequest, limits: Limits) {
    this.list = list
    if (list.length > 2 * limits.headerCount) {
      this.refusal = 431
      return
    }
    let bytes = 0
    let hosts = 0
    let framings = 0
    for (let i = 0; i < list.length; i += 2) {
      const name = list[i] as string
      let value = list[i + 1] as string
      if (unusual.test(value)) {
        value = list[i + 1] = bytesOf(list, i, request)
        if (!allowed.test(value)) this.refusal = 400
      }
      bytes += name.length + value.length + ": \r\n".length
      switch (name) {
        case "host":
          if (++hosts > 1 || parseAuthority(value) === undefined) this.refusal = 400
          break
        case "content-length":
          if (++framings > 1 || !/^\d{1,15}$/.test(value)) this.refusal = 400
          this.length = Number(value)
          break
        case "transfer-encoding":
          if (++framings > 1 || value.toLowerCase() !== "chunked") this.refusal = 400
          this.length = -1
          break
        case "connection":
          this.closesItself ||= value.length === "close".length
          this.close ||= /(?:^|,)[ \t]*close[ \t]*(?:,|$)/i.test(value)
          break
        case "expect":
          if (value.toLowerCase() !== "100-continue") this.refusal ||= 417
      }
    }
    if (bytes > limits.headerBytes) this.refusal = 431
  }
}

const unusual = /[^\t\x20-\x7e]/
const allowed = /^[\t\x20-\x7e\x80-\xff]*$/

/** The value one character a byte, as every other server gives it: the library's list has it decoded as UTF-8. */
function bytesOf(list: readonly string[], at: number, request: NativeRequest): string {
  const name = list[at] as string
  const value = list[at + 1] as string
  if (!value.includes("\ufffd")) return Buffer.from(value).toString("latin1")
  // What was no UTF-8 is lost, but for the first line of a name, which can be had by name. Others are refused.
  return list.indexOf(name) === at ? request.getHeader(name) : value
}

/** Reads header lines. Requests come in runs that say the same, and what reads the same need not be checked again. */
export class FieldReader {
  readonly #limits: Limits
  readonly #read: string[] = []
  #count = 0
  #last: Fields | undefined
  readonly #take = (name: string, value: string): void => {
    this.#read[this.#count] = name
    this.#read[this.#count + 1] = value
    this.#count += 2
  }

  constructor(limits: Limits) {
    this.#limits = limits
  }

  read(request: NativeRequest): Fields {
    this.#count = 0
    request.forEach(this.#take)
    const last = this.#last
    if (last !== undefined && this.#isSame(last.list)) return last
    const list = this.#read.slice(0, this.#count)
    // A list that is changed by its checks is not what is read next time.
    const fields = new Fields(list, request, this.#limits)
    this.#last = fields
    return fields
  }

  #isSame(list: readonly string[]): boolean {
    const read = this.#read
    if (list.length !== this.#count) return false
    for (let i = 0; i < list.length; i++) if (read[i] !== list[i]) return false
    return true
  }
}
