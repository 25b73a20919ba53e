import {
  ClientGoneError,
  type Conn,
  DrainingError,
  defineEndpoint,
  defineRouter,
  HTTPError,
  InvalidOptionError,
  TimeoutError,
  type WebSocket,
} from "plumage"
import { type ConnOptions, client, conn, exchangeOf } from "plumage/test"
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { inner } from "../../src/conn/conn.ts"
import { cut, expire } from "../../src/conn/stream.ts"
import { type LogEntry, type LoggerOptions, logger } from "../../src/plugs/logger.ts"
import { handshake, settled } from "../loose.ts"

type Action = (conn: Conn) => any
const lines: [level: string, line: string][] = []
const entries = (): LogEntry[] => lines.map(([, line]) => JSON.parse(line))
const log = {
  info: (line: string) => lines.push(["info", line]),
  warn: (line: string) => lines.push(["warn", line]),
  error: (line: string) => lines.push(["error", line]),
}

function endpoint(action: Action, options: LoggerOptions = {}, ...plugs: ((conn: Conn) => Conn)[]) {
  const router = defineRouter((r) => [
    r.get("/users/:id", action),
    r.get("/reset/:token", action),
    r.any("/all/*rest", action),
    r.post("/only-post", action),
  ])
  let build = defineEndpoint({ onError: () => undefined }).plug(logger({ log, ...options }))
  for (const plug of plugs) build = build.plug(plug)
  return build.router(router)
}

/** Runs an action below a logger until it has answered, and gives the request's connection for the peer's part. */
async function ask(action: Action, options: LoggerOptions = {}, path = "/users/7", given: ConnOptions = {}) {
  const one = conn("GET", path, undefined, given)
  void endpoint(action, options).call(one.exchange)
  await settled()
  return exchangeOf(one)
}

beforeEach(() => {
  lines.splice(0)
  vi.useFakeTimers({ toFake: ["performance", "Date"], now: Date.UTC(2026, 10, 20) })
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

describe("a line", () => {
  test("says what was asked, what was answered, and how long it took, once", async () => {
    const action: Action = (conn) => {
      vi.advanceTimersByTime(12)
      return conn.assign("requestId", "abc").text("größe")
    }
    await ask(action, {}, "/users/7?page=2", { remoteIp: "203.0.113.9" })
    expect(lines).toHaveLength(1)
    expect(lines[0]![0]).toBe("info")
    expect(entries()[0]).toEqual({
      time: "2026-11-20T00:00:00.012Z",
      level: "info",
      event: "request",
      method: "GET",
      path: "/users/7",
      route: "/users/:id",
      status: 200,
      durationUs: 12_000,
      bytes: 7,
      requestId: "abc",
      remoteIp: "203.0.113.9",
      outcome: "ok",
    })
  })

  test("of an error has its status, its code and its level, and the route where one was found", async () => {
    const raise = (error: unknown) => () => {
      throw error
    }
    await ask(raise(new HTTPError(418, "no tea")))
    await ask(raise(new Error("canary")))
    await ask(raise(Object.assign(new Error("canary"), { code: "canary" })))
    await ask(raise(null))
    await ask((conn) => conn.text("x"), {}, "/nowhere")
    await ask((conn) => conn.text("x"), {}, "/only-post")
    expect(entries().map(({ level, status, error, outcome, route }) => [level, status, error, outcome, route])).toEqual(
      [
        ["warn", 418, "ERR_HTTP", "ok", "/users/:id"],
        ["error", 500, "ERR_INTERNAL", "ok", "/users/:id"],
        ["error", 500, "ERR_INTERNAL", "ok", "/users/:id"],
        ["error", 500, undefined, "ok", "/users/:id"],
        ["warn", 404, "ERR_NO_ROUTE", "ok", undefined],
        ["warn", 405, "ERR_METHOD_NOT_ALLOWED", "ok", undefined],
      ],
    )
    expect(lines.map(([level]) => level)).toEqual(entries().map(({ level }) => level))
    expect(JSON.stringify(lines)).not.toContain("canary")
  })

  test("has the wire's method and path, and the address that a later plug has found", async () => {
    const one = conn("GET", "/all/%2e%2E/a//b", undefined, { remoteIp: "10.0.0.1" })
    const rewrite = (conn: Conn) => conn.rewrite({ method: "DELETE", remoteIp: "198.51.100.7" })
    await endpoint((conn) => conn.text(conn.method), {}, rewrite).call(one.exchange)
    await settled()
    expect(entries()).toMatchObject([{ method: "GET", path: "/all/%2e%2E/a//b", remoteIp: "198.51.100.7" }])
  })

  test("of HEAD and 304 counts no bytes", async () => {
    await endpoint((conn) => conn.text("four")).call(conn("HEAD", "/users/7").exchange)
    await ask((conn) => conn.sendResp(304))
    await settled()
    expect(entries().map(({ status, bytes }) => [status, bytes])).toEqual([
      [200, 0],
      [304, 0],
    ])
  })
})

describe("the end of an exchange", () => {
  const wait = () => new Promise<never>(() => undefined)

  test("before an answer has no status, and is logged once, whatever the handler does then", async () => {
    let go: () => void = () => undefined
    const exchange = await ask(async (conn) => {
      await new Promise<void>((resolve) => {
        go = resolve
      })
      return conn.text("too late")
    })
    expect(lines).toEqual([])
    exchange.disconnect()
    await settled()
    go()
    await settled()
    expect(entries()).toHaveLength(1)
    expect(entries()[0]).toMatchObject({ level: "info", outcome: "aborted", error: "ERR_CLIENT_GONE", bytes: 0 })
    expect(entries()[0]).not.toHaveProperty("status")
  })

  test("while an answer waits for a store has no status either: nothing was sent", async () => {
    const exchange = await ask((conn) => conn.registerBeforeSend(wait).text("kept back"))
    exchange.disconnect()
    await settled()
    expect(entries()).toMatchObject([{ outcome: "aborted", error: "ERR_CLIENT_GONE" }])
    expect(entries()[0]).not.toHaveProperty("status")
  })

  test("of a stream is logged when it ends, and not when it begins", async () => {
    let stream: any
    await ask((conn) => {
      stream = conn.sendChunked(200).initChunk("abc")
      return stream
    })
    expect(lines).toEqual([])
    vi.advanceTimersByTime(60_000)
    stream.chunk("defg")
    stream.close()
    await settled()
    expect(entries()).toMatchObject([
      { event: "request", status: 200, bytes: 7, durationUs: 60_000_000, outcome: "ok" },
    ])
  })

  const ends: [string, LogEntry["outcome"], string | undefined, string, (one: ReturnType<typeof inner>) => void][] = [
    ["the client leaves", "aborted", "ERR_CLIENT_GONE", "info", (one) => exchangeOf(one as never).disconnect()],
    ["its deadline passes", "timeout", "ERR_TIMEOUT", "warn", (one) => expire(one, new HTTPError(503, "late"))],
    ["it is cut for slowness", "timeout", "ERR_TIMEOUT", "warn", (one) => cut(one, new TimeoutError("slow"))],
    ["the server stops", "drained", "ERR_DRAINING", "info", (one) => cut(one, new DrainingError())],
  ]
  test.each(ends)("of a stream when %s is %s", async (_, outcome, error, level, end) => {
    let one: any
    await ask((conn) => {
      one = inner(conn)
      return conn.sendChunked(200).initChunk("abc")
    })
    end(one)
    await settled()
    expect(entries()).toMatchObject([{ status: 200, outcome, error, level, bytes: 3 }])
    expect(entries()).toHaveLength(1)
  })

  test("of a stream whose handler fails is failed, an error, with the error's code", async () => {
    const exchange = await ask(async (conn) => {
      conn.sendChunked(200)
      throw new HTTPError(409, "canary")
    })
    expect(exchange.aborted).toBe(true)
    expect(entries()).toMatchObject([{ status: 200, outcome: "failed", error: "ERR_HTTP", level: "error" }])
  })

  test("of an event stream that says goodbye is drained", async () => {
    const exchange = await ask((conn) =>
      conn.eventStream(async function* () {
        yield { data: 1 }
        await wait()
      }),
    )
    exchange.drain()
    await settled()
    expect(entries()).toMatchObject([{ outcome: "drained", level: "info" }])
  })

  test("of a handler that fails because the client has left is the client's", async () => {
    const exchange = await ask(async (conn) => {
      const { signal } = conn
      conn.sendChunked(200).initChunk()
      await new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("aborted"))))
      return wait()
    })
    exchange.disconnect()
    await settled()
    expect(entries()).toMatchObject([{ outcome: "aborted", error: "ERR_CLIENT_GONE", level: "info" }])
  })

  test("of a websocket is one line with 101, and with `opened` there is one at its begin", async () => {
    for (const opened of [false, true]) {
      lines.splice(0)
      const exchange = await ask((conn) => conn.upgrade("websocket", {}), { opened }, "/users/7", {
        headers: handshake,
      })
      const begin = { event: "upgraded", status: 101, level: "info", durationUs: 0, bytes: 0 }
      expect(entries()).toMatchObject(opened ? [begin] : [])
      if (opened) expect(entries()[0]).not.toHaveProperty("outcome")
      vi.advanceTimersByTime(1_000)
      exchange.disconnect()
      await settled()
      expect(entries().slice(opened ? 1 : 0)).toMatchObject([
        { event: "request", status: 101, durationUs: 1_000_000, outcome: "aborted" },
      ])
    }
  })

  test.each([
    [1000, "ok", "info"],
    [4001, "ok", "info"],
    [1006, "aborted", "info"],
    [1011, "failed", "error"],
    [1012, "drained", "info"],
    [1013, "timeout", "warn"],
  ] as const)("of a websocket closed with %i is its own, not the handover's, and %s", async (code, outcome, level) => {
    const exchange = await ask((conn) => conn.upgrade("websocket", {}), {}, "/users/7", { headers: handshake })
    // Servers are done with the exchange once the socket is handed over.
    ;(exchange as unknown as { finish(reason: undefined): void }).finish(undefined)
    await settled()
    expect(lines).toEqual([])
    vi.advanceTimersByTime(5_000)
    exchange.upgraded!.handler.close!({} as WebSocket, code, "")
    await settled()
    expect(entries()).toMatchObject([{ status: 101, closeCode: code, outcome, level, durationUs: 5_000_000 }])
  })

  test("of a websocket changes nothing for its handler", async () => {
    class Echo {
      readonly #seen: string[] = []
      open(ws: WebSocket) {
        void ws.send("hello")
      }
      message(ws: WebSocket, data: string | Uint8Array) {
        this.#seen.push(String(data))
        void ws.send(this.#seen.join())
      }
      close(_ws: WebSocket, code: number, reason: string) {
        closed.push(code, reason, this.#seen.length)
      }
    }
    const closed: unknown[] = []
    const app = client(endpoint((conn) => conn.upgrade("websocket", new Echo())))
    const socket = await app.websocket("/users/7")
    expect(await socket.next()).toBe("hello")
    socket.send("a")
    socket.send("b")
    expect([await socket.next(), await socket.next()]).toEqual(["a", "a,b"])
    socket.close(1000, "bye")
    await settled()
    expect(closed).toEqual([1000, "bye", 2])
    expect(entries()).toMatchObject([{ status: 101, closeCode: 1000, outcome: "ok", level: "info" }])
  })

  test("of a stream has with `opened` a line at its begin, and a whole answer has none", async () => {
    let stream: any
    const action: Action = async (conn) => {
      vi.advanceTimersByTime(5)
      await conn.registerBeforeSend(() => Promise.resolve())
      stream = conn.sendChunked(206).initChunk("a")
      return stream
    }
    await ask(action, { opened: true })
    expect(entries()).toMatchObject([{ event: "stream opened", status: 206, durationUs: 5_000 }])
    stream.close()
    await settled()
    expect(entries().map(({ event }) => event)).toEqual(["stream opened", "request"])
    await ask((conn) => conn.text("x"), { opened: true })
    expect(entries()).toHaveLength(3)
  })

  test("comes before a stream that its handler opens too late: nothing has opened then", async () => {
    let go: () => void = () => undefined
    const gone = new Promise<void>((resolve) => {
      go = resolve
    })
    const exchange = await ask(async (conn) => gone.then(() => conn.sendChunked(200)), { opened: true })
    exchange.disconnect()
    go()
    await settled()
    expect(entries().map(({ event }) => event)).toEqual(["request"])
  })
})

describe("levels", () => {
  test("are the application's to choose, and false writes nothing", async () => {
    const level: LoggerOptions["level"] = (conn, { status }) =>
      conn.unsafeRawPath === "/users/health" ? false : status === 404 ? "info" : "error"
    await ask((conn) => conn.text("x"), { level }, "/users/health")
    await ask((conn) => conn.text("x"), { level }, "/nowhere")
    await ask((conn) => conn.text("x"), { level })
    expect(lines.map(([name, line]) => [name, JSON.parse(line).level])).toEqual([
      ["info", "info"],
      ["error", "error"],
    ])
  })

  test("are those of the route where nothing went wrong, and false writes nothing", async () => {
    const raise = (status: number) => () => {
      throw new HTTPError(status, "no")
    }
    const router = defineRouter((r) => [
      r.get("/debug", (conn) => conn.text("x"), { log: "debug" }),
      r.get("/warn", (conn) => conn.text("x"), { log: "warn" }),
      r.get("/error/404", raise(404), { log: "error" }),
      r.get("/debug/404", raise(404), { log: "debug" }),
      r.get("/debug/500", raise(500), { log: "debug" }),
      r.get("/never", raise(500), { log: false }),
    ])
    const ask = async (path: string, sink: LoggerOptions["log"]) => {
      lines.splice(0)
      await defineEndpoint({ onError: () => undefined })
        .plug(logger({ log: sink! }))
        .router(router)
        .call(conn("GET", path).exchange)
      await settled()
      return lines.map(([level]) => level)
    }
    const debug = (line: string) => lines.push(["debug", line])
    expect(await ask("/debug", { ...log, debug })).toEqual(["debug"])
    expect(await ask("/debug", log)).toEqual([])
    expect(await ask("/warn", log)).toEqual(["warn"])
    expect(await ask("/error/404", log)).toEqual(["error"])
    expect(await ask("/debug/404", log)).toEqual(["warn"])
    expect(await ask("/debug/500", log)).toEqual(["error"])
    expect(await ask("/never", log)).toEqual([])
  })

  test("rise to a warning from slowMs on, for whole answers only", async () => {
    for (const [ms, wanted] of [
      [99, "info"],
      [100, "warn"],
    ] as const) {
      lines.splice(0)
      const action: Action = (conn) => {
        vi.advanceTimersByTime(ms)
        return conn.text("x")
      }
      await ask(action, { slowMs: 100 })
      expect(lines.map(([level]) => level)).toEqual([wanted])
    }
    lines.splice(0)
    await ask(
      (conn) => {
        vi.advanceTimersByTime(500)
        return conn.sendChunked(200)
      },
      { slowMs: 100 },
    )
    expect(lines.map(([level]) => level)).toEqual(["info"])
  })
})

describe("secrets", () => {
  test("in the query are not logged: not at all by default, filtered with `query`", async () => {
    const path = "/users/7?page=2&access_token=canary&user[password]=canary"
    await ask((conn) => conn.text("x"), {}, path)
    expect(lines[0]![1]).not.toMatch(/page|canary/)
    await ask((conn) => conn.text("x"), { query: true }, path)
    expect(entries()[1]!.query).toBe("page=2&access_token=[FILTERED]&user[password]=[FILTERED]")
    await ask((conn) => conn.text("x"), { query: true, filter: { keep: ["page", "id"] } }, `${path}&x=canary`)
    expect(lines[2]![1]).not.toContain("canary")
  })

  test("in the path are hidden by the name of their parameter, however they were encoded", async () => {
    await ask((conn) => conn.text("x"), {}, "/reset/c%61nary")
    expect(entries()[0]).toMatchObject({ path: "/reset/[FILTERED]", route: "/reset/:token" })
    await ask((conn) => conn.text("x"), { filter: ["rest"] }, "/all/ca/nary")
    expect(entries()[1]!.path).toBe("/all/[FILTERED]/[FILTERED]")
    await ask((conn) => conn.text("x"), { filter: { keep: ["rest"] } }, "/users/canary")
    expect(entries()[2]!.path).toBe("/users/[FILTERED]")
  })

  test("in headers and bodies are not logged at all", async () => {
    const headers = { authorization: "Bearer canary", cookie: "a=canary", "user-agent": "canary" }
    await ask((conn) => conn.putRespCookie("a", "canary").text("canary"), { query: true }, "/users/7", { headers })
    expect(lines[0]![1]).not.toContain("canary")
  })
})

describe("what a client sends", () => {
  const hostile = 'a\r\nb\n\u001b[31m\u009b31m\u2028\u202e\u0000\u007f\ud800 "x" status=200'

  test.each(["json", "text"] as const)("stays in its line, in %s", async (format) => {
    const one = conn("GET", `/all/${hostile}`, undefined, { remoteIp: hostile })
    const { exchange } = one
    Object.defineProperty(exchange, "method", { value: `GET${hostile}` })
    Object.defineProperty(exchange, "query", { value: hostile })
    await endpoint((conn) => conn.assign("requestId", hostile).text("x"), { format, query: true }).call(exchange)
    await settled()
    expect(lines).toHaveLength(1)
    const line = lines[0]![1]
    expect(line).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u)
    expect(line).toContain("a\\")
    if (format === "json") expect(JSON.parse(line).status).toBe(200)
    // Outside of quotes there is one status and no word of the client's making.
    else expect(line.replace(/"(?:[^"\\]|\\.)*"/g, "Q")).toMatch(/^\S+ info Q Q 200 \d+µs 1B ok route=\S+ ip=Q id=Q$/)
  })

  test("reaches a format of one's own without what would leave its line", async () => {
    const seen: LogEntry[] = []
    const format = (entry: LogEntry) => {
      seen.push(entry)
      return "line"
    }
    await ask(
      (conn) => conn.assign("requestId", hostile).text("x"),
      { format, query: true },
      `/all/${hostile}?${hostile}`,
    )
    for (const text of Object.values(seen[0]!)) expect(String(text)).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u)
    expect(lines).toEqual([["info", "line"]])
  })
})

describe("text", () => {
  test("has the same parts in a fixed order", async () => {
    await ask((conn) => conn.assign("requestId", "abc").text("hello"), { format: "text", query: true }, "/users/7?a=1")
    await ask(
      () => {
        throw new HTTPError(410, "gone")
      },
      { format: "text" },
    )
    const exchange = await ask(() => new Promise(() => undefined), { format: "text" })
    exchange.disconnect()
    await settled()
    expect(lines.map(([, line]) => line)).toEqual([
      "2026-11-20T00:00:00.000Z info GET /users/7?a=1 200 0µs 5B ok route=/users/:id ip=127.0.0.1 id=abc",
      "2026-11-20T00:00:00.000Z warn GET /users/7 410 0µs 14B ok error=ERR_HTTP route=/users/:id ip=127.0.0.1",
      "2026-11-20T00:00:00.000Z info GET /users/7 - 0µs 0B aborted error=ERR_CLIENT_GONE route=/users/:id ip=127.0.0.1",
    ])
  })
})

describe("a log that fails", () => {
  const failing: [string, LoggerOptions][] = [
    [
      "log that throws",
      {
        log: () => {
          throw new Error("full disk")
        },
      },
    ],
    ["log that rejects", { log: () => Promise.reject(new Error("full disk")) }],
    [
      "format that throws",
      {
        log: () => undefined,
        format: () => {
          throw new Error("full disk")
        },
      },
    ],
    [
      "level that throws",
      {
        log: () => undefined,
        level: () => {
          throw new Error("full disk")
        },
      },
    ],
    ["level that is none", { log, level: () => "loud" as never }],
  ]
  test.each(failing)("(%s) harms no request and is told once, to stderr", async (_, options) => {
    const stderr = vi.spyOn(console, "error").mockImplementation(() => undefined)
    const told: unknown[] = []
    const router = defineRouter((r) => [r.get("/", (conn) => conn.text("hello"))])
    const app = client(
      defineEndpoint({ onError: (error) => told.push(error) })
        .plug(logger(options))
        .router(router),
    )
    for (let count = 0; count < 3; count++) expect(await (await app.get("/")).text()).toBe("hello")
    await settled()
    expect([stderr.mock.calls.length, told]).toEqual([1, []])
  })
})

test("without options, lines go to the console by their level", async () => {
  const info = vi.spyOn(console, "info").mockImplementation(() => undefined)
  const one = conn("GET", "/")
  logger()(one).text("x")
  await settled()
  expect(JSON.parse(String(info.mock.calls[0]![0]))).toMatchObject({ path: "/", status: 200 })
})

test("an exchange that is over already is logged too", async () => {
  const one = conn("GET", "/")
  exchangeOf(one).disconnect()
  logger({ log })(one)
  await settled()
  expect(entries()).toMatchObject([{ outcome: "aborted", error: new ClientGoneError().code }])
})

test("options are checked once, at start", () => {
  const wrong: unknown[] = [
    { log: {} },
    { log: null },
    { level: "info" },
    { format: "xml" },
    { query: 1 },
    { filter: "password" },
    { slowMs: -1 },
    { slowMs: Number.NaN },
    { opened: "yes" },
    { colour: true },
  ]
  for (const options of wrong) {
    expect(() => logger(options as LoggerOptions), JSON.stringify(options)).toThrow(InvalidOptionError)
  }
})
