/**
 * Media types and the small grammars around them: parameters, tokens, comma lists (RFC 9110 §5.6 and §8.3.1).
 *
 * Lenient as Plug is: whitespace around the whole and around ";" does not count, and a parameter that is malformed is
 * dropped, not the type with it. So "application/json;" and "Application/JSON\t; x" are what they look like.
 */

export interface MediaType {
  /** In lower case, as the subtype is. */
  readonly type: string
  readonly subtype: string
  /** Names in lower case; the map has no prototype. */
  readonly params: Readonly<Record<string, string>>
}

const tokenChars = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const nameChars = /^[!#$&\-^_.+0-9a-z]+$/

/**
 * A media type, or a range of them (with "*" as its subtype, or as both), undefined when it is neither.
 *
 * @example
 * parseMediaType("Text/HTML; Charset=UTF-8") //=> { type: "text", subtype: "html", params: { charset: "UTF-8" } }
 * parseMediaType("image/*")?.subtype //=> "*"
 * parseMediaType("text/") //=> undefined
 */
export function parseMediaType(text: string): MediaType | undefined {
  const semicolon = text.indexOf(";")
  const full = trim(semicolon < 0 ? text : text.slice(0, semicolon)).toLowerCase()
  const slash = full.indexOf("/")
  const type = full.slice(0, Math.max(slash, 0))
  const subtype = full.slice(slash + 1)
  const isRange = subtype === "*" && (type === "*" || nameChars.test(type))
  if (!isRange && !(nameChars.test(type) && nameChars.test(subtype))) return undefined
  return { type, subtype, params: parseParams(semicolon < 0 ? "" : text.slice(semicolon + 1)) }
}

/**
 * What a Content-Type header says: a media type without wildcards, undefined when it is none.
 *
 * @example
 * parseContentType("application/vnd.api+json;")?.subtype //=> "vnd.api+json"
 * parseContentType("text/*") //=> undefined
 */
export function parseContentType(text: string): MediaType | undefined {
  const parsed = parseMediaType(text)
  return parsed?.subtype === "*" ? undefined : parsed
}

/**
 * Parameters separated by ";" (one inside quotes does not separate), in a map without a prototype. Malformed pairs are
 * dropped, and of two with one name the first counts.
 *
 * @example
 * parseParams('a=1; B="x; \\"y\\""; c; a=2') //=> { a: "1", b: 'x; "y"' }
 */
export function parseParams(text: string): Record<string, string> {
  const params: Record<string, string> = Object.create(null)
  for (const pair of splitOutsideQuotes(text)) {
    const equals = pair.indexOf("=")
    const name = trim(pair.slice(0, Math.max(equals, 0)), false).toLowerCase()
    if (!tokenChars.test(name) || name in params) continue
    const value = token(pair.slice(equals + 1))
    if (value !== undefined) params[name] = value
  }
  return params
}

function splitOutsideQuotes(text: string): string[] {
  if (!text.includes('"')) return text.split(";")
  const pieces: string[] = []
  let start = 0
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 0x22) quoted = !quoted
    else if (code === 0x5c && quoted) i++
    else if (code === 0x3b && !quoted) {
      pieces.push(text.slice(start, i))
      start = i + 1
    }
  }
  pieces.push(text.slice(start))
  return pieces
}

const quotedString = /^"((?:[^"\\\0-\x08\x0a-\x1f\x7f]|\\[^\0-\x08\x0a-\x1f\x7f])*)"$/

/**
 * The value of a token or of a quoted string, undefined when the text is neither. Whitespace at its end does not count.
 *
 * @example
 * token("utf-8 ") //=> "utf-8"
 * token('"a \\"b\\""') //=> 'a "b"'
 * token("a b") //=> undefined
 */
export function token(text: string): string | undefined {
  const trimmed = trim(text, true, false)
  if (tokenChars.test(trimmed)) return trimmed
  const quoted = quotedString.exec(trimmed)?.[1]
  return quoted?.includes("\\") ? quoted.replace(/\\(.)/gs, "$1") : quoted
}

/**
 * The items of a comma list, trimmed, without empty ones.
 *
 * @example
 * list("keep-alive, Upgrade,,") //=> ["keep-alive", "Upgrade"]
 */
export function list(text: string): string[] {
  const items: string[] = []
  for (const piece of text.split(",")) {
    const item = trim(piece)
    if (item !== "") items.push(item)
  }
  return items
}

/** Without the whitespace of header lines around it; `trim()` would take away more, such as U+00A0. */
function trim(text: string, atEnd = true, atStart = true): string {
  let start = 0
  let end = text.length
  if (atStart) while (start < end && isWhitespace(text.charCodeAt(start))) start++
  if (atEnd) while (end > start && isWhitespace(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

function isWhitespace(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0d || code === 0x0a
}
