/** Colours for one line of source code: enough to find one's way in it, not a parser. */

import { escapeHtml } from "../http/html.ts"

const words =
  "abstract as async await break case catch class const continue default delete do else enum export extends false finally for " +
  "from function get if implements import in instanceof interface let new null of private protected public readonly return " +
  "satisfies set static super switch this throw true try type typeof undefined var void while yield"
const tokens = new RegExp(
  [
    /(?<comment>\/\/.*|\/\*.*?(?:\*\/|$)|^\s*\*(?:\s.*|\/)?$)/.source,
    /(?<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`)/.source,
    `(?<![\\w$.#])(?<word>${words.replaceAll(" ", "|")})(?![\\w$])`,
    /(?<![\w$])(?<number>\d[\w.]*)/.source,
  ].join("|"),
  "g",
)

/**
 * A line as HTML, escaped, its comments, texts, words of the language and numbers in `<span>`s.
 *
 * @example
 * paint("return a < 1") //=> '<span class="word">return</span> a &lt; <span class="number">1</span>'
 */
export function paint(line: string): string {
  let html = ""
  let from = 0
  for (const found of line.matchAll(tokens)) {
    const kind = Object.entries(found.groups!).find(([, value]) => value !== undefined)![0]
    html += `${escapeHtml(line.slice(from, found.index))}<span class="${kind}">${escapeHtml(found[0])}</span>`
    from = found.index + found[0].length
  }
  return html + escapeHtml(line.slice(from))
}
