/** Takes a multipart body from its connection to the grammar, in pieces, within its length. */

import { Buffer } from "node:buffer"
import { RequestTooLargeError } from "../conn/errors.ts"
import type { Conn } from "../conn/states.ts"
import type { MediaType } from "../http/media-type.ts"
import { type ParserOptions, readOptions } from "./body-parser.ts"
import { type FoundPart, MultipartGrammar } from "./multipart-grammar.ts"

export interface MultipartStreamOptions extends Omit<ParserOptions, "maxDepth"> {
  /** Bytes of each field, and of each part that `text` reads; more is 413. 1,000,000. */
  fieldLength?: number
  /** Bytes of each file; more is 413. As many as `length` when left out. */
  fileLength?: number
  /** How many files there may be; more is 413. 100. */
  maxFiles?: number
}

/** Bytes that the grammar is given at once. */
const piece = 65_536

/** The parts of a body, read on only when somebody asks. */
export class Reader {
  readonly grammar: MultipartGrammar
  readonly fieldLength: number
  readonly validateUtf8: boolean
  readonly #conn: Conn
  readonly #length: number
  readonly #timeout: number | undefined
  #total = 0
  #more = true
  #step: Promise<void> | undefined

  constructor(conn: Conn, mediaType: MediaType, options: MultipartStreamOptions) {
    const { length = conn.exchange.limits.bodyBytes, maxParams = 1000, maxFiles = 100 } = options
    this.fieldLength = options.fieldLength ?? 1_000_000
    this.validateUtf8 = options.validateUtf8 ?? true
    this.#conn = conn
    this.#length = length
    this.#timeout = options.timeout
    if (Number(conn.exchange.getHeader("content-length") ?? 0) > length) throw this.tooLong()
    this.grammar = new MultipartGrammar(mediaType.params["boundary"], {
      maxParts: maxParams,
      maxFiles,
      fieldLength: this.fieldLength,
      fileLength: options.fileLength ?? length,
      validateUtf8: this.validateUtf8,
    })
  }

  tooLong(): RequestTooLargeError {
    return new RequestTooLargeError(`the multipart body is longer than ${this.#length} bytes`)
  }

  /** The next part, or undefined at the end of the body. */
  async next(): Promise<FoundPart | undefined> {
    while (!this.grammar.finished) {
      const found = this.grammar.take()
      if (found !== undefined) return found
      await this.feed()
    }
    return this.grammar.take()
  }

  /** One step on: a part or bytes of one may be there afterwards. Two who ask share a step. */
  feed(): Promise<void> {
    this.#step ??= this.#feed().finally(() => {
      this.#step = undefined
    })
    return this.#step
  }

  async #feed(): Promise<void> {
    await this.grammar.ready()
    if (!this.#more) return this.grammar.end()
    this.grammar.push(await this.#piece())
  }

  /**
   * Pieces are full but for the last, however the body arrives: what busboy makes of a boundary inside a head depends on
   * where pieces end, and a sender should have no say in that.
   */
  async #piece(): Promise<Uint8Array> {
    const parts: Uint8Array[] = []
    for (let room = piece; room > 0 && this.#more; ) {
      const length = Math.min(room, this.#length - this.#total + 1)
      const { data, more } = await this.#conn.readBodyPart(readOptions(length, this.#timeout))
      this.#total += data.length
      this.#more = more
      if (this.#total > this.#length) throw this.tooLong()
      room -= data.length
      parts.push(data)
    }
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
  }
}
