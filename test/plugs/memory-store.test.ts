import { InvalidOptionError } from "plumage"
import { describe, expect, test } from "vitest"
import { memoryStore } from "../../src/plugs/memory-store.ts"
import { sessionSuite } from "./session-suite.ts"

const shared = memoryStore()
describe("in memory,", () => {
  sessionSuite(() => shared, true)
})

describe("the memory store", () => {
  test("keeps a session for its ttl after it was last written, and no longer", () => {
    let now = 0
    const store = memoryStore({ ttl: 10, now: () => now })
    store.put("a", { n: 1 }, false)
    now = 9_999
    expect(store.get("a")).toEqual({ n: 1 })
    now = 10_000
    expect(store.get("a")).toBeUndefined()
    store.put("a", { n: 1 }, false)
    now += 9_000
    expect(store.put("a", { n: 2 }, true)).toBe(true)
    now += 9_000
    expect(store.get("a")).toEqual({ n: 2 })
  })

  test("drops the session that was used longest ago when one is too many", () => {
    const store = memoryStore({ maxSessions: 2 })
    store.put("a", {}, false)
    store.put("b", {}, false)
    store.get("a")
    store.put("c", {}, false)
    expect(["a", "b", "c"].map((id) => store.get(id) !== undefined)).toEqual([true, false, true])
    store.put("c", { n: 1 }, true)
    expect(store.get("a"), "a write of one that is there drops none").toBeDefined()
  })

  test("does not bring back a known session that is gone", () => {
    const store = memoryStore()
    expect(store.put("a", {}, true)).toBe(false)
    expect(store.get("a")).toBeUndefined()
  })

  test.each([
    { maxSessions: 0 },
    { maxSessions: 1.5 },
    { ttl: 0 },
    { ttl: Number.POSITIVE_INFINITY },
    { now: 5 },
    { max: 5 },
  ])("does not take %j", (options) => {
    expect(() => memoryStore(options as never)).toThrow(InvalidOptionError)
  })
})
