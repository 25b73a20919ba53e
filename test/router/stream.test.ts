/** Routes that open a stream of server-sent events. */
import { type Conn, defineRouter, UsageError } from "plumage"
import { call, conn, exchangeOf, sentChunks, sentResp } from "plumage/test"
import { describe, expect, test } from "vitest"
import { settled } from "../loose.ts"

describe("stream", () => {
  test("opens a stream of server-sent events, which outlives the action", () => {
    const router = defineRouter((r) => [
      r.stream("/room/:id", (conn, { id }) => {
        conn.event({ id }, { event: "hello" })
      }),
    ])
    const one = conn("GET", "/room/7")
    const done = call(router, one)
    expect(done).toBe(one)
    expect(sentResp(one).headers["content-type"]).toBe("text/event-stream; charset=utf-8")
    expect(sentChunks(one)).toEqual([":\n\n", 'event: hello\ndata: {"id":"7"}\n\n'])
    expect(exchangeOf(one).answer?.ended).toBe(false)
    one.exchange.abort()
  })

  test("an async action may go on writing, close ends it", async () => {
    const router = defineRouter((r) => [
      r.stream("/", async (conn) => {
        await null
        await conn.event("late")
        conn.close()
      }),
    ])
    const one = conn("GET", "/")
    await call(router, one)
    expect(sentChunks(one).at(-1)).toBe("data: late\n\n")
    expect(exchangeOf(one).answer?.ended).toBe(true)
  })

  test("HEAD gets its head", async () => {
    const router = defineRouter((r) => [r.stream("/", (conn) => conn.event("x"))])
    const one = conn("HEAD", "/")
    await call(router, one)
    await settled()
    expect(sentResp(one)).toMatchObject({ status: 200, body: "" })
  })

  test("sees the assigns of its scope", () => {
    const router = defineRouter((r) => [
      r.scope(
        "/",
        (conn: Conn) => conn.assign("n", 5),
        (r) => [r.stream("/", (conn) => conn.event(conn.assigns.n))],
      ),
    ])
    const one = conn("GET", "/")
    call(router, one)
    expect(sentChunks(one).at(-1)).toBe("data: 5\n\n")
    one.exchange.abort()
  })

  test("a handler that is no function is refused", () => {
    expect(() => defineRouter((r) => [r.stream("/", undefined as never)])).toThrow(UsageError)
  })
})
