/**
 * Header lists: flat, `[name, value, name, value, …]`, names in lower case, order and duplicates kept (RFC 9110 §5).
 *
 * The functions on lists compare names exactly and check nothing; what comes from an app is checked with
 * `invalidHeaderName` and `invalidHeaderValue` before it enters a list.
 */

/**
 * The first value of a header, undefined when it is absent.
 *
 * @example
 * getHeader(["vary", "accept", "vary", "origin"], "vary") //=> "accept"
 */
export function getHeader(list: readonly string[], name: string): string | undefined {
  for (let i = 0; i < list.length; i += 2) if (list[i] === name) return list[i + 1]
  return undefined
}

/**
 * All values of a header, in order.
 *
 * @example
 * getHeaders(["vary", "accept", "vary", "origin"], "vary") //=> ["accept", "origin"]
 */
export function getHeaders(list: readonly string[], name: string): string[] {
  const values: string[] = []
  for (let i = 0; i < list.length; i += 2) if (list[i] === name) values.push(list[i + 1]!)
  return values
}

/** Replaces the first header of that name where it stands, else appends one. */
export function putHeader(list: string[], name: string, value: string): void {
  for (let i = 0; i < list.length; i += 2) {
    if (list[i] === name) {
      list[i + 1] = value
      return
    }
  }
  list.push(name, value)
}

/** Adds a header in front and keeps those of the same name: the way to send a name twice. */
export function prependHeader(list: string[], name: string, value: string): void {
  list.unshift(name, value)
}

/** Removes the first header of that name. */
export function deleteHeader(list: string[], name: string): void {
  for (let i = 0; i < list.length; i += 2) {
    if (list[i] === name) {
      list.splice(i, 2)
      return
    }
  }
}

const token = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/
const notInName = /[^!#$%&'*+\-.^_`|~0-9a-z]/u
/** The ordinary value, by the test that is cheapest. */
const printable = /^[ -~]*$/
const notInValue = /[^\t\x20-\x7e\x80-\xff]/

/** Names that were found good. The limits keep names from outside from growing it. */
const goodNames = new Set<string>()
const goodNamesLimit = 1_000
const goodNameLength = 64

/**
 * What is wrong with a header name, undefined when nothing is: it must be a token (RFC 9110 §5.6.2) in lower case.
 *
 * @example
 * invalidHeaderName("x-request-id") //=> undefined
 * invalidHeaderName("a:b") //=> 'the header name "a:b" has ":" (U+003A) at position 1'
 */
export function invalidHeaderName(name: string): string | undefined {
  if (goodNames.has(name)) return undefined
  if (typeof name !== "string") return `a header name is a string, got ${typeof name}`
  if (token.test(name)) {
    if (goodNames.size < goodNamesLimit && name.length <= goodNameLength) goodNames.add(name)
    return undefined
  }
  if (name === "") return "a header name is empty"
  const shown = JSON.stringify(name.length > 64 ? name.slice(0, 64) + "…" : name)
  const at = name.search(notInName)
  if (/[A-Z]/.test(name[at]!)) return `the header name ${shown} must be in lower case`
  return `the header name ${shown} has ${character(name, at)} at position ${at}`
}

/**
 * What is wrong with a header value, undefined when nothing is. The value itself, which may be secret, is not repeated.
 *
 * A value has no control characters but tab, and nothing above U+00FF, since each character becomes one byte
 * (RFC 9110 §5.5). Refused and never repaired, so that text from outside can neither end a line nor start another.
 *
 * @example
 * invalidHeaderValue("no-store") //=> undefined
 * invalidHeaderValue("a\r\nset-cookie: x=1") //=> "a header value has a carriage return (U+000D) at position 1"
 */
export function invalidHeaderValue(value: string): string | undefined {
  if (typeof value !== "string") return `a header value is a string, got ${typeof value}`
  if (printable.test(value) || !notInValue.test(value)) return undefined
  const at = value.search(notInValue)
  const above = value.charCodeAt(at) > 0xff ? ", and a value takes characters up to U+00FF" : ""
  return `a header value has ${character(value, at)} at position ${at}${above}`
}

const spoken: Readonly<Record<number, string>> = { 0: "NUL", 10: "a line feed", 13: "a carriage return" }

/** A character of a text in words, as error messages name it. */
function character(text: string, at: number): string {
  const code = text.codePointAt(at)!
  const number = `(U+${code.toString(16).toUpperCase().padStart(4, "0")})`
  const word =
    spoken[code] ?? (code < 32 || code === 127 ? "a control character" : JSON.stringify(String.fromCodePoint(code)))
  return `${word} ${number}`
}
