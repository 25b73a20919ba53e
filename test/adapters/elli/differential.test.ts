import fc from "fast-check"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { disagreement, Oracle } from "./oracle.ts"
import { broken, request, smuggling } from "./requests.ts"

let oracle: Oracle
beforeAll(async () => {
  oracle = await Oracle.start()
})
afterAll(() => oracle.stop())

/** Many at once: a message whose end does not come costs both servers their patience. */
const several = (text: fc.Arbitrary<string>, size: number) => fc.array(text, { minLength: size, maxLength: size })

describe("node:http as oracle", () => {
  test.each(Object.entries(smuggling))("%s: refused, and nothing behind it served", async (_, bytes) => {
    const { elli, node } = await oracle.read(bytes)
    expect(disagreement(bytes, elli, node)).toBeUndefined()
    expect({ seen: elli.seen, whole: elli.whole }).toEqual({ seen: [], whole: false })
    expect(elli.text).toMatch(/^HTTP\/1\.1 (?:400|431|501|505) .*connection: close\r\n/s)
  })

  test("what is well formed is accepted by both, and is the same request", async () => {
    await fc.assert(
      fc.asyncProperty(several(request, 20), async (all) => {
        await Promise.all(
          all.map(async (bytes) => {
            const { elli, node } = await oracle.read(bytes)
            expect(disagreement(bytes, elli, node)).toBeUndefined()
            expect(elli.whole, bytes).toBe(true)
          }),
        )
      }),
      { numRuns: 12 },
    )
  })

  test("what node refuses elli refuses, and where both accept they agree", async () => {
    const two = fc.tuple(request, request).map((pair) => pair.join(""))
    await fc.assert(
      fc.asyncProperty(several(broken(two), 40), async (all) => {
        const answers = await Promise.all(all.map(async (bytes) => ({ bytes, ...(await oracle.read(bytes)) })))
        for (const { bytes, elli, node } of answers) expect(disagreement(bytes, elli, node)).toBeUndefined()
      }),
      { numRuns: 20, endOnFailure: true },
    )
  }, 60_000)
})
