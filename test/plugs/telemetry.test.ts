import { subscribe, unsubscribe } from "node:diagnostics_channel"
import {
  ClientGoneError,
  type Conn,
  defineEndpoint,
  defineRouter,
  HTTPError,
  InvalidOptionError,
  type WebSocket,
} from "plumage"
import { callEndpoint, conn, exchangeOf } from "plumage/test"
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { attachTelemetry, type TelemetryOptions, telemetry } from "../../src/plugs/telemetry.ts"
import { handshake, settled } from "../loose.ts"

type Action = (conn: Conn) => any
type Message = Record<string, any> & { conn: Conn }
const events: [name: string, message: Message][] = []
const detached: (() => void)[] = []
const names = ["start", "stop", "exception", "close"]

function listen(...channels: string[]) {
  for (const name of channels) {
    detached.push(attachTelemetry<Message>(name, (message) => events.push([name.split(".").at(-1)!, message])))
  }
}
const listenAll = () => listen(...names.map((name) => `plumage.request.${name}`))

const endpoint = (action: Action, options?: TelemetryOptions, ...plugs: ((conn: Conn) => Conn)[]) => {
  let build = defineEndpoint({ onError: () => undefined }).plug(telemetry(options))
  for (const plug of plugs) build = build.plug(plug)
  return build.router(defineRouter((r) => [r.get("/users/:id", action), r.post("/form", action)]))
}
async function ask(action: Action, path = "/users/7", headers: Record<string, string> = {}) {
  const one = conn("GET", path, undefined, { headers })
  void endpoint(action).call(one.exchange)
  await settled()
  return exchangeOf(one)
}
const seen = () => events.map(([name, { conn: _, ...message }]) => [name, message])

beforeEach(() => {
  events.splice(0)
  vi.useFakeTimers({ toFake: ["performance", "Date"], now: 1_000_000 })
})
afterEach(() => {
  for (const detach of detached.splice(0)) detach()
  vi.useRealTimers()
  vi.restoreAllMocks()
})

describe("a request", () => {
  test("that is answered whole starts, stops and closes, with the same conn and the route that was found", async () => {
    listenAll()
    await ask((conn) => {
      vi.advanceTimersByTime(3)
      return conn.sendResp(201, "x")
    })
    expect(seen()).toEqual([
      ["start", { systemTime: 1_000_000 }],
      ["stop", { duration: 3_000, status: 201 }],
      ["close", { duration: 3_000, status: 201, reason: undefined }],
    ])
    expect(new Set(events.map(([, { conn }]) => conn)).size).toBe(1)
    expect(events[1]![1].conn.route).toMatchObject({ method: "GET", path: "/users/:id" })
    expect(events[2]![1].conn.bytesSent).toBe(1)
  })

  test("that is a stream stops with its head and closes with its end", async () => {
    listenAll()
    let stream: any
    await ask((conn) => {
      vi.advanceTimersByTime(1)
      stream = conn.sendChunked(200).initChunk("a")
      return stream
    })
    vi.advanceTimersByTime(9)
    expect(seen().slice(1)).toEqual([["stop", { duration: 1_000, status: 200 }]])
    stream.close()
    await settled()
    expect(seen().slice(2)).toEqual([["close", { duration: 10_000, status: 200, reason: undefined }]])
  })

  test("that becomes a websocket stops with 101", async () => {
    listenAll()
    const exchange = await ask((conn) => conn.upgrade("websocket", {}), "/users/7", handshake)
    expect(seen().slice(1)).toEqual([["stop", { duration: 0, status: 101 }]])
    vi.advanceTimersByTime(7)
    exchange.disconnect()
    await settled()
    expect(seen()[2]).toMatchObject(["close", { duration: 7_000, status: 101 }])
  })

  test("that becomes a websocket closes with the websocket, not with the handover", async () => {
    listenAll()
    const exchange = await ask((conn) => conn.upgrade("websocket", {}), "/users/7", handshake)
    ;(exchange as unknown as { finish(reason: undefined): void }).finish(undefined)
    await settled()
    expect(events.map(([name]) => name)).toEqual(["start", "stop"])
    vi.advanceTimersByTime(9)
    exchange.upgraded!.handler.close!({} as WebSocket, 1006, "")
    await settled()
    expect(seen()[2]).toEqual(["close", { duration: 9_000, status: 101, reason: undefined, closeCode: 1006 }])
  })

  test("for a file stops once", async () => {
    listenAll()
    const one = conn("GET", "/users/7")
    await endpoint((conn) => conn.sendFile(200, import.meta.filename)).call(one.exchange)
    await settled()
    expect(events.map(([name]) => name)).toEqual(["start", "stop", "close"])
  })

  test.each([
    ["/users/7", new HTTPError(409, "taken"), 409, "client"],
    ["/users/7", new HTTPError(503, "busy"), 503, "server"],
    ["/users/7", new Error("boom"), 500, "server"],
    ["/nowhere", expect.objectContaining({ code: "ERR_NO_ROUTE" }), 404, "client"],
    ["/form", expect.objectContaining({ code: "ERR_METHOD_NOT_ALLOWED" }), 405, "client"],
  ] as const)(
    "to %s that fails with %s stops with %i, and its error is told at the end",
    async (path, error, status, kind) => {
      listenAll()
      await ask(() => {
        throw error
      }, path)
      expect(seen().slice(1)).toEqual([
        ["stop", { duration: 0, status }],
        ["exception", { duration: 0, error, kind }],
        ["close", { duration: 0, status, reason: undefined }],
      ])
    },
  )

  test("whose stream fails has an exception with the time to its end", async () => {
    listenAll()
    const error = new Error("boom")
    await ask(async (conn) => {
      conn.sendChunked(200)
      vi.advanceTimersByTime(4)
      throw error
    })
    expect(seen().slice(2)).toMatchObject([
      ["exception", { duration: 4_000, error, kind: "server" }],
      ["close", { duration: 4_000, status: 200, reason: { code: "ERR_CUT" } }],
    ])
  })

  test("whose client leaves has no stop and no exception, whatever its handler does then", async () => {
    listenAll()
    for (const late of [(conn: Conn) => conn.text("late"), (conn: Conn) => Promise.reject(conn.signal.reason)]) {
      events.splice(0)
      let go: () => void = () => undefined
      const gone = new Promise<void>((resolve) => {
        go = resolve
      })
      const exchange = await ask(async (conn) => {
        void conn.signal
        await gone
        return late(conn)
      })
      exchange.disconnect()
      go()
      await settled()
      expect(seen()).toEqual([
        ["start", { systemTime: 1_000_000 }],
        ["close", { duration: 0, status: undefined, reason: expect.any(ClientGoneError) }],
      ])
    }
  })

  test("whose answer waits stops with what is sent in the end", async () => {
    listenAll()
    await ask((conn) => conn.registerBeforeSend(() => Promise.reject(new HTTPError(503, "store"))).text("never"))
    expect(seen().slice(1)).toMatchObject([
      ["stop", { status: 503 }],
      ["exception", { kind: "server" }],
      ["close", { status: 503 }],
    ])
  })
})

describe("channels", () => {
  test("are named by the prefix, and messages carry the metadata, which hides nothing", async () => {
    listen("my.app.start", "my.app.stop", "plumage.request.start")
    const metadata = { service: "shop", status: "mine" }
    const one = conn("GET", "/users/7")
    await callEndpoint(
      endpoint((conn) => conn.text("x"), { prefix: ["my", "app"], metadata }),
      one,
    )
    expect(seen()).toEqual([
      ["start", { service: "shop", status: "mine", systemTime: 1_000_000 }],
      ["stop", { service: "shop", status: 200, duration: 0 }],
    ])
  })

  test.each(names)("with one subscriber, to %s, publish to it", async (name) => {
    listen(`plumage.request.${name}`)
    await ask(() => {
      throw new Error("boom")
    })
    expect(events.map(([name]) => name)).toEqual([name])
  })

  test("without a subscriber leave the conn as it is", () => {
    const one = conn("GET", "/")
    const { exchange } = one
    const onClose = vi.spyOn(exchange, "onClose")
    expect(telemetry()(one)).toBe(one)
    expect([one.exchange === exchange, onClose.mock.calls.length]).toEqual([true, 0])
    listen("plumage.request.stop")
    telemetry()(one)
    expect([one.exchange === exchange, onClose.mock.calls.length]).toEqual([false, 1])
  })
})

describe("a listener that fails", () => {
  const failures: [string, () => unknown][] = [
    [
      "throws",
      () => {
        throw new Error("listener")
      },
    ],
    ["rejects", () => Promise.reject(new Error("listener"))],
  ]
  test.each(failures)(
    "(it %s) is told once and detached, and neither request nor process hear of it",
    async (_, fail) => {
      const stderr = vi.spyOn(console, "error").mockImplementation(() => undefined)
      let calls = 0
      detached.push(
        attachTelemetry("plumage.request.start", () => {
          calls++
          return fail()
        }),
      )
      listen("plumage.request.start")
      for (let count = 0; count < 3; count++) expect((await ask((conn) => conn.text("x"))).answer?.status).toBe(200)
      expect([calls, events.length, stderr.mock.calls.length]).toEqual([1, 3, 1])
      expect(stderr.mock.calls[0]![0]).toContain("plumage.request.start")
    },
  )

  test("and subscribed without attachTelemetry is an uncaught exception a tick later: the request is whole", async () => {
    const listeners = process.listeners("uncaughtException")
    process.removeAllListeners("uncaughtException")
    const uncaught: unknown[] = []
    process.on("uncaughtException", (error) => uncaught.push(error))
    const failing = () => {
      throw new Error("raw")
    }
    subscribe("plumage.request.stop", failing)
    try {
      const exchange = await ask((conn) => conn.text("x"))
      expect(exchange.answer?.status).toBe(200)
      expect(uncaught).toMatchObject([{ message: "raw" }])
    } finally {
      unsubscribe("plumage.request.stop", failing)
      process.removeAllListeners("uncaughtException")
      for (const listener of listeners) process.on("uncaughtException", listener)
    }
  })
})

test("options are checked once, at start", () => {
  const wrong: unknown[] = [
    { prefix: "my.app" },
    { prefix: [] },
    { prefix: ["a.b"] },
    { prefix: [1] },
    { metadata: 1 },
    { name: 1 },
  ]
  for (const options of wrong) {
    expect(() => telemetry(options as TelemetryOptions), JSON.stringify(options)).toThrow(InvalidOptionError)
  }
  expect(() => attachTelemetry("", () => undefined)).toThrow(InvalidOptionError)
  expect(() => attachTelemetry("a", undefined as never)).toThrow(InvalidOptionError)
})
