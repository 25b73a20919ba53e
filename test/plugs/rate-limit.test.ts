import { BlockList } from "node:net"
import fc from "fast-check"
import {
  type Conn,
  defineEndpoint,
  defineRouter,
  InvalidOptionError,
  type MaybePromise,
  ServiceUnavailableError,
  TooManyRequestsError,
  UsageError,
} from "plumage"
import { call, client, conn, sentResp } from "plumage/test"
import { afterEach, describe, expect, test, vi } from "vitest"
import type { Limiter, Verdict } from "../../src/plugs/gcra.ts"
import { memoryLimiter } from "../../src/plugs/memory-limiter.ts"
import { clientNetwork, type RateLimitOptions, rateLimit } from "../../src/plugs/rate-limit.ts"
import { watchProcess } from "../adapters/suite/guard.ts"
import { errorOf } from "../loose.ts"

watchProcess()
afterEach(() => void vi.useRealTimers())

const from = (remoteIp: string, headers = {}) => conn("GET", "/", undefined, { remoteIp, headers })
/** The plug with a clock of its own. */
function opened(options: Partial<RateLimitOptions> = {}) {
  const clock = { now: 0 }
  const store = memoryLimiter({ now: () => clock.now })
  return { clock, store, plug: rateLimit({ limit: 2, window: 60, store, ...options }) }
}
type Limited = ReturnType<typeof rateLimit>
/** What the plug did with a request: its remaining quota, "429", or "free". */
const taken = (plug: Limited, one: Conn = from("192.0.2.1")) => {
  try {
    plug(one)
    return one.getRespHeader("ratelimit") ?? "free"
  } catch (error) {
    if (error instanceof TooManyRequestsError) return "429"
    throw error
  }
}

describe("rateLimit", () => {
  test("lets requests pass up to the limit, then answers 429 until there is room again", () => {
    const { clock, plug } = opened()
    expect([1, 2, 3].map(() => taken(plug))).toEqual(['"default";r=1;t=30', '"default";r=0;t=60', "429"])
    clock.now = 29_999
    expect(taken(plug)).toBe("429")
    clock.now = 30_000
    expect(taken(plug)).toBe('"default";r=0;t=60')
    clock.now = 30_000 + 60_000
    expect([1, 2, 3].map(() => taken(plug))).toEqual(['"default";r=1;t=30', '"default";r=0;t=60', "429"])
  })

  test("says when to come back, in the answer of the endpoint too", async () => {
    const { plug } = opened({ limit: 1 })
    const endpoint = defineEndpoint()
      .plug(plug)
      .router(defineRouter((r) => [r.get("/", (conn) => conn.text("x"))]))
    expect((await client(endpoint).get("/")).header("ratelimit")).toBe('"default";r=0;t=60')
    const answer = await client(endpoint).get("/")
    expect([answer.status, await answer.text()]).toEqual([429, "429 Too Many Requests\n"])
    expect(["retry-after", "ratelimit", "ratelimit-policy"].map(answer.header)).toEqual([
      "60",
      '"default";r=0;t=60',
      '"default";q=1;w=60',
    ])
  })

  test("is sync with a store in memory, and gives the conn itself", () => {
    const one = from("192.0.2.1")
    expect(opened().plug(one)).toBe(one)
    expect(one.halted).toBe(false)
  })

  test("lets a burst pass that differs from the limit", () => {
    const { clock, plug } = opened({ limit: 60, burst: 3 })
    expect([1, 2, 3, 4].map(() => taken(plug)).at(-1)).toBe("429")
    clock.now = 1_000
    expect(taken(plug)).not.toBe("429")
    expect(taken(plug)).toBe("429")
  })

  test("counts costs, and refuses for good what costs more than there ever is", () => {
    const { plug } = opened({ limit: 10, cost: (conn) => Number(conn.getReqHeader("x-cost")) })
    const cost = (n: number) => from("192.0.2.1", { "x-cost": String(n) })
    expect(taken(plug, cost(4))).toBe('"default";r=6;t=24')
    expect(taken(plug, cost(7))).toBe("429")
    expect(taken(plug, cost(0))).toBe('"default";r=6;t=24')
    const never = cost(11)
    expect(() => plug(never)).toThrow(TooManyRequestsError)
    expect(never.getRespHeader("retry-after")).toBeUndefined()
    for (const wrong of [-1, 1.5, Number.NaN]) expect(() => plug(cost(wrong)), String(wrong)).toThrow(UsageError)
  })

  test("leaves alone who has no key", () => {
    const { plug } = opened({ limit: 1, key: (conn) => conn.getReqHeader("x-user") })
    expect([1, 2].map(() => taken(plug))).toEqual(["free", "free"])
    expect([1, 2].map(() => taken(plug, from("192.0.2.1", { "x-user": "a" })))).toEqual(['"default";r=0;t=60', "429"])
  })

  test("keeps several limits apart, by name in one store, and tells of all of them", () => {
    const store = memoryLimiter({ now: () => 0 })
    const second = rateLimit({ limit: 5, window: 1, store, name: "second" })
    const day = rateLimit({ limit: 100, window: 86_400, store, name: "day" })
    const one = from("192.0.2.1")
    call(day, call(second, one) as Conn)
    expect(one.getRespHeader("ratelimit-policy")).toBe('"second";q=5;w=1, "day";q=100;w=86400')
    expect(one.getRespHeader("ratelimit")).toBe('"second";r=4;t=1, "day";r=99;t=864')
  })

  test("refuses to count two rates by one name in one store, and takes the same rate twice", () => {
    const store = memoryLimiter()
    rateLimit({ limit: 5, window: 1, store })
    expect(() => rateLimit({ limit: 5, window: 1, store })).not.toThrow()
    expect(() => rateLimit({ limit: 6, window: 1, store })).toThrow(InvalidOptionError)
    expect(() => rateLimit({ limit: 6, window: 1 })).not.toThrow()
  })

  test("asks onLimit instead of answering 429", () => {
    const seen: unknown[] = []
    const { plug } = opened({
      limit: 1,
      onLimit: (conn, info) => {
        seen.push(info)
        return conn.sendResp(429, "slow down").halt()
      },
    })
    taken(plug)
    const one = from("192.0.2.1")
    call(plug, one)
    expect(sentResp(one)).toMatchObject({ status: 429, body: "slow down", headers: { "retry-after": "60" } })
    expect(one.halted).toBe(true)
    expect(seen).toEqual([{ name: "default", limit: 1, window: 60, remaining: 0, reset: 60, retryAfter: 60 }])
  })

  test("can be watched without being kept", () => {
    const { plug } = opened({ limit: 1, onLimit: (conn) => conn })
    taken(plug)
    const one = from("192.0.2.1")
    expect(plug(one)).toBe(one)
    expect(one.halted).toBe(false)
  })
})

describe("the headers", () => {
  test("are those of GitHub and others by option", () => {
    vi.useFakeTimers({ now: 1_700_000_000_000 })
    const { plug } = opened({ headers: "legacy" })
    const one = from("192.0.2.1")
    plug(one)
    const { "cache-control": _, ...headers } = sentResp(one.sendResp(204)).headers
    expect(headers).toEqual({
      "x-ratelimit-limit": "2",
      "x-ratelimit-remaining": "1",
      "x-ratelimit-reset": "1700000030",
    })
  })

  test("are none by option, but for retry-after", () => {
    const { plug } = opened({ limit: 1, headers: false })
    const [one, two] = [from("192.0.2.1"), from("192.0.2.1")]
    plug(one)
    expect(() => plug(two)).toThrow(TooManyRequestsError)
    expect(one.respHeaders).toEqual(["cache-control", "max-age=0, private, must-revalidate"])
    expect(two.respHeaders.slice(2)).toEqual(["retry-after", "60"])
  })
})

describe("the key", () => {
  const network = (remoteIp: string) => clientNetwork(from(remoteIp))

  test("is an IPv4 address, in whatever form, or the /64 network of an IPv6 address", () => {
    expect(network("192.0.2.1")).toBe("192.0.2.1")
    expect(network("::ffff:192.0.2.1")).toBe("192.0.2.1")
    expect(network("::ffff:c000:201")).toBe("192.0.2.1")
    expect(network("2001:db8::1")).toBe("2001:db8::/64")
    expect(network("2001:DB8:0:0:ffff::")).toBe("2001:db8::/64")
    expect(network("fe80::1%eth0")).toBe("fe80::/64")
    expect(network("::1")).toBe("::/64")
    expect(network("unix")).toBe("unix")
    expect(network("a:b")).toBe("a:b")
  })

  test("is one for two IPv6 addresses exactly when Node takes them for one network", () => {
    const group = fc.integer({ min: 0, max: 0xffff }).map((n) => n.toString(16))
    // Of three groups each, so that networks meet, and none of them is IPv4.
    const address = fc
      .tuple(fc.constantFrom("1", "2"), fc.constantFrom("0", "a"), group, group)
      .map(([a, b, c, d]) => `2001:0:${a}:${b}:${c}::${d}`)
    fc.assert(
      fc.property(address, address, (one, other) => {
        const list = new BlockList()
        list.addSubnet(one, 64, "ipv6")
        expect(network(one) === network(other)).toBe(list.check(other, "ipv6"))
      }),
    )
  })

  test("of 2^16 addresses of one line is one", () => {
    const { plug } = opened({ limit: 1 })
    const answers = Array.from({ length: 100 }, (_, n) => taken(plug, from(`2001:db8:1:2:${n.toString(16)}::1`)))
    expect(answers.filter((answer) => answer !== "429")).toHaveLength(1)
    expect(taken(plug, from("2001:db8:1:3::1"))).not.toBe("429")
  })

  /** The keys that reach the store. */
  const stored = (keys: string[], name = "default") => {
    const seen: string[] = []
    const store: Limiter = {
      take(key): Verdict {
        seen.push(key)
        return { allowed: true, backlog: 0 }
      },
    }
    const plug = rateLimit({ limit: 1, window: 1, store, name, key: (conn) => keys[Number(conn.queryParams["n"])] })
    keys.forEach((_, n) => void plug(conn("GET", `/?n=${n}`)))
    return seen
  }

  test("never meets another, whatever is in it, and never grows", () => {
    const text = fc.oneof(fc.string({ unit: "binary", maxLength: 300 }), fc.constantFrom("a", "a:=b", ":", "=", "#"))
    fc.assert(
      fc.property(fc.uniqueArray(text, { maxLength: 20 }), (keys) => {
        const all = [...stored(keys, "one"), ...stored(keys, "two")]
        expect(new Set(all).size).toBe(keys.length * 2)
        for (const key of all) expect(key.length).toBeLessThanOrEqual(133)
      }),
    )
    const long = "x".repeat(10_000)
    const [hashed] = stored([long])
    expect(hashed!.length).toBeLessThan(60)
    // Nobody can name the hash of another's long key.
    expect(stored([hashed!.slice("default:".length)])[0]).not.toBe(hashed)
    expect(stored([`${long}y`])[0]).not.toBe(hashed)
  })

  test("that is no text raises UsageError, rather than count all as one", () => {
    for (const key of [5, null, {}]) {
      const plug = rateLimit({ limit: 1, window: 1, key: () => key as unknown as string })
      expect(() => plug(from("192.0.2.1")), String(key)).toThrow(UsageError)
    }
  })
})

describe("a store that is down", () => {
  const broken = (fail: () => MaybePromise<never>): Limiter => ({ take: fail })
  const sync = broken(() => {
    throw new Error("sync")
  })
  const async = broken(() => Promise.reject(new Error("async")))

  test.each([
    ["sync", sync],
    ["async", async],
  ])("lets requests pass and is told once a minute: %s", async (name, store) => {
    vi.useFakeTimers({ now: 1_000 })
    const told: unknown[] = []
    const plug = rateLimit({ limit: 1, window: 1, store })
    const ask = async () => {
      const one = conn("GET", "/", undefined, { onError: (error) => told.push(error) })
      expect(await plug(one)).toBe(one)
    }
    for (let n = 0; n < 10; n++) await ask()
    expect(told).toEqual([expect.any(ServiceUnavailableError)])
    expect((told[0] as Error).cause).toMatchObject({ message: name })
    vi.advanceTimersByTime(59_999)
    await ask()
    expect(told).toHaveLength(1)
    vi.advanceTimersByTime(1)
    await ask()
    expect(told).toHaveLength(2)
  })

  test("answers 503 by option, without saying why to the client", async () => {
    for (const store of [sync, async]) {
      const plug = rateLimit({ limit: 1, window: 1, store, failOpen: false })
      const ask = async () => plug(conn("GET", "/", undefined, { onError: () => undefined }))
      const failure = await ask().catch((error: unknown) => error)
      expect(failure).toBeInstanceOf(ServiceUnavailableError)
      expect((failure as Error).message).toBe("Service Unavailable")
    }
  })

  test("does not hide an error of onLimit, or a 429", async () => {
    const store: Limiter = { take: async () => ({ allowed: false, backlog: 1 }) }
    await expect(rateLimit({ limit: 1, window: 1, store })(from("192.0.2.1"))).rejects.toThrow(TooManyRequestsError)
    const onLimit = () => {
      throw new Error("mine")
    }
    await expect(rateLimit({ limit: 1, window: 1, store, onLimit })(from("192.0.2.1"))).rejects.toThrow("mine")
  })
})

test.each([
  {},
  { limit: 1 },
  { window: 1 },
  { limit: 0, window: 1 },
  { limit: 1.5, window: 1 },
  { limit: 1, window: 0.5 },
  { limit: 1, window: 40_000_000 },
  { limit: 1_000_000, window: 1 },
  { limit: 1, window: 1, burst: 0 },
  { limit: 1, window: 31_536_000, burst: 1_000 },
  { limit: 1, window: 1, key: "ip" },
  { limit: 1, window: 1, store: {} },
  { limit: 1, window: 1, name: "a:b" },
  { limit: 1, window: 1, name: 'a"' },
  { limit: 1, window: 1, name: "" },
  { limit: 1, window: 1, cost: 2 },
  { limit: 1, window: 1, onLimit: true },
  { limit: 1, window: 1, headers: "draft-7" },
  { limit: 1, window: 1, failOpen: "no" },
  { max: 1, window: 1 },
])("refuses %j when it is made", (options) => {
  const failure = errorOf(() => rateLimit(options as RateLimitOptions))
  expect(failure).toBeInstanceOf(InvalidOptionError)
  expect(failure.message).toMatch(/^rateLimit/)
})
