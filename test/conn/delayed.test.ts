/** Answers that wait for what a callback of registerBeforeSend has promised. */
import {
  type AnyConn,
  type Conn,
  defineEndpoint,
  defineRouter,
  ForbiddenError,
  HTTPError,
  ServiceUnavailableError,
  UsageError,
} from "plumage"
import { call, client, conn, exchangeOf, sentChunks, sentResp, sentUpgrade, testExchange } from "plumage/test"
import { describe, expect, test } from "vitest"
import type { OpenFile } from "../../src/conn/adapter.ts"
import { DelayedExchange } from "../../src/conn/delayed.ts"
import { deferred, watchProcess } from "../adapters/suite/guard.ts"
import { handshake, loose, settled } from "../loose.ts"

watchProcess()

const file = import.meta.filename
const gate = () => {
  const { promise, resolve } = deferred<unknown>()
  return { promise: promise.then((error) => (error === undefined ? undefined : Promise.reject(error))), resolve }
}
/** A connection whose answer waits; `open()` lets it go, `refuse(error)` lets it fail. */
function waiting(method = "GET", options: Parameters<typeof conn>[3] = {}) {
  const { promise, resolve } = gate()
  const one = conn(method, "/", undefined, options).registerBeforeSend(() => promise)
  const go = async (error?: unknown) => {
    resolve(error)
    await settled()
  }
  return { one, open: () => go(), refuse: (error: unknown) => go(error) }
}
const nothingSent = (conn: AnyConn) => expect(exchangeOf(conn).answers, "sent too early").toBe(0)

/** Counts how often files are closed. */
function watchFiles(conn: AnyConn) {
  const exchange = exchangeOf(conn)
  const openFile = exchange.openFile.bind(exchange)
  const seen = { opened: 0, open: 0 }
  exchange.openFile = async (path) => {
    const real = await openFile(path)
    seen.opened++
    seen.open++
    let closed = false
    return Object.assign(Object.create(real), real, {
      close() {
        if (!closed) seen.open--
        closed = true
        real.close()
      },
    }) as OpenFile
  }
  return seen
}

describe("an answer that waits for a promise", () => {
  test("leaves when the promise is fulfilled, unchanged, and not before", async () => {
    const { one, open } = waiting()
    one.putRespHeader("a", "b").putRespCookie("c", "d").sendResp(201, "body")
    expect(one.state).toBe("sent")
    await settled()
    nothingSent(one)
    await open()
    expect(sentResp(one)).toMatchObject({ status: 201, body: "body", headers: { a: "b", "content-length": "4" } })
    expect(sentResp(one).headers["set-cookie"]).toMatch(/^c=d/)
  })

  test("waits for all the promises of all its callbacks", async () => {
    const [first, second] = [gate(), gate()]
    const one = conn("GET", "/")
    for (const { promise } of [first, second]) one.registerBeforeSend(() => promise)
    one.text("x")
    first.resolve(undefined)
    await settled()
    nothingSent(one)
    second.resolve(undefined)
    await settled()
    expect(sentResp(one).body).toBe("x")
  })

  test("is waited for by call() of the kit, and by the endpoint", async () => {
    const { one, open } = waiting()
    const answered = call((conn: Conn) => conn.text("x"), one)
    expect(answered).toBeInstanceOf(Promise)
    void open()
    await answered
    expect(sentResp(one).body).toBe("x")
    const slow = async () => void (await settled())
    const router = defineRouter((r) => [r.get("/", (conn) => conn.registerBeforeSend(slow).text("slow"))])
    const exchange = testExchange("GET", "/", undefined, {})
    const over = defineEndpoint().router(router).call(exchange)
    expect(exchange.answers).toBe(0)
    await over
    expect(exchange.answers).toBe(1)
  })

  test("counts as begun: a second one raises AlreadySentError, and exchange.sent says so", async () => {
    const { one, open } = waiting()
    one.text("first")
    expect(one.exchange.sent).toBe(true)
    expect(() => loose(one).text("second")).toThrow(/already sent/)
    await open()
    expect(sentResp(one).body).toBe("first")
  })

  test("of HEAD has its length and no body", async () => {
    const { one, open } = waiting("HEAD")
    one.text("12345")
    nothingSent(one)
    await open()
    expect(sentResp(one)).toMatchObject({ status: 200, body: "", headers: { "content-length": "5" } })
  })

  test("of 204 has neither", async () => {
    const { one, open } = waiting()
    one.sendResp(204)
    nothingSent(one)
    await open()
    expect(sentResp(one)).toMatchObject({ status: 204, body: "" })
    expect(sentResp(one).headers).not.toHaveProperty("content-length")
  })

  test("that is a file is sent whole, and the file is closed", async () => {
    const { one, open } = waiting()
    const files = watchFiles(one)
    const sent = one.sendFile(200, file, 0, 10)
    await expect.poll(() => one.state).toBe("file")
    nothingSent(one)
    await open()
    await sent
    expect(sentResp(one)).toMatchObject({ status: 200, body: "/** Answers".slice(0, 10) })
    expect(files).toEqual({ opened: 1, open: 0 })
  })

  test("that is a stream keeps its chunks in order; each is told of the client's pace when it has gone", async () => {
    const { one, open } = waiting()
    const stream = one.sendChunked(200)
    const first = stream.chunk("1")
    const second = stream.chunk("2")
    expect([first, second]).toEqual([expect.any(Promise), expect.any(Promise)])
    stream.close()
    nothingSent(one)
    exchangeOf(one).pause()
    await open()
    expect(sentChunks(one)).toEqual(["1", "2"])
    expect(exchangeOf(one).answer?.ended).toBe(true)
    expect(await Promise.all([first, second])).toEqual([false, false])
  })

  test("that is a stream goes on as any other once it has begun", async () => {
    const { one, open } = waiting()
    const stream = one.sendChunked(200).initChunk("1")
    await open()
    expect(stream.chunk("2")).toBe(true)
    exchangeOf(one).pause()
    const slow = stream.chunk("3")
    exchangeOf(one).resume()
    expect(await slow).toBe(true)
    stream.close()
    expect(sentChunks(one)).toEqual(["1", "2", "3"])
    expect(exchangeOf(one).answer?.ended).toBe(true)
  })

  test("is not overtaken by a chunk of one who waits for the same promise", async () => {
    // Whoever waits for the promise itself may run before those who wait for what became of it.
    const ready = deferred()
    const one = conn("GET", "/").registerBeforeSend(() => ready.promise)
    const stream = one.sendChunked(200)
    stream.chunk("1")
    for (let ticks = 0; ticks < 8; ticks++) {
      void ready.promise.then(async () => {
        for (let tick = 0; tick < ticks; tick++) await undefined
        stream.chunk(`${ticks + 2}`)
      })
    }
    ready.resolve()
    await settled()
    expect(sentChunks(one)).toEqual(["1", "2", "3", "4", "5", "6", "7", "8", "9"])
  })

  test("that is an event stream says its first words, its events and its end in order", async () => {
    const { one, open } = waiting()
    one.eventStream(async function* () {
      yield { data: "a" }
      yield { data: "b" }
    })
    await settled()
    nothingSent(one)
    await open()
    await settled()
    expect(sentChunks(one)).toEqual([":\n\n", "data: a\n\n", "data: b\n\n"])
    expect(exchangeOf(one).answer?.ended).toBe(true)
  })

  test("keeps no more than the bound of a slow client", async () => {
    const { one } = waiting("GET", { limits: { backlogBytes: 100 } })
    const stream = one.sendChunked(200)
    const written = Array.from({ length: 5 }, () => stream.chunk("x".repeat(40)))
    expect(exchangeOf(one).aborted).toBe(true)
    expect(await Promise.all(written)).toEqual([false, false, false, false, false])
  })
})

describe("an upgrade", () => {
  const upgraded = async (error?: unknown) => {
    const exchange = testExchange("GET", "/", undefined, { headers: handshake })
    const { promise, resolve } = gate()
    const failures: unknown[] = []
    const delayed = new DelayedExchange(exchange, promise, (failure) => failures.push(failure))
    delayed.upgrade({
      handler: {},
      protocol: "",
      headers: [],
      messageBytes: 1,
      compression: false,
      onError: () => {},
      onOver: () => undefined,
    })
    expect([delayed.sent, exchange.upgraded]).toEqual([true, undefined])
    resolve(error)
    await delayed.settled
    return { exchange, failures }
  }

  test("that waits happens when the promise is fulfilled", async () => {
    expect((await upgraded()).exchange.upgraded?.messageBytes).toBe(1)
  })

  test("does not happen when it rejects", async () => {
    const failure = new Error("no")
    const { exchange, failures } = await upgraded(failure)
    expect([exchange.upgraded, failures]).toEqual([undefined, [failure]])
  })

  test("of a connection waits too, and refused it waits as any answer", async () => {
    const accepted = waiting("GET", { headers: handshake })
    accepted.one.upgrade("websocket", {})
    expect(() => sentUpgrade(accepted.one)).toThrow(UsageError)
    await accepted.open()
    expect(sentUpgrade(accepted.one).protocol).toBe("")
    const { one, open } = waiting("GET", { headers: { ...handshake, origin: "https://evil.example" } })
    expect(() => one.upgrade("websocket", {})).toThrow(ForbiddenError)
    one.sendResp(403, "no")
    nothingSent(one)
    await open()
    expect(sentResp(one)).toMatchObject({ status: 403, body: "no" })
  })
})

describe("a promise that rejects", () => {
  test("turns the answer into the error's, with its status, its headers and none of the answer's own", async () => {
    const { one, refuse } = waiting()
    one.putRespHeader("etag", '"a"').putRespHeader("cache-control", "max-age=60").text("secret")
    await refuse(new ServiceUnavailableError("the session store is down", { headers: ["retry-after", "3"] }))
    const { status, body, headers } = sentResp(one)
    expect([status, body]).toEqual([503, "503 Service Unavailable\nthe session store is down\n"])
    expect(headers).toMatchObject({ "retry-after": "3", "cache-control": "max-age=0, private, must-revalidate" })
    expect(headers).not.toHaveProperty("etag")
    expect(one.error).toBeInstanceOf(ServiceUnavailableError)
    expect(one.bytesSent).toBe(Buffer.byteLength(body))
  })

  test("that is nobody's to know is a 500, and is reported once", async () => {
    const told: unknown[] = []
    const { one, refuse } = waiting("GET", { onError: (error) => told.push(error) })
    const failure = new Error("canary")
    one.text("x")
    await refuse(failure)
    expect(sentResp(one)).toMatchObject({ status: 500, body: "500 Internal Server Error\n" })
    expect(told).toEqual([failure])
  })

  test("answers HEAD and what was 204 too", async () => {
    const head = waiting("HEAD")
    head.one.text("x")
    await head.refuse(new HTTPError(502, "no"))
    expect(sentResp(head.one)).toMatchObject({ status: 502, body: "" })
    const empty = waiting()
    empty.one.sendResp(204)
    await empty.refuse(new HTTPError(502, "no"))
    expect(sentResp(empty.one)).toMatchObject({ status: 502, body: "502 Bad Gateway\nno\n" })
  })

  test("answers in place of a stream: its chunks answer false, before and after, and nothing of them is sent", async () => {
    const { one, refuse } = waiting()
    const stream = one.sendChunked(200)
    const before = stream.chunk("secret")
    await refuse(new ServiceUnavailableError())
    expect(await before).toBe(false)
    expect(stream.chunk("more")).toBe(false)
    stream.close()
    expect(sentResp(one)).toMatchObject({ status: 503, body: "503 Service Unavailable\n" })
  })

  test("ends an event stream's generator", async () => {
    const { one, refuse } = waiting()
    let left = false
    one.eventStream(async function* () {
      try {
        for (;;) yield { data: "x" }
      } finally {
        left = true
      }
    })
    await refuse(new ServiceUnavailableError())
    await settled()
    expect(left).toBe(true)
    expect(sentResp(one).status).toBe(503)
  })

  test("answers in place of a file, which is closed", async () => {
    const { one, refuse } = waiting()
    const files = watchFiles(one)
    const sent = one.sendFile(200, file)
    await expect.poll(() => one.state).toBe("file")
    await refuse(new ServiceUnavailableError())
    await sent
    expect(sentResp(one)).toMatchObject({ status: 503, body: "503 Service Unavailable\n" })
    expect(files).toEqual({ opened: 1, open: 0 })
  })

  test("goes through the endpoint's own page", async () => {
    const endpoint = defineEndpoint({
      renderErrors: (conn) => conn.sendResp(conn.status as number, `page of ${conn.status}`),
    }).router(
      defineRouter((r) => [
        r.get("/", (conn) => conn.registerBeforeSend(() => Promise.reject(new ServiceUnavailableError())).text("x")),
      ]),
    )
    const answer = await client(endpoint).get("/")
    expect([answer.status, await answer.text()]).toEqual([503, "page of 503"])
  })

  test("beside another that rejects later is one answer and no unhandled rejection", async () => {
    const [first, second] = [gate(), gate()]
    const one = conn("GET", "/")
    for (const { promise } of [first, second]) one.registerBeforeSend(() => promise)
    one.text("x")
    first.resolve(new HTTPError(502, "first"))
    await settled()
    second.resolve(new HTTPError(504, "second"))
    await settled()
    expect(sentResp(one).status).toBe(502)
  })
})

describe("a client that leaves while its answer waits", () => {
  test("ends nothing but its own request: onClose and the signal fire, the late answer comes to nothing", async () => {
    const { one, open } = waiting()
    const reasons: unknown[] = []
    const { signal } = one
    one.onClose((reason) => reasons.push(reason?.code))
    one.text("x")
    exchangeOf(one).disconnect()
    expect([signal.aborted, reasons]).toEqual([true, ["ERR_CLIENT_GONE"]])
    await open()
    expect(one.exchange.sent).toBe(true)
  })

  test("frees its chunks and its file at once, however long the promise takes", async () => {
    const { one } = waiting()
    const stream = one.sendChunked(200)
    const written = stream.chunk("x")
    exchangeOf(one).disconnect()
    expect(await written).toBe(false)
    const other = waiting()
    const files = watchFiles(other.one)
    const sent = other.one.sendFile(200, file)
    await expect.poll(() => other.one.state).toBe("file")
    exchangeOf(other.one).disconnect()
    await sent
    expect(files).toEqual({ opened: 1, open: 0 })
  })

  test("leaves an error of the promise to be reported", async () => {
    const told: unknown[] = []
    const { one, refuse } = waiting("GET", { onError: (error) => told.push(error) })
    one.text("x")
    exchangeOf(one).disconnect()
    const failure = new Error("the store")
    await refuse(failure)
    expect(told).toEqual([failure])
  })
})

describe("what was kept", () => {
  const delayed = () => {
    const exchange = testExchange("GET", "/", undefined, {})
    const { promise, resolve } = gate()
    const failures: unknown[] = []
    return { exchange, failures, resolve, one: new DelayedExchange(exchange, promise, (error) => failures.push(error)) }
  }

  test("can be taken back until it has gone, and is then neither sent nor failed", async () => {
    for (const error of [undefined, new Error("no")]) {
      const { exchange, failures, resolve, one } = delayed()
      one.sendResp(200, [], "x")
      expect(one.recall()).toBe(true)
      expect(one.recall()).toBe(false)
      resolve(error)
      await one.settled
      expect([exchange.answers, failures]).toEqual([0, []])
    }
    const { exchange, resolve, one } = delayed()
    one.sendResp(200, [], "x")
    resolve(undefined)
    await one.settled
    expect([one.recall(), exchange.answers]).toEqual([false, 1])
  })

  test("and cannot be sent is a failure, and what came after it is dropped", async () => {
    const { exchange, failures, resolve, one } = delayed()
    const broken = new Error("broken")
    exchange.sendChunked = () => {
      throw broken
    }
    one.sendChunked(200, [], -1)
    const written = one.chunk("x")
    resolve(undefined)
    await one.settled
    expect([failures, await written]).toEqual([[broken], false])
  })
})
