import fc from "fast-check"
import { expect, test } from "vitest"
import { ReplacementCount } from "../../src/plugs/multipart-utf8.ts"
import { piecesOf, size, soup } from "./multipart-bodies.ts"

test("the count of U+FFFD is that of the whole body, in pieces of any size", () => {
  fc.assert(
    fc.property(soup(["\ufffd", "a", "é", "\uffff", "\ufff0"]), size, (body, length) => {
      const count = new ReplacementCount()
      for (const piece of piecesOf(body, length)) count.sent(piece)
      expect(count.explains(body.toString())).toBe(true)
      expect(count.explains("\ufffd")).toBe(false)
    }),
    { numRuns: 3000 },
  )
})
