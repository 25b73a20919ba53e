import { describe, expect, test } from "vitest"
import type { BodyListener, Exchange } from "../../../src/conn/adapter.ts"
import { type Driven, drive, echo, held, type Seen } from "./drive.ts"

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`
const post = (body: string) => `POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\n\r\n${body}`
const inChunks =
  "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: 1\r\n\r\n"

/** What was answered, without the lines that change with time. */
const answers = (driven: Driven) => driven.socket.text.replace(/date: .*\r\n/g, "").split(/(?=HTTP\/1\.1)/)

const read = (exchange: Exchange, length = 1_000_000) =>
  new Promise<{ error: Error | undefined; text: string; more: boolean }>((resolve) => {
    const done: BodyListener = (error, data, more) => resolve({ error, text: Buffer.from(data).toString(), more })
    exchange.readBody(length, 1_000, done)
  })

describe("RFC 9112 §9.3.2: pipelining", () => {
  const pipeline = get("/1") + post("0123456789") + inChunks + get("/2?q")

  function outcome(pieces: readonly string[]) {
    const seen: Seen[] = []
    const driven = drive(echo((request) => seen.push(request)))
    driven.feed(...pieces)
    return { seen, answers: answers(driven) }
  }

  test("four requests are the same in one piece, cut at every byte, and byte by byte", () => {
    const whole = outcome([pipeline])
    expect(whole.seen.map(({ target, body }) => [target, body])).toEqual([
      ["/1", ""],
      ["/p", "0123456789"],
      ["/c", "abcde"],
      ["/2?q", ""],
    ])
    expect(whole.answers.length).toBe(4)
    for (let cut = 1; cut < pipeline.length; cut++) {
      expect(outcome([pipeline.slice(0, cut), pipeline.slice(cut)]), `cut at ${cut}`).toEqual(whole)
    }
    expect(outcome([...pipeline])).toEqual(whole)
  })

  test("what is answered within one read leaves in one write", () => {
    const driven = drive((exchange: Exchange) => exchange.sendResp(200, [], "x"))
    driven.feed(get("/").repeat(20))
    expect(driven.socket.written.length).toBe(1)
    expect(answers(driven).length).toBe(20)
  })

  test("the next request waits until the one before is answered", () => {
    const { feed, exchanges, socket } = held()
    feed(get("/1") + get("/2"), get("/3"))
    expect(exchanges.map((exchange) => exchange.path)).toEqual(["/1"])
    exchanges[0]?.sendResp(200, [], "one")
    expect(exchanges.map((exchange) => exchange.path)).toEqual(["/1", "/2"])
    expect(socket.text).toMatch(/one$/)
    exchanges[1]?.sendResp(200, [], "two")
    expect(exchanges.length).toBe(3)
  })

  test("behind an unfinished answer a bounded amount is read", () => {
    const { feed, exchanges, socket } = held()
    feed(get("/"), get("/").repeat(1_000))
    expect(socket.paused).toBe(true)
    while (exchanges.length < 1_001) exchanges.at(-1)?.sendResp(204, [], "")
    expect(socket.paused).toBe(false)
  })
})

describe("bodies", () => {
  test("that came with their head are given at once", () => {
    const { feed, exchanges } = held()
    feed(post("abcde"))
    const given: unknown[] = []
    exchanges[0]?.readBody(3, 1_000, (...answer) => given.push(answer))
    exchanges[0]?.readBody(3, 1_000, (...answer) => given.push(answer))
    exchanges[0]?.readBody(3, 1_000, (...answer) => given.push(answer))
    expect(given).toEqual([
      [undefined, Buffer.from("abc"), true],
      [undefined, Buffer.from("de"), false],
      [undefined, Buffer.alloc(0), false],
    ])
  })

  test("of just the length that was asked for are known to be whole", async () => {
    const { feed, exchanges } = held()
    feed(inChunks.slice(0, -16))
    const reading = read(exchanges[0] as Exchange, 5)
    feed(inChunks.slice(-16, -13), inChunks.slice(-13))
    expect(await reading).toEqual({ error: undefined, text: "abcde", more: false })
  })

  test("that nobody reads are held up to a bound, and read on when somebody does", async () => {
    const { feed, exchanges, socket } = held({ highWaterMark: 1_000 })
    feed("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3000\r\n\r\n", "a".repeat(999))
    expect(socket.paused).toBe(false)
    feed("a")
    expect(socket.paused).toBe(true)
    const reading = read(exchanges[0] as Exchange)
    expect(socket.paused).toBe(false)
    feed("a".repeat(2_000))
    expect((await reading).text.length).toBe(3_000)
  })

  test("that nobody read are drained behind the answer, up to the limit", () => {
    const { feed, exchanges, socket, connection } = held({ drainBytes: 100 })
    const next = get("/next")
    feed(`POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n`)
    exchanges[0]?.sendResp(200, [], "")
    feed("50\r\naaaa")
    expect(connection.intake?.size).toBe(0)
    feed(`${"a".repeat(76)}\r\n0\r\n\r\n${next}`)
    expect(exchanges[1]?.path).toBe("/next")
    exchanges[1]?.sendResp(200, [], "")
    feed(`POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n`)
    exchanges[2]?.sendResp(200, [], "")
    expect(socket.ended).toBe(false)
    feed(`65\r\n${"a".repeat(101)}`)
    expect(socket.ended).toBe(true)
  })

  test("beyond what would be drained end the connection, and say so", () => {
    const { feed, exchanges, socket } = held({ drainBytes: 100 })
    feed("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 101\r\n\r\n")
    exchanges[0]?.sendResp(413, [], "")
    expect(socket.text).toContain("connection: close\r\n")
    expect(socket.ended).toBe(true)
    feed("a".repeat(101) + get("/smuggled"))
    expect(exchanges.length).toBe(1)
  })

  test("that break off tell their reader, and nothing behind them is served", async () => {
    const { feed, exchanges, socket } = held()
    feed("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
    const reading = read(exchanges[0] as Exchange)
    feed("x\r\n" + get("/smuggled"))
    expect((await reading).error).toMatchObject({ status: 400 })
    exchanges[0]?.sendResp(400, [], "")
    expect([exchanges.length, socket.ended]).toEqual([1, true])
    expect(socket.text).toContain("connection: close\r\n")
  })

  test("of single bytes cost about their bytes", () => {
    const { feed, connection } = held({ highWaterMark: 1_000_000 })
    feed("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n")
    for (let i = 0; i < 50_000; i++) feed("a")
    expect(connection.intake?.pieces).toBeLessThan(10)
  })
})

describe("Expect: 100-continue", () => {
  const expecting = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"

  test("is answered at the first read", async () => {
    const { feed, exchanges, socket } = held()
    feed(expecting)
    expect(socket.text).toBe("")
    const reading = read(exchanges[0] as Exchange)
    expect(socket.text).toBe("HTTP/1.1 100 Continue\r\n\r\n")
    feed("abc")
    expect((await reading).text).toBe("abc")
    exchanges[0]?.sendResp(200, [], "")
    expect(socket.ended).toBe(false)
  })

  test("without a read the answer ends the connection, for nobody knows whether a body follows", () => {
    const { feed, exchanges, socket } = held()
    feed(expecting)
    exchanges[0]?.sendResp(200, [], "")
    expect(socket.text).toContain("connection: close\r\n")
    expect(socket.ended).toBe(true)
  })

  test("a body that came anyway needs no invitation", async () => {
    const { feed, exchanges, socket } = held()
    feed(expecting + "abc")
    expect((await read(exchanges[0] as Exchange)).text).toBe("abc")
    exchanges[0]?.sendResp(200, [], "")
    expect(socket.text).not.toContain("100 Continue")
    expect(socket.ended).toBe(false)
  })
})
