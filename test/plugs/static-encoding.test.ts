import fc from "fast-check"
import { expect, test } from "vitest"
import { acceptedVariants, brotli, gzip, zstd } from "../../src/plugs/static-encoding.ts"

const ours = [brotli, zstd, gzip]

test("what is given is accepted, ordered by q-value and then by our order (property)", () => {
  const q = fc.integer({ min: 0, max: 1000 }).map((value) => value / 1000)
  fc.assert(
    fc.property(fc.shuffledSubarray(ours), fc.array(q, { minLength: 3, maxLength: 3 }), (named, values) => {
      const weights = new Map(named.map(({ encoding }, i) => [encoding, values[i]!]))
      const header = [...weights].map(([name, value]) => `${name};q=${value.toFixed(3)}`).join(", ")
      const wanted = ours
        .filter(({ encoding }) => (weights.get(encoding) ?? 0) > 0)
        .sort((a, b) => weights.get(b.encoding)! - weights.get(a.encoding)!)
      expect(acceptedVariants(header === "" ? undefined : header, ours)).toEqual(wanted)
    }),
  )
})

test("what the client likes less than the original is not given", () => {
  expect(acceptedVariants("identity, gzip;q=0.5", ours)).toEqual([])
  expect(acceptedVariants("identity;q=0.5, gzip;q=0.8, br;q=0.2", ours)).toEqual([gzip])
  expect(acceptedVariants("identity;q=0, gzip", ours)).toEqual([gzip])
})

test("a star stands for all that are not named", () => {
  expect(acceptedVariants("gzip;q=0, *", ours)).toEqual([brotli, zstd])
})
