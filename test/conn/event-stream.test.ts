import { type AbortReason, type Conn, defineEndpoint, defineRouter, type ServerSentEvent } from "plumage"
import {
  type ConnOptions,
  client,
  conn,
  exchangeOf,
  sentChunks,
  sentResp,
  TestExchange,
  testExchange,
} from "plumage/test"
import { beforeEach, describe, expect, test } from "vitest"
import { deferred, watchProcess } from "../adapters/suite/guard.ts"
import { settled } from "../loose.ts"

type Events = (signal: AbortSignal) => AsyncIterable<ServerSentEvent>

const told: unknown[] = []
const open = (options: ConnOptions = {}) =>
  conn("GET", "/", undefined, { onError: (error) => told.push(error), ...options })
/** What was written behind the first comment. */
const written = (one: Conn) => sentChunks(one).slice(1)
const stream = (one: Conn, events: Events) => one.eventStream(events, { heartbeat: 0 })

beforeEach(() => void told.splice(0))
watchProcess()

describe("the head of an event stream", () => {
  test("leaves at once, with a first comment, and holds proxies and compressors back", () => {
    const one = open()
    expect(stream(one, async function* () {})).toBe(one)
    const sent = sentResp(one)
    expect(sent.status).toBe(200)
    expect(sent.headers).toEqual({
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache, no-transform",
      "x-accel-buffering": "no",
    })
    expect(sent.body).toBe(":\n\n")
    expect(one.state).toBe("chunked")
  })

  test("keeps the status and the other headers that were put", () => {
    const one = open().putStatus(203).putRespHeader("a", "b")
    stream(one, async function* () {})
    expect(sentResp(one)).toMatchObject({ status: 203, headers: { a: "b" } })
  })

  test("HEAD gets it alone, and no generator is begun", async () => {
    let begun = false
    const one = conn("HEAD", "/")
    stream(one, async function* () {
      begun = true
      yield* []
    })
    await settled()
    expect([sentResp(one).body, begun]).toEqual(["", false])
    expect(exchangeOf(one).answer?.ended).toBe(true)
  })
})

describe("the events", () => {
  test("are written as they are yielded, and the answer ends with the generator", async () => {
    const one = open()
    stream(one, async function* () {
      yield { data: "a" }
      yield { data: { n: 1 }, event: "tick", id: "1" }
    })
    await settled()
    expect(written(one)).toEqual(["data: a\n\n", 'event: tick\nid: 1\ndata: {"n":1}\n\n'])
    expect(exchangeOf(one).answer?.ended).toBe(true)
    expect(exchangeOf(one).aborted).toBe(false)
    expect(told).toEqual([])
  })

  test("are pulled at the client's pace: one waits to be written, no more are asked for", async () => {
    let pulled = 0
    const one = open()
    exchangeOf(one).pause()
    stream(one, async function* () {
      for (;;) yield { data: ++pulled }
    })
    await settled()
    expect(pulled).toBe(1)
    exchangeOf(one).resume()
    exchangeOf(one).pause()
    await settled()
    expect(pulled).toBeLessThanOrEqual(3)
    exchangeOf(one).disconnect()
  })

  test("do not keep the pipeline waiting", async () => {
    const never = deferred()
    const router = defineRouter((r) => [
      r.get("/", (conn) =>
        stream(conn, async function* () {
          await never.promise
          yield { data: "late" }
        }),
      ),
    ])
    const answer = await client(defineEndpoint().router(router)).get("/")
    expect(answer.status).toBe(200)
    never.resolve()
    expect(await answer.text()).toBe(":\n\ndata: late\n\n")
  })
})

/** A generator that tells how it ended. */
function watched(wait: (signal: AbortSignal) => Promise<unknown>): {
  events: Events
  ended: Promise<void>
  signal: () => AbortSignal
} {
  const end = deferred()
  let given: AbortSignal
  return {
    ended: end.promise,
    signal: () => given,
    events: async function* (signal) {
      given = signal
      try {
        for (;;) {
          yield { data: "x" }
          await wait(signal)
        }
      } finally {
        end.resolve()
      }
    },
  }
}
const untilAborted = (signal: AbortSignal) => new Promise((resolve) => signal.addEventListener("abort", resolve))

describe("the end of an event stream", () => {
  test.each([
    ["disconnect", "ERR_CLIENT_GONE"],
    ["cut", "ERR_DRAINING"],
    ["drain", "ERR_DRAINING"],
  ] as const)("%s ends the generator with the reason %s in its signal", async (how, code) => {
    const one = open()
    const { events, ended, signal } = watched(untilAborted)
    stream(one, events)
    await settled()
    exchangeOf(one)[how]()
    await ended
    expect((signal().reason as AbortReason).code).toBe(code)
    expect(told).toEqual([])
  })

  test("a generator that waits for something else ends when that is over, and writes nothing more", async () => {
    const other = deferred()
    const one = open()
    const { events, ended } = watched(() => other.promise)
    stream(one, events)
    await settled()
    exchangeOf(one).disconnect()
    await settled()
    other.resolve()
    await ended
    expect(written(one)).toEqual(["data: x\n\n"])
  })

  test("a stopping server says when to come back, within bounds of its own, and ends the answer well", async () => {
    const retries = new Set<number>()
    for (let n = 0; n < 20; n++) {
      const one = open()
      stream(one, watched(untilAborted).events)
      exchangeOf(one).drain()
      const [, retry] = /^retry: (\d+)\n\n$/.exec(sentChunks(one).at(-1)!) ?? []
      retries.add(Number(retry))
      expect(Number(retry)).toBeGreaterThanOrEqual(1000)
      expect(Number(retry)).toBeLessThan(5000)
      expect([exchangeOf(one).answer?.ended, exchangeOf(one).aborted]).toEqual([true, false])
    }
    expect(retries.size, "not all come back at once").toBeGreaterThan(5)
  })

  test("a stopping server ends the generator at once, without waiting for the last byte to leave", async () => {
    const one = open()
    const { events, ended, signal } = watched(untilAborted)
    exchangeOf(one).onClose = () => undefined
    stream(one, events)
    await settled()
    exchangeOf(one).drain()
    await ended
    expect((signal().reason as AbortReason).code).toBe("ERR_DRAINING")
  })

  test("nothing is written behind the goodbye", async () => {
    const one = open()
    const { events, ended } = watched(untilAborted)
    stream(one, events)
    await settled()
    exchangeOf(one).drain()
    await ended
    await settled()
    expect(sentChunks(one).at(-1)).toMatch(/^retry: /)
  })

  test("close ends the generator, also where the server tells of the end later than of the chunk", async () => {
    class Late extends TestExchange {
      override onClose(listener: (reason: AbortReason | undefined) => void) {
        super.onClose((reason) => setImmediate(() => listener(reason)))
      }
    }
    const { events, ended, signal } = watched(() => Promise.resolve())
    let held: { close(): void } | undefined
    const router = defineRouter((r) => [
      r.get("/", (conn) => {
        const answer = stream(conn, events)
        held = answer
        return answer
      }),
    ])
    const { request } = testExchange("GET", "/", undefined, {}) as unknown as {
      request: ConstructorParameters<typeof TestExchange>[0]
    }
    const exchange = new Late(request)
    void defineEndpoint({ onError: (error) => told.push(error) })
      .router(router)
      .call(exchange)
    await exchange.until(() => (exchange.answer?.parts.length ?? 0) > 3)
    held?.close()
    await ended
    expect(signal().aborted).toBe(true)
    expect(told).toEqual([])
  })

  test("a generator whose cleanup fails harms nobody", async () => {
    const one = open()
    stream(one, async function* (signal) {
      try {
        yield { data: "x" }
        await untilAborted(signal)
        yield { data: "y" }
      } finally {
        // biome-ignore lint/correctness/noUnsafeFinally: that is the case
        throw new Error("cleanup")
      }
    })
    await settled()
    exchangeOf(one).disconnect()
    await settled()
    expect(written(one)).toEqual(["data: x\n\n"])
  })

  test("an iterable whose return fails, or gives no promise, harms nobody", async () => {
    for (const back of [
      () => {
        throw new Error("no")
      },
      () => ({ done: true, value: undefined }),
    ]) {
      const one = open()
      let closed = 0
      stream(one, () => ({
        [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => undefined), return: back as never }),
      }))
      one.onClose(() => closed++)
      await settled()
      expect(() => exchangeOf(one).disconnect()).not.toThrow()
      expect(closed).toBe(1)
    }
  })
})
