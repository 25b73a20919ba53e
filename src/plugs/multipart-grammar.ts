/**
 * The grammar of multipart bodies, on busboy, which nothing but this file knows: pieces in, parts out.
 *
 * What busboy leaves open is closed here: whatever it throws or emits is one error for whoever asks next, it never waits for
 * a file that nobody reads, and nothing of it stays behind after `stop`.
 */

import { Buffer } from "node:buffer"
import type { Readable } from "node:stream"
import busboy from "busboy"
import { ParseError, RequestTooLargeError } from "../conn/errors.ts"
import { ClosingBoundary } from "./multipart-closing.ts"
import { ReplacementCount } from "./multipart-utf8.ts"

/** A part whose head has arrived. */
export interface FoundPart {
  readonly name: string
  readonly filename: string | undefined
  readonly contentType: string
  /** Text that is whole, or bytes that are still arriving. */
  readonly content: string | ArrivingBytes
}

/** Bytes of a part. */
export interface ArrivingBytes {
  /** What is there, null for nothing. */
  read(): Uint8Array | null
  /** Whether all was read. */
  ended(): Promise<boolean>
}

export interface GrammarLimits {
  readonly maxParts: number
  readonly maxFiles: number
  readonly fieldLength: number
  readonly fileLength: number
  readonly validateUtf8: boolean
}

/** RFC 2046 §5.1.1; the search for a longer one would take its length in time for each byte. */
const longestBoundary = 70

export class MultipartGrammar {
  /** True when the closing boundary and the end of the body have come. */
  finished = false
  readonly #limits: GrammarLimits
  readonly #busboy: ReturnType<typeof busboy>
  readonly #found: FoundPart[] = []
  #failure: Error | undefined
  /** Pending while busboy has no room. */
  #writing: Promise<void> | undefined
  #wrote: () => void = () => undefined
  readonly #closing: ClosingBoundary
  readonly #replacements = new ReplacementCount()

  /** Raises `ParseError` for a boundary that is none. */
  constructor(boundary: string | undefined, limits: GrammarLimits) {
    this.#limits = limits
    if (boundary === undefined || boundary === "" || boundary.length > longestBoundary) {
      throw new ParseError("the content type of the multipart body has no boundary of 1 to 70 characters")
    }
    this.#closing = new ClosingBoundary(boundary)
    this.#busboy = this.#make(boundary)
  }

  #make(boundary: string): ReturnType<typeof busboy> {
    const { maxParts, maxFiles, fieldLength, fileLength } = this.#limits
    const quoted = boundary.replace(/["\\]/g, "\\$&")
    let made: ReturnType<typeof busboy>
    try {
      made = busboy({
        // The grammar of mixed is the same, and busboy knows form-data only.
        headers: { "content-type": `multipart/form-data; boundary="${quoted}"` },
        preservePath: true,
        defParamCharset: "utf8",
        // One more than allowed: busboy tells "at the limit" and "beyond it" alike.
        limits: { parts: maxParts + 1, files: maxFiles, fieldSize: fieldLength + 1, fileSize: fileLength + 1 },
      })
    } catch (cause) {
      throw new ParseError("the boundary of the multipart body is malformed", { cause })
    }
    made.on("field", (name: string | undefined, value: string | undefined, info) => {
      this.#field(name, value, info.mimeType, info.valueTruncated)
    })
    made.on("file", (name: string | undefined, stream, info) => this.#file(name, stream, info))
    made.on("partsLimit", () => this.#tooMany("parts", maxParts))
    made.on("filesLimit", () => this.#tooMany("files", maxFiles))
    made.on("error", (cause) => this.#fail(new ParseError("the multipart body is malformed or ends early", { cause })))
    made.on("finish", () => {
      this.finished = true
    })
    made.on("close", () => this.#fail(new ParseError("the multipart body ends early")))
    return made
  }

  /** The first part that was found and not yet taken. Raises what has gone wrong. */
  take(): FoundPart | undefined {
    if (this.#failure !== undefined) throw this.#failure
    return this.#found.shift()
  }

  /** Takes a piece of the body. What is in it is there at once. */
  push(data: Uint8Array): void {
    // Of what follows the closing boundary in a piece, and only there, busboy would make parts, which it may then wait for.
    const bytes = this.#closing.upTo(Buffer.from(data.buffer, data.byteOffset, data.byteLength))
    if (bytes.length === 0) return
    if (this.#limits.validateUtf8) this.#replacements.sent(bytes)
    this.#writing = new Promise((resolve) => {
      this.#wrote = resolve
    })
    try {
      this.#busboy.write(bytes, () => {
        this.#writing = undefined
        this.#wrote()
      })
    } catch (cause) {
      this.#fail(new ParseError("the multipart body is malformed", { cause }))
    }
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Resolves when the next piece may come: what was found of the last ones must have been read. */
  async ready(): Promise<void> {
    await this.#writing
    if (this.#failure !== undefined) throw this.#failure
  }

  /** The body is over. Resolves when it was whole, and rejects when it was not. */
  async end(): Promise<void> {
    this.#busboy.end()
    // All that was found has been read, so busboy has made up its mind after this turn, or never does.
    await new Promise(setImmediate)
    if (!this.finished) this.#fail(new ParseError("the multipart body ends early"))
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Lets go of everything. */
  stop(): void {
    this.#busboy.destroy()
  }

  /** The first failure counts; whoever waits is woken to see it. */
  #fail(error: Error): void {
    if (this.finished) return
    this.#failure ??= error
    this.#wrote()
  }

  #tooMany(what: string, limit: number): void {
    this.#fail(new RequestTooLargeError(`the multipart body has more than ${limit} ${what}`))
  }

  #field(name: string | undefined, value: string | undefined, contentType: string, truncated: boolean): void {
    const { fieldLength } = this.#limits
    if (truncated) this.#fail(new RequestTooLargeError(`a field of the body is longer than ${fieldLength} bytes`))
    else if (value === undefined) this.#fail(new ParseError("a field of the multipart body has an unknown charset"))
    else if (this.#isUtf8(name) && this.#isUtf8(value) && name !== undefined) {
      this.#found.push({ name, filename: undefined, contentType, content: value })
    }
  }

  #file(
    name: string | undefined,
    stream: Readable & { truncated?: boolean },
    { filename, mimeType }: { filename?: string | undefined; mimeType: string },
  ): void {
    const { fileLength } = this.#limits
    // It fails with busboy, whose error is the one that counts.
    stream.on("error", () => undefined)
    stream.on("limit", () =>
      this.#fail(new RequestTooLargeError(`a file of the body is longer than ${fileLength} bytes`)),
    )
    if (name === undefined || !this.#isUtf8(name)) stream.resume()
    else this.#found.push({ name, filename, contentType: mimeType, content: new StreamBytes(stream) })
  }

  /** busboy decodes leniently; that it had to is seen by what it put. */
  #isUtf8(text = ""): boolean {
    if (!this.#limits.validateUtf8 || this.#replacements.explains(text)) return true
    this.#fail(new ParseError("a field of the multipart body is not UTF-8"))
    return false
  }
}

class StreamBytes implements ArrivingBytes {
  readonly #stream: Readable

  constructor(stream: Readable) {
    this.#stream = stream
  }

  read(): Uint8Array | null {
    return this.#stream.read()
  }

  async ended(): Promise<boolean> {
    // A stream says that it has ended in the tick after the read that found nothing.
    if (!this.#stream.readableEnded && !this.#stream.destroyed) await new Promise<void>((r) => process.nextTick(r))
    return this.#stream.readableEnded
  }
}
