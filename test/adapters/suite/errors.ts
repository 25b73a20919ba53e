/** Errors of the app: before the first byte any status, after it a visible end, and never a word of them. */
import { expect, test } from "vitest"
import { action, errors } from "./app.ts"
import { eventually } from "./guard.ts"
import type { Suite } from "./harness.ts"
import { bytesOf } from "./request.ts"

const every = ["http1", "http2", "memory"] as const

export function appErrors(suite: Suite): void {
  suite.group("errors", "RFC 9110 §15.6, RFC 9112 §8", every, () => {
    const canary = "canary-8f2e1b"
    const boom = () => {
      throw Object.assign(new Error(canary, { cause: new Error(canary) }), { status: 299, headers: [["x", canary]] })
    }
    const expectQuiet = (texts: unknown) => expect(JSON.stringify(texts)).not.toContain(canary)

    test.each([
      ["sync", action(() => boom())],
      [
        "async",
        action(async () => {
          await new Promise(setImmediate)
          return boom()
        }),
      ],
      ["that is no Error", action(() => Promise.reject(canary))],
      ["that is nothing", action(() => Promise.reject(undefined))],
    ])("an error, %s, is a 500 that tells nothing; whoever watches is told", async (_, path) => {
      errors.length = 0
      const answer = await suite.server.request("GET", path)
      expect(answer.status).toBe(500)
      expectQuiet([answer.text, answer.head])
      expect(errors).toHaveLength(1)
    })

    test("in any method and before a body was read", async () => {
      const path = action(() => boom())
      expect((await suite.server.request("POST", path, { body: "x".repeat(10_000) })).status).toBe(500)
      expect((await suite.server.request("HEAD", path)).body.length).toBe(0)
    })

    test("headers that were put before do not frame the answer", async () => {
      const path = action((conn) => {
        conn.putRespHeader("content-length", "3").putRespHeader("etag", '"x"')
        return boom()
      })
      const answer = await suite.server.request("GET", path)
      expect([answer.status, answer.header("etag")]).toEqual([500, undefined])
    })

    test("an action that answers nothing is a 500", async () => {
      const path = action((conn) => conn as never)
      expect((await suite.server.request("GET", path)).status).toBe(500)
    })

    test("before the first byte a stream may still become any status", async () => {
      const path = action(async (conn) => {
        if (conn.method === "GET") return conn.sendResp(404, "no such stream")
        return conn.sendChunked(200)
      })
      expect((await suite.server.request("GET", path)).status).toBe(404)
    })

    test("after the first byte an error ends a chunked answer visibly, and tells nothing", async () => {
      const path = action(async (conn) => {
        await conn.sendChunked(200).chunk("first")
        return boom()
      })
      const request = await suite.server.open("GET", path)
      expect(await request.status()).toBe(200)
      await expect(request.answer()).rejects.toThrow()
      expectQuiet(request.inbox.takeAll().toString())
    })

    test("so does an event stream's, and it is told apart from its end", async () => {
      const path = action((conn) =>
        conn.eventStream(async function* () {
          yield { data: "first" }
          boom()
        }),
      )
      const request = await suite.server.open("GET", path)
      expect(await request.status()).toBe(200)
      await expect(request.answer()).rejects.toThrow()
      expectQuiet(request.inbox.takeAll().toString())
      await eventually("whoever watches is told", () => errors.length > 0)
    })

    test("a listener that throws harms nobody", async () => {
      const path = action((conn) => {
        conn.onClose(() => boom())
        return conn.text("hello")
      })
      expect((await suite.server.request("GET", path)).text).toBe("hello")
      expect((await suite.server.request("GET", path)).text).toBe("hello")
    })

    if (suite.onWire)
      test("the connection serves the request behind an error", async () => {
        const hello = action((conn) => conn.text("hello"))
        const wire = await suite.server.connect()
        const first = await wire
          .send(
            bytesOf(
              "GET",
              action(() => boom()),
            ),
          )
          .answer()
        expect(first.status).toBe(500)
        if (first.header("connection") !== "close") {
          expect((await wire.send(bytesOf("GET", hello)).answer()).text).toBe("hello")
        }
      })
  })
}
