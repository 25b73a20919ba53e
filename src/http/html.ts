/** Escaping for HTML: the five characters that can leave a text or a quoted attribute. */

const special = /[&<>"']/
const everySpecial = /[&<>"']/g
const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" }

/**
 * Escapes `& < > " '` for HTML text and quoted attributes.
 *
 * @example
 * escapeHtml("<a href='x'>&</a>") //=> "&lt;a href=&#39;x&#39;&gt;&amp;&lt;/a&gt;"
 */
export function escapeHtml(text: string): string {
  return special.test(text) ? text.replace(everySpecial, (character) => entities[character]!) : text
}
