/**
 * Multipart bodies (RFC 7578), part by part as they arrive: for files that should not touch this machine's disk.
 *
 * The order of things: a reader takes pieces of the body and gives them to the grammar (`multipart-grammar.ts`), which makes
 * parts of them. It does so only when somebody asks for a part or for bytes of one, so memory holds a few pieces.
 */

import { Buffer, isUtf8 } from "node:buffer"
import { inner } from "../conn/conn.ts"
import { ParseError, RequestTooLargeError, UnsupportedMediaTypeError, UsageError } from "../conn/errors.ts"
import type { Conn } from "../conn/states.ts"
import { type MediaType, parseContentType } from "../http/media-type.ts"
import {
  checkParserOptions,
  checkSize,
  noParams,
  type ParserOptions,
  parserOptionNames,
  readOptions,
} from "./body-parser.ts"
import { type FoundPart, MultipartGrammar } from "./multipart-grammar.ts"
import type { ClientFilename } from "./upload.ts"

export interface MultipartStreamOptions extends Omit<ParserOptions, "maxDepth"> {
  /** Bytes of each field, and of each part that `text` reads; more is 413. 1,000,000. */
  fieldLength?: number
  /** Bytes of each file; more is 413. As many as `length` when left out. */
  fileLength?: number
  /** How many files there may be; more is 413. 100. */
  maxFiles?: number
}

/** One part: a field of a form, or a file. */
export interface MultipartPart {
  readonly name: string
  /** The client's name of a file, unchecked; undefined for a field. */
  readonly filename: ClientFilename | undefined
  /** What the client says that the part is, without parameters; "text/plain" where it says nothing. */
  readonly contentType: string
  /** The bytes, once, until the next part is asked for. */
  readonly body: AsyncIterable<Uint8Array>
  /** The whole part as text, up to `fieldLength` bytes; `ParseError` for what is not UTF-8 unless `validateUtf8` is off. */
  text(): Promise<string>
}

const optionNames: readonly string[] = [
  ...parserOptionNames.filter((name) => name !== "maxDepth"),
  "fieldLength",
  "fileLength",
  "maxFiles",
]
/** Bytes that the grammar is given at once. */
const piece = 65_536

/** Raises `InvalidOptionError` for options that the stream, or who reads it, does not take. */
export function checkStreamOptions(where: string, options: MultipartStreamOptions, more: readonly string[] = []): void {
  checkParserOptions(where, options, [...optionNames, ...more])
  checkSize(where, "fieldLength", options.fieldLength, 0)
  checkSize(where, "fileLength", options.fileLength, 0)
  checkSize(where, "maxFiles", options.maxFiles, 0)
}

/** The two kinds that forms have. */
export function isMultipart({ type, subtype }: MediaType): boolean {
  return type === "multipart" && (subtype === "form-data" || subtype === "mixed")
}

/**
 * The parts of a multipart/form-data or multipart/mixed body, in order, each as it arrives. Parts without a name are left
 * out. A part that was not read is skipped when the next is asked for; leaving the loop ends the reading. The body is read
 * at the pace of the loop.
 *
 * The body must be unread: let `parsers` pass this type, or it is a `UsageError`. Raises `UnsupportedMediaTypeError` (415) for another type, and while
 * reading `ParseError` (400) for what is malformed or ends early, `RequestTooLargeError` (413) beyond the limits and
 * `RequestTimeoutError` (408).
 *
 * @example
 * const body = '--b\r\ncontent-disposition: form-data; name="a"\r\n\r\nhello\r\n--b--\r\n'
 * const upload = conn("POST", "/", body, { headers: { "content-type": "multipart/form-data; boundary=b" } })
 * const seen = []
 * for await (const part of readMultipart(upload)) seen.push([part.name, await part.text()])
 * seen //=> [["a", "hello"]]
 */
export function readMultipart(
  conn: Conn,
  options: MultipartStreamOptions = {},
): AsyncGenerator<MultipartPart, void, undefined> {
  checkStreamOptions("readMultipart", options)
  const parsed = inner(conn).parsed?.body
  if (parsed !== undefined && parsed !== noParams) {
    throw new UsageError(
      "the body was parsed before: let parsers pass multipart/form-data where readMultipart reads it",
    )
  }
  const mediaType = parseContentType(conn.getReqHeader("content-type") ?? "")
  if (mediaType === undefined || !isMultipart(mediaType)) {
    throw new UnsupportedMediaTypeError("multipart/form-data or multipart/mixed is read here")
  }
  return readParts(conn, mediaType, options)
}

/** As `readMultipart`, for a media type that is known to be multipart. */
export async function* readParts(
  conn: Conn,
  mediaType: MediaType,
  options: MultipartStreamOptions,
): AsyncGenerator<MultipartPart, void, undefined> {
  const reader = new Reader(conn, mediaType, options)
  try {
    for (;;) {
      const found = await reader.next()
      if (found === undefined) return
      const part = new StreamedPart(reader, found)
      yield part
      await part.skip()
    }
  } finally {
    reader.grammar.stop()
  }
}

/** Moves the body from the connection to the grammar, a piece at a time. */
class Reader {
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

class StreamedPart implements MultipartPart {
  readonly name: string
  readonly filename: ClientFilename | undefined
  readonly contentType: string
  readonly #reader: Reader
  readonly #found: FoundPart
  #state: "unread" | "read" | "over" = "unread"

  constructor(reader: Reader, found: FoundPart) {
    this.name = found.name
    this.filename = found.filename as ClientFilename | undefined
    this.contentType = found.contentType
    this.#reader = reader
    this.#found = found
  }

  get body(): AsyncIterable<Uint8Array> {
    return this.#bytes()
  }

  async *#bytes(): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.#state !== "unread") throw new UsageError(`the part ${JSON.stringify(this.name)} was already read or left`)
    this.#state = "read"
    const { content } = this.#found
    if (typeof content === "string") {
      if (content !== "") yield Buffer.from(content)
      return
    }
    for (;;) {
      for (let bytes = content.read(); bytes !== null; bytes = content.read()) {
        yield bytes
        this.#checkNotOver()
      }
      if (await content.ended()) return
      await this.#reader.feed()
      this.#checkNotOver()
    }
  }

  async text(): Promise<string> {
    const { content } = this.#found
    if (typeof content === "string" && this.#state === "unread") {
      this.#state = "read"
      return content
    }
    const { fieldLength, validateUtf8 } = this.#reader
    const parts: Uint8Array[] = []
    let length = 0
    for await (const bytes of this.#bytes()) {
      length += bytes.length
      if (length > fieldLength) throw new RequestTooLargeError(`a part is longer than ${fieldLength} bytes`)
      parts.push(bytes)
    }
    const whole = Buffer.concat(parts, length)
    if (validateUtf8 && !isUtf8(whole)) throw new ParseError("a field of the multipart body is not UTF-8")
    return whole.toString()
  }

  /** Reads and drops what is left of the part. */
  async skip(): Promise<void> {
    this.#state = "over"
    const { content } = this.#found
    if (typeof content === "string") return
    for (;;) {
      while (content.read() !== null);
      if (await content.ended()) return
      await this.#reader.feed()
    }
  }

  #checkNotOver(): void {
    if (this.#state === "over") throw new UsageError("a part is read before the next one is asked for")
  }
}
