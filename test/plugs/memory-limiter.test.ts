import { InvalidOptionError } from "plumage"
import { describe, expect, test } from "vitest"
import { rateOf } from "../../src/plugs/gcra.ts"
import { type MemoryLimiterOptions, memoryLimiter } from "../../src/plugs/memory-limiter.ts"
import { limiterSuite } from "./limiter-suite.ts"

limiterSuite((now) => memoryLimiter({ now }), 200)

const rate = rateOf(1, 60, 1)
const opened = (maxKeys: number) => {
  const clock = { now: 0 }
  return { clock, store: memoryLimiter({ maxKeys, now: () => clock.now }) }
}

describe("a store in memory", () => {
  test("is sync", () => {
    expect(memoryLimiter().take("a", 1, rate)).toEqual({ allowed: true, backlog: 60_000_000 })
  })

  test("never has more keys than maxKeys, whoever comes", () => {
    const { clock, store } = opened(100)
    for (let n = 0; n < 10_000; n++) {
      clock.now += n % 7
      store.take(`k${n}`, 1, rate)
      expect(store.size).toBeLessThanOrEqual(100)
    }
    expect(store.size).toBe(100)
  })

  test("forgets those whose quota is whole first, and with all in use the one that was quiet longest", () => {
    const { clock, store } = opened(3)
    const short = rateOf(1, 1, 1)
    store.take("long", 1, rate)
    store.take("short", 1, short)
    store.take("other", 1, rate)
    clock.now += 2_000
    store.take("new", 1, rate)
    // "short" made room, though "long" is older.
    expect(store.take("long", 1, rate).allowed).toBe(false)
    expect(store.take("other", 1, rate).allowed).toBe(false)
    // "new" was quiet longest now: those that were refused were not.
    store.take("newer", 1, rate)
    expect(store.take("long", 1, rate).allowed).toBe(false)
    expect(store.take("new", 1, rate).allowed).toBe(true)
  })

  test("forgets as new keys come, and holds nothing for those that were refused for good or cost nothing", () => {
    const { clock, store } = opened(1_000)
    for (let n = 0; n < 500; n++) store.take(`k${n}`, 1, rate)
    clock.now += 61_000
    for (let n = 0; n < 100; n++) store.take(`n${n}`, 1, rate)
    expect(store.size).toBe(100)
    for (let n = 0; n < 100; n++) store.take(`x${n}`, 5, rate)
    for (let n = 0; n < 100; n++) store.take(`y${n}`, 0, rate)
    expect(store.size).toBe(100)
  })

  test("makes room in the same time however many keys it has", () => {
    const { store } = opened(100_000)
    for (let n = 0; n < 100_000; n++) store.take(`k${n}`, 1, rate)
    let looked = 0
    const real = Map.prototype.entries
    Map.prototype[Symbol.iterator] = function* (this: Map<unknown, unknown>) {
      for (const entry of { [Symbol.iterator]: () => real.call(this) }) {
        looked++
        yield entry
      }
    } as never
    try {
      for (let n = 0; n < 100; n++) store.take(`n${n}`, 1, rate)
    } finally {
      Map.prototype[Symbol.iterator] = real as never
    }
    expect(looked).toBeGreaterThan(0)
    expect(looked).toBeLessThanOrEqual(1_600)
  })

  test("keeps no timer", () => {
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length
    const before = timers()
    memoryLimiter().take("a", 1, rate)
    expect(timers()).toBe(before)
  })

  test.each([{ maxKeys: 0 }, { maxKeys: 1.5 }, { maxKeys: "9" }, { now: 5 }, { max: 5 }])("refuses %j", (options) => {
    expect(() => memoryLimiter(options as MemoryLimiterOptions)).toThrow(InvalidOptionError)
  })
})
