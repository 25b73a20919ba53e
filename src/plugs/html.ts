/** HTML as a tagged template: every value is escaped for the place where it stands, or refused there. */

import { UsageError } from "../conn/errors.ts"
import { escapeHtml } from "../http/html.ts"
import { type Hole, type Template, templateOf } from "./html-holes.ts"

/** A piece of HTML. `String(page)` is its text. Made by `html` and `raw` alone. */
class Html {
  readonly #text: string
  readonly #trusted: boolean
  constructor(text: string, trusted: boolean) {
    this.#text = text
    this.#trusted = trusted
  }
  /** Whether the programmer has vouched for it, as code, too. */
  static isTrusted(value: unknown): boolean {
    return value instanceof Html && value.#trusted
  }
  toString(): string {
    return this.#text
  }
}

export type { Html }

/** JSON that can stand in a `script`. */
class ScriptJson {
  readonly #text: string
  constructor(text: string) {
    this.#text = text
  }
  toString(): string {
    return this.#text
  }
}

export type { ScriptJson }

/** Templates are one object for each place in the source, however often it is run. */
const templates = new WeakMap<readonly string[], Template>()

/**
 * HTML with values in it. What values become depends on where they stand, which is told from the text around them:
 *
 * - in text and in quoted attributes `& < > " '` are escaped. Lists are joined, `html` inside `html` stays what it is, null,
 *   undefined and false are nothing. An object that has no text of its own raises `UsageError`.
 * - in attributes that are URLs (`href`, `src`, `action` …) a value that makes it `javascript:`, `vbscript:` or `data:` (but
 *   for images without scripts, audio, video and fonts) becomes `about:invalid`.
 * - in `script` and in attributes such as `onclick` only `scriptJson(value)` and `raw(text)` are taken; in `style`, as element
 *   or attribute, only numbers and `raw(text)`; in `srcdoc` only `html`. All else raises `UsageError`.
 * - `?disabled="${condition}"` is the attribute without a value where the condition holds, and nothing otherwise.
 *
 * Raises `UsageError` for a value in an attribute without quotes or elsewhere in a tag, and for a template that is not whole.
 * A URL that is safe to follow may still lead anywhere, and one that is safe in `href` says nothing of a script's `src`.
 *
 * @example
 * const [name, page] = ["<b>", "javascript:alert(1)"]
 * String(html`<p title="${name}">${[html`<i>${name}</i>`, null]}</p>`) //=> '<p title="&lt;b&gt;"><i>&lt;b&gt;</i></p>'
 * String(html`<a href="${page}" ?hidden="${false}">it</a>`) //=> '<a href="about:invalid">it</a>'
 * html`<script>start("${name}")</script>` //=> throws UsageError
 */
export function html(strings: TemplateStringsArray, ...values: unknown[]): Html {
  const { strings: pieces, holes } = templates.get(strings) ?? remember(strings)
  let text = pieces[0]!
  let url = ""
  for (let i = 0; i < holes.length; i++) {
    const hole = holes[i]!
    const value = values[i]
    if (hole.kind === "url") {
      const soFar = (hole.first ? "" : url) + hole.before
      const leads = isUnsafe(soFar + textOf(value)) ? invalidUrl : value
      url = soFar + textOf(leads)
      text += attribute(leads)
    } else text += put(value, hole)
    text += pieces[i + 1]!
  }
  return new Html(text, false)
}

/**
 * Text that is HTML already and that you vouch for: never with anything of a client's in it that was not made safe before.
 * It is taken where code stands, too.
 *
 * @example
 * String(html`<p>${raw("<b>bold</b>")}</p>`) //=> "<p><b>bold</b></p>"
 */
export function raw(text: string): Html {
  if (typeof text !== "string") throw new UsageError(`raw takes a text, got ${typeof text}`)
  return new Html(text, true)
}

/**
 * A value as JSON that is at home in a `script` as well, since it holds no `<`, `>`, `&` and no line end of JavaScript's own
 * (U+2028, U+2029). Raises `UsageError` for what JSON cannot write.
 *
 * @example
 * String(scriptJson({ a: "</script>" })) //=> '{"a":"\\u003c/script\\u003e"}'
 * String(html`<script>start(${scriptJson([1, "&"])})</script>`) //=> '<script>start([1,"\\u0026"])</script>'
 */
export function scriptJson(value: unknown): ScriptJson {
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (cause) {
    throw new UsageError(`scriptJson: ${(cause as Error).message}`, { cause })
  }
  if (text === undefined) throw new UsageError(`scriptJson: JSON cannot write a ${typeof value}`)
  return new ScriptJson(text.replace(/[<>&\u2028\u2029]/g, unicodeEscape))
}

function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
}

function remember(strings: TemplateStringsArray): Template {
  // What a client sent is never frozen, as the strings of a template are.
  if (!Array.isArray(strings) || !Object.isFrozen(strings) || !Array.isArray(strings.raw)) {
    throw new UsageError(
      "html is a tag, to be written before a template: html`…`; for text that is HTML there is raw(text)",
    )
  }
  if (strings.some((piece) => piece === undefined)) throw new UsageError("html: the template has a malformed escape")
  const template = templateOf(strings)
  templates.set(strings, template)
  return template
}

function put(value: unknown, { kind, name }: Hole): string {
  switch (kind) {
    case "text":
      return content(value)
    case "flag":
      return value ? ` ${name}` : ""
    case "script":
      if (isCode(value)) return String(value)
      throw refused(`<script> takes scriptJson(value), or raw(text) that is code`, value)
    case "handler":
      if (isCode(value)) return attribute(value)
      throw refused(`${name} is code and takes scriptJson(value), or raw(text)`, value)
    case "css":
    case "style":
      if (Html.isTrusted(value) || typeof value === "number") return kind === "css" ? String(value) : attribute(value)
      throw refused("CSS takes numbers, or raw(text)", value)
    case "srcdoc":
      if (value instanceof Html) return escapeHtml(String(value))
      throw refused("srcdoc is a page and takes html`…`", value)
    default:
      return attribute(value)
  }
}

function isCode(value: unknown): boolean {
  return value instanceof ScriptJson || Html.isTrusted(value)
}

function content(value: unknown): string {
  if (typeof value === "string") return escapeHtml(value)
  if (value instanceof Html) return String(value)
  return Array.isArray(value) ? joined(value, content) : escapeHtml(textOf(value))
}

/** HTML keeps its entities in an attribute; what would end it, or look like a tag, becomes one. */
function attribute(value: unknown): string {
  if (value instanceof Html) return String(value).replace(/[<>"']/g, escapeHtml)
  return Array.isArray(value) ? joined(value, attribute) : escapeHtml(textOf(value))
}

function joined(list: readonly unknown[], write: (value: unknown) => string): string {
  let text = ""
  for (const item of list) text += write(item)
  return text
}

/** A value as text that is not escaped. */
function textOf(value: unknown): string {
  if (typeof value === "string") return value
  if (typeof value === "number" || typeof value === "bigint") return String(value)
  if (value === null || value === undefined || value === false) return ""
  if (value === true) return "true"
  if (Array.isArray(value)) return joined(value, textOf)
  if (typeof value === "object" && hasText(value)) return String(value)
  throw refused("a value is text, a number, html, or a list of these", value)
}

/** Not what only says "[object Object]": that a promise was not awaited, or a field forgotten. */
function hasText(value: object): boolean {
  return typeof value.toString === "function" && value.toString !== Object.prototype.toString
}

function refused(takes: string, value: unknown): UsageError {
  const got =
    typeof value !== "object" || value === null ? `a ${typeof value}` : `a ${value.constructor?.name ?? "map"}`
  return new UsageError(`html: ${takes}; got ${value === null ? "null" : got}`)
}

const invalidUrl = "about:invalid"
const unsafeScheme =
  /^(?:javascript|vbscript):|^data:(?!(?:audio|video|font)\/|image\/(?:png|jpe?g|gif|webp|avif|bmp|vnd\.microsoft\.icon|x-icon)[;,])/i

/** Browsers leave out line ends and tabs anywhere in a URL, and controls before it; here all are left out. */
function isUnsafe(url: string): boolean {
  return url.includes(":") && unsafeScheme.test(url.replace(/[\0-\x20]/g, ""))
}
