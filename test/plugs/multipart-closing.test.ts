import fc from "fast-check"
import { expect, test } from "vitest"
import { ClosingBoundary } from "../../src/plugs/multipart-closing.ts"
import { piecesOf, size, soup } from "./multipart-bodies.ts"

test("the closing boundary is found where a search of the whole body finds it, in pieces of any size", () => {
  fc.assert(
    fc.property(soup(["\r\n", "\r", "--", "-", "b", "\r\n--b", "--b--", "x"]), size, (body, length) => {
      const at = Buffer.concat([Buffer.from("\r\n"), body]).indexOf("\r\n--b--")
      const wanted = at < 0 ? body : body.subarray(0, at + 5)
      const closing = new ClosingBoundary("b")
      const kept = Buffer.concat([...piecesOf(body, length)].map((piece) => closing.upTo(piece)))
      expect(kept.toString()).toBe(wanted.toString())
    }),
    { numRuns: 3000 },
  )
})
