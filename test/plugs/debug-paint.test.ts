/** Colours of source lines. */
import fc from "fast-check"
import { expect, test } from "vitest"
import { escapeHtml } from "../../src/http/html.ts"
import { paint } from "../../src/plugs/debug-paint.ts"

test("property: whatever the line is, only spans are added to its escaped text", () => {
  const pieces = fc.constantFrom(
    "<",
    ">",
    "&",
    '"',
    "'",
    "`",
    "\\",
    "//",
    "/*",
    "*/",
    " ",
    "return",
    "a",
    "1",
    "$",
    ".",
    "\t",
  )
  fc.assert(
    fc.property(fc.array(pieces), (parts) => {
      const line = parts.join("")
      const html = paint(line)
      expect(html.replace(/<span class="(?:comment|text|word|number)">|<\/span>/g, "")).toBe(escapeHtml(line))
    }),
  )
})

test.each([
  ["  // a 'b", '  <span class="comment">// a &#39;b</span>'],
  [" * of a block", '<span class="comment"> * of a block</span>'],
  ["a * b", "a * b"],
  ["x.return + returned + $return", "x.return + returned + $return"],
  ["'it\\'s' // 1", '<span class="text">&#39;it\\&#39;s&#39;</span> <span class="comment">// 1</span>'],
])("%s", (line, html) => expect(paint(line)).toBe(html))

test("takes time in proportion to what a line may hold", () => {
  for (const piece of ["'", "/*", "`\\", "1", "a.", "* "]) expect(paint(piece.repeat(300)).length).toBeGreaterThan(0)
})
