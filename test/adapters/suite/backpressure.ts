/** What a slow reader costs: a bounded amount of memory, and an app that is told to wait. */
import { describe, expect, test } from "vitest"
import { action } from "./app.ts"
import { deferred, eventually, standstill, within } from "./guard.ts"
import type { Suite } from "./harness.ts"

const part = new Uint8Array(100_000)

interface Endless {
  path: string
  written: number
  waiting: boolean
  ended: Promise<unknown>
}

/** Waits until chunk() waits for the reader, and not only for the next turn. */
const stalls = (stream: Endless) =>
  standstill(
    "chunk() waits",
    () => stream.written,
    () => stream.waiting,
  )

/** An endless answer, and what became of it. */
function endless(): Endless {
  const ended = deferred<unknown>()
  const state = { path: "", written: 0, waiting: false, ended: ended.promise }
  state.path = action(async (conn) => {
    const answer = conn.sendChunked(200)
    for (;;) {
      const result = answer.chunk(part)
      state.waiting = result instanceof Promise
      const more = await result
      state.waiting = false
      if (!more) break
      state.written += part.length
      if (!(result instanceof Promise)) await new Promise(setImmediate)
    }
    ended.resolve("told")
    return answer
  })
  return state
}

export function backpressure(suite: Suite): void {
  suite.group("backpressure", "slow readers", ["http1"], () => {
    test("chunk() waits while nobody reads, and goes on when somebody does", async () => {
      const stream = endless()
      const request = await suite.server.connect()
      request.pause().send(`GET ${stream.path} HTTP/1.1\r\nhost: localhost\r\n\r\n`)
      await stalls(stream)
      const before = stream.written
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
      expect([stream.waiting, stream.written], "it goes on waiting").toEqual([true, before])
      request.resume()
      await eventually("chunk() goes on", () => stream.written > before + 10 * part.length)
      request.pause()
      await stalls(stream)
      request.resume()
      request.destroy()
      await stream.ended
    })

    test("ten readers that read nothing cost a bounded amount of memory", async () => {
      const before = process.memoryUsage().rss
      const streams = Array.from({ length: 10 }, endless)
      for (const stream of streams) {
        const wire = await suite.server.connect()
        wire.pause().send(`GET ${stream.path} HTTP/1.1\r\nhost: localhost\r\n\r\n`)
      }
      await Promise.all(streams.map(stalls))
      expect(process.memoryUsage().rss - before).toBeLessThan(60_000_000)
      suite.server.hangUp()
      await Promise.all(streams.map((stream) => stream.ended))
    })

    test("one that does not read holds no other back", async () => {
      const stalled = endless()
      const wire = await suite.server.connect()
      wire.pause().send(`GET ${stalled.path} HTTP/1.1\r\nhost: localhost\r\n\r\n`)
      await stalls(stalled)
      const hello = action((conn) => conn.text("hello"))
      for (let count = 0; count < 20; count++) expect((await suite.server.request("GET", hello)).text).toBe("hello")
      suite.server.hangUp()
      await stalled.ended
    })

    test("a client that asks and asks and reads nothing is not served for ever", async () => {
      let served = 0
      const body = "x".repeat(10_000)
      const path = action((conn) => {
        served++
        return conn.text(body)
      })
      const wire = (await suite.server.connect()).pause()
      const total = 20_000
      const requests = Buffer.from(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`.repeat(100))
      void (async () => {
        for (let sent = 0; sent < total; sent += 100) if (!(await wire.sent(requests))) return
      })()
      await eventually("it is served", () => served > 0)
      await standstill("the flow stops", () => served)
      // What one read brings may be served before anything is known of the reader.
      expect(served * body.length).toBeLessThan(120_000_000)
      wire.resume()
      for (let answers = 0; answers < total; answers++) expect((await wire.answer()).body.length).toBe(10_000)
    })

    describe.each(["fin", "rst"] as const)("the peer leaves by %s", (how) => {
      test("a waiting chunk() answers false", async () => {
        const stream = endless()
        const wire = await suite.server.connect()
        wire.pause().send(`GET ${stream.path} HTTP/1.1\r\nhost: localhost\r\n\r\n`)
        await stalls(stream)
        // With unread bytes, closing a socket sends a reset; an end of our side alone comes as a FIN.
        wire.leave(how)
        expect(await within(2_000, "chunk() answers", stream.ended)).toBe("told")
      })

      test("chunk() answers false from then on, and never throws", async () => {
        const left = deferred()
        const results = deferred<unknown[]>()
        const path = action(async (conn) => {
          conn.onClose(() => left.resolve())
          const answer = conn.sendChunked(200)
          await answer.chunk("first")
          await left.promise
          results.resolve([await answer.chunk("a"), await answer.chunk(part), await answer.chunk("")])
          answer.close()
          return answer
        })
        const wire = await suite.server.connect()
        wire.send(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`)
        await wire.head()
        await wire.chunk()
        wire.leave(how)
        expect((await within(2_000, "chunk() answers", results.promise)).slice(0, 2)).toEqual([false, false])
      })
    })

    test("a big body that nobody reads does not block the action", async () => {
      const done = deferred()
      const path = action((conn) => {
        queueMicrotask(() => done.resolve())
        return conn.sendResp(200, new Uint8Array(20_000_000))
      })
      const wire = await suite.server.connect()
      wire.pause().send(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`)
      await done.promise
      wire.resume()
      expect((await wire.answer()).body.length).toBe(20_000_000)
    })
  })
}
