/** Errors that come after the answer, instead of it from the other side, or while an error is answered. */
import { BadRequestError, ClientGoneError, type Conn, defineEndpoint, defineRouter, HTTPError } from "plumage"
import { type ConnOptions, client, conn, exchangeOf } from "plumage/test"
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { watchProcess } from "../adapters/suite/guard.ts"
import { settled } from "../loose.ts"

type Action = (conn: Conn) => any

const told: unknown[] = []
const endpoint = (action: Action, onError: (error: unknown, conn: Conn) => void = (error) => told.push(error)) =>
  defineEndpoint({ onError }).router(defineRouter((r) => [r.any("/*rest", action)]))
const ask = (action: Action, options: ConnOptions = {}, path = "/") =>
  client(endpoint(action)).get(path, undefined, options)
const raise =
  (error: unknown): Action =>
  () => {
    throw error
  }

beforeEach(() => void told.splice(0))
watchProcess()

/** Every place where an error may carry something that is nobody's to see. */
function leaky(): Error {
  const error = new Error("canary-message", { cause: new Error("canary-cause") })
  error.stack = "canary-stack"
  return Object.assign(error, { sql: "canary-sql", status: 418, headers: ["x-canary", "canary"], code: "CANARY" })
}
describe("an error after the answer", () => {
  test("that was complete is told, and the answer stays", async () => {
    const answer = await ask((conn) => {
      conn.text("done")
      throw new Error("late")
    })
    expect([answer.status, await answer.text()]).toEqual([200, "done"])
    expect(told).toMatchObject([{ message: "late" }])
  })

  test("that was complete and is an HTTPError is told too", async () => {
    const answer = await ask((conn) => {
      conn.text("done")
      throw new BadRequestError("late")
    })
    expect([answer.status, answer.exchange.answers]).toEqual([200, 1])
    expect(told).toHaveLength(1)
  })

  test("that had begun cuts it, visibly, with nothing of the error in it", async () => {
    const answer = await ask(async (conn) => {
      conn.sendChunked(200).chunk("half")
      throw leaky()
    })
    await settled()
    expect(answer.exchange.aborted).toBe(true)
    expect(Buffer.concat(answer.exchange.answer!.parts).toString()).toBe("half")
    expect(told).toHaveLength(1)
  })

  test("of an upgrade is told, and nothing is answered", async () => {
    const { handshake } = await import("../loose.ts")
    const one = conn("GET", "/", undefined, { headers: handshake })
    const action = (conn: Conn) => {
      conn.upgrade("websocket", {})
      throw new Error("late")
    }
    await endpoint(action).call(one.exchange)
    expect(exchangeOf(one).answers).toBe(1)
    expect(told).toHaveLength(1)
  })
})

describe("a TransportError", () => {
  test("before an answer ends the connection, silently", async () => {
    const one = conn("GET", "/")
    await endpoint(() => Promise.reject(new ClientGoneError())).call(one.exchange)
    expect([exchangeOf(one).aborted, exchangeOf(one).answers]).toEqual([true, 0])
    expect(told).toEqual([])
  })

  test("stays the reason that listeners are given, where the server tells them later than the body's reader", async () => {
    const one = conn("POST", "/", "body")
    const exchange = exchangeOf(one)
    const { onClose, readBody } = exchange
    exchange.onClose = (listener) => onClose.call(exchange, (reason) => setImmediate(() => listener(reason)))
    exchange.readBody = (length, timeout, done) => {
      exchange.disconnect()
      readBody.call(exchange, length, timeout, done)
    }
    const codes: unknown[] = []
    await endpoint(async (conn) => {
      conn.onClose((reason) => codes.push(reason?.code))
      return conn.sendResp(200, await conn.readBody())
    }).call(exchange)
    await settled()
    expect(codes).toEqual(["ERR_CLIENT_GONE"])
  })

  test("after one that is complete is silent too", async () => {
    const answer = await ask((conn) => {
      conn.text("done")
      throw new ClientGoneError()
    })
    expect([await answer.text(), told]).toEqual(["done", []])
  })

  test("after one has begun is silent too", async () => {
    const one = conn("GET", "/")
    const called = endpoint(async (conn) => {
      const { signal } = conn
      conn.sendChunked(200)
      await new Promise((resolve) => signal.addEventListener("abort", resolve))
      throw signal.reason
    }).call(one.exchange)
    exchangeOf(one).disconnect()
    await called
    expect(told).toEqual([])
  })
})

describe("errors of errors", () => {
  let log: ReturnType<typeof vi.spyOn>
  beforeEach(() => {
    log = vi.spyOn(console, "error").mockImplementation(() => undefined)
  })
  afterEach(() => log.mockRestore())

  test("an onError that throws changes nothing for the client, and is logged", async () => {
    const failing = endpoint(raise(new Error("boom")), () => {
      throw new Error("from onError")
    })
    const answer = await client(failing).get("/")
    expect([answer.status, await answer.text()]).toEqual([500, "500 Internal Server Error\n"])
    expect(log.mock.calls.flat().map(String).join()).toContain("from onError")
  })

  test("an onError that rejects is no unhandled rejection", async () => {
    const failing = endpoint(raise(new Error("boom")), (async () => {
      throw new Error("from onError")
    }) as () => void)
    expect((await client(failing).get("/")).status).toBe(500)
    await settled()
  })

  test("an HTTPError whose headers cannot be sent is a bare 500, and told", async () => {
    const answer = await ask(raise(new HTTPError(400, "x", { headers: ["a\nb", "c"] })))
    expect([answer.status, await answer.text(), answer.header("connection")]).toEqual([500, "", "close"])
    expect(told).toMatchObject([{ code: "ERR_INVALID_HEADER" }])
  })

  test("a server that fails while the error is answered is cut, not answered again", async () => {
    const one = conn("GET", "/")
    const exchange = exchangeOf(one)
    exchange.sendResp = () => {
      exchange.sent = true
      throw new Error("half")
    }
    await endpoint(raise(new Error("boom"))).call(exchange)
    expect([exchange.aborted, exchange.answers]).toEqual([true, 0])
    expect(told).toMatchObject([{ message: "boom" }, { message: "half" }])
  })

  test("a before-send callback that fails again and again is asked once", async () => {
    let calls = 0
    const answer = await ask((conn) => {
      conn.registerBeforeSend(() => {
        calls++
        throw new Error("no")
      })
      return conn.text("x")
    })
    expect([answer.status, calls]).toEqual([500, 1])
  })

  test("without an onError they are written to stderr with their stack, the path quoted", async () => {
    const router = defineRouter((r) => [r.any("/*rest", raise(new Error("boom")))])
    await client(defineEndpoint().router(router)).get("/a%0Ab")
    expect(log).toHaveBeenCalledTimes(1)
    const [line, error] = log.mock.calls[0] as [string, Error]
    expect(line).toBe('GET "/a%0Ab" failed:')
    expect(error.stack).toContain("errors.test.ts")
  })
})
