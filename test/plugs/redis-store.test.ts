import { InvalidOptionError, ServiceUnavailableError } from "plumage"
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest"
import { type RedisClient, redisStore } from "../../src/plugs/redis-store.ts"
import { mayUseRedis, type OwnRedis, startRedis } from "../tools/redis.ts"
import { Browser, sessionSuite } from "./session-suite.ts"

describe.skipIf(!mayUseRedis("sessions in Redis"))("in Redis,", () => {
  let redis: OwnRedis
  let client: OwnRedis["client"]

  beforeAll(async () => {
    redis = await startRedis()
    client = redis.client
  })
  afterAll(() => redis.stop())

  sessionSuite(() => redisStore({ client }), true)

  test("a session lives for its ttl, counted anew at each write, under a key that is no cookie's value", async () => {
    await client.flushAll()
    const browser = new Browser(redisStore({ client, prefix: "p:", ttl: 100 }))
    await browser.visit((session) => session.put("a", 1))
    const [key] = await client.keys("*")
    expect(key).toMatch(/^p:[\w-]{43}$/)
    expect(key).not.toContain(browser.cookie.slice(4))
    await client.expire(key!, 5)
    await browser.visit((session) => session.get("a"))
    expect(await client.ttl(key!)).toBeLessThanOrEqual(5)
    await browser.visit((session) => session.put("a", 1))
    expect(await client.ttl(key!)).toBeGreaterThan(90)
    expect(await client.get(key!)).toBe('{"a":1}')
  })

  test("a session whose time is over is empty, and a renewed one leaves nothing behind", async () => {
    await client.flushAll()
    const browser = new Browser(redisStore({ client }))
    await browser.visit((session) => session.put("a", 1))
    await browser.visit((session) => session.renew())
    const keys = await client.keys("*")
    expect(keys).toHaveLength(1)
    await client.pExpire(keys[0]!, 0)
    expect(await browser.all()).toEqual({})
  })

  test("a server that hangs is given up: 503 in time, and the session is there when it goes on", async () => {
    const browser = new Browser(redisStore({ client, timeout: 100 }))
    await browser.visit((session) => session.put("a", 1))
    redis.process.kill("SIGSTOP")
    try {
      await expect(browser.all()).rejects.toThrow(ServiceUnavailableError)
    } finally {
      redis.process.kill("SIGCONT")
    }
    await client.ping()
    expect(await browser.all()).toEqual({ a: 1 })
  })

  test("a value that is no JSON is no session", async () => {
    const browser = new Browser(redisStore({ client }))
    await browser.visit((session) => session.put("a", 1))
    for (const key of await client.keys("*")) await client.set(key, "{")
    expect(await browser.all()).toEqual({})
  })
})

const client = (calls: Partial<RedisClient>): RedisClient => ({
  get: async () => null,
  set: async () => "OK",
  del: async () => 1,
  ...calls,
})

describe("the Redis store", () => {
  afterEach(() => void vi.useRealTimers())

  test("waits for each call until its timeout, and leaves no timer behind", async () => {
    vi.useFakeTimers()
    const never = () => new Promise<never>(() => undefined)
    const store = redisStore({ client: { get: never, set: never, del: never }, timeout: 50 })
    const calls = [() => store.get("a"), () => store.put("a", {}, false), () => store.delete("a")]
    for (const call of calls) {
      const failed = expect(call()).rejects.toThrow(/did not answer (GET|SET|DEL) within 50 ms/)
      await vi.advanceTimersByTimeAsync(49)
      expect(vi.getTimerCount()).toBe(1)
      await vi.advanceTimersByTimeAsync(1)
      await failed
    }
    const quick = redisStore({ client: client({}) })
    expect(await quick.get("a")).toBeUndefined()
    expect(await quick.put("a", {}, false)).toBe(true)
    await quick.delete("a")
    expect(vi.getTimerCount()).toBe(0)
  })

  test("hands on what the client fails with", async () => {
    const store = redisStore({ client: client({ get: () => Promise.reject(new Error("gone")) }) })
    await expect(store.get("a")).rejects.toThrow("gone")
    const closed = redisStore({
      client: client({
        set: () => {
          throw new Error("closed")
        },
      }),
    })
    await expect(closed.put("a", {}, true)).rejects.toThrow("closed")
  })

  test("writes a known session only where it still is", async () => {
    const options: unknown[] = []
    const store = redisStore({
      ttl: 7,
      client: client({
        set: async (_key, _value, given) => {
          options.push(given)
          return given.XX ? null : "OK"
        },
      }),
    })
    expect([await store.put("a", {}, false), await store.put("a", {}, true)]).toEqual([true, false])
    expect(options).toEqual([{ EX: 7 }, { EX: 7, XX: true }])
  })

  test.each([
    {},
    { client: {} },
    { client: client({}), prefix: 1 },
    { client: client({}), ttl: 0 },
    { client: client({}), timeout: 0 },
    { client: client({}), timeout: 2 ** 31 },
    { client: client({}), time: 1 },
  ])("does not take %o", (options) => {
    expect(() => redisStore(options as never)).toThrow(InvalidOptionError)
  })
})
