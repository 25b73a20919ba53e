/**
 * Where in HTML the values of a template stand, told from its static strings alone (WHATWG HTML §13.2.5, the tokenizer's
 * states as far as templates need them).
 *
 * A value is a hole. A hole where no escaping makes a value safe is refused, and so is a template that ends anywhere but in
 * text: then every template that went through is whole, and one inside another changes nothing for what follows.
 */

import { UsageError } from "../conn/errors.ts"

/**
 * What a value becomes: text; an attribute; a URL whose scheme it may choose; code of a `script`; code of an attribute such
 * as `onclick`; CSS; a page in `srcdoc`; an attribute that is there or not.
 */
export type HoleKind = "text" | "attribute" | "url" | "script" | "handler" | "css" | "style" | "srcdoc" | "flag"
export interface Hole {
  readonly kind: HoleKind
  /** The attribute or element. */
  readonly name: string
  /** What stands in a URL before the value, from its begin or from the value before. */
  readonly before: string
  /** Whether it is the first value in its attribute. */
  readonly first: boolean
}
export interface Template {
  /** One more than holes. */
  readonly strings: readonly string[]
  readonly holes: readonly Hole[]
}

/**
 * The holes of a template. Raises `UsageError` that shows the place for a value that cannot be made safe there, and for a
 * template that ends inside a tag, a comment, or an element without markup.
 *
 * @example
 * templateOf(["<a title='", "'>", "</a>"]).holes.map(({ kind }) => kind) //=> ["attribute", "text"]
 * templateOf(["<a title=", ">", "</a>"]) //=> throws UsageError
 */
export function templateOf(statics: readonly string[]): Template {
  const scanner = new Scanner()
  const strings = [...statics]
  const holes: Hole[] = []
  for (const [i, text] of statics.entries()) {
    scanner.read(text)
    if (i === statics.length - 1) break
    const hole = scanner.hole(text)
    holes.push(hole)
    if (hole.kind !== "flag") continue
    strings[i] = strings[i]!.replace(flagStart, "")
    strings[i + 1] = strings[i + 1]!.slice(1)
  }
  scanner.end()
  return { strings, holes }
}

type State =
  | "text"
  | "tag open"
  | "end tag open"
  | "declaration"
  | "comment"
  | "tag name"
  | "tag"
  | "attribute name"
  | "after name"
  | "before value"
  | "quoted value"
  | "bare value"
  | "raw text"

const flagStart = /[\t\n\f\r ]*\?[^\t\n\f\r />=]*[\t\n\f\r ]*=[\t\n\f\r ]*["']$/
const endOfTagName = /[\t\n\f\r />]/g
const endOfName = /[\t\n\f\r />=]/g
const endOfBare = /[\t\n\f\r >]/g
const notSpace = /[^\t\n\f\r ]/g
const notBetween = /[^\t\n\f\r /]/g
const endOfComment = /--!?>/g
/** What an empty value, or one of letters, could complete. */
const halfComment = /-!?$/
const halfTag = /<(?:\/[a-z]*)?$/i

/** Elements whose content is no markup, or text with entities only. Not `noscript`, which is either. */
const rawElements = new Set("script style title textarea xmp iframe noembed noframes plaintext".split(" "))
const urlAttributes = new Set(
  "href src action formaction data poster background cite ping manifest xlink:href".split(" "),
)

class Scanner {
  private state: State = "text"
  private tag = ""
  private closing = false
  private name = ""
  private quote = ""
  /** What stands in the attribute since its begin or its last hole. */
  private value = ""
  private first = true
  /** Whether the static part of a URL has said what its scheme is. */
  private decided = false

  read(text: string): void {
    let at = 0
    while (at < text.length) at = this.step(text, at)
  }

  private to(state: State, at: number): number {
    this.state = state
    return at
  }

  /** Reads on from a position to another. */
  private step(text: string, at: number): number {
    const character = text[at]!
    switch (this.state) {
      case "text": {
        const tag = text.indexOf("<", at)
        return tag < 0 ? text.length : this.to("tag open", tag + 1)
      }
      case "tag open":
        if (character === "/") return this.to("end tag open", at + 1)
        if (text.startsWith("!--", at)) return this.comment(text, at + 3)
        if (character === "!" || character === "?") return this.to("declaration", at)
        return this.tagName(character, at, false, "text")
      case "end tag open":
        return character === ">" ? this.to("text", at + 1) : this.tagName(character, at, true, "declaration")
      case "declaration": {
        const end = text.indexOf(">", at)
        return end < 0 ? text.length : this.to("text", end + 1)
      }
      case "comment": {
        const end = search(endOfComment, text, at)
        return end === text.length ? end : this.to("text", text.indexOf(">", end) + 1)
      }
      case "tag name": {
        const end = search(endOfTagName, text, at)
        this.tag += text.slice(at, end).toLowerCase()
        return end === text.length ? end : this.to("tag", end)
      }
      case "tag": {
        const next = search(notBetween, text, at)
        if (next > at) return next
        if (character === ">") return this.tagEnd(at + 1)
        this.name = character.toLowerCase()
        return this.to("attribute name", at + 1)
      }
      case "attribute name": {
        const end = search(endOfName, text, at)
        this.name += text.slice(at, end).toLowerCase()
        if (end === text.length) return end
        return text[end] === "=" ? this.to("before value", end + 1) : this.to("after name", end)
      }
      case "after name": {
        const next = search(notSpace, text, at)
        if (next === text.length) return next
        return text[next] === "=" ? this.to("before value", next + 1) : this.to("tag", next)
      }
      case "before value": {
        const next = search(notSpace, text, at)
        if (next > at) return next
        if (character === ">") return this.tagEnd(at + 1)
        if (character !== '"' && character !== "'") return this.to("bare value", at)
        this.quote = character
        this.value = ""
        this.first = true
        this.decided = false
        return this.to("quoted value", at + 1)
      }
      case "quoted value": {
        const end = text.indexOf(this.quote, at)
        this.value += text.slice(at, end < 0 ? text.length : end)
        if (end < 0) return text.length
        if (this.name.startsWith("?") && !this.first && this.value !== "") throw this.flagError()
        return this.to("tag", end + 1)
      }
      case "bare value": {
        const end = search(endOfBare, text, at)
        return end === text.length ? end : this.to("tag", end)
      }
      case "raw text": {
        const end = search(new RegExp(`</${this.tag}(?=[\\t\\n\\f\\r />])`, "gi"), text, at)
        if (end === text.length) return end
        this.tag = ""
        this.closing = true
        return this.to("tag name", end + 2)
      }
    }
  }

  private comment(text: string, at: number): number {
    const empty = /^-?>/.exec(text.slice(at, at + 2))
    return empty === null ? this.to("comment", at) : this.to("text", at + empty[0].length)
  }

  private tagName(character: string, at: number, closing: boolean, otherwise: State): number {
    if (!/[a-z]/i.test(character)) return this.to(otherwise, at)
    this.tag = ""
    this.closing = closing
    return this.to("tag name", at)
  }

  private tagEnd(at: number): number {
    return this.to(!this.closing && rawElements.has(this.tag) ? "raw text" : "text", at)
  }

  /** The hole behind all that was read so far, of which `text` is the last piece. */
  hole(text: string): Hole {
    const shown = text.slice(-40)
    switch (this.state) {
      case "text":
        return textHole
      case "raw text":
      case "comment":
        if ((this.state === "comment" ? halfComment : halfTag).test(text))
          throw refusal(shown, "a value may not complete the end of an element or comment; put a space before it")
        if (this.state === "comment" || (this.tag !== "script" && this.tag !== "style")) return textHole
        return { ...textHole, kind: this.tag === "script" ? "script" : "css", name: this.tag }
      case "quoted value":
        return this.attributeHole(shown)
      case "before value":
      case "bare value":
        throw refusal(shown, `the value of ${this.name} needs quotes around it, since a space would end it`)
      default:
        throw refusal(
          shown,
          'a value may be text or stand in the quotes of an attribute; for one that is there or not write ?name="…"',
        )
    }
  }

  private attributeHole(shown: string): Hole {
    const { name, value: before, first } = this
    const isUrl = urlAttributes.has(name)
    if (isUrl && first) {
      if (/^[\0-\x20]*javascript:/i.test(before)) throw refusal(shown, "a javascript: URL takes no values")
      this.decided = /[:/?#]/.test(before)
    }
    this.first = false
    this.value = ""
    if (name.startsWith("?")) {
      if (!first || before !== "") throw this.flagError()
      return { kind: "flag", name: name.slice(1), before, first }
    }
    return { kind: isUrl && !this.decided ? "url" : kindOf(name), name, before, first }
  }

  private flagError(): UsageError {
    return new UsageError(
      `html: ${this.name} decides whether its attribute is there, and takes one value and nothing else`,
    )
  }

  /** Raises unless all that was opened is closed. */
  end(): void {
    if (this.state === "text") return
    const where = this.state === "raw text" ? `the content of <${this.tag}>` : `a ${this.state}`
    throw new UsageError(`html: a template is whole, and this one ends inside ${where}`)
  }
}

const textHole: Hole = { kind: "text", name: "", before: "", first: true }

function kindOf(attribute: string): HoleKind {
  if (attribute.startsWith("on")) return "handler"
  return attribute === "style" || attribute === "srcdoc" ? attribute : "attribute"
}

/** Where a pattern is found from a position on; the end where it is not. */
function search(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from
  return pattern.exec(text)?.index ?? text.length
}

function refusal(shown: string, why: string): UsageError {
  return new UsageError(`html: ${why}; behind ${JSON.stringify(shown)}`)
}
