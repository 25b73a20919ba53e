/**
 * What a style sheet refers to, by the tokens of CSS Syntax Level 3: `url(…)`, `@import "…"` and the strings of
 * `image-set(…)`. What only looks like one, in a comment, a string or a token that is broken, is none.
 *
 * Texts are bytes as latin1, one character each: a style sheet that is not UTF-8 stays as it is, byte by byte.
 */

import { Buffer } from "node:buffer"

/** A reference as it stands in a text. */
export interface Reference {
  /** What it says, without quotes and escapes; bytes as latin1. */
  readonly value: string
  /** Where in the text a character of `value` stands, and for its length, where it ends. */
  at(index: number): number
}

const space = "[ \\t\\n\\r\\f]"
const escapePattern = `\\\\(?:[0-9a-fA-F]{1,6}(?:\\r\\n|${space})?|[^\\n\\r\\f0-9a-fA-F])`
const nameRest = `(?:[-\\w\\x80-\\xff]+|${escapePattern})*`
const spaces = new RegExp(`${space}*`, "y")
const oneEscape = new RegExp(escapePattern, "y")
/** A line that goes on in the next, or at the end of the file in nothing. */
const continued = /\\(?:\r\n|[\n\r\f]|$)/y
const name = new RegExp(`(?:--|-?(?:[a-zA-Z_\\x80-\\xff]|${escapePattern}))${nameRest}`, "y")
/** What goes on like a name and is none: numbers with their unit, and `#name`. */
const noName = new RegExp(`[0-9#]${nameRest}`, "y")
const everyEscape = new RegExp(`${escapePattern}|${continued.source}`, "g")
const commentEnd = /\*\//g
const stringEnd = { '"': /["\\\n\r\f]/g, "'": /['\\\n\r\f]/g }
const urlEnd = /["'()\\\x00- \x7f]/g
const remnantEnd = /[)\\]/g
const isImageSet = /^(?:-webkit-)?image-set$/

/**
 * The references of a style sheet, in their order.
 *
 * @example
 * cssReferences(`@import "a.css"; b { background: url( 'c\\29.png' ) } /* url(d.png) *\/`).map(({ value }) => value) //=> ["a.css", "c).png"]
 */
export function cssReferences(text: string): Reference[] {
  return new Scanner(text).scan()
}

class Scanner {
  readonly #text: string
  readonly #found: Reference[] = []
  #at = 0
  /** The functions that are open, innermost last; "" for a parenthesis. */
  readonly #open: string[] = []
  /** The at-keyword before, as long as it says what the next URL is. */
  #rule = ""

  constructor(text: string) {
    this.#text = text
  }

  scan(): Reference[] {
    const text = this.#text
    while (this.#at < text.length) {
      const character = text[this.#at]!
      if (text.startsWith("/*", this.#at)) this.#at = next(commentEnd, text, this.#at + 2) + 2
      else if (this.#match(spaces) !== "") continue
      else if (character === '"' || character === "'") this.#string(character)
      else if (text.startsWith("<!--", this.#at)) this.#at += 4
      else if (text.startsWith("-->", this.#at)) this.#at += 3
      else this.#other(character)
    }
    return this.#found
  }

  #other(character: string): void {
    if (this.#rule === "import" || character === ";" || character === "{") this.#rule = ""
    if (character === "@") {
      this.#at++
      this.#rule = withoutEscapes(this.#match(name)).toLowerCase()
      return
    }
    if (this.#match(noName) !== "") return
    const word = withoutEscapes(this.#match(name)).toLowerCase()
    if (word === "") {
      if (character === "(") this.#open.push("")
      else if (character === ")") this.#open.pop()
      this.#at++
    } else if (this.#text[this.#at] === "(") {
      this.#at++
      this.#match(spaces)
      const first = this.#text[this.#at]
      if (word === "url" && first !== '"' && first !== "'") this.#url()
      else this.#open.push(word)
      // Only the first string is the URL.
      if (word === "url" && (first === '"' || first === "'")) this.#string(first, true)
    }
  }

  /** The rest of `url(…)` without quotes. */
  #url(): void {
    const text = this.#text
    const start = this.#at
    do this.#at = next(urlEnd, text, this.#at)
    while (this.#match(oneEscape) !== "")
    const end = this.#at
    this.#match(spaces)
    if (this.#at >= text.length || text[this.#at] === ")") this.#add(start, end)
    else {
      // A bad URL: what is left of it, up to the parenthesis, means nothing.
      this.#at = next(remnantEnd, text, this.#at)
      while (text[this.#at] === "\\") this.#at = next(remnantEnd, text, this.#at + 2)
    }
    this.#at++
  }

  #string(quote: '"' | "'", isUrl = false): void {
    const text = this.#text
    const start = ++this.#at
    do this.#at = next(stringEnd[quote], text, this.#at)
    while (this.#match(oneEscape) !== "" || this.#match(continued) !== "")
    const end = this.#at
    const isFetched = isUrl || this.#rule === "import" || isImageSet.test(this.#open.at(-1) ?? "")
    if (this.#rule === "import") this.#rule = ""
    // A line's end breaks a string; the end of the file closes it.
    if (end < text.length && text[end] !== quote) return
    this.#at++
    if (isFetched) this.#add(start, end)
  }

  #add(start: number, end: number): void {
    // The name of a namespace is compared and never fetched.
    if (this.#rule !== "namespace") this.#found.push(referenceAt(this.#text, start, end))
  }

  /** What a sticky expression matches here; the scanner is then behind it. */
  #match(expression: RegExp): string {
    expression.lastIndex = this.#at
    const [found] = expression.exec(this.#text) ?? [""]
    this.#at += found.length
    return found
  }
}

/** Where the next match is, or the end. */
function next(expression: RegExp, text: string, from: number): number {
  expression.lastIndex = from
  return expression.exec(text)?.index ?? text.length
}

/** The reference between two places of a text, without escapes. */
export function referenceAt(text: string, start: number, end: number): Reference {
  const raw = text.slice(start, end)
  if (!raw.includes("\\")) return { value: raw, at: (index) => start + index }
  let value = ""
  const places: number[] = []
  const add = (characters: string, at: number, step: number): void => {
    for (let i = 0; i < characters.length; i++) places.push(start + at + i * step)
    value += characters
  }
  let done = 0
  for (const { 0: escaped, index } of raw.matchAll(everyEscape)) {
    add(raw.slice(done, index), done, 1)
    add(withoutEscapes(escaped), index, 0)
    done = index + escaped.length
  }
  add(raw.slice(done), done, 1)
  places.push(end)
  return { value, at: (index) => places[index]! }
}

function withoutEscapes(raw: string): string {
  if (!raw.includes("\\")) return raw
  return raw.replace(everyEscape, (escaped) => {
    if (/^\\[0-9a-fA-F]/.test(escaped)) {
      const code = Number.parseInt(escaped.slice(1), 16)
      const isCharacter = code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff)
      return Buffer.from(String.fromCodePoint(isCharacter ? code : 0xfffd)).toString("latin1")
    }
    return /^\\(?:[\n\r\f]|$)/.test(escaped) ? "" : escaped.slice(1)
  })
}
