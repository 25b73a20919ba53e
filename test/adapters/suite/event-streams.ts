/** Server-sent events: they leave at once, say what proxies must know, and carry only what was meant. */
import { type Chunked, closeChunk, event, initChunk, type ServerSentEvent } from "plumage"
import { expect, test } from "vitest"
import { action } from "./app.ts"
import { deferred, within } from "./guard.ts"
import type { Suite } from "./harness.ts"

const every = ["http1", "http2", "memory"] as const

export function eventStreams(suite: Suite): void {
  suite.group("event streams", "WHATWG HTML §9.2", every, () => {
    const streamOf = (events: ServerSentEvent[]) =>
      action((conn) =>
        conn.eventStream(async function* () {
          yield* events
        }),
      )
    /** The stream's text without comments. */
    const textOf = async (path: string) => {
      const { text } = await suite.server.request("GET", path)
      return text.replaceAll(/^:.*\n\n?/gm, "")
    }

    test("headers tell browsers and proxies what it is", async () => {
      const answer = await suite.server.request("GET", streamOf([]))
      expect(answer.header("content-type")).toMatch(/^text\/event-stream/)
      expect(answer.header("cache-control")).toContain("no-transform")
      expect(answer.header("x-accel-buffering")).toBe("no")
      expect(answer.all("content-length")).toEqual([])
    })

    test("fields stand in their order, data line by line", async () => {
      const path = streamOf([
        { event: "tick", id: "7", retry: 100, data: "a\nb\r\nc\rd" },
        { data: { n: 1 } },
        { data: "" },
        { data: "é 🙂" },
      ])
      expect(await textOf(path)).toBe(
        "event: tick\nid: 7\nretry: 100\ndata: a\ndata: b\ndata: c\ndata: d\n\n" +
          'data: {"n":1}\n\ndata: \n\ndata: é 🙂\n\n',
      )
    })

    test("head and first bytes leave before any event, each event when it is yielded", async () => {
      const steps = [deferred(), deferred()] as const
      const path = action((conn) =>
        conn.eventStream(async function* () {
          await steps[0].promise
          yield { data: "one" }
          await steps[1].promise
          yield { data: "two" }
        }),
      )
      const request = await suite.server.open("GET", path)
      expect(await request.status()).toBe(200)
      await request.inbox.until("a first byte", () => (request.inbox.size > 0 ? true : undefined))
      const through = async (text: string) => {
        let seen = ""
        await request.inbox.until(text, () => {
          seen += request.inbox.takeAll().toString()
          return seen.includes(text) ? true : undefined
        })
        return seen
      }
      expect(await through(":")).not.toContain("data")
      steps[0].resolve()
      expect(await through("data: one\n\n")).not.toContain("two")
      steps[1].resolve()
      await through("data: two\n\n")
    })

    test("comments keep an idle stream open", async () => {
      const path = action((conn) =>
        conn.eventStream(
          async function* (signal) {
            yield { data: "only" }
            await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }))
          },
          { heartbeat: 50 },
        ),
      )
      const request = await suite.server.open("GET", path)
      await request.status()
      let seen = ""
      await request.inbox.until("three comments behind the event", () => {
        seen += request.inbox.takeAll().toString()
        const idle = seen.slice(seen.indexOf("data: only"))
        return seen.includes("data: only") && (idle.match(/^:/gm)?.length ?? 0) >= 3 ? true : undefined
      })
      request.leave("fin")
    })

    test("an event or id that could begin another field ends the stream visibly, and nothing of it is sent", async () => {
      for (const bad of [{ event: "a\ndata: evil" }, { id: "1\rdata: evil" }, { id: "a\0b" }, { event: "a\r\n\r\n" }]) {
        const request = await suite.server.open("GET", streamOf([{ data: "good" }, { ...bad, data: "never" }]))
        await request.status()
        await expect(request.answer()).rejects.toThrow()
        expect(request.inbox.takeAll().toString()).not.toMatch(/evil|never/)
      }
    })

    test("the generator is ended when the peer leaves, also while it waits", async () => {
      const ended = deferred<string>()
      const waits = deferred()
      const path = action((conn) =>
        conn.eventStream(async function* (signal) {
          try {
            yield { data: "one" }
            waits.resolve()
            await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }))
          } finally {
            ended.resolve((signal.reason as { code: string }).code)
          }
        }),
      )
      const request = await suite.server.open("GET", path)
      await request.status()
      await within(2_000, "the generator waits", waits.promise)
      request.leave("fin")
      expect(await within(1_000, "the generator ends", ended.promise)).toBe("ERR_CLIENT_GONE")
    })

    test("Last-Event-ID can be read", async () => {
      const path = action((conn) => conn.text(conn.lastEventId ?? "none"))
      const answer = await suite.server.request("GET", path, { headers: ["last-event-id", "42"] })
      expect(answer.text).toBe("42")
    })

    test("held streams are written to and closed from anywhere", async () => {
      const held = deferred<Chunked>()
      const path = action((conn) => {
        const stream = initChunk(conn.putRespHeader("content-type", "text/event-stream").sendChunked(200))
        held.resolve(stream)
        return stream
      })
      const request = await suite.server.open("GET", path)
      const stream = await within(2_000, "the action runs", held.promise)
      expect(await event(stream, { n: 1 }, { event: "tick", id: "1" })).toBe(true)
      expect(await event(stream, "two")).toBe(true)
      closeChunk(stream)
      expect((await request.answer()).text).toBe('event: tick\nid: 1\ndata: {"n":1}\n\ndata: two\n\n')
      expect(await event(stream, "after the end")).toBe(false)
    })

    test("HEAD has the headers and starts no generator", async () => {
      let started = false
      const path = action((conn) =>
        conn.eventStream(async function* () {
          started = true
          yield { data: "one" }
        }),
      )
      const answer = await suite.server.request("HEAD", path)
      expect([answer.status, answer.body.length, started]).toEqual([200, 0, false])
      expect(answer.header("content-type")).toMatch(/^text\/event-stream/)
    })
  })
}
