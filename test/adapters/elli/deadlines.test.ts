import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { held } from "./drive.ts"

const get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

describe("deadlines", () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())
  const limits = { headTimeout: 400, requestTimeout: 800, keepAliveTimeout: 1_600, idleTimeout: 1_000 }
  /** Looks just before and just after a deadline, as exactly as the ticks are. */
  const between = (ms: number, before: () => void, after: () => void) => {
    vi.advanceTimersByTime(ms - 50)
    before()
    vi.advanceTimersByTime(200)
    after()
  }

  test("a head counts from its first byte, or from the connection's start", () => {
    for (const begun of ["", "GET / HT"]) {
      const { feed, socket } = held(limits)
      if (begun !== "") feed(begun)
      vi.advanceTimersByTime(200)
      if (begun !== "") feed("TP/1.1\r\n")
      between(
        200,
        () => expect(socket.text).toBe(""),
        () => expect(socket.text).toMatch(/^HTTP\/1\.1 408 .*connection: close/s),
      )
    }
  })

  test("a body counts from the request's first byte", async () => {
    const { feed, exchanges } = held(limits)
    feed("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99\r\n\r\n", "a")
    let given: unknown
    exchanges[0]?.readBody(99, 60_000, (error) => {
      given = error
    })
    between(
      800,
      () => expect(given).toBeUndefined(),
      () => expect(given).toMatchObject({ status: 408 }),
    )
  })

  test("a body that we do not read, or did not ask for, is not late", () => {
    const head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 20\r\n"
    for (const [sent, first] of [
      [`${head}\r\n`, "a".repeat(10)],
      [`${head}Expect: 100-continue\r\n\r\n`, ""],
    ] as const) {
      const { feed, exchanges } = held({ ...limits, highWaterMark: 10 })
      feed(sent, first)
      vi.advanceTimersByTime(60_000)
      let length = 0
      exchanges[0]?.readBody(99, 60_000, (_, data) => {
        length = data.length
      })
      feed("a".repeat(20 - first.length))
      expect(length).toBe(20)
    }
  })

  test("a handler that takes its time, or a stream, is cut by none of them", () => {
    const { feed, exchanges, socket } = held(limits)
    feed(get)
    vi.advanceTimersByTime(60_000)
    exchanges[0]?.sendChunked(200, [], -1)
    vi.advanceTimersByTime(60_000)
    expect(exchanges[0]?.chunk("a")).toBe(true)
    expect([socket.ended, socket.destroyed]).toEqual([false, false])
  })

  test("an idle connection ends, and is cut when the peer does not end too", () => {
    const { feed, exchanges, socket } = held(limits)
    feed(get)
    exchanges[0]?.sendResp(200, [], "")
    between(
      1_600,
      () => expect(socket.ended).toBe(false),
      () => expect(socket.ended).toBe(true),
    )
    vi.advanceTimersByTime(2_000)
    expect(socket.destroyed).toBe(true)
  })
})
