/** Requests whose deadline has passed. */
import { type Conn, defineEndpoint, defineRouter, HTTPError, ServiceUnavailableError, TimeoutError } from "plumage"
import { client, conn, exchangeOf, sentChunks, sentResp } from "plumage/test"
import { describe, expect, test } from "vitest"
import { inner } from "../../src/conn/conn.ts"
import { expire } from "../../src/conn/stream.ts"
import { deferred, watchProcess } from "../adapters/suite/guard.ts"
import { loose, settled } from "../loose.ts"

watchProcess()

const late = new ServiceUnavailableError("too late")
const expired = (one: { exchange: unknown }) => expire(inner(one as Conn), late)

describe("a request that expires before it was answered", () => {
  test("is answered with the error", () => {
    const one = conn("GET", "/").putRespHeader("etag", '"a"')
    expired(one)
    expect(sentResp(one)).toMatchObject({ status: 503, body: "503 Service Unavailable\ntoo late\n" })
    expect(sentResp(one).headers).not.toHaveProperty("etag")
    expect([one.state, one.error]).toEqual(["sent", late])
  })

  test("is answered when a body was set but not sent, and not with that body", () => {
    const one = conn("GET", "/").resp(200, "set")
    expired(one)
    expect(sentResp(one)).toMatchObject({ status: 503, body: "503 Service Unavailable\ntoo late\n" })
  })

  test("has a signal that aborts with a TimeoutError, read before or after", () => {
    const before = conn("GET", "/")
    const { signal } = before
    expired(before)
    expect(signal.aborted).toBe(true)
    expect(signal.reason).toBeInstanceOf(TimeoutError)
    expect(signal.reason.message).toBe("too late")
    const after = conn("GET", "/")
    expired(after)
    expect(after.signal.reason).toBeInstanceOf(TimeoutError)
  })

  test("runs its callbacks before the error is sent", () => {
    const one = conn("GET", "/").registerBeforeSend((conn) => conn.putRespHeader("x-request-id", "7"))
    expired(one)
    expect(sentResp(one).headers["x-request-id"]).toBe("7")
  })

  test("has nothing to say when its handler ends at last", async () => {
    const told: unknown[] = []
    const gates: (() => void)[] = []
    const wait = () => {
      const { promise, resolve } = deferred()
      gates.push(resolve)
      return promise
    }
    const seen: Conn[] = []
    const handler = (end: (conn: ReturnType<typeof loose>) => unknown) => async (conn: Conn) => {
      seen.push(conn)
      await wait()
      return end(loose(conn)) as never
    }
    const ends: Record<string, (conn: ReturnType<typeof loose>) => unknown> = {
      text: (conn) => conn.text("late"),
      json: (conn) => conn.json({}),
      set: (conn) => conn.resp(200, "late"),
      header: (conn) => conn.putRespHeader("a", "b"),
      chunks: (conn) => conn.sendChunked(200).initChunk("late"),
      events: (conn) => conn.eventStream(async function* () {}),
      file: (conn) => conn.sendFile(200, import.meta.filename),
      nothing: (conn) => conn,
      halt: (conn) => conn.halt(),
      signal: (conn) => Promise.reject(conn.signal.reason),
      refusal: () => Promise.reject(new HTTPError(404, "late")),
    }
    const router = defineRouter((r) => Object.entries(ends).map(([name, end]) => r.get(`/${name}`, handler(end))))
    const endpoint = defineEndpoint({ onError: (error) => told.push(error) }).router(router)
    for (const name of Object.keys(ends)) {
      const answering = client(endpoint).get(`/${name}`)
      await settled()
      expired(seen.at(-1)!)
      const answer = await answering
      gates.pop()!()
      await settled()
      expect([name, answer.status, answer.exchange.answers, told]).toEqual([name, 503, 1, []])
    }
  })
})

describe("a request that expires while its answer waits for a promise", () => {
  const waiting = () => conn("GET", "/").registerBeforeSend(() => new Promise(() => {}))

  test("is answered with the error, and what was kept is never sent", () => {
    const one = waiting()
    one.text("kept")
    expired(one)
    expect(sentResp(one)).toMatchObject({ status: 503, body: "503 Service Unavailable\ntoo late\n" })
    expect(one.signal.reason).toBeInstanceOf(TimeoutError)
  })

  test("has chunks that answer false when it was a stream", async () => {
    const one = waiting()
    const stream = one.sendChunked(200)
    const before = stream.chunk("kept")
    expired(one)
    expect([await before, stream.chunk("more")]).toEqual([false, false])
    stream.close()
    expect(sentResp(one)).toMatchObject({ status: 503, body: "503 Service Unavailable\ntoo late\n" })
  })

  test("is answered once when the promise is settled at last, however it ends", async () => {
    for (const end of [() => undefined, () => Promise.reject(new Error("late"))]) {
      const gate = deferred()
      const one = conn("GET", "/").registerBeforeSend(() => gate.promise.then(end))
      one.text("kept")
      expired(one)
      gate.resolve()
      await settled()
      expect([sentResp(one).status, exchangeOf(one).answers]).toEqual([503, 1])
    }
  })
})

test("a request that expires runs no more of its row", () => {
  const one = conn("GET", "/")
  expired(one)
  expect(one.halted).toBe(true)
})

describe("a request that expires later", () => {
  test("is left alone when its answer was sent whole", () => {
    const one = conn("GET", "/")
    one.text("x")
    expired(one)
    expect(sentResp(one)).toMatchObject({ status: 200, body: "x" })
    expect([one.signal.aborted, exchangeOf(one).aborted]).toEqual([false, false])
  })

  test("is cut when it is a stream, its listeners get the TimeoutError, and chunks answer false", () => {
    const one = conn("GET", "/")
    const reasons: unknown[] = []
    one.onClose((reason) => reasons.push(reason))
    const stream = one.sendChunked(200).initChunk("x")
    const { signal } = one
    expired(one)
    expect(exchangeOf(one).aborted).toBe(true)
    expect(reasons).toEqual([expect.any(TimeoutError)])
    expect(signal.reason).toBe(reasons[0])
    expect(stream.chunk("y")).toBe(false)
    expect(sentChunks(one)).toEqual(["x"])
  })

  test("ends an event stream's generator", async () => {
    let left = false
    const one = conn("GET", "/")
    one.eventStream(async function* (signal) {
      try {
        await new Promise((resolve) => signal.addEventListener("abort", resolve))
      } finally {
        left = true
      }
      yield { data: "never" }
    })
    await settled()
    expired(one)
    await settled()
    expect([left, exchangeOf(one).aborted]).toEqual([true, true])
  })

  test("is left alone when its stream has ended", () => {
    const one = conn("GET", "/")
    const stream = one.sendChunked(200)
    stream.chunk("x")
    stream.close()
    expired(one)
    expect(exchangeOf(one).aborted).toBe(false)
  })

  test("is left alone when the client has left", () => {
    const one = conn("GET", "/")
    const { signal } = one
    one.sendChunked(200).initChunk("x")
    exchangeOf(one).disconnect()
    expect(() => expired(one)).not.toThrow()
    expect(signal.reason.code).toBe("ERR_CLIENT_GONE")
  })

  test("twice is answered once", () => {
    const one = conn("GET", "/")
    expired(one)
    expire(inner(one), new HTTPError(504, "again"))
    expect(sentResp(one).status).toBe(503)
  })
})
