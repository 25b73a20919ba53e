import { afterEach, describe, expect, test, vi } from "vitest"
import type { ElliEvent } from "../../../adapters/elli/events.ts"
import { elli } from "../../../adapters/elli/server.ts"
import type { Exchange } from "../../../src/conn/adapter.ts"
import { drive, echo } from "./drive.ts"

const get = "GET /a?b HTTP/1.1\r\nHost: h\r\n\r\n"
const post = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"

/** A connection whose events are kept. */
function listened(call: (exchange: Exchange) => unknown, limits = {}) {
  const events: ElliEvent[] = []
  const driven = drive(call, limits, (event) => events.push(event))
  return { ...driven, events, types: () => events.map((event) => event.type) }
}

const phases = [
  "accepted",
  "requestStart",
  "headersStart",
  "headersEnd",
  "bodyStart",
  "bodyEnd",
  "userStart",
  "userEnd",
  "sendStart",
  "sendEnd",
  "requestEnd",
] as const

describe("the events of a request", () => {
  test("request_complete comes after the answer, with the phases in order", () => {
    const { feed, events, socket } = listened(echo(() => expect(socket.text).toBe("")))
    feed(post)
    const [event] = events
    if (event?.type !== "request_complete") throw new Error(`got ${event?.type}`)
    expect(socket.text).toMatch(/abc$/)
    expect([event.code, event.request.method, event.request.path]).toEqual([200, "POST", "/"])
    expect(event.sizes).toEqual({ reqBody: 3, respHeaders: socket.text.length - 3, respBody: 3 })
    const times = phases.map((phase) => event.timings[phase] as number)
    expect(times).toEqual([...times].sort((a, b) => a - b))
    expect(times.every((time) => time <= performance.now())).toBe(true)
  })

  test("a request without a body has no body phases", () => {
    const { feed, events } = listened((exchange) => exchange.sendHead(204, [], -1))
    feed(get)
    const [event] = events
    if (event?.type !== "request_complete") throw new Error(`got ${event?.type}`)
    expect([event.timings.bodyStart, event.timings.bodyEnd]).toEqual([undefined, undefined])
    expect(event.request.query).toBe("b")
  })

  test("accepted repeats, every other phase is the request's own", () => {
    const { feed, events } = listened((exchange) => exchange.sendResp(200, [], ""))
    feed(get + get)
    const [one, two] = events.map((event) => (event.type === "request_complete" ? event.timings : undefined))
    expect(two?.accepted).toBe(one?.accepted)
    expect(two?.requestStart).toBeGreaterThanOrEqual(one?.requestEnd as number)
  })

  test("chunk_complete tells who ended the stream, and counts bytes with their frames", () => {
    const streams: Exchange[] = []
    const call = (exchange: Exchange) => {
      streams.push(exchange)
      exchange.sendChunked(200, ["x", "y"], -1)
      exchange.chunk("hello")
    }
    const { feed, events, socket } = listened(call)
    feed(get)
    streams[0]?.endChunked()
    feed(get)
    socket.emit("end")
    expect(events).toMatchObject([
      { type: "chunk_complete", code: 200, closedBy: "server", headers: ["x", "y"], sizes: { chunks: 10 } },
      { type: "chunk_complete", code: 200, closedBy: "client", sizes: { chunks: 10 } },
    ])
  })

  test.each([
    [new Error("no"), { type: "request_error", error: { message: "no" } }],
    ["no", { type: "request_throw", thrown: "no" }],
  ])("a handler that throws %j is told of, and the client gets 500", (thrown, expected) => {
    const { feed, events, socket } = listened(() => {
      throw thrown
    })
    feed(get)
    expect(events).toMatchObject([expected, { type: "request_complete", code: 500 }])
    expect(socket.text).not.toContain("no\n")
    expect(socket.ended).toBe(true)
  })

  test("413 is a bad_request of a body_size", () => {
    const { feed, events } = listened((exchange) => exchange.sendResp(413, [], ""))
    feed("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99\r\n\r\n")
    expect(events[0]).toEqual({ type: "bad_request", reason: "body_size", size: 99 })
  })
})

describe("the events of a connection", () => {
  const never = () => {}

  test("what is no request is a request_parse_error, too many headers a bad_request", () => {
    const one = listened(never)
    one.feed("nonsense\r\n\r\n")
    expect(one.events).toEqual([{ type: "request_parse_error", status: 400 }])
    const two = listened(never, { headerCount: 1 })
    two.feed("GET / HTTP/1.1\r\nHost: h\r\nX: y\r\n\r\n")
    expect(two.events).toEqual([{ type: "bad_request", reason: "too_many_headers" }])
  })

  test.each([
    ["", { type: "request_closed" }],
    ["GET", { type: "client_closed", where: "receiving_headers" }],
    [post.slice(0, -1), { type: "client_closed", where: "receiving_body" }],
    [get, { type: "client_closed", where: "before_response" }],
  ])("a client that leaves after %j", (sent, expected) => {
    const { feed, events, socket } = listened(never)
    if (sent !== "") feed(sent)
    socket.emit("end")
    expect(events).toEqual([expected])
  })
})

describe("deadlines", () => {
  afterEach(() => void vi.useRealTimers())

  test.each([
    ["", { type: "client_timeout", where: "receiving_headers" }],
    ["GET", { type: "client_timeout", where: "receiving_headers" }],
    [post.slice(0, -1), { type: "client_timeout", where: "receiving_body" }],
    [get, { type: "request_timeout" }],
  ])("a client that is too slow after %j", (sent, expected) => {
    vi.useFakeTimers()
    const limits = { headTimeout: 200, requestTimeout: 200, keepAliveTimeout: 200 }
    const { feed, events } = listened((exchange) => exchange.method === "GET" && exchange.sendResp(200, [], ""), limits)
    if (sent !== "") feed(sent)
    vi.advanceTimersByTime(1_000)
    expect(events.filter((event) => event.type !== "request_complete")).toEqual([expected])
  })
})

describe("onEvent", () => {
  const hello = { call: (exchange: Exchange) => exchange.sendResp(200, [], "hello") }

  test("hears of the start, and of a request before the next can come", async () => {
    const types: string[] = []
    const adapter = elli({ port: 0, host: "127.0.0.1", onEvent: (event) => types.push(event.type) })
    const server = await adapter.listen(hello)
    expect(types).toEqual(["elli_startup"])
    await (await fetch(`http://127.0.0.1:${server.port}/`)).text()
    expect(types).toEqual(["elli_startup", "request_complete"])
    await server.stop({ graceMs: 100 })
  })

  test("that throws is reported once, and the server goes on", async () => {
    const warnings: Error[] = []
    const note = (warning: Error) => warnings.push(warning)
    process.on("warning", note)
    const adapter = elli({
      port: 0,
      host: "127.0.0.1",
      onEvent: () => {
        throw new Error("in the listener")
      },
    })
    const server = await adapter.listen(hello)
    for (let i = 0; i < 3; i++) expect(await (await fetch(`http://127.0.0.1:${server.port}/`)).text()).toBe("hello")
    await server.stop({ graceMs: 100 })
    process.off("warning", note)
    expect(warnings.length).toBe(1)
    expect(warnings[0]?.message).toContain("in the listener")
  })

  test("takes a function", () => {
    expect(() => elli({ onEvent: 1 as never })).toThrow("elli: onEvent takes a function, got 1")
  })
})
