import { expect, test } from "vitest"
import { decide, infoOf, rateOf } from "../../src/plugs/gcra.ts"

test("a rate costs whole microseconds, rounded down, so that a window never holds less than the limit", () => {
  for (let limit = 1; limit < 500; limit++) {
    const { interval } = rateOf(limit, 7, limit)
    expect(Number.isInteger(interval)).toBe(true)
    expect(interval * limit).toBeLessThanOrEqual(7_000_000)
    expect(7_000_000 - interval * limit).toBeLessThan(limit)
  }
})

test("an info is in whole seconds, rounded up, and in whole requests, rounded down", () => {
  const rate = rateOf(3, 60, 3)
  const first = decide(rate, 0, 1, 1)
  expect(infoOf("a", rate, first, 1)).toEqual({
    name: "a",
    limit: 3,
    window: 60,
    remaining: 2,
    reset: 20,
    retryAfter: 0,
  })
  const full = { allowed: false, backlog: rate.tolerance - 1 }
  expect(infoOf("a", rate, full, 1)).toMatchObject({ remaining: 0, reset: 60, retryAfter: 20 })
  expect(infoOf("a", rate, { allowed: false, backlog: 0 }, 4).retryAfter).toBeUndefined()
})

test("who is refused is told at least a second, so that nobody comes back at once", () => {
  const rate = rateOf(1_000, 1, 1)
  expect(infoOf("a", rate, { allowed: false, backlog: 1 }, 1).retryAfter).toBe(1)
})
