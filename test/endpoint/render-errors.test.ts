/** `renderErrors`: an application's own answers to errors, and what happens when they fail themselves. */
import {
  BadRequestError,
  ClientGoneError,
  type Conn,
  defineEndpoint,
  defineRouter,
  HTTPError,
  ServiceUnavailableError,
} from "plumage"
import { client, conn, exchangeOf } from "plumage/test"
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { inner } from "../../src/conn/conn.ts"
import { expire } from "../../src/conn/stream.ts"
import { watchProcess } from "../adapters/suite/guard.ts"
import { loose, settled } from "../loose.ts"

type Action = (conn: Conn) => any
type Render = (conn: Conn, error: unknown) => unknown

const told: unknown[] = []
const endpoint = (action: Action, renderErrors: Render) =>
  defineEndpoint({ renderErrors, onError: (error) => told.push(error) }).router(
    defineRouter((r) => [r.any("/*rest", action)]),
  )
const ask = (action: Action, render: Render, method = "GET") => client(endpoint(action, render)).request(method, "/")
const raise =
  (error: unknown): Action =>
  () => {
    throw error
  }
const boom = raise(new Error("boom"))
const own: Render = (conn) => conn.text(`own ${conn.status}`)
const plain = "500 Internal Server Error\n"

beforeEach(() => void told.splice(0))
watchProcess()

describe("renderErrors", () => {
  test("answers instead of the plain page, with the error's status, and onError is told as ever", async () => {
    const answer = await ask(boom, own)
    expect([answer.status, await answer.text()]).toEqual([500, "own 500"])
    expect(told).toMatchObject([{ message: "boom" }])
    const shown = await ask(raise(new BadRequestError()), own)
    expect([shown.status, await shown.text(), told.length]).toEqual([400, "own 400", 1])
  })

  test("sees the error as an argument and on the connection, with what the plugs before had assigned", async () => {
    const error = new HTTPError(409, "no", { headers: ["retry-after", "3"] })
    let seen: unknown[] = []
    const answer = await ask(
      (conn) => raise(error)(conn.assign("step", 1)),
      (conn, given) => {
        seen = [given === error, conn.error === error, conn.assigns, conn.state]
        return conn.html("<p>")
      },
    )
    expect(seen).toEqual([true, true, { step: 1 }, "unset"])
    expect([answer.status, answer.header("retry-after")]).toEqual([409, "3"])
  })

  test("is asked for a path without a route, and for one that is not UTF-8", async () => {
    const app = defineEndpoint({ renderErrors: own }).router(defineRouter((r) => [r.get("/", boom)]))
    expect(await (await client(app).get("/nowhere")).text()).toBe("own 404")
    expect(await (await client(app).get("/%FF")).text()).toBe("own 400")
  })

  test("chooses the type: one that was put for the answer that did not come is gone", async () => {
    const failing: Action = (conn) => {
      conn.putRespContentType("application/pdf", undefined).putRespHeader("location", "/made").putStatus(201)
      throw new Error("boom")
    }
    const answer = await ask(failing, (conn) => conn.json({ ok: false }))
    expect([answer.status, answer.header("content-type"), answer.header("location")]).toEqual([
      500,
      "application/json; charset=utf-8",
      undefined,
    ])
  })

  test("keeps what a 426 must say of itself", async () => {
    const app = defineEndpoint({ renderErrors: own })
      .socket("/socket", {})
      .router(defineRouter((r) => [r.get("/", boom)]))
    const answer = await client(app).get("/socket")
    expect([answer.status, answer.header("upgrade"), await answer.text()]).toEqual([426, "websocket", "own 426"])
  })

  test("may only set the answer, or answer with another status", async () => {
    const answer = await ask(boom, (conn) => conn.resp(503, "later"))
    expect([answer.status, await answer.text()]).toEqual([503, "later"])
  })

  test("may stream, and the stream ends with it", async () => {
    const answer = await ask(boom, (conn) => {
      conn.sendChunked(500).chunk("bit by bit")
    })
    expect(await answer.text()).toBe("bit by bit")
    const slow = await ask(boom, async (conn) => {
      const chunked = conn.sendChunked(500)
      await settled()
      await chunked.chunk("later")
    })
    expect(await slow.text()).toBe("later")
  })

  test("answers HEAD with the head alone", async () => {
    for (const render of [own, async (conn: Conn) => own(conn, undefined)]) {
      const answer = await ask(boom, render, "HEAD")
      expect([answer.status, await answer.text(), answer.exchange.answer?.length]).toEqual([500, "", 7])
    }
    const streamed = await ask(boom, (conn) => void conn.sendChunked(500).chunk("x"), "HEAD")
    expect([streamed.status, await streamed.text()]).toEqual([500, ""])
  })

  test("is not asked once an answer has begun, nor when the client is gone", async () => {
    const render = vi.fn(own)
    await ask((conn) => {
      conn.text("done")
      throw new Error("late")
    }, render)
    await ask((conn) => {
      conn.sendChunked(200).chunk("half")
      throw new Error("late")
    }, render)
    const one = conn("GET", "/")
    await endpoint(raise(new ClientGoneError()), render).call(one.exchange)
    expect([render.mock.calls.length, exchangeOf(one).aborted]).toEqual([0, true])
  })
})

describe("renderErrors that is async", () => {
  const later: Render = async (conn) => {
    await settled()
    return conn.text(`later ${conn.status}`)
  }

  test("is waited for, whether the action failed sync or async", async () => {
    for (const action of [boom, async () => boom(conn("GET", "/"))]) {
      const answer = await ask(action, later)
      expect([answer.status, await answer.text()]).toEqual([500, "later 500"])
    }
  })

  test("may only set the answer too", async () => {
    expect(await (await ask(boom, async (conn) => conn.resp(500, "set"))).text()).toBe("set")
  })

  test("and what only looks like a promise is one", async () => {
    const render: Render = (conn) => ({
      // biome-ignore lint/suspicious/noThenProperty: that is the case
      then: (done: (value: unknown) => void) => void settled().then(() => done(own(conn, 0))),
    })
    expect(await (await ask(boom, render)).text()).toBe("own 500")
  })

  test.each([
    ["an error", new Error("render")],
    ["nothing at all", undefined],
  ])("and rejects with %s is told, and the plain page sent", async (_, failure) => {
    const answer = await ask(boom, async () => {
      await settled()
      throw failure
    })
    expect([answer.status, await answer.text()]).toEqual([500, plain])
    expect(told).toEqual([expect.objectContaining({ message: "boom" }), failure])
  })

  test("and rejects is no unhandled rejection, even where the plain page cannot be sent", async () => {
    const one = conn("GET", "/")
    const exchange = exchangeOf(one)
    exchange.sendResp = () => {
      throw new Error("server")
    }
    await endpoint(boom, () => Promise.reject(new Error("render"))).call(exchange)
    await settled()
    expect([exchange.answer?.status, told.length]).toEqual([500, 3])
  })

  test("and a server that can send nothing at all ends the connection", async () => {
    for (const render of [own, async () => undefined]) {
      const one = conn("GET", "/")
      const exchange = exchangeOf(one)
      exchange.sendResp = exchange.sendHead = () => {
        throw new Error("server")
      }
      await endpoint(boom, render).call(exchange)
      expect([exchange.aborted, exchange.answers]).toEqual([true, 0])
    }
  })

  describe("and never answers", () => {
    beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }))
    afterEach(() => void vi.useRealTimers())

    test("is given ten seconds, then the plain page is sent, and what comes later changes nothing", async () => {
      let release: () => void = () => undefined
      const one = conn("GET", "/")
      const exchange = exchangeOf(one)
      const called = endpoint(boom, async (conn) => {
        await new Promise<void>((resolve) => {
          release = resolve
        })
        return conn.text("too late")
      }).call(exchange)
      vi.advanceTimersByTime(9_999)
      expect(exchange.sent).toBe(false)
      vi.advanceTimersByTime(1)
      expect(Buffer.concat(exchange.answer!.parts).toString()).toBe(plain)
      expect(told).toMatchObject([{ message: "boom" }, { code: "ERR_USAGE" }])
      await called
      release()
      await settled()
      expect([exchange.answers, told.length]).toEqual([1, 2])
    })

    test("leaves no timer behind once it has answered, and none cuts a stream that goes on", async () => {
      await ask(boom, later)
      await settled()
      expect(vi.getTimerCount()).toBe(0)
      const answer = await ask(boom, async (conn) => {
        const chunked = conn.sendChunked(500)
        vi.advanceTimersByTime(20_000)
        await settled()
        await chunked.chunk("whole")
      })
      expect(await answer.text()).toBe("whole")
    })
  })
})

describe("renderErrors that fails", () => {
  test("is told, and the plain page sent, without the headers that it had put", async () => {
    const answer = await ask(boom, (conn) => {
      conn.putRespHeader("content-security-policy", "x").putRespHeader("content-encoding", "gzip").resp(200, "half")
      throw new Error("render")
    })
    expect([answer.status, await answer.text()]).toEqual([500, plain])
    expect([answer.header("content-security-policy"), answer.header("content-encoding")]).toEqual([
      undefined,
      undefined,
    ])
    expect(told).toMatchObject([{ message: "boom" }, { message: "render" }])
  })

  test.each(["sync", "async"])("after it has answered is told, and the answer stays (%s)", async (kind) => {
    const render: Render = (conn) => {
      own(conn, undefined)
      throw new Error("render")
    }
    const answer = await ask(boom, kind === "sync" ? render : async (conn) => render(conn, undefined))
    await settled()
    expect([await answer.text(), answer.exchange.answers]).toEqual(["own 500", 1])
    expect(told).toMatchObject([{ message: "boom" }, { message: "render" }])
  })

  test.each(["sync", "async"])("amid a stream cuts it, visibly (%s)", async (kind) => {
    const render: Render = (conn) => {
      conn.sendChunked(500).chunk("half")
      throw new Error("render")
    }
    const answer = await ask(boom, kind === "sync" ? render : async (conn) => render(conn, undefined))
    await settled()
    expect(answer.exchange.aborted).toBe(true)
    expect(told).toMatchObject([{ message: "boom" }, { message: "render" }])
  })

  test("because the client has left ends the connection, silently", async () => {
    const one = conn("GET", "/")
    await endpoint(boom, async () => {
      throw new ClientGoneError()
    }).call(one.exchange)
    await settled()
    expect([exchangeOf(one).aborted, exchangeOf(one).answers, told.length]).toEqual([true, 0, 1])
  })

  test("by not answering at all gets the plain page", async () => {
    for (const render of [() => undefined, async () => undefined, (conn: Conn) => conn.halt()]) {
      const answer = await ask(boom, render)
      expect([answer.status, await answer.text()]).toEqual([500, plain])
    }
  })

  test("with an HTTPError leaves the status of the error that was to be shown", async () => {
    const answer = await ask(raise(new BadRequestError("seen")), raise(new HTTPError(418, "unseen")))
    expect([answer.status, await answer.text()]).toEqual([400, "400 Bad Request\nseen\n"])
    expect(told).toMatchObject([{ status: 418 }])
  })
})

describe("callbacks before the answer", () => {
  test("may take their time: the endpoint is done when the answer is out", async () => {
    const action: Action = (conn) => {
      conn.registerBeforeSend(() => settled())
      throw new Error("boom")
    }
    const renders: Render[] = [own, async (conn) => own(conn, 0), (conn) => settled().then(() => own(conn, 0))]
    for (const render of renders) {
      const one = conn("GET", "/")
      await endpoint(action, render).call(one.exchange)
      expect(Buffer.concat(exchangeOf(one).answer!.parts).toString()).toBe("own 500")
    }
  })

  test("run for the answer of renderErrors, and one that throws leaves the plain page", async () => {
    let calls = 0
    const action: Action = (conn) => {
      conn.registerBeforeSend(() => {
        calls++
        throw new Error("callback")
      })
      throw new Error("boom")
    }
    for (const render of [own, async (conn: Conn) => own(conn, 0), (conn: Conn) => conn.resp(500, "set")]) {
      calls = 0
      const answer = await ask(action, render)
      expect([await answer.text(), calls]).toEqual([plain, 1])
    }
  })

  test("that reject are rendered, but not for ever", async () => {
    const render = vi.fn((conn: Conn) => {
      conn.registerBeforeSend(() => Promise.reject(new ServiceUnavailableError("store")))
      return conn.text("never")
    })
    const answer = await ask(boom, render)
    expect([answer.status, await answer.text()]).toEqual([503, "503 Service Unavailable\nstore\n"])
    expect(render).toHaveBeenCalledTimes(2)
  })

  test("that reject replace the answer with what renderErrors makes of them", async () => {
    const store: Action = (conn) =>
      conn.registerBeforeSend(() => Promise.reject(new ServiceUnavailableError())).text("x")
    for (const render of [own, async (conn: Conn) => own(conn, 0)]) {
      const answer = await ask(store, render)
      expect([answer.status, await answer.text()]).toEqual([503, "own 503"])
    }
  })

  test("that reject under a stream: nobody's chunk gets into the answer", async () => {
    const written: unknown[] = []
    const stream: Action = async (conn) => {
      const { exchange } = conn
      const { chunk } = exchange
      exchange.chunk = (data) => {
        written.push(data)
        return chunk.call(exchange, data)
      }
      conn.registerBeforeSend(async () => {
        await settled()
        throw new ServiceUnavailableError()
      })
      const chunked = conn.sendChunked(200)
      while (await chunked.chunk("secret"));
      await settled()
      await chunked.chunk("secret")
      return chunked
    }
    const cases: [Render, string][] = [
      [own, "own 503"],
      [(conn) => void conn.sendChunked(503).chunk("streamed"), "streamed"],
      // Whoever wrote the chunks is not done: there is no time to wait.
      [(conn) => settled().then(() => own(conn, 0)), "503 Service Unavailable\n"],
    ]
    for (const [render, text] of cases) {
      const answer = await ask(stream, render)
      await settled()
      expect(await answer.text()).toBe(text)
    }
    expect(written).not.toContain("secret")
  })
})

describe("a deadline", () => {
  const late = new ServiceUnavailableError("time is up")

  test("is rendered, and what the handler still does comes to nothing, untold", async () => {
    const one = conn("GET", "/")
    let release: () => void = () => undefined
    const called = endpoint(async (conn) => {
      setImmediate(() => expire(inner(conn), late))
      await new Promise<void>((resolve) => {
        release = resolve
      })
      return conn.text("too late")
    }, own).call(one.exchange)
    await settled()
    release()
    await called
    expect(Buffer.concat(exchangeOf(one).answer!.parts).toString()).toBe("own 503")
    expect([exchangeOf(one).answers, told]).toEqual([1, []])
  })

  test("waits for no async renderErrors, whose answer could be mixed with the handler's", async () => {
    const one = conn("GET", "/")
    await endpoint(
      async (conn) => {
        expire(inner(conn), late)
        return loose(conn).text("too late")
      },
      async (conn) => {
        await settled()
        return conn.text("too late as well")
      },
    ).call(one.exchange)
    await settled()
    expect(Buffer.concat(exchangeOf(one).answer!.parts).toString()).toBe("503 Service Unavailable\ntime is up\n")
    expect([exchangeOf(one).answers, told]).toEqual([1, []])
  })

  test("that passes while an error is rendered ends that too", async () => {
    const one = conn("GET", "/")
    await endpoint(boom, async (conn) => {
      if (conn.status === 500) setImmediate(() => expire(inner(conn), late))
      await settled()
      return conn.text("too late")
    }).call(one.exchange)
    expect(Buffer.concat(exchangeOf(one).answer!.parts).toString()).toBe("503 Service Unavailable\ntime is up\n")
    expect(told).toMatchObject([{ message: "boom" }])
  })
})

describe("who is told", () => {
  test("of an HTTPError from 500 on: its cause is the operator's to know, and nothing of it the client's", async () => {
    const error = new ServiceUnavailableError("come back later", { cause: new Error("canary") })
    const answer = await client(
      defineEndpoint({ onError: (error) => told.push(error) }).router(defineRouter((r) => [r.get("/", raise(error))])),
    ).get("/")
    expect([answer.status, await answer.text()]).toEqual([503, "503 Service Unavailable\ncome back later\n"])
    expect(told).toEqual([error])
  })

  test("nobody of one without a cause, or of a 4xx with one", async () => {
    await ask(raise(new ServiceUnavailableError()), own)
    await ask(raise(new BadRequestError("x", { cause: new Error("why") })), own)
    expect(told).toEqual([])
  })
})

describe("what is thrown", () => {
  const log = vi.spyOn(console, "error").mockImplementation(() => undefined)
  beforeEach(() => void log.mockClear())

  test.each([200, 101, 99, 1000, Number.NaN, "404"])("as an HTTPError with the status %s is a 500", async (status) => {
    class Odd extends HTTPError {
      override readonly status = status as number
    }
    const answer = await client(
      defineEndpoint().router(defineRouter((r) => [r.get("/", raise(new Odd(400, "x")))])),
    ).get("/")
    expect(answer.status).toBe(500)
  })

  test("as something that cannot even be printed is a 500, and no end of the process", async () => {
    log.mockImplementation((...values: unknown[]) => {
      for (const value of values) if (typeof value === "object") throw new Error("from inspect")
    })
    const hostile = new Proxy(new Error(), {
      get() {
        throw new Error("from get")
      },
      getPrototypeOf() {
        throw new Error("from getPrototypeOf")
      },
    })
    const app = defineEndpoint().router(
      defineRouter((r) => [r.get("/", raise(hostile)), r.get("/async", () => Promise.reject(hostile))]),
    )
    for (const path of ["/", "/async"]) {
      const answer = await client(app).get(path)
      expect([answer.status, await answer.text()]).toEqual([500, plain])
      expect(log.mock.lastCall?.join(" ")).toBe(`GET "${path}" failed: a thrown object that cannot be printed`)
    }
  })
})
