/** How files and their source maps name one another (ECMA-426). Texts are bytes as latin1, one character each. */

import { type Reference, referenceAt } from "./digest-css.ts"

const key = "sourceMappingURL="
const opened = { js: /\/[/*][#@][ \t]*$/, css: /\/\*[#@][ \t]*$/ }
const trailing = { js: /\s|\/\/[^\n\r]*|\/\*.*?\*\//sy, css: /\s|\/\*.*?\*\//sy }

/**
 * The source map that a script (`//# sourceMappingURL=…`) or style sheet (`/*# sourceMappingURL=… *\/`) names in its last
 * comments; undefined when there is none, or code comes behind it.
 *
 * @example
 * sourceMapReference("go()//# sourceMappingURL=app.js.map\n", "js")?.value //=> "app.js.map"
 * sourceMapReference("//# sourceMappingURL=app.js.map\ngo()", "js") //=> undefined
 */
export function sourceMapReference(text: string, kind: "js" | "css"): Reference | undefined {
  const found = text.lastIndexOf(key)
  const before = opened[kind].exec(text.slice(Math.max(found - 32, 0), Math.max(found, 0)))?.[0]
  if (before === undefined) return undefined
  const isLine = before.startsWith("//")
  const line = /[ \t]*([^\s'"`*\\]+)[ \t]*(\*\/|[\n\r]|$)/y
  line.lastIndex = found + key.length
  const [whole, value, end] = line.exec(text) ?? []
  if (whole === undefined || (end === "*/") === isLine) return undefined
  let at = line.lastIndex
  while (at < text.length) {
    trailing[kind].lastIndex = at
    if (!trailing[kind].test(text)) return undefined
    at = trailing[kind].lastIndex
  }
  const start = text.indexOf(value!, found + key.length)
  return referenceAt(text, start, start + value!.length)
}

/**
 * The file that a source map is of, as its `file` says. A name with escapes of JSON is none.
 *
 * @example
 * mapReferences('{"version":3,"file":"app.js","sources":["file"]}').map(({ value }) => value) //=> ["app.js"]
 */
export function mapReferences(text: string): Reference[] {
  const references: Reference[] = []
  for (const { 0: whole, 1: value, index } of text.matchAll(/(?<!\\)"file"\s*:\s*"([^"\\]*)"/g)) {
    const end = index + whole.length - 1
    references.push(referenceAt(text, end - value!.length, end))
  }
  return references
}
