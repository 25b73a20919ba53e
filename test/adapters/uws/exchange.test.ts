import fc from "fast-check"
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { UwsExchange } from "../../../adapters/uws/exchange.ts"
import { Head, HeadReader } from "../../../adapters/uws/head.ts"
import { House } from "../../../adapters/uws/house.ts"
import { ClientGoneError, defaultLimits, type MaybePromise } from "../../../src/conn/adapter.ts"
import { FakeResponse, fakeRequest } from "./fake.ts"

const turn = () => new Promise(setImmediate)
const limits = { ...defaultLimits, highWaterMark: 20_000 }

function begin(headers: readonly string[] = []) {
  const house = new House({ call() {} }, limits, "http", "")
  const response = new FakeResponse()
  const head = new Head("POST", fakeRequest(["host", "a", ...headers]), new HeadReader(limits))
  const exchange = new UwsExchange(house, head, response, undefined, undefined)
  const leave = () => {
    exchange.leave()
    response.leaveHandler()
  }
  return { house, response, exchange, leave }
}

describe("an exchange and the library's response", () => {
  // Some answers are handed over in another way, to see whether the peer reads.
  beforeEach(() => void vi.spyOn(Math, "random").mockReturnValue(0.9))
  afterEach(() => void vi.restoreAllMocks())

  test("what the handler answers costs one status, one end, and no listener", () => {
    const { response, exchange, leave } = begin()
    exchange.sendResp(200, ["x-a", "1", "x-b", "2"], "hello")
    leave()
    expect(response.calls).toEqual(["writeStatus:22", "end:5"])
    expect([response.head, response.corks, response.broken]).toEqual(["200 OK\r\nx-a: 1\r\nx-b: 2", 0, []])
  })

  test("an answer that is doubted waits where the peer does not read, and is ended when it does", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0)
    const { response, exchange, leave } = begin()
    response.room = 3
    exchange.sendResp(200, [], "hello")
    leave()
    expect([response.calls, exchange.isOver]).toEqual([["writeStatus:6", "tryEnd:5"], false])
    response.drain(1)
    response.drain(9)
    expect([response.body.toString(), exchange.isOver, response.broken]).toEqual(["hello", true, []])
  })

  test("a late answer is one cork", async () => {
    const { response, exchange, leave } = begin()
    leave()
    await turn()
    exchange.sendResp(404, ["x-a", "1"], "gone")
    expect([response.corks, response.calls, response.broken]).toEqual([1, ["writeStatus:21", "end:4"], []])
  })

  test("chunks of one turn are one cork and one write", async () => {
    const { response, exchange, leave } = begin()
    leave()
    exchange.sendChunked(200, [], -1)
    for (const part of ["one ", "two ", "three"]) expect(exchange.chunk(part)).toBe(true)
    expect(response.corks).toBe(0)
    await turn()
    expect([response.corks, response.calls, response.broken]).toEqual([1, ["writeStatus:6", "write:13"], []])
  })

  test("bytes that chunk() took are its own, even before they are written", async () => {
    const { response, exchange, leave } = begin()
    leave()
    exchange.sendChunked(200, [], -1)
    const part = new Uint8Array([1, 2, 3])
    expect(exchange.chunk(part)).toBe(true)
    part.fill(9)
    await turn()
    expect([...response.body]).toEqual([1, 2, 3])
  })

  test("characters that were cut between parts arrive whole", async () => {
    const { response, exchange, leave } = begin()
    leave()
    exchange.sendChunked(200, [], -1)
    const text = "€".repeat(30_000)
    exchange.chunk(text)
    exchange.endChunked()
    await turn()
    expect(response.body.toString()).toBe(text)
    expect(response.broken).toEqual([])
  })

  test("what the library holds is written on when the peer reads again, though there is nothing to add", async () => {
    const { response, exchange, leave } = begin()
    leave()
    exchange.sendChunked(200, [], -1)
    response.room = 10
    exchange.chunk("x".repeat(100))
    await turn()
    const { corks } = response
    response.drain(1_000)
    expect(response.corks).toBeGreaterThan(corks)
    expect(response.room).toBeLessThan(1_000)
  })

  test("a slow peer: chunk() waits at the high water mark, and what is added while it is slow is little", async () => {
    const { response, exchange, leave } = begin()
    leave()
    exchange.sendChunked(200, [], -1)
    response.room = 0
    const written = exchange.chunk(new Uint8Array(100_000)) as Promise<boolean>
    expect(written).toBeInstanceOf(Promise)
    let settled: boolean | undefined
    void written.then((value) => {
      settled = value
    })
    const first = response.body.length
    expect(first).toBeLessThan(16_384)
    for (let i = 0; i < 5; i++) response.drain(100)
    await turn()
    expect([settled, response.body.length - first <= 5 * 1_024]).toEqual([undefined, true])
    response.drain(Number.POSITIVE_INFINITY)
    await turn()
    expect([settled, response.body.length, response.broken]).toEqual([true, 100_000, []])
  })

  test("a peer that leaves while chunk() waits: false, and the reason is told once", async () => {
    const { response, exchange, leave } = begin()
    const told: unknown[] = []
    exchange.onClose((reason) => told.push(reason))
    leave()
    exchange.sendChunked(200, [], -1)
    response.room = 0
    const written = exchange.chunk(new Uint8Array(100_000))
    response.leave()
    exchange.abort()
    expect(await written).toBe(false)
    await turn()
    expect([exchange.chunk("more"), told.length, response.broken]).toEqual([false, 1, []])
    expect(told[0]).toBeInstanceOf(ClientGoneError)
  })

  test("an answer longer or shorter than it said cuts the connection", async () => {
    for (const parts of [["1234"], ["1234", "56"]]) {
      const { response, exchange, leave } = begin()
      leave()
      exchange.sendChunked(200, [], 5)
      for (const part of parts) exchange.chunk(part)
      exchange.endChunked()
      await turn()
      expect([response.state, response.broken]).toEqual(["closed", []])
    }
  })

  test("a listener that throws keeps no other from being told", () => {
    const { exchange, leave } = begin()
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {})
    let told = 0
    exchange.onClose(() => {
      throw new Error("mine")
    })
    exchange.onClose(() => told++)
    exchange.sendResp(200, [], "")
    leave()
    expect([told, warn.mock.calls.length]).toEqual([1, 1])
  })
})

describe("whatever happens in whatever order", () => {
  type Step = readonly [name: string, size: number]
  const names = [
    ..."sendResp sendHead sendChunked sendSized chunk chunk chunk endChunked abort readBody".split(" "),
    ..."leave receive receiveLast peerLeaves drain drain turn turn look".split(" "),
  ]
  const step: fc.Arbitrary<Step> = fc.tuple(
    fc.constantFrom(...names),
    fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1_000, max: 60_000 })),
  )

  test("the response is touched only while it may be, in one cork at a time; the end is told once", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 25 }),
        fc.integer({ min: 0, max: 6 }),
        fc.boolean(),
        async (steps, leaveAt, hasBody) => {
          const { response, exchange, leave } = begin(hasBody ? ["content-length", "1000000"] : [])
          const told: unknown[] = []
          const reads: unknown[] = []
          const waits: Promise<boolean>[] = []
          exchange.onClose((reason) => told.push(reason))
          response.room = 30_000
          let answered = false
          let left = false
          let complete = !hasBody
          let reading = false
          const answer = (run: () => void) => {
            if (answered) return
            answered = true
            run()
          }
          const wait = (result: MaybePromise<boolean>) => {
            if (typeof result !== "boolean") waits.push(result)
          }
          const run: Record<string, (size: number) => unknown> = {
            sendResp: (size) => answer(() => exchange.sendResp(200, ["x-a", "1"], "b".repeat(size))),
            sendHead: (size) => answer(() => exchange.sendHead(304, [], size)),
            sendChunked: () => answer(() => exchange.sendChunked(200, ["x-a", "1"], -1)),
            sendSized: (size) => answer(() => exchange.sendChunked(200, [], size)),
            chunk: (size) => wait(exchange.chunk(size % 2 ? "c".repeat(size) : new Uint8Array(size))),
            endChunked: () => exchange.endChunked(),
            abort: () => exchange.abort(),
            readBody: (size) => {
              if (reading) return
              reading = true
              exchange.readBody(size, 1_000, (error, data, more) => {
                reading = false
                reads.push([error, data.length, more])
                if (error === undefined && data.some((byte) => byte !== 7)) response.broken.push("bytes of another")
              })
            },
            leave: () => {
              if (left) return
              left = true
              leave()
            },
            // Bodies arrive, and peers leave, only while the handler is not at work.
            receive: (size) => left && !complete && response.receive(new Uint8Array(size).fill(7), false),
            receiveLast: () => {
              if (!left || complete) return
              complete = true
              response.receive(new Uint8Array([7]), true)
            },
            peerLeaves: () => left && response.leave(),
            drain: (size) => left && response.drain(size),
            look: (size) => left && exchange.look(performance.now() + size),
            turn: () => left && turn(),
          }
          for (const [at, [name, size]] of steps.entries()) {
            if (at === leaveAt) run["leave"]!(0)
            await run[name]!(size)
          }
          run["leave"]!(0)
          expect(response.broken).toEqual([])
          expect(told.length).toBeLessThan(2)
          // Whatever was left open ends with the peer, and nobody waits for ever.
          response.leave()
          await turn()
          expect(told).toHaveLength(1)
          expect(reading).toBe(false)
          await Promise.all(waits)
          expect(response.broken).toEqual([])
        },
      ),
      { numRuns: 1_500 },
    )
  })
})
