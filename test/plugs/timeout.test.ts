import {
  type Conn,
  type Done,
  defineEndpoint,
  defineRouter,
  InvalidOptionError,
  type MaybePromise,
  TimeoutError,
} from "plumage"
import { type ClientResponse, client, exchangeOf, sentChunks, testExchange } from "plumage/test"
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { type TimeoutOptions, timeout } from "../../src/plugs/timeout.ts"
import { deferred, watchProcess } from "../adapters/suite/guard.ts"
import { errorOf, handshake, loose } from "../loose.ts"

watchProcess()
beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] }))
afterEach(() => void vi.useRealTimers())

type Handler = (conn: Conn) => MaybePromise<Done>

/** An application with one action behind the plug; `told` is what its endpoint heard of. */
function app(handler: Handler, options: TimeoutOptions = { ms: 1_000 }) {
  const told: unknown[] = []
  const seen: Conn[] = []
  const router = defineRouter((r) => [
    r.get("/", (conn) => {
      seen.push(conn)
      return handler(conn)
    }),
  ])
  const plug = timeout(options)
  const endpoint = defineEndpoint({ onError: (error) => told.push(error) })
    .plug(plug)
    .router(router)
  const ask = (headers = {}) => client(endpoint).get("/", undefined, { headers })
  return { endpoint, plug, told, seen, ask }
}
/** What a request has come to so far. */
function peek(answer: Promise<ClientResponse>) {
  const seen: { status?: number } = {}
  void answer.then(({ status }) => {
    seen.status = status
  })
  return seen
}
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

describe("a request that is not answered in time", () => {
  test("gets 503 when its time is up, and not before", async () => {
    const { ask, told } = app(() => new Promise(() => {}))
    const answer = ask()
    const seen = peek(answer)
    await pass(999)
    expect(seen.status).toBeUndefined()
    await pass(1)
    expect(seen.status).toBe(503)
    expect(await (await answer).text()).toBe("503 Service Unavailable\nthe answer took too long\n")
    expect(told).toEqual([])
  })

  test("gets 504 by option", async () => {
    const { ask } = app(() => new Promise(() => {}), { ms: 10, status: 504 })
    const answer = ask()
    await pass(10)
    expect((await answer).status).toBe(504)
  })

  test("has a signal that aborts with TimeoutError, so that what it waits for ends too", async () => {
    const reasons: unknown[] = []
    const { ask, told } = app(
      (conn) =>
        new Promise((_, reject) => {
          conn.signal.addEventListener("abort", () => {
            reasons.push(conn.signal.reason)
            reject(conn.signal.reason)
          })
        }),
    )
    const answer = ask()
    await pass(1_000)
    expect((await answer).status).toBe(503)
    expect(reasons).toEqual([expect.any(TimeoutError)])
    expect(told).toEqual([])
  })

  test("is not answered again by its late handler, which is not reported either", async () => {
    const gate = deferred()
    const { ask, told } = app(async (conn) => {
      await gate.promise
      return conn.text("late")
    })
    const answer = ask()
    await pass(1_000)
    gate.resolve()
    await pass(0)
    const { status, exchange } = await answer
    expect([status, exchange.answers, told]).toEqual([503, 1, []])
  })

  test("runs no more of its row", async () => {
    const gate = deferred()
    const ran: string[] = []
    const plug = timeout({ ms: 100 })
    const endpoint = defineEndpoint()
      .plug(plug)
      .plug(async (conn) => {
        await gate.promise
        ran.push("the plug")
        return conn
      })
      .router(
        defineRouter((r) => [
          r.get("/", (conn) => {
            ran.push("the action")
            return conn.text("late")
          }),
        ]),
      )
    const answer = client(endpoint).get("/")
    await pass(100)
    gate.resolve()
    await pass(0)
    expect([(await answer).status, ran]).toEqual([503, ["the plug"]])
  })

  test("is late too when it has an answer that waits for a store", async () => {
    const gate = deferred()
    const never = () => gate.promise
    for (const send of [(conn: Conn) => conn.text("kept"), (conn: Conn) => conn.sendChunked(200).initChunk("kept")]) {
      const { ask, told } = app((conn) => send(conn.registerBeforeSend(never)))
      const exchange = testExchange("GET", "/", undefined, {})
      void app((conn) => send(conn.registerBeforeSend(never))).endpoint.call(exchange)
      const answer = ask()
      await pass(999)
      expect(exchange.answers).toBe(0)
      await pass(1)
      expect(exchange.answer?.status).toBe(503)
      expect(Buffer.concat(exchange.answer!.parts).toString()).not.toContain("kept")
      expect([(await answer).status, told]).toEqual([503, []])
    }
    gate.resolve()
    await pass(0)
  })
})

describe("a request that is answered in time", () => {
  test("is answered as ever, at once or later, and leaves no timer for long", async () => {
    const { ask } = app((conn) => conn.text("now"))
    expect(await (await ask()).text()).toBe("now")
    // What was answered at once has never waited.
    expect(vi.getTimerCount()).toBe(0)
    const gate = deferred()
    const later = app(async (conn) => {
      await gate.promise
      return conn.text("later")
    })
    const answer = later.ask()
    await pass(500)
    gate.resolve()
    expect(await (await answer).text()).toBe("later")
    expect(vi.getTimerCount()).toBe(1)
    await pass(500)
    expect(vi.getTimerCount()).toBe(0)
    expect((await answer).exchange.aborted).toBe(false)
  })

  test("shares one timer with all others, and each has its own deadline", async () => {
    const gates: (() => void)[] = []
    const { ask } = app(async (conn) => {
      const gate = deferred()
      gates.push(gate.resolve)
      await gate.promise
      return conn.text("in time")
    })
    const seen: { status?: number }[] = []
    for (let n = 0; n < 10; n++) {
      seen.push(peek(ask()))
      await pass(50)
    }
    expect(vi.getTimerCount()).toBe(1)
    // Every second one is answered; the others end one by one, 50 ms apart.
    gates.forEach((open, n) => {
      if (n % 2 === 1) open()
    })
    await pass(0)
    const statuses = () => seen.map(({ status }) => status ?? 0)
    expect(statuses()).toEqual([0, 200, 0, 200, 0, 200, 0, 200, 0, 200])
    await pass(500)
    expect(statuses()).toEqual([503, 200, 0, 200, 0, 200, 0, 200, 0, 200])
    await pass(99)
    expect(statuses()).toEqual([503, 200, 0, 200, 0, 200, 0, 200, 0, 200])
    await pass(1)
    expect(statuses()).toEqual([503, 200, 503, 200, 0, 200, 0, 200, 0, 200])
    await pass(300)
    expect(statuses()).toEqual([503, 200, 503, 200, 503, 200, 503, 200, 503, 200])
    expect(vi.getTimerCount()).toBe(0)
  })

  test("is nobody's when its client has left: nothing waits for it, and nothing is answered", async () => {
    const { endpoint, told } = app(() => new Promise(() => {}))
    const exchange = testExchange("GET", "/", undefined, {})
    void endpoint.call(exchange)
    await pass(10)
    exchange.disconnect()
    await pass(2_000)
    expect([exchange.answers, told, vi.getTimerCount()]).toEqual([0, [], 0])
  })
})

describe("a stream", () => {
  const stream: Handler = (conn) => conn.sendChunked(200).initChunk("so far")

  test("that has begun may go on as long as it likes", async () => {
    for (const wait of [false, true]) {
      const { seen, ask } = app(async (conn) => {
        if (wait) await Promise.resolve()
        return stream(conn)
      })
      const { exchange } = await ask()
      await pass(5_000)
      expect([exchange.aborted, loose(seen[0]!).chunk(", and on")]).toEqual([false, true])
    }
  })

  test("is cut at the deadline by option, with a TimeoutError, and cannot be taken for a whole one", async () => {
    for (const wait of [false, true]) {
      const { seen, ask } = app(
        async (conn) => {
          if (wait) await Promise.resolve()
          return stream(conn)
        },
        { ms: 1_000, streams: true },
      )
      const { exchange } = await ask()
      const { signal } = seen[0]!
      await pass(999)
      expect(exchange.aborted).toBe(false)
      await pass(1)
      expect([exchange.aborted, signal.reason]).toEqual([true, expect.any(TimeoutError)])
      expect([sentChunks(seen[0]!), loose(seen[0]!).chunk("more")]).toEqual([["so far"], false])
    }
  })

  test("that ended before is left alone", async () => {
    const { ask } = app((conn) => conn.sendChunked(200), { ms: 1_000, streams: true })
    const { exchange } = await ask()
    await pass(5_000)
    expect(exchange.aborted).toBe(false)
  })
})

test("a websocket has no deadline", async () => {
  for (const streams of [false, true]) {
    const { seen, endpoint } = app(
      async (conn) => {
        await Promise.resolve()
        return conn.upgrade("websocket", {})
      },
      { ms: 1_000, streams },
    )
    const exchange = testExchange("GET", "/", undefined, { headers: handshake })
    void endpoint.call(exchange)
    await pass(5_000)
    expect([exchange.upgraded !== undefined, exchange.aborted]).toEqual([true, false])
    expect(exchangeOf(seen[0]!).answers).toBe(1)
  }
})

test("of two deadlines the shorter counts", async () => {
  const short = timeout({ ms: 100, status: 504 })
  const endpoint = defineEndpoint()
    .plug(timeout({ ms: 1_000 }))
    .plug(short)
    .router(defineRouter((r) => [r.get("/", () => new Promise<Done>(() => {}))]))
  const answer = client(endpoint).get("/")
  await pass(100)
  expect((await answer).status).toBe(504)
  await pass(1_000)
  expect((await answer).exchange.answers).toBe(1)
})

test("its timer keeps no process alive", async () => {
  vi.useRealTimers()
  const made = vi.spyOn(globalThis, "setTimeout")
  const { endpoint } = app(() => new Promise(() => {}), { ms: 60_000 })
  const exchange = testExchange("GET", "/", undefined, {})
  void endpoint.call(exchange)
  await new Promise(setImmediate)
  const timers = made.mock.results.map(({ value }) => value as NodeJS.Timeout)
  made.mockRestore()
  expect(timers.map((timer) => timer.hasRef())).toEqual([false])
  for (const timer of timers) clearTimeout(timer)
  exchange.disconnect()
})

test.each([{}, { ms: 0 }, { ms: 1.5 }, { ms: "5s" }, { ms: 2 ** 31 }, { ms: 1, status: 408 }, { ms: 1, streams: 1 }])(
  "refuses %j when it is made",
  (options) => {
    const failure = errorOf(() => timeout(options as TimeoutOptions))
    expect(failure).toBeInstanceOf(InvalidOptionError)
    expect(failure.message).toMatch(/^timeout/)
  },
)
