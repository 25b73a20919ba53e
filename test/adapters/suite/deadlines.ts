/** RFC 9110 §15.5.9, RFC 9112 §9.5: how long a server waits for a client, and what it must wait for. */
import { expect, test } from "vitest"
import { encodeFrame, Op, readFrame } from "../wire/frames.ts"
import type { Wire } from "../wire.ts"
import { type Action, action } from "./app.ts"
import { deferred, eventually } from "./guard.ts"
import { handshake } from "./handshake.ts"
import type { Suite } from "./harness.ts"
import { bytesOf, textOf } from "./request.ts"

const hello = action((conn) => conn.text("hello"))
const reads = action(async (conn) => conn.json((await conn.readBody()).length))
/** Deadlines of the tests, and how late a server may act on one. */
const limit = 500
const slack = 1_500

export function deadlines(suite: Suite): void {
  suite.group("deadlines", "RFC 9110 §15.5.9, RFC 9112 §9.5", ["http1"], () => {
    /** Waits for the connection's end and checks that it came at its time. */
    const endsOnTime = async (wire: Wire, started: number, least = limit) => {
      await wire.ending()
      const took = performance.now() - started
      expect(took, "not before its time").toBeGreaterThan(least * 0.8)
      expect(took, "not long after").toBeLessThan(least + slack)
    }
    /** Sends `text` over and over until the connection ends. */
    const drip = async (wire: Wire, text: string) => {
      while (wire.inbox.ended === undefined && wire.socket.writable) {
        wire.send(text)
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }

    test("limits.headTimeout: a head that drips is 408, counted from its first byte", async ({ skip }) => {
      const server = await suite.start(skip, { limits: { headTimeout: limit } })
      const wire = await server.connect()
      const started = performance.now()
      wire.send(`GET ${hello} HTTP/1.1\r\nhost: localhost\r\nx: `)
      const dripping = drip(wire, "v")
      const answer = await wire.answer()
      expect([answer.status, answer.header("connection")?.toLowerCase()]).toEqual([408, "close"])
      await endsOnTime(wire, started)
      await dripping
    })

    test("limits.headTimeout: a second request's head on the same connection too", async ({ skip }) => {
      const server = await suite.start(skip, { limits: { headTimeout: limit } })
      const wire = await server.connect()
      await wire.send(bytesOf("GET", hello)).answer()
      const started = performance.now()
      wire.send("GET /")
      expect((await wire.answer()).status).toBe(408)
      await endsOnTime(wire, started)
    })

    test("limits.headTimeout: a connection that never says a word ends", async ({ skip }) => {
      const server = await suite.start(skip, { limits: { headTimeout: limit } })
      const started = performance.now()
      await endsOnTime(await server.connect(), started)
    })

    test("limits.requestTimeout: a body that drips is 408", async ({ skip }) => {
      const server = await suite.start(skip, { limits: { requestTimeout: limit } })
      const wire = await server.connect()
      const started = performance.now()
      wire.send(textOf("POST", reads, { headers: ["content-length", "1000000"] }))
      const dripping = drip(wire, "x")
      expect((await wire.answer()).status).toBe(408)
      await endsOnTime(wire, started)
      await dripping
    })

    test("limits.requestTimeout cuts no slow handler", async ({ skip }) => {
      const server = await suite.start(skip, { limits: { requestTimeout: limit } })
      const path = action(async (conn) => {
        const { length } = await conn.readBody()
        await new Promise((resolve) => setTimeout(resolve, limit * 3))
        return conn.json(length)
      })
      expect((await server.say(bytesOf("POST", path, { body: "abc" }))).json()).toBe(3)
    })

    test("limits.requestTimeout does not count while the handler leaves the body waiting", async ({ skip }) => {
      const server = await suite.start(skip, { limits: { requestTimeout: limit } })
      const path = action(async (conn) => {
        await new Promise((resolve) => setTimeout(resolve, limit * 3))
        return conn.json((await conn.readBody({ length: 20_000_000 })).length)
      })
      const wire = await server.connect()
      wire.send(bytesOf("POST", path, { body: Buffer.alloc(20_000_000) }))
      expect((await wire.answer()).json()).toBe(20_000_000)
    })

    test("neither headTimeout nor requestTimeout nor keepAliveTimeout cuts a quiet stream", async ({ skip }) => {
      const server = await suite.start(skip, {
        limits: { headTimeout: limit, requestTimeout: limit, keepAliveTimeout: limit },
      })
      const stream: Action = (conn) =>
        conn.eventStream(async function* () {
          yield { data: "first" }
          await new Promise((resolve) => setTimeout(resolve, limit * 3))
          yield { data: "last" }
        })
      const wire = await server.connect()
      expect((await wire.send(bytesOf("GET", action(stream))).answer()).text).toContain("data: last")
    })

    if (suite.capabilities.websocket)
      test("nor a quiet websocket", async ({ skip }) => {
        const server = await suite.start(skip, {
          limits: { headTimeout: limit, requestTimeout: limit, keepAliveTimeout: limit },
        })
        const path = action((conn) => conn.upgrade("websocket", { message: (ws, data) => void ws.send(data) }))
        const wire = await handshake(server, path)
        await new Promise((resolve) => setTimeout(resolve, limit * 3))
        wire.send(encodeFrame({ opcode: Op.text, payload: "still" }))
        expect((await readFrame(wire.inbox)).payload.toString()).toBe("still")
      })

    test("limits.keepAliveTimeout: an idle connection ends in order", async ({ skip }) => {
      const server = await suite.start(skip, { limits: { keepAliveTimeout: limit } })
      const wire = await server.connect()
      await wire.send(bytesOf("GET", hello)).answer()
      const started = performance.now()
      await endsOnTime(wire, started)
      expect([wire.inbox.ended, wire.inbox.size]).toEqual(["fin", 0])
    })

    test("limits.keepAliveTimeout: each request starts it anew", async ({ skip }) => {
      const server = await suite.start(skip, { limits: { keepAliveTimeout: limit } })
      const wire = await server.connect()
      for (let count = 0; count < 4; count++) {
        expect((await wire.send(bytesOf("GET", hello)).answer()).text).toBe("hello")
        await new Promise((resolve) => setTimeout(resolve, limit * 0.6))
      }
    })

    test("limits.idleTimeout: a peer that takes nothing of its answer is cut, with a reason", async ({ skip }) => {
      const server = await suite.start(skip, { limits: { idleTimeout: limit } })
      const over = deferred<Error | undefined>()
      const path = action(async (conn) => {
        conn.onClose(over.resolve)
        const answer = conn.sendChunked(200)
        const data = new Uint8Array(65_536)
        while (await answer.chunk(data)) await new Promise(setImmediate)
        return answer
      })
      const wire = (await server.connect()).pause()
      wire.send(bytesOf("GET", path))
      let reason: unknown = "none yet"
      void over.promise.then((given) => {
        reason = given
      })
      await eventually("the answer is given up", () => reason !== "none yet", limit + slack + 2_000)
      expect((reason as { code?: string }).code).toBe("ERR_TIMEOUT")
    })
  })
}
