/** What every store of rateLimit must do, against models that know nothing of its formula. */
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { type Limiter, type Rate, rateOf, type Verdict } from "../../src/plugs/gcra.ts"

/** A bucket of tokens in exact arithmetic: `burst` of them, refilled by `limit` per window. */
class Bucket {
  /** Tokens times the microseconds of a window. */
  private tokens: bigint
  private last = 0n
  private readonly rate: Rate
  private readonly window: bigint
  constructor(rate: Rate) {
    this.rate = rate
    this.window = BigInt(rate.window) * 1_000_000n
    this.tokens = BigInt(rate.burst) * this.window
  }
  take(cost: number, now: number): { allowed: boolean; remaining: number } {
    const time = BigInt(now) * 1_000n
    const full = BigInt(this.rate.burst) * this.window
    const refilled = this.tokens + (time - this.last) * BigInt(this.rate.limit)
    this.tokens = refilled < full ? refilled : full
    this.last = time
    const wanted = BigInt(cost) * this.window
    const allowed = wanted <= this.tokens
    if (allowed) this.tokens -= wanted
    return { allowed, remaining: Number(this.tokens / this.window) }
  }
}

/** Rates whose requests cost whole microseconds, so that the bucket agrees to the last token. */
const wholeRate = fc
  .record({
    limit: fc.constantFrom(1, 2, 4, 5, 8, 10, 25, 100, 1_000),
    window: fc.constantFrom(1, 2, 3, 60, 3_600),
    burst: fc.integer({ min: 1, max: 12 }),
  })
  .map(({ limit, window, burst }) => rateOf(limit, window, burst))
const anyRate = fc
  .record({
    limit: fc.integer({ min: 1, max: 1_000 }),
    window: fc.integer({ min: 1, max: 1_000 }),
    burst: fc.integer({ min: 1, max: 12 }),
  })
  .map(({ limit, window, burst }) => rateOf(limit, window, burst))
const remaining = (rate: Rate, { backlog }: Verdict) => Math.floor((rate.tolerance - backlog) / rate.interval)

/** `open` gives an empty store with a clock in milliseconds; `runs` is how often a property is tried. */
export function limiterSuite(open: (now: () => number) => Limiter | Promise<Limiter>, runs: number): void {
  const clocked = async () => {
    const clock = { now: 1_700_000_000_000 }
    return { clock, store: await open(() => clock.now) }
  }

  describe("a store of rateLimit", () => {
    test("agrees with a bucket of tokens, request by request, for several keys at once", async () => {
      const step = fc.record({
        key: fc.constantFrom("a", "b", "__proto__"),
        wait: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 40_000 })),
        cost: fc.integer({ min: 0, max: 4 }),
      })
      await fc.assert(
        fc.asyncProperty(wholeRate, fc.array(step, { maxLength: 40 }), async (rate, steps) => {
          const { clock, store } = await clocked()
          const buckets = new Map<string, Bucket>()
          for (const { key, wait, cost } of steps) {
            clock.now += wait
            const bucket = buckets.get(key) ?? new Bucket(rate)
            buckets.set(key, bucket)
            const verdict = await store.take(key, cost, rate)
            expect({ allowed: verdict.allowed, remaining: remaining(rate, verdict) }).toEqual(
              bucket.take(cost, clock.now),
            )
          }
        }),
        { numRuns: runs },
      )
    })

    test("never allows more in any span of time than the burst and what the span makes up for", async () => {
      await fc.assert(
        fc.asyncProperty(anyRate, fc.array(fc.nat(3_000), { maxLength: 60 }), async (rate, waits) => {
          const { clock, store } = await clocked()
          const times: number[] = []
          for (const wait of waits) {
            clock.now += wait
            if ((await store.take("k", 1, rate)).allowed) times.push(clock.now)
          }
          for (const [first, from] of times.entries()) {
            for (const [last, to] of times.entries()) {
              if (last < first) continue
              const most = rate.burst + Math.floor(((to - from) * 1_000) / rate.interval)
              expect(last - first + 1).toBeLessThanOrEqual(most)
            }
          }
        }),
        { numRuns: runs },
      )
    })

    test("allows the whole limit again after a window, whatever the numbers", async () => {
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 100 }), async (limit, window) => {
          const { clock, store } = await clocked()
          const rate = rateOf(limit, window, limit)
          for (let round = 0; round < 3; round++) {
            for (let n = 0; n < limit; n++) expect((await store.take("k", 1, rate)).allowed).toBe(true)
            expect((await store.take("k", 1, rate)).allowed).toBe(false)
            clock.now += window * 1_000
          }
        }),
        { numRuns: Math.ceil(runs / 4) },
      )
    })

    test("says when a refused request will be allowed: then, and not a millisecond before", async () => {
      const { clock, store } = await clocked()
      const rate = rateOf(2, 1, 2)
      for (let n = 0; n < 2; n++) await store.take("k", 1, rate)
      const { allowed, backlog } = await store.take("k", 1, rate)
      expect([allowed, backlog]).toEqual([false, 1_000_000])
      const wait = (backlog + rate.interval - rate.tolerance) / 1_000
      clock.now += wait - 1
      expect((await store.take("k", 1, rate)).allowed).toBe(false)
      clock.now += 1
      expect((await store.take("k", 1, rate)).allowed).toBe(true)
    })

    test("counts nothing of a request that it refuses", async () => {
      const { clock, store } = await clocked()
      const rate = rateOf(1, 1, 1)
      await store.take("k", 1, rate)
      for (let n = 0; n < 50; n++) await store.take("k", 1, rate)
      clock.now += 1_000
      expect((await store.take("k", 1, rate)).allowed).toBe(true)
    })

    test("allows a cost of nothing always, and one above the burst never", async () => {
      const { clock, store } = await clocked()
      const rate = rateOf(1, 1, 2)
      expect(await store.take("k", 3, rate)).toEqual({ allowed: false, backlog: 0 })
      clock.now += 100_000
      expect((await store.take("k", 3, rate)).allowed).toBe(false)
      expect((await store.take("k", 2, rate)).allowed).toBe(true)
      expect(await store.take("k", 0, rate)).toEqual({ allowed: true, backlog: 2_000_000 })
    })

    test("outlives a clock that is set back: a key waits for one quota at most", async () => {
      const { clock, store } = await clocked()
      const rate = rateOf(2, 60, 2)
      for (let n = 0; n < 2; n++) await store.take("k", 1, rate)
      clock.now -= 86_400_000
      expect(await store.take("k", 1, rate)).toEqual({ allowed: false, backlog: rate.tolerance })
      clock.now += 29_999
      expect((await store.take("k", 1, rate)).allowed).toBe(false)
      clock.now += 1
      expect((await store.take("k", 1, rate)).allowed).toBe(true)
    })

    test("counts requests that come at the same moment one by one", async () => {
      const { store } = await clocked()
      const rate = rateOf(10, 60, 10)
      const verdicts = await Promise.all(Array.from({ length: 25 }, () => store.take("k", 1, rate)))
      expect(verdicts.filter(({ allowed }) => allowed)).toHaveLength(10)
    })

    test("takes keys as they are: long, odd, and none twice", async () => {
      const { store } = await clocked()
      const rate = rateOf(1, 60, 1)
      const keys = ["", " ", "a", "A", "a\0", "a\r\nb", "constructor", "__proto__", "é", "e\u0301", "x".repeat(1_000)]
      for (const key of keys) expect((await store.take(key, 1, rate)).allowed, JSON.stringify(key)).toBe(true)
      for (const key of keys) expect((await store.take(key, 1, rate)).allowed, JSON.stringify(key)).toBe(false)
    })
  })
}
