/**
 * Multipart bodies (RFC 7578), part by part as they arrive: for files that should not touch this machine's disk.
 *
 * A reader (`multipart-reader.ts`) gives pieces of the body to the grammar (`multipart-grammar.ts`), which makes parts of
 * them, and only when somebody asks for a part or for bytes of one: memory holds a few pieces.
 */

import { Buffer, isUtf8 } from "node:buffer"
import { inner } from "../conn/conn.ts"
import { ParseError, RequestTooLargeError, UnsupportedMediaTypeError, UsageError } from "../conn/errors.ts"
import type { Conn } from "../conn/states.ts"
import { type MediaType, parseContentType } from "../http/media-type.ts"
import { checkCoding, checkParserOptions, checkSize, noParams, parserOptionNames } from "./body-parser.ts"
import type { FoundPart } from "./multipart-grammar.ts"
import { type MultipartStreamOptions, Reader } from "./multipart-reader.ts"
import type { ClientFilename } from "./upload.ts"

export type { MultipartStreamOptions } from "./multipart-reader.ts"

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
 * The body must be unread: let `parsers` pass this type, or it is a `UsageError`. Raises `UnsupportedMediaTypeError` (415)
 * for another type, and while reading `ParseError` (400) for what is malformed or ends early, `RequestTooLargeError` (413)
 * beyond the limits and `RequestTimeoutError` (408).
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
  checkCoding(conn)
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
