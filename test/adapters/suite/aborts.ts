/** One truth about who left: `conn.signal` aborts exactly when the peer is gone before the last byte was handed over. */
import { ClientGoneError, type Conn, type Done } from "plumage"
import { describe, expect, test } from "vitest"
import type { Ending } from "../wire.ts"
import { action } from "./app.ts"
import { deferred, eventually, within } from "./guard.ts"
import type { Suite } from "./harness.ts"
import { textOf } from "./request.ts"
import type { OpenRequest, RequestInit } from "./speak.ts"

/** What an app was told of one request. */
interface Told {
  signal: AbortSignal
  closes: unknown[]
  /** The client's address, asked for at the end and not before. */
  left: string[]
}

interface Kind {
  readonly what: string
  readonly method: string
  readonly body?: string
  /** Runs until `release`, or for as long as it likes; `started` tells that the peer may leave now. */
  run(conn: Conn, started: () => void, release: Promise<void>): Promise<Done> | Done
  /** The peer sees a part of the answer before it leaves. */
  readonly streams?: boolean
}

const answersLate: Kind["run"] = async (conn, started, release) => {
  started()
  await release
  return conn.text("late")
}

const kinds: Kind[] = [
  { what: "a GET", method: "GET", run: answersLate },
  { what: "a POST without a body", method: "POST", body: "", run: answersLate },
  {
    what: "a POST of 1 MiB that was read",
    method: "POST",
    body: "x".repeat(1_048_576),
    run: async (conn, started, release) => {
      expect((await conn.readBody()).length).toBe(1_048_576)
      return answersLate(conn, started, release)
    },
  },
  { what: "a POST that nobody read", method: "POST", body: "x".repeat(1_000), run: answersLate },
  { what: "a POST of 1 MiB that nobody read", method: "POST", body: "x".repeat(1_048_576), run: answersLate },
  {
    what: "an event stream",
    method: "GET",
    streams: true,
    run: (conn, started, release) =>
      conn.eventStream(async function* () {
        yield { data: "one" }
        started()
        await release
        yield { data: "two" }
      }),
  },
  {
    what: "a chunked answer",
    method: "GET",
    streams: true,
    run: async (conn, started, release) => {
      const answer = conn.sendChunked(200)
      await answer.chunk("one")
      started()
      await release
      await answer.chunk("two")
      return answer
    },
  },
]

export function aborts(suite: Suite): void {
  suite.group("aborts", "conn.signal", ["http1", "http2", "memory"], () => {
    /** Opens a request of a kind and waits until its action has come as far as it wants. */
    const begin = async (kind: Kind) => {
      const started = deferred()
      const release = deferred()
      const told = deferred<Told>()
      const path = action((conn) => {
        const closes: unknown[] = []
        const left: string[] = []
        conn.onClose((reason) => {
          closes.push(reason)
          left.push(conn.remoteIp)
        })
        told.resolve({ signal: conn.signal, closes, left })
        return kind.run(conn, started.resolve, release.promise)
      })
      const init: RequestInit = kind.body === undefined ? {} : { body: kind.body }
      const request: OpenRequest = await suite.server.open(kind.method, path, init)
      await within(2_000, "the action runs", started.promise)
      if (kind.streams) await request.status()
      return { request, release: release.resolve, ...(await told.promise) }
    }

    describe.each(kinds)("$what", (kind) => {
      test.each(["fin", "rst"] as const)(
        "the peer leaves by %s: aborted within a second, for that reason",
        async (how) => {
          const { request, release, signal, closes, left } = await begin(kind)
          expect([signal.aborted, closes]).toEqual([false, []])
          request.leave(how)
          await eventually("the signal aborts", () => signal.aborted, 1_000)
          expect(signal.reason).toBeInstanceOf(ClientGoneError)
          expect(closes).toEqual([signal.reason])
          expect(left[0], "who it was").toMatch(/^(?:127\.0\.0\.1|::1)$/)
          release()
          for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
          expect(closes, "told once").toHaveLength(1)
        },
      )

      test("a normal end: never aborted, and told so", async () => {
        const { request, release, signal, closes } = await begin(kind)
        release()
        expect((await request.answer()).status).toBe(200)
        await eventually("the exchange is over", () => closes.length > 0, 1_000)
        request.destroy()
        for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
        expect([signal.aborted, closes]).toEqual([false, [undefined]])
      })
    })

    test("a listener that comes when all is over is still called, once", async () => {
      const late = deferred<unknown>()
      const over = deferred()
      const path = action((conn) => {
        conn.onClose(() => over.resolve())
        void over.promise.then(() => conn.onClose(late.resolve))
        return conn.text("hello")
      })
      await suite.server.request("GET", path)
      expect(await within(1_000, "the late listener is called", late.promise)).toBe(undefined)
    })

    test("a signal first read after the peer has left is aborted", async () => {
      const left = deferred()
      const state = deferred<AbortSignal>()
      const started = deferred()
      const path = action(async (conn) => {
        conn.onClose(() => left.resolve())
        started.resolve()
        await left.promise
        const { signal } = conn
        if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve))
        state.resolve(signal)
        return conn.text("nobody hears")
      })
      const request = await suite.server.open("GET", path)
      await within(2_000, "the action runs", started.promise)
      request.leave("rst")
      expect((await within(1_000, "the signal aborts", state.promise)).reason).toBeInstanceOf(ClientGoneError)
    })

    if (suite.onWire)
      describe("a body that never comes whole", () => {
        test.each<Ending>(["fin", "rst"])(
          "the peer leaves by %s: the read rejects with the signal's reason",
          async (how) => {
            const failed = deferred<{ error: unknown; again: unknown; reason: unknown }>()
            const reading = deferred()
            const path = action(async (conn) => {
              const { signal } = conn
              const first = conn.readBody().catch((error: unknown) => error)
              reading.resolve()
              const error = await first
              const again = await conn.readBody().catch((error: unknown) => error)
              await eventually("the signal aborts", () => signal.aborted, 1_000)
              failed.resolve({ error, again, reason: signal.reason })
              return conn.text("nobody hears")
            })
            const wire = await suite.server.connect()
            wire.send(`${textOf("POST", path, { headers: ["content-length", "1000"] })}only a part`)
            await within(2_000, "the action runs", reading.promise)
            wire.leave(how)
            const { error, again, reason } = await within(2_000, "the read rejects", failed.promise)
            expect(reason).toBeInstanceOf(ClientGoneError)
            expect(error).toBe(reason)
            expect(again, "a read after the abort rejects too").toBe(reason)
          },
        )

        test("answering a peer that is gone does nothing", async () => {
          const results = deferred<unknown>()
          const started = deferred()
          const path = action(async (conn) => {
            const left = deferred()
            conn.onClose(() => left.resolve())
            started.resolve()
            await left.promise
            results.resolve(conn.text("nobody hears"))
            return conn as unknown as Done
          })
          const wire = await suite.server.connect()
          wire.send(textOf("GET", path))
          await started.promise
          wire.rst()
          await within(1_000, "the action goes on", results.promise)
        })
      })
  })
}
