/** The parser of forms without files: application/x-www-form-urlencoded, after Plug.Parsers.URLENCODED. */

import { Buffer, isUtf8 } from "node:buffer"
import { ParseError } from "../conn/errors.ts"
import type { Conn } from "../conn/states.ts"
import type { MediaType } from "../http/media-type.ts"
import { type DecodeQueryOptions, decodeQuery, QueryError } from "../http/query.ts"
import {
  type BodyParams,
  type ConfigurableParser,
  checkCoding,
  checkParserOptions,
  hasBody,
  noParams,
  type ParserOptions,
  parserOptionNames,
  readOptions,
} from "./body-parser.ts"

/** Bytes of a form unless the options, or a smaller `limits.bodyBytes`, say otherwise. */
const defaultLength = 1_000_000

/**
 * Reads application/x-www-form-urlencoded, whatever its parameters. Names nest as in a query: `user[tags][]=x`.
 *
 * `length` is 1,000,000 bytes unless given. More parameters than `maxParams` (1,000), names with more brackets than
 * `maxDepth` (32) and bytes that are not UTF-8 are a `ParseError` (400). No map in the result has a prototype.
 *
 * @example
 * const form = conn("POST", "/", "user[name]=ann&user[tags][]=x", { headers: { "content-type": "application/x-www-form-urlencoded" } })
 * await urlencoded().parse(form, { type: "application", subtype: "x-www-form-urlencoded", params: {} }) //=> { user: { name: "ann", tags: ["x"] } }
 */
export function urlencoded(options: ParserOptions = {}): ConfigurableParser {
  checkParserOptions("urlencoded", options, parserOptionNames)
  return make(options)
}

function make(options: ParserOptions): ConfigurableParser {
  const { timeout, maxDepth = 32, maxParams = 1000, validateUtf8 = true } = options
  const decoding: DecodeQueryOptions = { maxDepth, maxPairs: maxParams, validateUtf8 }
  return {
    name: "urlencoded",
    withDefaults: (defaults) => make({ ...defaults, ...options }),
    parse(conn, mediaType) {
      if (!isForm(mediaType)) return undefined
      checkCoding(conn)
      if (!hasBody(conn)) return noParams
      const length = options.length ?? Math.min(defaultLength, conn.exchange.limits.bodyBytes)
      return readForm(conn, readOptions(length, timeout), decoding)
    },
  }
}

function isForm({ type, subtype }: MediaType): boolean {
  return type === "application" && subtype === "x-www-form-urlencoded"
}

async function readForm(
  conn: Conn,
  reading: { length: number; timeout?: number },
  decoding: DecodeQueryOptions,
): Promise<BodyParams> {
  const data = await conn.readBody(reading)
  if (decoding.validateUtf8 && !isUtf8(data)) throw new ParseError("the form is not UTF-8")
  try {
    return decodeQuery(Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString(), decoding)
  } catch (cause) {
    if (cause instanceof QueryError) throw new ParseError(`the form cannot be read: ${cause.reason}`, { cause })
    throw cause
  }
}
