/** Turns the body of a request into `bodyParams`, by its media type, after Plug.Parsers. */

import type { MaybePromise } from "../conn/adapter.ts"
import { inner } from "../conn/conn.ts"
import { UnsupportedMediaTypeError, UsageError } from "../conn/errors.ts"
import { checkOption } from "../conn/options.ts"
import type { Conn } from "../conn/states.ts"
import { type MediaType, parseContentType, parseMediaType } from "../http/media-type.ts"
import {
  type BodyParams,
  type BodyParser,
  type ConfigurableParser,
  checkParserOptions,
  hasBody,
  noParams,
  type ParserOptions,
  parserOptionNames,
  parserOptions,
  readOptions,
} from "./body-parser.ts"
import { json } from "./parse-json.ts"
import { multipart } from "./parse-multipart.ts"
import { urlencoded } from "./parse-urlencoded.ts"
import { keepRawBody } from "./raw-body.ts"

export type { BodyParams, BodyParser, ParserOptions } from "./body-parser.ts"

export interface ParsersOptions extends ParserOptions {
  /** Who reads, the first that takes a media type: names, what `json()` and its sisters make, or parsers of one's own. */
  parsers?: readonly (ParserName | BodyParser)[]
  /** Media types that nobody here need read: "text/csv", "image/*", or the range of all types. Their body stays unread. */
  pass?: readonly string[]
  /** Keeps the bytes for `rawBodyOf`, of all requests or of those that the function picks; false. */
  rawBody?: boolean | ((conn: Conn) => boolean)
}
export type ParserName = "urlencoded" | "multipart" | "json"

const byName: Readonly<Record<ParserName, () => ConfigurableParser>> = { urlencoded, multipart, json }
const bodyMethods: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH", "DELETE"])

/**
 * Parses the body of POST, PUT, PATCH and DELETE into `bodyParams`, and so into `params`; of other methods, and of a
 * request without `content-type`, they are empty and the body stays unread. A body that was parsed before is left alone.
 *
 * Reads urlencoded, multipart and JSON unless `parsers` says otherwise. `length`, `timeout`, `maxDepth`, `maxParams` and
 * `validateUtf8` are the defaults of all of them. A media type that none of them takes, and one that is malformed, is
 * `UnsupportedMediaTypeError` (415) unless `pass` names it: then the body stays unread and `bodyParams` unfetched. So is a
 * body in a content coding (`content-encoding: gzip`) that one of our parsers takes: nothing is inflated. Raises
 * `ParseError` (400), `RequestTimeoutError` (408) and `RequestTooLargeError` (413) while reading.
 *
 * Whoever sends a parameter decides whether it is text, a list or a map, and maps have no prototype: `String(params.name)` can
 * raise. Look at its type, or let `validate` do it.
 *
 * @example
 * const form = { headers: { "content-type": "application/x-www-form-urlencoded" } }
 * const parsed = await call(parsers(), conn("POST", "/?page=2", "name=ann", form))
 * parsed.params //=> { page: "2", name: "ann" }
 * call(parsers(), conn("POST", "/", "<a/>", { headers: { "content-type": "text/xml" } })) //=> throws UnsupportedMediaTypeError
 */
export function parsers(options: ParsersOptions = {}): (conn: Conn) => MaybePromise<Conn> {
  checkParserOptions("parsers", options, ["parsers", "pass", "rawBody", ...parserOptionNames])
  const entries = options.parsers ?? ["urlencoded", "multipart", "json"]
  checkOption("parsers", "parsers", Array.isArray(entries), "a list", entries)
  const list = entries.map((entry) => parserOf(entry, options))
  const passes = passing(options.pass ?? [])
  const { rawBody = false, length, timeout } = options
  checkOption("parsers", "rawBody", ["boolean", "function"].includes(typeof rawBody), "true or a function", rawBody)
  const taken = list.map(({ name }) => name).join(", ") || "no body"

  const offer = (conn: Conn, type: MediaType, from: number): MaybePromise<Conn> => {
    for (let at = from; at < list.length; at++) {
      const parser = list[at]!
      const params = parser.parse(conn, type)
      if (params instanceof Promise) {
        return params.then((later) => (later === undefined ? offer(conn, type, at + 1) : put(conn, parser, later)))
      }
      if (params !== undefined) return put(conn, parser, params)
    }
    return decline(conn, type)
  }
  const decline = (conn: Conn, type: MediaType | undefined): Conn => {
    // Marked for those behind who tell a body that was passed from one that no parser has seen.
    if (passes(type)) return conn.putPrivate("plumage_parsers", "passed")
    throw new UnsupportedMediaTypeError(`this content type is not read here; what is: ${taken}`)
  }

  return (conn) => {
    if (inner(conn).parsed?.body !== undefined) return conn
    if (!bodyMethods.has(conn.method)) return conn.putBodyParams(noParams)
    const limit = length ?? conn.exchange.limits.bodyBytes
    const kept = typeof rawBody === "function" ? rawBody(conn) : rawBody
    if (kept) keepRawBody(conn, limit)
    const header = conn.getReqHeader("content-type")
    if (header !== undefined) {
      const type = parseContentType(header)
      return type === undefined ? decline(conn, type) : offer(conn, type, 0)
    }
    conn.putBodyParams(noParams)
    return kept && hasBody(conn) ? conn.readBody(readOptions(limit, timeout)).then(() => conn) : conn
  }
}

function put(conn: Conn, parser: BodyParser, params: BodyParams): Conn {
  if (typeof params === "object" && params !== null) return conn.putBodyParams(params)
  throw new UsageError(`the parser ${parser.name} gives its parameters in an object, got ${typeof params}`)
}

function parserOf(entry: ParserName | BodyParser, options: ParsersOptions): BodyParser {
  if (typeof entry === "string") {
    const known = Object.hasOwn(byName, entry)
    checkOption("parsers", "parsers", known, `${Object.keys(byName).join(", ")} or a parser`, entry)
    return byName[entry]().withDefaults(parserOptions(options))
  }
  const holds = typeof entry?.name === "string" && typeof entry.parse === "function"
  checkOption("parsers", "parsers", holds, "names, or parsers with a name and a parse function", entry)
  return "withDefaults" in entry ? (entry as ConfigurableParser).withDefaults(parserOptions(options)) : entry
}

/** The rule for what nobody reads. Only the range for all types takes what is no media type. */
function passing(pass: readonly string[]): (type: MediaType | undefined) => boolean {
  checkOption("parsers", "pass", Array.isArray(pass), "a list of media types", pass)
  const allowed = new Set<string>()
  for (const range of pass) {
    const parsed = typeof range === "string" ? parseMediaType(range) : undefined
    checkOption("parsers", "pass", parsed !== undefined, 'media types such as "text/csv" or "image/*"', range)
    allowed.add(`${parsed!.type}/${parsed!.subtype}`)
  }
  if (allowed.has("*/*")) return () => true
  return (type) => type !== undefined && (allowed.has(`${type.type}/${type.subtype}`) || allowed.has(`${type.type}/*`))
}
