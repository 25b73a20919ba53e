/** What body parsers share: their contract, the options that all of them have, and whether there is a body at all. */

import type { MaybePromise } from "../conn/adapter.ts"
import { UnsupportedMediaTypeError } from "../conn/errors.ts"
import { checkOption, checkOptionNames } from "../conn/options.ts"
import type { AnyConn, Conn } from "../conn/states.ts"
import { list, type MediaType } from "../http/media-type.ts"

export type BodyParams = Readonly<Record<string, unknown>>

/** A parser for `parsers`, of ours or one's own. */
export interface BodyParser {
  /** What it reads, as the 415 of a request that nobody reads names it. */
  readonly name: string
  /**
   * The parameters of the body, or undefined when this is not its media type; it must then not have read anything. Reads
   * within a length and raises `ParseError` (400) for what it cannot read.
   */
  parse(conn: Conn, mediaType: MediaType): MaybePromise<BodyParams | undefined>
}

/** The options of every parser of ours. Given to `parsers`, they are the defaults of those that have no own. */
export interface ParserOptions {
  /** Bytes of a body as it arrives, everything counted; more is 413. The server's `limits.bodyBytes` (8,000,000) when left out. */
  length?: number
  /** Milliseconds without a byte until it is 408; 15,000. The server's `limits.requestTimeout` bounds the whole. */
  timeout?: number
  /** How deep values may nest; deeper is 400. 32 brackets in a name, 64 levels of JSON. */
  maxDepth?: number
  /** How many parameters (urlencoded, 400) or parts (multipart, 413) there may be; 1,000. JSON has its length. */
  maxParams?: number
  /** Whether text that is not UTF-8 is 400 (true) or gets U+FFFD for what is not. JSON is always UTF-8. */
  validateUtf8?: boolean
}

/** A parser that can be given defaults for the options that it was made without. */
export interface ConfigurableParser extends BodyParser {
  withDefaults(defaults: ParserOptions): BodyParser
}

export const parserOptionNames: readonly string[] = ["length", "timeout", "maxDepth", "maxParams", "validateUtf8"]

/** Raises `InvalidOptionError` for an option that is unknown or has a value that it does not take. */
export function checkParserOptions(where: string, options: ParserOptions, names: readonly string[]): void {
  checkOptionNames(where, options, names)
  const { length, timeout, maxDepth, maxParams, validateUtf8 } = options
  checkSize(where, "length", length, 0)
  checkSize(where, "maxDepth", maxDepth, 0)
  checkSize(where, "maxParams", maxParams, 0)
  checkSize(where, "timeout", timeout, 1, 2 ** 31 - 1)
  checkOption(where, "validateUtf8", isFlag(validateUtf8), "true or false", validateUtf8)
}

/** Raises `InvalidOptionError` unless an option is left out or a whole number within bounds. */
export function checkSize(where: string, name: string, value: unknown, from: number, to?: number): void {
  const holds =
    Number.isSafeInteger(value) && (value as number) >= from && (to === undefined || (value as number) <= to)
  checkOption(where, name, value === undefined || holds, `a whole number from ${from}`, value)
}

export function isFlag(value: unknown): boolean {
  return value === undefined || typeof value === "boolean"
}

/** Those of the options that parsers have in common. */
export function parserOptions({ length, timeout, maxDepth, maxParams, validateUtf8 }: ParserOptions): ParserOptions {
  const all = { length, timeout, maxDepth, maxParams, validateUtf8 }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}

/** Whether a body was announced: without one, nothing is read and nobody waits. */
export function hasBody({ exchange }: AnyConn): boolean {
  const declared = exchange.getHeader("content-length")
  if (declared !== undefined) return Number(declared) !== 0
  return exchange.getHeader("transfer-encoding") !== undefined || exchange.getHttpProtocol() === "HTTP/2"
}

/**
 * Raises `UnsupportedMediaTypeError` (415) for a body in a content coding (RFC 9110 §8.4.1): its bytes are not yet what its
 * type says, and what nobody inflates here is no bomb.
 */
export function checkCoding(conn: AnyConn): void {
  if (conn.exchange.getHeader("content-encoding") === undefined) return
  const codings = conn.getReqHeaders("content-encoding").join().toLowerCase()
  if (list(codings).every((coding) => coding === "identity")) return
  throw new UnsupportedMediaTypeError("a body in a content coding is not read here: send it as it is")
}

/** What `readBody` takes of a parser's options. */
export function readOptions(length: number, timeout: number | undefined): { length: number; timeout?: number } {
  return timeout === undefined ? { length } : { length, timeout }
}

/** The parameters of no body. */
export const noParams: BodyParams = Object.freeze(Object.create(null) as Record<string, never>)
