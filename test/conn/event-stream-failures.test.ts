/** Event streams whose source fails. */
import { BadRequestError, type Conn, type ServerSentEvent } from "plumage"
import { type ConnOptions, conn, exchangeOf, sentChunks, sentResp } from "plumage/test"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
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

const untilAborted = (signal: AbortSignal) => new Promise((resolve) => signal.addEventListener("abort", resolve))

describe("an event stream that fails", () => {
  const boom = new Error("canary-message", { cause: "canary-cause" })
  async function* failing(error: unknown): AsyncGenerator<ServerSentEvent> {
    yield { data: "x" }
    throw error
  }

  test("tells onError, tells the client a public code, and ends visibly incomplete", async () => {
    const one = open()
    const { signal } = one
    stream(one, () => failing(boom))
    await settled()
    expect(written(one)).toEqual(["data: x\n\n", 'event: error\ndata: {"code":"ERR_INTERNAL"}\n\n'])
    expect([exchangeOf(one).aborted, signal.aborted]).toEqual([true, true])
    expect(told).toEqual([boom])
    expect(sentResp(one).body).not.toContain("canary")
  })

  test("tells the code of an HTTPError, and not its message", async () => {
    const one = open()
    stream(one, () => failing(new BadRequestError("canary")))
    await settled()
    expect(written(one).at(-1)).toBe('event: error\ndata: {"code":"ERR_BAD_REQUEST"}\n\n')
  })

  test.each([
    ["before the first event", () => failingAtOnce()],
    [
      "when the generator cannot even be made",
      () => {
        throw boom
      },
    ],
    ["when it is no iterable", () => ({}) as AsyncIterable<ServerSentEvent>],
    [
      "with an event that cannot be encoded",
      async function* () {
        yield { data: "x", event: "a\nb" }
      },
    ],
    [
      "with something that is no event",
      async function* () {
        yield null as unknown as ServerSentEvent
      },
    ],
  ] as [string, Events][])("%s is told once, and cut", async (_, events) => {
    const one = open()
    stream(one, events)
    await settled()
    expect(told).toHaveLength(1)
    expect(exchangeOf(one).aborted).toBe(true)
    expect(written(one)).toEqual(['event: error\ndata: {"code":"ERR_INTERNAL"}\n\n'])
  })

  test("after the client has left is nobody's error", async () => {
    const one = open()
    stream(one, async function* (signal) {
      yield { data: "x" }
      await untilAborted(signal)
      throw boom
    })
    await settled()
    exchangeOf(one).disconnect()
    await settled()
    expect(told).toEqual([])
  })

  test("ends its generator when an event cannot be encoded", async () => {
    const end = deferred()
    stream(open(), async function* () {
      try {
        for (;;) yield { data: 1n }
      } finally {
        end.resolve()
      }
    })
    await end.promise
    expect(told).toHaveLength(1)
  })

  describe("where onError throws itself", () => {
    const { error } = console
    afterEach(() => {
      console.error = error
    })
    test("leaves no unhandled rejection, and is cut all the same", async () => {
      console.error = () => undefined
      const one = open({
        onError: () => {
          throw new Error("from onError")
        },
      })
      stream(one, () => failing(boom))
      await settled()
      expect(exchangeOf(one).aborted).toBe(true)
    })
  })
})

// biome-ignore lint/correctness/useYield: it fails before it could
async function* failingAtOnce(): AsyncGenerator<ServerSentEvent> {
  throw new Error("at once")
}
