import { InvalidOptionError, ServiceUnavailableError } from "plumage"
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest"
import { rateOf } from "../../src/plugs/gcra.ts"
import { type RedisLimiterOptions, type RedisScriptClient, redisLimiter } from "../../src/plugs/redis-limiter.ts"
import { watchProcess } from "../adapters/suite/guard.ts"
import { settled } from "../loose.ts"
import { mayUseRedis, type OwnRedis, startRedis } from "../tools/redis.ts"
import { limiterSuite } from "./limiter-suite.ts"

watchProcess()
afterEach(() => void vi.useRealTimers())

const rate = rateOf(2, 60, 2)

describe.skipIf(!mayUseRedis("rate limits in Redis"))("in a real Redis", () => {
  let redis: OwnRedis
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis?.stop())

  let stores = 0
  const fresh = () => `s${stores++}:`
  limiterSuite((now) => redisLimiter({ client: redis.client, prefix: fresh(), now }), 40)

  test("by Redis's own clock, several processes count as one", async () => {
    const prefix = fresh()
    const [one, two] = [1, 2].map(() => redisLimiter({ client: redis.client, prefix }))
    expect((await one!.take("k", 1, rate)).allowed).toBe(true)
    const { allowed, backlog } = await two!.take("k", 1, rate)
    expect(allowed).toBe(true)
    expect(backlog).toBeGreaterThan(59_000_000)
    expect(backlog).toBeLessThanOrEqual(60_000_000)
    expect((await one!.take("k", 1, rate)).allowed).toBe(false)
  })

  test("keys end with their quota, and a refused request makes none live longer", async () => {
    const prefix = fresh()
    const store = redisLimiter({ client: redis.client, prefix })
    await store.take("k", 1, rate)
    const ttl = await redis.client.pTTL(`${prefix}k`)
    expect(ttl).toBeGreaterThan(29_000)
    expect(ttl).toBeLessThanOrEqual(30_000)
    await store.take("k", 9, rate)
    expect(await redis.client.pTTL(`${prefix}k`)).toBeLessThanOrEqual(ttl)
    await store.take("free", 0, rate)
    expect(await redis.client.exists(`${prefix}free`)).toBe(0)
  })

  test("the script is sent once, and again when Redis has lost it", async () => {
    await redis.client.scriptFlush()
    const sent = vi.spyOn(redis.client, "eval")
    const store = redisLimiter({ client: redis.client, prefix: fresh() })
    for (const n of [1, 2, 3]) expect((await store.take(`k${n}`, 1, rate)).allowed).toBe(true)
    expect(sent).toHaveBeenCalledTimes(1)
    await redis.client.scriptFlush()
    expect((await store.take("k4", 1, rate)).allowed).toBe(true)
    expect(sent).toHaveBeenCalledTimes(2)
    sent.mockRestore()
  })

  test("what somebody else has put at a key is no reason to fail, unless it is no text", async () => {
    const prefix = fresh()
    const store = redisLimiter({ client: redis.client, prefix })
    await redis.client.set(`${prefix}k`, "nonsense")
    expect((await store.take("k", 1, rate)).allowed).toBe(true)
    await redis.client.hSet(`${prefix}hash`, "a", "b")
    await expect(store.take("hash", 1, rate)).rejects.toThrow(ServiceUnavailableError)
  })

  test("a Redis that hangs or dies is an error in time, and nothing waits in a queue for it", async () => {
    const own = await startRedis()
    try {
      const store = redisLimiter({ client: own.client, timeout: 200 })
      expect((await store.take("k", 1, rate)).allowed).toBe(true)
      own.process.kill("SIGSTOP")
      const hanging = await Promise.resolve(store.take("k", 1, rate)).catch((error: unknown) => error)
      expect(hanging).toBeInstanceOf(ServiceUnavailableError)
      expect((hanging as Error).cause).toMatchObject({ message: "Redis did not answer within 200 ms" })
      const lost = new Promise((resolve) => own.client.once("error", resolve))
      own.process.kill("SIGKILL")
      await lost
      await settled()
      const dead = await Promise.resolve(store.take("k", 1, rate)).catch((error: unknown) => error)
      expect((dead as Error).cause).toMatchObject({ message: "Redis is not connected" })
    } finally {
      await own.stop()
    }
  })
})

describe("the store of a client", () => {
  const never: RedisScriptClient = { eval: () => new Promise(() => {}), evalSha: () => new Promise(() => {}) }
  const answering = (reply: unknown): RedisScriptClient => ({ eval: async () => reply, evalSha: async () => reply })

  test("that does not answer fails after half a second, and leaves no timer", async () => {
    vi.useFakeTimers()
    const failed = expect(redisLimiter({ client: never }).take("k", 1, rate)).rejects.toThrow(ServiceUnavailableError)
    await vi.advanceTimersByTimeAsync(499)
    expect(vi.getTimerCount()).toBe(1)
    await vi.advanceTimersByTimeAsync(1)
    await failed
    await redisLimiter({ client: answering([1, 0]) }).take("k", 1, rate)
    expect(vi.getTimerCount()).toBe(0)
  })

  test("that has too much to answer is asked no more, until it has answered", async () => {
    vi.useFakeTimers()
    const answers: ((reply: unknown) => void)[] = []
    const ask = () => new Promise<unknown>((resolve) => answers.push(resolve))
    const store = redisLimiter({ client: { eval: ask, evalSha: ask }, maxPending: 2 })
    const waiting = [1, 2].map(() => Promise.resolve(store.take("k", 1, rate)).catch((error: unknown) => error))
    await vi.advanceTimersByTimeAsync(500)
    expect(await Promise.all(waiting)).toEqual([
      expect.any(ServiceUnavailableError),
      expect.any(ServiceUnavailableError),
    ])
    await expect(store.take("k", 1, rate)).rejects.toThrow(ServiceUnavailableError)
    expect(answers).toHaveLength(2)
    // Late answers are for nobody, but there is room again.
    for (const answer of answers) answer([1, 0])
    await vi.advanceTimersByTimeAsync(0)
    const asked = store.take("k", 1, rate)
    answers[2]!([1, 5])
    expect(await asked).toEqual({ allowed: true, backlog: 5 })
  })

  test("that fails late fails for nobody", async () => {
    vi.useFakeTimers()
    let fail: (error: Error) => void = () => {}
    const ask = () =>
      new Promise((_, reject) => {
        fail = reject
      })
    const taken = expect(redisLimiter({ client: { eval: ask, evalSha: ask } }).take("k", 1, rate)).rejects.toThrow()
    await vi.advanceTimersByTimeAsync(500)
    await taken
    fail(new Error("late"))
    await vi.advanceTimersByTimeAsync(0)
  })

  test.each([null, "OK", [], [1], [1, "x"], { allowed: true }])("that answers %j is down", async (reply) => {
    await expect(redisLimiter({ client: answering(reply) }).take("k", 1, rate)).rejects.toThrow(ServiceUnavailableError)
  })

  test("does not show its error's text to clients", async () => {
    const client = { ...never, evalSha: () => Promise.reject(new Error("WRONGPASS secret")) }
    const failure = await Promise.resolve(redisLimiter({ client }).take("k", 1, rate)).catch((error) => error)
    expect(failure.message).not.toContain("secret")
    expect(failure.cause.message).toBe("WRONGPASS secret")
  })

  test.each([
    {},
    { client: {} },
    { client: { eval() {} } },
    { client: never, prefix: 1 },
    { client: never, timeout: 0 },
    { client: never, timeout: 2 ** 31 },
    { client: never, maxPending: 0 },
    { client: never, now: 1 },
    { client: never, url: "x" },
  ])("is refused with options %#", (options) => {
    expect(() => redisLimiter(options as unknown as RedisLimiterOptions)).toThrow(InvalidOptionError)
  })
})
