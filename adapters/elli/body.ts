/**
 * Takes the bytes of a request's body out of what a connection receives (RFC 9112 §6, §7): pure, incremental, strict.
 *
 * A decoder is given bytes as they come. It says where the body ends in them, and keeps nothing but its place.
 */
import { readLines, unfinished } from "./fields.ts"
import type { HeadLimits } from "./parser.ts"

export interface BodyDecoder {
  /** The body is complete. */
  readonly done: boolean
  /** The framing is broken; what follows cannot be understood. */
  readonly broken: boolean
  /** The bytes of the body in the last take; undefined when there were none. */
  readonly piece: Buffer | undefined
  /** Bytes that are still to come, where that is known; else 0. */
  readonly left: number
  /** Takes bytes from `at` on and returns where it stopped: at the end of the bytes, or of the body. */
  take(bytes: Buffer, at: number): number
}

/** A body of a known size (RFC 9112 §6.2). */
export class SizedBody implements BodyDecoder {
  left: number
  piece: Buffer | undefined
  readonly broken = false

  constructor(length: number) {
    this.left = length
  }

  get done(): boolean {
    return this.left === 0
  }

  take(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.left)
    this.piece = end > at ? bytes.subarray(at, end) : undefined
    this.left -= end - at
    return end
  }
}

/** What a chunked body expects next. */
const SIZE = 0
const DATA = 1
const DATA_END = 2
const TRAILERS = 3
const DONE = 4
const BROKEN = 5

/** A chunk's size with its extensions; those of one body together have four times this. */
const lineBytes = 1_024
const extensionBytes = 4 * lineBytes

const token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+"
const quoted = '"(?:[\\t !#-[\\]-~\\x80-\\xff]|\\\\[\\t -~\\x80-\\xff])*"'
const sizeLine = new RegExp(`^([0-9A-Fa-f]{1,16})((?:;${token}(?:=(?:${token}|${quoted}))?)*)\\r\\n$`)
const sizeLineBegun = /^(?:[0-9A-Fa-f]{0,16}|[0-9A-Fa-f]{1,16};[\t\x20-\x7e\x80-\xff]*)\r?$/

/** Trailers that would change what was already understood (RFC 9110 §6.5.1). */
const forbiddenTrailers: ReadonlySet<string> = new Set(["content-length", "transfer-encoding", "host", "connection"])

/**
 * A chunked body (RFC 9112 §7.1). Extensions and trailers are checked and dropped.
 *
 * The data of all chunks in one take is moved together in place, so a body of tiny chunks costs no more than its bytes.
 */
export class ChunkedBody implements BodyDecoder {
  piece: Buffer | undefined
  left = 0
  readonly #limits: HeadLimits
  #state = SIZE
  /** A line that has not ended yet. */
  #line = ""
  #extensions = 0

  constructor(limits: HeadLimits) {
    this.#limits = limits
  }

  get done(): boolean {
    return this.#state === DONE
  }

  get broken(): boolean {
    return this.#state === BROKEN
  }

  take(bytes: Buffer, at: number): number {
    const start = at
    let end = at
    while (at < bytes.length && this.#state < DONE) {
      if (this.#state === SIZE) at = this.#takeSize(bytes, at)
      else if (this.#state === DATA) {
        const stop = Math.min(bytes.length, at + this.left)
        if (end !== at) bytes.copyWithin(end, at, stop)
        end += stop - at
        this.left -= stop - at
        at = stop
        if (this.left === 0) this.#state = DATA_END
      } else if (this.#state === DATA_END) at = this.#takeDataEnd(bytes, at)
      else at = this.#takeTrailers(bytes, at)
    }
    this.piece = end > start ? bytes.subarray(start, end) : undefined
    return at
  }

  #takeSize(bytes: Buffer, at: number): number {
    const stop = Math.min(bytes.length, at + lineBytes - this.#line.length + 1)
    const newline = bytes.subarray(at, stop).indexOf(10)
    const end = newline < 0 ? stop : at + newline + 1
    const line = this.#line + bytes.toString("latin1", at, end)
    if (newline < 0) {
      this.#line = line
      if (line.length > lineBytes || !sizeLineBegun.test(line)) this.#state = BROKEN
      return end
    }
    this.#line = ""
    const parts = sizeLine.exec(line)
    const size = parts === null ? -1 : Number.parseInt(parts[1] as string, 16)
    this.#extensions += parts?.[2]?.length ?? 0
    if (!Number.isSafeInteger(size) || size < 0 || this.#extensions > extensionBytes) this.#state = BROKEN
    else this.#state = size === 0 ? TRAILERS : DATA
    this.left = Math.max(size, 0)
    return end
  }

  #takeDataEnd(bytes: Buffer, at: number): number {
    if (this.#line === "" && bytes[at] === 13) this.#line = "\r"
    else if (this.#line === "\r" && bytes[at] === 10) {
      this.#line = ""
      this.#state = SIZE
    } else this.#state = BROKEN
    return at + 1
  }

  #takeTrailers(bytes: Buffer, at: number): number {
    const before = this.#line.length
    const room = this.#limits.headerBytes + 4 - before
    const text = this.#line + bytes.toString("latin1", at, Math.min(bytes.length, at + room))
    const empty = text.startsWith("\r\n")
    const end = empty ? -2 : text.indexOf("\r\n\r\n")
    if (end === -1) {
      this.#line = text
      if (text !== "\r" && unfinished(text, 0, this.#limits) !== 0) this.#state = BROKEN
      return at + text.length - before
    }
    this.#line = ""
    const list: string[] = []
    const fine = empty || readLines(text, 0, end + 2, this.#limits.headerCount, list) === 0
    this.#state = fine && !list.some((name, i) => i % 2 === 0 && forbiddenTrailers.has(name)) ? DONE : BROKEN
    return at + end + 4 - before
  }
}
