/** Content negotiation: the format and the language that a client likes best of what there is (RFC 9110 §12.5). */

import { NotAcceptableError } from "../conn/errors.ts"
import { checkOption } from "../conn/options.ts"
import type { Conn } from "../conn/states.ts"
import { acceptedLanguage, acceptedType } from "../http/accept.ts"
import { parseContentType } from "../http/media-type.ts"
import { mimeType } from "../http/mime.ts"
import { addVary } from "./vary.ts"

/**
 * Assigns the `format` that the client prefers, the first one where it has no preference, and says `vary: accept`. Formats
 * are file extensions, or names with the media type that each stands for.
 *
 * `?_format=` of the query decides over the header, for links and browsers. Raises `NotAcceptableError` (406) where the
 * client takes none or the query names another, `InvalidOptionError` for a format whose media type is not known.
 *
 * @example
 * const headers = { accept: "application/json" }
 * call(accepts(["html", "json"]), conn("GET", "/", undefined, { headers })).assigns.format //=> "json"
 * call(accepts(["html", "json"]), conn("GET", "/?_format=html", undefined, { headers })).assigns.format //=> "html"
 * call(accepts({ feed: "application/atom+xml" }), conn("GET", "/", undefined, { headers })) //=> throws NotAcceptableError
 */
export function accepts<const F extends string>(
  formats: readonly F[] | Readonly<Record<F, string>>,
): (conn: Conn) => Conn<{ readonly format: F }> {
  const typeOf = typesOf(formats)
  const types = [...typeOf.values()]
  const names = [...typeOf.keys()]
  const refusal = `this is available as ${names.join(", ")}`
  return (conn) => {
    // A query that does not say it need not be decoded.
    const asked = conn.queryString.includes("_format") ? conn.queryParams["_format"] : undefined
    if (asked !== undefined) {
      if (typeof asked !== "string" || !typeOf.has(asked)) throw new NotAcceptableError(refusal)
      return conn.assign("format", asked as F)
    }
    addVary(conn, "accept")
    const type = acceptedType(headerOf(conn, "accept"), types)
    if (type === undefined) throw new NotAcceptableError(refusal)
    return conn.assign("format", names[types.indexOf(type)] as F)
  }
}

/**
 * Assigns the `language` that the client prefers, and says it in `content-language` and `vary: accept-language`. Where the
 * client takes none of them it gets the first: a page in another language is better than none (RFC 9110 §12.5.4).
 *
 * Languages are tags such as "en" or "de-CH" (RFC 5646); anything else raises `InvalidOptionError`.
 *
 * @example
 * const headers = { "accept-language": "de-CH, en;q=0.8" }
 * call(acceptLanguage(["en", "de"]), conn("GET", "/", undefined, { headers })).assigns.language //=> "de"
 */
export function acceptLanguage<const L extends string>(
  languages: readonly L[],
): (conn: Conn) => Conn<{ readonly language: L }> {
  const listed = Array.isArray(languages) && languages.length > 0
  checkOption("acceptLanguage", "languages", listed, "a list of languages", languages)
  for (const language of languages) {
    const known = typeof language === "string" && tag.test(language)
    checkOption("acceptLanguage", "languages", known, 'tags such as "en" or "de-CH"', language)
  }
  const available = [...languages]
  return (conn) => {
    addVary(conn, "accept-language")
    const language = (acceptedLanguage(headerOf(conn, "accept-language"), available) ?? available[0]) as L
    return conn.putRespHeader("content-language", language).assign("language", language)
  }
}

const tag = /^[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*$/
/** What `mimeType` says of extensions that it does not know. */
const octets = "application/octet-stream"

/** The media type of each format, in the order in which the server prefers them. */
function typesOf(formats: readonly string[] | Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  const byName = typeof formats === "object" && formats !== null
  checkOption("accepts", "formats", byName, "a list of extensions, or names with media types", formats)
  const types = new Map<string, string>()
  const pairs = Array.isArray(formats) ? formats.map((name) => [name, extensionType(name)]) : Object.entries(formats)
  for (const [name, given] of pairs) {
    const parsed = typeof given === "string" ? parseContentType(given) : undefined
    checkOption("accepts", "formats", parsed !== undefined, "extensions and media types that are known", given ?? name)
    const type = `${parsed!.type}/${parsed!.subtype}`
    checkOption("accepts", "formats", ![...types.values()].includes(type), "one format for each media type", name)
    types.set(name, type)
  }
  checkOption("accepts", "formats", types.size > 0, "at least one format", formats)
  return types
}

function extensionType(extension: unknown): string | undefined {
  const type = typeof extension === "string" ? mimeType(extension) : octets
  return type === octets ? undefined : type
}

/** All lines of a header as one (RFC 9110 §5.3). */
function headerOf(conn: Conn, name: string): string | undefined {
  const lines = conn.getReqHeaders(name)
  return lines.length > 1 ? lines.join(", ") : lines[0]
}
