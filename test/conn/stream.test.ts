/** Chunked answers, and the signal that tells when nobody listens. */
import { type AbortReason, ClientGoneError, DrainingError, UsageError } from "plumage"
import { type ConnOptions, conn, exchangeOf, sentChunks, sentResp } from "plumage/test"
import { describe, expect, test } from "vitest"
import { watchProcess } from "../adapters/suite/guard.ts"
import { loose, settled } from "../loose.ts"

watchProcess()

const open = (options: ConnOptions = {}) => conn("GET", "/", undefined, options)
/** What a promise has come to so far. */
const stateOf = async (promise: unknown): Promise<unknown> => {
  const pending = Symbol("pending")
  await settled()
  const value = await Promise.race([promise, Promise.resolve(pending)])
  return value === pending ? "pending" : value
}

describe("sendChunked and chunk", () => {
  test("the head leaves at once, each chunk when it is written, the end with close", () => {
    const one = open().putRespHeader("a", "b")
    const stream = one.sendChunked(201)
    expect(sentResp(one)).toMatchObject({ status: 201, headers: { a: "b" }, body: "" })
    expect(stream.chunk("one")).toBe(true)
    expect(stream.chunk(Buffer.from([0xff]))).toBe(true)
    expect(sentResp(one).bytes).toEqual(Buffer.from([0x6f, 0x6e, 0x65, 0xff]))
    expect(exchangeOf(one).answer?.ended).toBe(false)
    stream.close()
    expect(exchangeOf(one).answer?.ended).toBe(true)
  })

  test("an empty chunk is true and never reaches the server, where it would end the body", () => {
    const one = open()
    const stream = one.sendChunked(200)
    expect([stream.chunk(""), stream.chunk(new Uint8Array())]).toEqual([true, true])
    expect(sentChunks(one)).toEqual([])
    expect(stream.chunk("x")).toBe(true)
  })

  test.each([null, undefined, 5, {}, [], ["x"]])(
    "a chunk of %j raises UsageError and leaves the stream open",
    (data) => {
      const stream = open().sendChunked(200)
      expect(() => stream.chunk(data as unknown as string)).toThrow(UsageError)
      expect(stream.chunk("x")).toBe(true)
    },
  )

  test("chunk, event, initChunk and close before sendChunked raise UsageError", () => {
    const one = loose(open())
    for (const early of [() => one.chunk("x"), () => one.event("x"), () => one.initChunk("x"), () => one.close()]) {
      expect(early, String(early)).toThrow(UsageError)
    }
    const sent = loose(open())
    sent.text("x")
    expect(() => sent.chunk("y")).toThrow(UsageError)
  })

  test("after close a chunk is false, and closing again does nothing", () => {
    const one = open()
    const stream = one.sendChunked(200)
    stream.chunk("x")
    stream.close()
    stream.close()
    expect(stream.chunk("y")).toBe(false)
    expect(stream.event("y")).toBe(false)
    expect(sentChunks(one)).toEqual(["x"])
  })

  test("a loop that writes until it is told to stop ends for HEAD too", async () => {
    const stream = conn("HEAD", "/").sendChunked(200)
    let written = 0
    while (written < 1000 && (await stream.chunk("x"))) written++
    expect(written).toBe(0)
  })

  test("initChunk holds the stream and writes what it is given", () => {
    const one = open()
    const stream = one.sendChunked(200)
    expect(stream.initChunk("first")).toBe(stream)
    stream.initChunk()
    expect(sentChunks(one)).toEqual(["first"])
  })

  test("event writes a server-sent event, JSON for what is no text", () => {
    const one = open()
    const stream = one.sendChunked(200)
    stream.event("a\nb")
    stream.event({ n: 1 }, { event: "tick", id: 7, retry: 50 })
    expect(sentChunks(one)).toEqual(["data: a\ndata: b\n\n", 'event: tick\nid: 7\nretry: 50\ndata: {"n":1}\n\n'])
  })

  test.each([
    ["event", { event: "a\nb" }],
    ["event", { event: "a\rdata: x" }],
    ["id", { id: "1\r\n2" }],
    ["id", { id: "1\0" }],
    ["retry", { retry: 1.5 }],
    ["retry", { retry: "1\ndata: x" as unknown as number }],
  ])("an %s that could start another field raises UsageError, and nothing is written", (_, options) => {
    const one = open()
    const stream = one.sendChunked(200)
    expect(() => stream.event("x", options)).toThrow(UsageError)
    expect(sentChunks(one)).toEqual([])
  })

  test("event data that JSON cannot carry raises UsageError", () => {
    const stream = open().sendChunked(200)
    for (const data of [1n, () => 1, Symbol("x")]) expect(() => stream.event(data), typeof data).toThrow(UsageError)
  })
})

describe("backpressure", () => {
  test("a chunk to a client that does not read is a promise that resolves true when it reads again", async () => {
    const one = open()
    const stream = one.sendChunked(200)
    exchangeOf(one).pause()
    const written = stream.chunk("x")
    expect(written).toBeInstanceOf(Promise)
    expect(await stateOf(written)).toBe("pending")
    exchangeOf(one).resume()
    expect(await written).toBe(true)
    expect(stream.chunk("y")).toBe(true)
  })

  test("it resolves false when the client leaves, and never hangs", async () => {
    const one = open()
    const stream = one.sendChunked(200)
    exchangeOf(one).pause()
    const waiting = [stream.chunk("x"), stream.chunk("y")]
    exchangeOf(one).disconnect()
    expect(await Promise.all(waiting)).toEqual([false, false])
    expect(stream.chunk("z")).toBe(false)
    expect(() => stream.close()).not.toThrow()
  })

  test("a writer that ignores it loses the client at the bound, not the memory", async () => {
    const one = open({ limits: { backlogBytes: 100 } })
    const stream = one.sendChunked(200)
    const { signal } = one
    exchangeOf(one).pause()
    void stream.chunk("x".repeat(60))
    expect(stream.chunk("x".repeat(40))).toBeInstanceOf(Promise)
    expect(signal.aborted).toBe(false)
    expect(stream.chunk("x")).toBe(false)
    expect([signal.aborted, exchangeOf(one).aborted]).toEqual([true, true])
    expect(Buffer.concat(exchangeOf(one).answer!.parts)).toHaveLength(100)
    expect(stream.chunk("x")).toBe(false)
  })

  test("the bound counts bytes, not characters", () => {
    const one = open({ limits: { backlogBytes: 100 } })
    const stream = one.sendChunked(200)
    exchangeOf(one).pause()
    void stream.chunk("x")
    expect(stream.chunk("é".repeat(60))).toBe(false)
  })

  test("a client that catches up has the whole bound again", async () => {
    const one = open({ limits: { backlogBytes: 100 } })
    const stream = one.sendChunked(200)
    for (let round = 0; round < 5; round++) {
      exchangeOf(one).pause()
      const last = [stream.chunk("x".repeat(50)), stream.chunk("x".repeat(50))][1]
      exchangeOf(one).resume()
      expect(await last, `round ${round}`).toBe(true)
    }
  })

  test("a writer that waits is never cut, however much it writes", async () => {
    const one = open({ limits: { backlogBytes: 100 } })
    const stream = one.sendChunked(200)
    for (let n = 0; n < 50; n++) {
      if (n % 2 === 0) exchangeOf(one).pause()
      const written = stream.chunk("x".repeat(60))
      exchangeOf(one).resume()
      expect(await written, `chunk ${n}`).toBe(true)
    }
  })
})

describe("signal and onClose", () => {
  test("no signal is made unless it is read", () => {
    const one = open()
    const made: unknown[] = []
    const { onClose } = exchangeOf(one)
    exchangeOf(one).onClose = (listener) => {
      made.push(listener)
      onClose.call(one.exchange, listener)
    }
    one.text("x")
    expect(made).toEqual([])
    expect(one.signal).toBe(one.signal)
    expect(made).toHaveLength(1)
  })

  test("aborts when the client leaves, with ClientGoneError", () => {
    const one = open()
    const { signal } = one
    exchangeOf(one).disconnect()
    expect(signal.aborted).toBe(true)
    expect(signal.reason).toBeInstanceOf(ClientGoneError)
    expect(signal.reason).toMatchObject({ code: "ERR_CLIENT_GONE", status: 499 })
  })

  test("aborts when the server cuts what is open, with DrainingError", () => {
    const one = open()
    const { signal } = one
    exchangeOf(one).cut()
    expect(signal.reason).toBeInstanceOf(DrainingError)
  })

  test("read after the end, it is aborted one turn later", async () => {
    const one = open()
    exchangeOf(one).disconnect()
    const { signal } = one
    await settled()
    expect(signal.reason).toBeInstanceOf(ClientGoneError)
  })

  test.each(["text", "sendChunked", "HEAD", "sendFile"])("never aborts at a normal end (%s)", async (how) => {
    const one = loose(conn(how === "HEAD" ? "HEAD" : "GET", "/"))
    const { signal } = one
    if (how === "sendChunked") one.sendChunked(200).close()
    else if (how === "sendFile") await one.sendFile(200, import.meta.filename)
    else one.text("x")
    exchangeOf(one as never).disconnect()
    await settled()
    expect(signal.aborted).toBe(false)
  })

  test("onClose is told once: nothing when the answer is complete, else the reason", async () => {
    const told: unknown[][] = []
    const listen = (name: string) => (reason: AbortReason | undefined) => told.push([name, reason?.code])
    const well = open().onClose(listen("well"))
    well.text("x")
    exchangeOf(well).disconnect()
    const gone = open().onClose(listen("gone"))
    exchangeOf(gone).disconnect()
    exchangeOf(gone).cut()
    const late = open()
    late.text("x")
    expect(late.onClose(listen("late"))).toBe(late)
    expect(told).toEqual([
      ["well", undefined],
      ["gone", "ERR_CLIENT_GONE"],
    ])
    await settled()
    expect(told.at(-1)).toEqual(["late", undefined])
  })

  test("all listeners are told, in order, and one that throws harms neither the others nor the process", async () => {
    const told: number[] = []
    const one = open({ onError: () => undefined })
    one.onClose(() => told.push(1))
    one.onClose(() => {
      throw new Error("no")
    })
    one.onClose(() => told.push(2))
    exchangeOf(one).disconnect()
    await settled()
    expect(told).toEqual([1, 2])
  })

  test("an async listener that rejects is no unhandled rejection", async () => {
    const told: unknown[] = []
    const one = open({ onError: (error) => told.push(error) })
    one.onClose((async () => {
      throw new Error("no")
    }) as () => void)
    exchangeOf(one).disconnect()
    await settled()
    expect(told).toMatchObject([{ message: "no" }])
  })
})
