/** RFC 6455 §7: how websockets end, and what a slow or silent peer costs. */
import type { Conn } from "plumage"
import { describe, expect, test } from "vitest"
import { closeOf, closePayload, encodeFrame, Op, readFrame } from "../wire/frames.ts"
import { action, errors } from "./app.ts"
import { deferred, eventually, within } from "./guard.ts"
import { echo, handshake, noting, upgrades } from "./handshake.ts"
import type { Suite } from "./harness.ts"

export function websocketEnds(suite: Suite): void {
  if (!suite.capabilities.websocket) return
  const open = (path: string, headers?: Record<string, string>) => handshake(suite.server, path, headers)
  const close = (code: number, reason = "") => encodeFrame({ opcode: Op.close, payload: closePayload(code, reason) })

  suite.group("websocket ends", "RFC 6455 §7", ["http1"], () => {
    test.each([
      [1000, ""],
      [1001, "going"],
      [1011, "é".repeat(60)],
      [3000, "library"],
      [4999, "app"],
    ])("the peer closes with %i %j: it is answered, the handler told, the connection ended", async (code, reason) => {
      const { path, closes } = noting()
      const wire = await open(path)
      wire.send(close(code, reason))
      // §5.5.1: the answer typically echoes the code.
      expect([code, 1000, 1005]).toContain(closeOf(await readFrame(wire.inbox)).code)
      expect(await wire.ending()).toBe("fin")
      await eventually("the handler is told", () => closes.length > 0)
      expect(closes).toEqual([{ code, reason }])
    })

    test("a close without a code is 1005 for the handler", async () => {
      const { path, closes } = noting()
      const wire = await open(path)
      wire.send(encodeFrame({ opcode: Op.close }))
      expect((await readFrame(wire.inbox)).opcode).toBe(Op.close)
      await eventually("the handler is told", () => closes.length > 0)
      expect(closes).toEqual([{ code: 1005, reason: "" }])
    })

    test.each([
      [undefined, undefined, 1000, ""],
      [1000, "bye", 1000, "bye"],
      [4000, "é", 4000, "é"],
    ])("the handler closes with %s %s: the peer reads it", async (code, reason, seenCode, seenReason) => {
      const { path, closes } = noting({ open: (ws) => ws.close(code, reason) })
      const wire = await open(path)
      const seen = closeOf(await readFrame(wire.inbox))
      if (code !== undefined) expect(seen).toEqual({ code: seenCode, reason: seenReason })
      wire.send(close(seenCode))
      expect(await wire.ending()).toBe("fin")
      await eventually("the handler is told", () => closes.length > 0)
      expect(closes).toHaveLength(1)
      expect([1000, 1005, seenCode]).toContain(closes[0]!.code)
    })

    test("what was sent before a close arrives before it, what is sent after it goes nowhere", async () => {
      const results: unknown[] = []
      const { path } = noting({
        open: async (ws) => {
          for (let count = 0; count < 100; count++) void ws.send(`${count}`)
          ws.close(1000)
          ws.close(1001)
          results.push(await ws.send("after"))
        },
      })
      const wire = await open(path)
      for (let count = 0; count < 100; count++) {
        expect((await readFrame(wire.inbox)).payload.toString()).toBe(`${count}`)
      }
      expect(closeOf(await readFrame(wire.inbox)).code).toBe(1000)
      wire.send(close(1000))
      expect((await wire.rest()).length, "nothing follows the close frame").toBe(0)
      expect(results).toEqual([false])
    })

    test.each(["fin", "rst"] as const)("the peer vanishes by %s: 1006, once", async (how) => {
      const { path, closes } = noting()
      const wire = await open(path)
      wire.leave(how)
      await eventually("the handler is told", () => closes.length > 0, 1_000)
      expect(closes).toEqual([{ code: 1006, reason: "" }])
    })

    test("conn.onClose is told when a websocket is over, behind its handler and not before", async () => {
      const over = deferred<unknown>()
      const order: unknown[] = []
      const listen = (conn: Conn) =>
        conn.onClose((reason) => {
          order.push(["conn", reason])
          over.resolve("over")
        })
      const path = action((conn) =>
        listen(conn).upgrade("websocket", { ...echo, close: () => void order.push(["handler"]) }),
      )
      const wire = await open(path)
      wire.send(encodeFrame({ opcode: Op.text, payload: Buffer.from("still here") }))
      expect((await readFrame(wire.inbox)).payload.toString()).toBe("still here")
      expect(order).toEqual([])
      wire.rst()
      expect(await within(1_000, "the listener is called", over.promise)).toBe("over")
      expect(order).toEqual([["handler"], ["conn", undefined]])
    })

    test("a message over the limit is 1009, exactly the limit is fine", async () => {
      const { path, closes } = noting(echo, { maxMessageBytes: 1_000 })
      const wire = await open(path)
      wire.send(encodeFrame({ opcode: Op.binary, payload: Buffer.alloc(1_000) }))
      expect((await readFrame(wire.inbox)).payload.length).toBe(1_000)
      wire.send(encodeFrame({ opcode: Op.binary, payload: Buffer.alloc(1_001) }))
      await eventually("a close frame or the end", () => wire.inbox.size > 0 || wire.inbox.ended !== undefined)
      if (wire.inbox.size > 0) expect(closeOf(await readFrame(wire.inbox)).code).toBe(1009)
      wire.fin()
      await eventually("the handler is told", () => closes.length > 0)
    })

    test("fragments together over limits.messageBytes are 1009 before all have come", async ({ skip }) => {
      const server = await suite.start(skip, { limits: { messageBytes: 1_000 } })
      const { path, closes } = noting(echo)
      const wire = await handshake(server, path)
      const parts = [encodeFrame({ opcode: Op.binary, payload: Buffer.alloc(600), fin: false })]
      parts.push(encodeFrame({ opcode: Op.more, payload: Buffer.alloc(600), fin: false }))
      wire.send(Buffer.concat(parts))
      await eventually("a close frame or the end", () => wire.inbox.size > 0 || wire.inbox.ended !== undefined)
      if (wire.inbox.size > 0) expect(closeOf(await readFrame(wire.inbox)).code).toBe(1009)
      wire.fin()
      await eventually("the handler is told", () => closes.length > 0)
    })

    test("a frame that announces an exabyte is refused at once", async () => {
      const { path, closes } = noting(echo)
      const wire = await open(path)
      wire.send(encodeFrame({ opcode: Op.binary, payload: "x", claimedLength: 2 ** 53 }))
      await eventually("a close frame or the end", () => wire.inbox.size > 0 || wire.inbox.ended !== undefined)
      wire.fin()
      await eventually("the handler is told", () => closes.length > 0)
    })

    describe("a handler that fails", () => {
      const boom = () => {
        throw new Error("canary-77ab")
      }
      const handlers: [what: string, handler: Parameters<typeof upgrades>[0]][] = [
        ["throws in open", { open: boom }],
        ["rejects in open", { open: async () => boom() }],
        ["throws in message", { message: boom }],
        ["rejects in message", { message: async () => boom() }],
        ["throws in ping", { ping: boom }],
      ]
      test.each(handlers)("%s: 1011 without a word of it, and whoever watches is told", async (_, handler) => {
        const { path, closes } = noting(handler)
        const bystander = await open(upgrades(echo))
        const wire = await open(path)
        wire.send(encodeFrame({ opcode: Op.text, payload: "x" })).send(encodeFrame({ opcode: Op.ping }))
        let frame = await readFrame(wire.inbox)
        if (frame.opcode === Op.pong) frame = await readFrame(wire.inbox)
        const seen = closeOf(frame)
        expect([seen.code, seen.reason.includes("canary")]).toEqual([1011, false])
        wire.send(close(1011))
        await eventually("the handler is told", () => closes.length > 0)
        expect(errors.map(String)).toEqual(["Error: canary-77ab"])
        bystander.send(encodeFrame({ opcode: Op.text, payload: "fine" }))
        expect((await readFrame(bystander.inbox)).payload.toString()).toBe("fine")
      })

      test("throws in close: nobody is harmed", async () => {
        const wire = await open(upgrades({ close: boom }))
        wire.send(close(1000))
        await wire.ending()
        await eventually("whoever watches is told", () => errors.length > 0)
      })

      test("a bad close code or reason is a mistake of the app, and ends the socket", async () => {
        for (const [code, reason] of [
          [1006, ""],
          [999, ""],
          [5000, ""],
          [1000, "x".repeat(124)],
        ] as const) {
          const { path, closes } = noting({ open: (ws) => ws.close(code, reason) })
          const wire = await open(path)
          const seen = closeOf(await readFrame(wire.inbox))
          expect([1000, 1011]).toContain(seen.code)
          wire.rst()
          await eventually("the handler is told", () => closes.length > 0)
        }
      })
    })
  })
}
