/** What is compressed, limited or timed: the advisories and complaints that concern these plugs. */
import { type Conn, type Done, defineEndpoint, defineRouter, TooManyRequestsError } from "plumage"
import { client, conn, exchangeOf, sentChunks, sentResp, testExchange } from "plumage/test"
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { type CompressOptions, compress } from "../../src/plugs/compress.ts"
import { memoryLimiter } from "../../src/plugs/memory-limiter.ts"
import { clientNetwork, rateLimit } from "../../src/plugs/rate-limit.ts"
import { timeout } from "../../src/plugs/timeout.ts"
import { expectProportional, fill } from "../http/proportional.ts"
import { settled } from "../loose.ts"
import { decodeSoFar } from "../plugs/compressed.ts"

const from = (remoteIp: string, headers = {}) => conn("GET", "/", undefined, { remoteIp, headers })
/** Whether the plug lets a request pass. */
const passes = (plug: ReturnType<typeof rateLimit>, one: Conn) => {
  try {
    plug(one)
    return true
  } catch (error) {
    if (error instanceof TooManyRequestsError) return false
    throw error
  }
}
const network = (remoteIp: string) => clientNetwork(from(remoteIp))

describe("rateLimit", () => {
  test("CVE-2026-30827 (express-rate-limit): IPv4 clients of a dual-stack server are not all one client", () => {
    const plug = rateLimit({ limit: 1, window: 60 })
    for (const address of ["::ffff:192.0.2.1", "::ffff:192.0.2.2", "::ffff:c000:203"]) {
      expect(passes(plug, from(address)), address).toBe(true)
    }
    for (const address of ["192.0.2.1", "::ffff:c000:202", "0:0:0:0:0:ffff:192.0.2.3"]) {
      expect(passes(plug, from(address)), address).toBe(false)
    }
  })

  test("express-rate-limit#667: an IPv6 address that is written with a dotted end is still its network's", () => {
    expect(network("2001:db8:1234:5678::1.2.3.4")).toBe("2001:db8:1234:5678::/64")
    expect(network("2001:db8:1234:5678::102:304")).toBe("2001:db8:1234:5678::/64")
    expect(network("64:ff9b::1.2.3.4")).toBe("64:ff9b::/64")
  })

  test("better-auth#7300: other spellings of an address, and keys that run into each other, are no way around", () => {
    for (const same of ["2001:DB8::1", "2001:0db8:0:0:0:0:0:1", "2001:db8::ffff:1"]) {
      expect(network(same), same).toBe("2001:db8::/64")
    }
    const seen = new Set<string>()
    const store = {
      take(key: string) {
        seen.add(key)
        return { allowed: true, backlog: 0 }
      },
    }
    for (const [name, key] of [
      ["a", "b:c"],
      ["a", "=b:c"],
      ["a.b", "c"],
      ["a", ".b:=c"],
    ] as const) {
      rateLimit({ limit: 1, window: 1, name, store, key: () => key })(from("192.0.2.1"))
    }
    expect(seen.size).toBe(4)
  })

  test("GHSA-xh87-mx6m-69f3: a forwarded address that nobody vouches for makes no new client", () => {
    const plug = rateLimit({ limit: 1, window: 60 })
    const ask = (n: number) =>
      from("192.0.2.1", { "x-forwarded-for": `203.0.113.${n}`, forwarded: `for=203.0.113.${n}` })
    expect([0, 1, 2].map((n) => passes(plug, ask(n)))).toEqual([true, false, false])
  })

  test("48fa2233: a name that is no address is counted as itself", () => {
    for (const odd of ["256.0.0.1", "::ffff:256.0.0.1", "1::2::3", "unix", ""]) expect(network(odd)).toBe(odd)
  })

  test("CVE-2026-32688: what clients send never becomes a key that is kept for good, or that is long", () => {
    const clock = { now: 0 }
    const store = memoryLimiter({ maxKeys: 1_000, now: () => clock.now })
    const plug = rateLimit({ limit: 1, window: 1, store, key: (conn) => conn.getReqHeader("x-user") })
    for (let n = 0; n < 5_000; n++) {
      plug(from("192.0.2.1", { "x-user": `${n}`.padEnd(4_000, "x") }))
      expect(store.size).toBeLessThanOrEqual(1_000)
    }
    clock.now = 10_000
    for (let n = 0; n < 100; n++) plug(from("192.0.2.1", { "x-user": `later ${n}` }))
    expect(store.size).toBe(100)
  })

  test("CVE-2026-21710: a key named __proto__ is a key", () => {
    const plug = rateLimit({ limit: 1, window: 60, key: (conn) => conn.getReqHeader("x-user") })
    for (const user of ["__proto__", "constructor", "toString"]) {
      expect(
        [1, 2].map(() => passes(plug, from("192.0.2.1", { "x-user": user }))),
        user,
      ).toEqual([true, false])
    }
    expect(({} as Record<string, unknown>)["allowed"]).toBeUndefined()
  })
})

describe("compress", () => {
  const accepts = { headers: { "accept-encoding": "gzip" } }
  const open = (options: CompressOptions = {}) =>
    compress({ encodings: ["gzip"], ...options })(conn("GET", "/", undefined, accepts)) as Conn

  test("CVE-2026-25224, GHSA-mrq3-vjjr-p77c: a source is pulled no further than a stalled reader's bound", async () => {
    const one = open({ types: () => true }).putRespContentType("application/octet-stream")
    const stream = one.sendChunked(200)
    exchangeOf(one).pause()
    let pulled = 0
    const writing = (async () => {
      do pulled++
      while (pulled < 10_000 && (await stream.chunk(crypto.getRandomValues(new Uint8Array(4_096)))))
    })()
    let before = -1
    while (before !== pulled) {
      before = pulled
      for (let turn = 0; turn < 50; turn++) await settled()
    }
    expect(pulled * 4_096).toBeLessThan(200_000)
    exchangeOf(one).disconnect()
    await writing
    expect(pulled).toBeLessThan(100)
  })

  test("expressjs/compression#61: an event is not held back for the next one", async () => {
    const one = open({ eventStreams: true })
    one.eventStream(async function* (signal) {
      yield { data: "now" }
      await new Promise((resolve) => signal.addEventListener("abort", resolve))
    })
    await exchangeOf(one).until(() => decodeSoFar("gzip", sentResp(one).bytes).toString() === ":\n\ndata: now\n\n")
    exchangeOf(one).disconnect()
  })

  test("nestjs/nest#5762: by default it does not touch an event stream at all", async () => {
    const one = open()
    one.eventStream(async function* () {
      yield { data: "now" }
    })
    await settled()
    expect(sentResp(one).headers).not.toHaveProperty("content-encoding")
    expect(sentChunks(one)).toContain("data: now\n\n")
  })

  test("568c2ecc: caches are told what a compressed answer depends on, and never one etag for two bodies", () => {
    const body = "so it goes ".repeat(500)
    const compressed = sentResp(open().putRespHeader("etag", '"a"').text(body)).headers
    const plain = sentResp((compress()(conn("GET", "/")) as Conn).putRespHeader("etag", '"a"').text(body)).headers
    expect([compressed["vary"], plain["vary"]]).toEqual(["accept-encoding", "accept-encoding"])
    expect([compressed["etag"], plain["etag"]]).toEqual(['W/"a"', '"a"'])
  })

  test("93fc250d: long headers cost time in proportion", () => {
    const plug = compress()
    for (const piece of ["gzip;q=0.1,", "br;q=", " ", ",", "*;q=1;", "x,"]) {
      expectProportional(
        (size) => {
          const headers = { "accept-encoding": fill(piece, size) }
          const one = plug(conn("GET", "/", undefined, { headers })) as Conn
          const type = `text/${fill("a+", size)}`
          one.putRespHeader("content-type", type).putRespHeader("cache-control", fill("no-transfor, ", size))
          one.sendResp(200, "x".repeat(2_000))
        },
        20_000,
        piece,
      )
    }
  })

  test("honojs/hono#4081: a compressor whose client has left is not written to, and nothing is thrown", async () => {
    const one = open().putRespContentType("text/plain")
    const stream = one.sendChunked(200)
    for (let n = 0; n < 10; n++) void stream.chunk("x".repeat(10_000))
    exchangeOf(one).disconnect()
    expect(stream.chunk("late")).toBe(false)
    stream.close()
    await settled()
  })
})

describe("timeout", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }))
  afterEach(() => void vi.useRealTimers())

  test("middleapi/orpc#463: deadlines of clients that have left fire for nobody", async () => {
    const told: unknown[] = []
    const endpoint = defineEndpoint({ onError: (error) => told.push(error) })
      .plug(timeout({ ms: 1_000 }))
      .router(defineRouter((r) => [r.get("/", () => new Promise<Done>(() => {}))]))
    const exchanges = Array.from({ length: 100 }, () => testExchange("GET", "/", undefined, {}))
    for (const exchange of exchanges) void endpoint.call(exchange)
    await vi.advanceTimersByTimeAsync(999)
    for (const exchange of exchanges.slice(1)) exchange.disconnect()
    await vi.advanceTimersByTimeAsync(1)
    expect([told, exchanges.map(({ answers }) => answers)]).toEqual([[], [1, ...new Array(99).fill(0)]])
  })

  test("fastify/help#577: a healthy request's signal stays silent when its deadline passes after the answer", async () => {
    const signals: AbortSignal[] = []
    const action = async (conn: Conn): Promise<Done> => {
      signals.push(conn.signal)
      await settled()
      return conn.text("x")
    }
    const endpoint = defineEndpoint()
      .plug(timeout({ ms: 1_000 }))
      .router(defineRouter((r) => [r.post("/", action)]))
    expect((await client(endpoint).post("/", "body")).status).toBe(200)
    await vi.advanceTimersByTimeAsync(2_000)
    expect(signals.map(({ aborted }) => aborted)).toEqual([false])
  })
})
