/** `stop({ graceMs })`: it ends in time whatever is open, and every kind of connection gets its goodbye. */
import { expect, test } from "vitest"
import { closeOf, closePayload, encodeFrame, Op, readFrame } from "../wire/frames.ts"
import { Wire } from "../wire.ts"
import { action } from "./app.ts"
import { deferred, eventually, within } from "./guard.ts"
import { echo, handshake, upgrades } from "./handshake.ts"
import type { Running, Suite } from "./harness.ts"
import { bytesOf, textOf } from "./request.ts"

const hello = action((conn) => conn.text("hello"))
const never = new Promise<never>(() => {})
/** How late `stop` may be: the 100 ms of the contract and what a busy machine adds. */
const slack = 600

/** Stops the server and gives the time that it took. */
async function timed(server: Running, graceMs: number): Promise<number> {
  const started = performance.now()
  await within(graceMs + 5_000, "stop", server.server.stop({ graceMs }))
  return performance.now() - started
}
const many = <T>(count: number, make: () => Promise<T>) => Promise.all(Array.from({ length: count }, make))

export function stops(suite: Suite): void {
  suite.group("stop", "stop({ graceMs })", ["http1"], () => {
    test("with nothing open it is done at once, and asked twice it is one stop", async ({ skip }) => {
      const server = await suite.start(skip, {})
      const first = server.server.stop({ graceMs: 3_000 })
      expect(server.server.stop({ graceMs: 3_000 })).toBe(first)
      await within(1_000, "stop", first)
      await expect(Wire.connect({ port: server.port, deadline: 500 })).rejects.toThrow()
    })

    test("50 idle connections: each ends by FIN and without a word", async ({ skip }) => {
      const server = await suite.start(skip, {})
      const wires = await many(50, async () => {
        const wire = await server.connect()
        await wire.send(bytesOf("GET", hello)).answer()
        return wire
      })
      expect(await timed(server, 3_000)).toBeLessThan(2_000)
      for (const wire of wires) expect([await wire.ending(), wire.inbox.size]).toEqual(["fin", 0])
    })

    test("50 requests in flight: each is answered, told connection: close, and ends by FIN", async ({ skip }) => {
      const server = await suite.start(skip, {})
      const release = deferred()
      let running = 0
      const path = action(async (conn) => {
        running++
        const { length } = await conn.readBody()
        await release.promise
        return conn.json(length)
      })
      const wires = await many(50, async () => (await server.connect()).send(bytesOf("POST", path, { body: "abc" })))
      await eventually("all run", () => running === 50)
      const stopped = timed(server, 3_000)
      setTimeout(release.resolve, 100)
      for (const wire of wires) {
        const answer = await wire.answer()
        expect([answer.text, answer.header("connection")?.toLowerCase()]).toEqual(["3", "close"])
        expect(await wire.ending()).toBe("fin")
      }
      expect(await stopped).toBeLessThan(2_500)
    })

    test("50 event streams: each gets a retry and its end", async ({ skip }) => {
      const server = await suite.start(skip, {})
      let ended = 0
      const path = action((conn) =>
        conn.eventStream(async function* (signal) {
          try {
            yield { data: "first" }
            await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }))
          } finally {
            ended++
          }
        }),
      )
      const wires = await many(50, async () => (await server.connect()).send(bytesOf("GET", path)))
      for (const wire of wires) await wire.through("data: first")
      const stopped = timed(server, 3_000)
      for (const wire of wires) {
        const rest = (await wire.rest()).toString()
        expect(rest).toMatch(/retry: \d+\r?\n/)
        expect(rest.endsWith("0\r\n\r\n"), "the body is complete").toBe(true)
        expect(wire.inbox.ended).toBe("fin")
      }
      expect(await stopped).toBeLessThan(2_500)
      await eventually("every generator has ended", () => ended === 50)
    })

    if (suite.capabilities.websocket)
      test("50 websockets: each gets 1012", async ({ skip }) => {
        const server = await suite.start(skip, {})
        const closes: number[] = []
        const path = upgrades({ ...echo, close: (_, code) => void closes.push(code) })
        const wires = await many(50, () => handshake(server, path))
        const stopped = timed(server, 3_000)
        for (const wire of wires) {
          expect(closeOf(await readFrame(wire.inbox)).code).toBe(1012)
          wire.send(encodeFrame({ opcode: Op.close, payload: closePayload(1012) }))
          expect(await wire.ending()).toBe("fin")
        }
        expect(await stopped).toBeLessThan(2_500)
        expect(closes, "what the handlers hear").toEqual(new Array(50).fill(1012))
      })

    test("50 of each kind that will not end: cut at the deadline, and told why", { timeout: 30_000 }, async ({
      skip,
    }) => {
      const graceMs = 800
      const server = await suite.start(skip, {})
      const reasons: unknown[] = []
      let running = 0
      const hangs = action((conn) => {
        running++
        const { signal } = conn
        signal.addEventListener("abort", () => reasons.push(signal.reason))
        return never
      })
      const streams = action(async (conn) => {
        running++
        const { signal } = conn
        signal.addEventListener("abort", () => reasons.push(signal.reason))
        await conn.sendChunked(200).chunk("first")
        return never
      })
      const start = (bytes: string | Buffer) => async () => (await server.connect()).send(bytes)
      await many(50, start(""))
      await many(50, start("GET / HT"))
      await many(50, start(bytesOf("GET", hangs)))
      await many(50, start(`${textOf("POST", hangs, { headers: ["content-length", "1000"] })}part`))
      await many(50, start(bytesOf("GET", streams)))
      const silent = suite.capabilities.websocket ? await many(50, () => handshake(server, upgrades(echo))) : []
      await eventually("all run", () => running === 150)
      const took = await timed(server, graceMs)
      expect(took).toBeLessThan(graceMs + slack)
      expect(took).toBeGreaterThan(graceMs * 0.9)
      await eventually("every request is told", () => reasons.length === 150, 1_000)
      expect(new Set(reasons.map((reason) => (reason as { code: string }).code))).toEqual(new Set(["ERR_DRAINING"]))
      for (const wire of silent) await wire.ending()
    })

    test("clients that post all the while see no reset, and no post is served without its answer", async ({ skip }) => {
      const server = await suite.start(skip, {})
      let served = 0
      const path = action(async (conn) => {
        const { length } = await conn.readBody()
        await new Promise((resolve) => setTimeout(resolve, 10))
        served++
        return conn.json(length)
      })
      const wires = await many(20, () => server.connect())
      let answered = 0
      const posting = wires.map(async (wire) => {
        for (;;) {
          wire.send(bytesOf("POST", path, { body: "abc" }))
          await eventually("an answer or the end", () => wire.inbox.size > 0 || wire.inbox.ended !== undefined)
          // The server may end a connection that is idle while the next post is on its way.
          if (wire.inbox.size === 0) break
          const answer = await wire.answer()
          expect(answer.text).toBe("3")
          answered++
          if (answer.header("connection")?.toLowerCase() === "close") break
        }
        return wire.ending()
      })
      await eventually("all are busy", () => answered > 60)
      const stopped = timed(server, 3_000)
      expect(new Set(await Promise.all(posting))).toEqual(new Set(["fin"]))
      expect(answered).toBe(served)
      expect(await stopped).toBeLessThan(2_500)
    })

    test("a request that ended before the stop has no reason", async ({ skip }) => {
      const server = await suite.start(skip, {})
      const reason = deferred<unknown>()
      const path = action((conn) => {
        conn.onClose(reason.resolve)
        return conn.text("hello")
      })
      await server.request("GET", path)
      await timed(server, 1_000)
      expect(await within(1_000, "the listener is called", reason.promise)).toBe(undefined)
    })
  })

  suite.group("stop over HTTP/2", "stop({ graceMs })", ["http2"], () => {
    test("requests in flight are answered, event streams end, and it is done in time", async ({ skip }) => {
      const server = await suite.start(skip, {})
      const release = deferred()
      const path = action(async (conn) => {
        await release.promise
        return conn.text("answered")
      })
      const stream = action((conn) =>
        conn.eventStream(async function* (signal) {
          yield { data: "first" }
          await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }))
        }),
      )
      const requests = await many(10, () => server.open("GET", path))
      const streams = await many(10, () => server.open("GET", stream))
      await Promise.all(streams.map((request) => request.status()))
      const stopped = timed(server, 3_000)
      setTimeout(release.resolve, 50)
      for (const request of requests) expect((await request.answer()).text).toBe("answered")
      for (const request of streams) expect((await request.answer()).text).toMatch(/retry: \d+/)
      expect(await stopped).toBeLessThan(2_500)
    })

    test("what will not end is cut at the deadline", async ({ skip }) => {
      const server = await suite.start(skip, {})
      const reasons: unknown[] = []
      let running = 0
      const path = action((conn) => {
        running++
        conn.onClose((reason) => reasons.push(reason))
        return never
      })
      await many(10, () => server.open("GET", path))
      await eventually("all run", () => running === 10)
      expect(await timed(server, 500)).toBeLessThan(500 + slack)
      await eventually("every request is told", () => reasons.length === 10)
      expect(new Set(reasons.map((reason) => (reason as { code: string }).code))).toEqual(new Set(["ERR_DRAINING"]))
    })
  })
}
