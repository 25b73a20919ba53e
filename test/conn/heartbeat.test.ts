import { UsageError } from "plumage"
import { conn, exchangeOf, sentChunks } from "plumage/test"
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { settled } from "../loose.ts"

const streams: ReturnType<typeof conn>[] = []
/** An event stream that stays silent, so that what it has written beyond the first comment are beats. */
function silent(heartbeat?: number) {
  const one = conn("GET", "/")
  streams.push(one)
  one.eventStream(
    async function* (signal) {
      await new Promise((resolve) => signal.addEventListener("abort", resolve))
      yield* []
    },
    heartbeat === undefined ? {} : { heartbeat },
  )
  return one
}
const beats = (one: ReturnType<typeof conn>) => sentChunks(one).slice(1)

beforeEach(() => void vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] }))
afterEach(async () => {
  for (const one of streams.splice(0)) exchangeOf(one).disconnect()
  await settled()
  expect(vi.getTimerCount(), "no timer without a stream").toBe(0)
  vi.useRealTimers()
})

describe("the heartbeat", () => {
  test("is a comment every 15 seconds", () => {
    const one = silent()
    vi.advanceTimersByTime(14_999)
    expect(beats(one)).toEqual([])
    vi.advanceTimersByTime(1)
    expect(beats(one)).toEqual([":\n\n"])
    vi.advanceTimersByTime(30_000)
    expect(beats(one)).toHaveLength(3)
  })

  test("has an interval of its own where one is given", () => {
    const one = silent(100)
    vi.advanceTimersByTime(250)
    expect(beats(one)).toHaveLength(2)
  })

  test("of 0 is none", () => {
    const one = silent(0)
    expect(vi.getTimerCount()).toBe(0)
    vi.advanceTimersByTime(60_000)
    expect(beats(one)).toEqual([])
  })

  test("needs one timer for all streams of an interval, and ends with the last of them", () => {
    const many = Array.from({ length: 100 }, () => silent())
    expect(vi.getTimerCount()).toBe(1)
    silent(100)
    expect(vi.getTimerCount()).toBe(2)
    for (const one of many) exchangeOf(one).disconnect()
    expect(vi.getTimerCount()).toBe(1)
  })

  test("goes on for the others when one stream ends", () => {
    const [left, stays] = [silent(), silent()]
    exchangeOf(left).disconnect()
    vi.advanceTimersByTime(15_000)
    expect([beats(left), beats(stays)]).toEqual([[], [":\n\n"]])
  })

  test("begins again after all streams have ended", () => {
    exchangeOf(silent()).disconnect()
    const one = silent()
    vi.advanceTimersByTime(15_000)
    expect(beats(one)).toEqual([":\n\n"])
  })

  test("skips a client that is slow, whose line is not idle", async () => {
    const one = conn("GET", "/")
    streams.push(one)
    const stream = one.eventStream(
      async function* (signal) {
        await new Promise((resolve) => signal.addEventListener("abort", resolve))
        yield* []
      },
      { heartbeat: 100 },
    )
    exchangeOf(one).pause()
    void stream.event("waits")
    vi.advanceTimersByTime(1000)
    expect(beats(one)).toEqual(["data: waits\n\n"])
    exchangeOf(one).resume()
    await settled()
    vi.advanceTimersByTime(100)
    expect(beats(one)).toEqual(["data: waits\n\n", ":\n\n"])
  })

  test("writes nothing behind the end of a stream", () => {
    const one = conn("GET", "/")
    const stream = one.eventStream(async function* () {
      await new Promise(() => undefined)
      yield* []
    })
    stream.close()
    vi.advanceTimersByTime(60_000)
    expect(beats(one)).toEqual([])
  })

  test.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "15", null, 2 ** 31])(
    "of %s is a UsageError, before anything is sent",
    (heartbeat) => {
      const one = conn("GET", "/")
      expect(() => one.eventStream(async function* () {}, { heartbeat: heartbeat as number })).toThrow(UsageError)
      expect([one.state, one.exchange.sent, vi.getTimerCount()]).toEqual(["unset", false, 0])
    },
  )

  test("of an unknown name is a UsageError too", () => {
    const options = { heartBeat: 5 } as object
    expect(() => conn("GET", "/").eventStream(async function* () {}, options)).toThrow(UsageError)
  })
})
