/** RFC 9112 §7.1: answers of unknown length, written bit by bit. */
import { type Chunked, initChunk } from "plumage"
import { expect, test } from "vitest"
import { action } from "./app.ts"
import { deferred, within } from "./guard.ts"
import type { Suite } from "./harness.ts"
import { bytesOf } from "./request.ts"

const every = ["http1", "http2", "memory"] as const

export function chunkedAnswers(suite: Suite): void {
  suite.group("chunked answers", "RFC 9112 §7.1", every, () => {
    const get = (path: string) => suite.server.request("GET", path)

    test("parts of text and of bytes arrive as one body", async () => {
      const path = action(async (conn) => {
        const answer = conn.putRespHeader("x-a", "1").sendChunked(201)
        for (const part of ["é1", new Uint8Array([0, 255]), "€".repeat(50_000), new Uint8Array(100_000)]) {
          await answer.chunk(part)
        }
        return answer
      })
      const answer = await get(path)
      const wanted = Buffer.concat([
        Buffer.from("é1"),
        Buffer.from([0, 255]),
        Buffer.from("€".repeat(50_000)),
        Buffer.alloc(100_000),
      ])
      expect([answer.status, answer.header("x-a"), answer.body.equals(wanted)]).toEqual([201, "1", true])
      if (suite.onWire) expect(answer.head.framing).toBe("chunked")
    })

    test("no part at all is an empty body", async () => {
      const answer = await get(action((conn) => conn.sendChunked(200)))
      expect([answer.status, answer.body.length]).toEqual([200, 0])
    })

    test("an empty part does not end the body", async () => {
      const path = action(async (conn) => {
        const answer = conn.sendChunked(200)
        for (const part of ["a", "", new Uint8Array(0), "b"]) await answer.chunk(part)
        return answer
      })
      expect((await get(path)).text).toBe("ab")
    })

    test("a part is the caller's again once it was handed over", async () => {
      const path = action(async (conn) => {
        const answer = conn.sendChunked(200)
        const part = new Uint8Array(1_000)
        for (let value = 1; value <= 50; value++) {
          part.fill(value)
          await answer.chunk(part.slice())
        }
        return answer
      })
      const { body } = await get(path)
      expect(body.every((byte, at) => byte === Math.floor(at / 1_000) + 1) && body.length).toBe(50_000)
    })

    test("with a content-length the body is sent by length", async () => {
      const path = action(async (conn) => {
        const answer = conn.putRespHeader("content-length", "6").sendChunked(200)
        await answer.chunk("abc")
        await answer.chunk("def")
        return answer
      })
      const answer = await get(path)
      expect([answer.text, answer.all("content-length")]).toEqual(["abcdef", ["6"]])
      if (suite.onWire) expect(answer.head.framing).toBe("length")
    })

    test("close() ends the body before the action does, and chunks after it go nowhere", async () => {
      const after = deferred<unknown>()
      const path = action(async (conn) => {
        const answer = conn.sendChunked(200)
        await answer.chunk("all")
        answer.close()
        answer.close()
        after.resolve(await answer.chunk("more"))
        return answer
      })
      expect((await get(path)).text).toBe("all")
      expect(await after.promise).toBe(false)
    })

    if (suite.onWire)
      test("the head and each part leave at once", async () => {
        const steps = [deferred(), deferred()] as const
        const path = action(async (conn) => {
          const answer = conn.sendChunked(200)
          await steps[0].promise
          await answer.chunk("one")
          await steps[1].promise
          await answer.chunk("two")
          return answer
        })
        const wire = await suite.server.connect()
        expect((await wire.send(bytesOf("GET", path)).head()).framing).toBe("chunked")
        steps[0].resolve()
        expect((await wire.chunk())?.toString()).toBe("one")
        steps[1].resolve()
        expect((await wire.chunk())?.toString()).toBe("two")
        expect(await wire.chunk()).toBe(undefined)
        expect((await wire.send(bytesOf("GET", path)).head()).status).toBe(200)
      })

    test("a held stream goes on after the pipeline, until it is closed from elsewhere", async () => {
      const opened = deferred<Chunked>()
      const path = action((conn) => {
        const answer = initChunk(conn.sendChunked(200), "first ")
        opened.resolve(answer)
        return answer
      })
      const request = await suite.server.open("GET", path)
      expect(await request.status()).toBe(200)
      const held = await within(1_000, "the action runs", opened.promise)
      expect(await held.chunk("then ")).toBe(true)
      expect(await held.chunk("last")).toBe(true)
      held.close()
      expect((await request.answer()).text).toBe("first then last")
    })

    test("many streams at once do not mix", async () => {
      const path = action(async (conn) => {
        const answer = conn.sendChunked(200)
        const mark = conn.queryString
        for (let count = 0; count < 30; count++) {
          await answer.chunk(mark)
          if (count % 10 === 0) await new Promise(setImmediate)
        }
        return answer
      })
      const marks = Array.from({ length: 30 }, (_, i) => `<${i}>`)
      const answers = await Promise.all(marks.map((mark) => get(`${path}?${mark.replace(/[<>]/g, "_")}`)))
      expect(answers.map((answer) => answer.text)).toEqual(marks.map((mark) => mark.replace(/[<>]/g, "_").repeat(30)))
    })
  })
}
