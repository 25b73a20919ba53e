import fc from "fast-check"
import { expect, test } from "vitest"
import { escapeHtml } from "../../src/http/html.ts"

test("escapeHtml escapes the five characters and nothing else", () => {
  expect(escapeHtml(`<a href="x" id='y'>&amp;</a>`)).toBe(
    "&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;amp;&lt;/a&gt;",
  )
  expect(escapeHtml("é`=/\0")).toBe("é`=/\0")
  expect(escapeHtml("")).toBe("")
})

test("what is escaped has no character left that could end a text or an attribute, and reads as it was", () => {
  const entities: Record<string, string> = { "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'", "&amp;": "&" }
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."<>&\"'a;#", "&lt;") }), (text) => {
      const escaped = escapeHtml(text)
      expect(escaped).not.toMatch(/[<>"']/)
      expect(escaped.replace(/&[^;]*;/g, (entity) => entities[entity]!)).toBe(text)
    }),
  )
})
