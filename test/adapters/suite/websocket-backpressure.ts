/** What a slow or silent websocket peer costs. */
import { expect, test } from "vitest"
import { encodeFrame, Op, readFrame } from "../wire/frames.ts"
import { deferred, eventually, standstill, within } from "./guard.ts"
import { handshake, noting, upgrades } from "./handshake.ts"
import type { Suite } from "./harness.ts"

export function websocketBackpressure(suite: Suite): void {
  if (!suite.capabilities.websocket) return
  const open = (path: string) => handshake(suite.server, path)

  suite.group("websocket backpressure", "slow readers", ["http1"], () => {
    test("send() waits while nobody reads, and goes on when somebody does", async () => {
      let waiting = false
      let sent = 0
      const path = upgrades({
        open: async (ws) => {
          const data = new Uint8Array(100_000)
          for (;;) {
            const result = ws.send(data)
            waiting = result instanceof Promise
            if (!(await result)) return
            waiting = false
            sent++
            if (!(result instanceof Promise)) await new Promise(setImmediate)
          }
        },
      })
      const wire = (await open(path)).pause()
      await standstill(
        "send() waits",
        () => sent,
        () => waiting,
      )
      const before = sent
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
      expect([waiting, sent]).toEqual([true, before])
      wire.resume()
      await eventually("send() goes on", () => sent > before + 10)
      wire.rst()
      await eventually("send() ends", () => !waiting || sent > before)
    })

    test("a waiting send() answers false when the peer leaves", async () => {
      const told = deferred<unknown>()
      const waits = deferred()
      const path = upgrades({
        open: async (ws) => {
          for (;;) {
            const result = ws.send(new Uint8Array(100_000))
            if (result instanceof Promise) waits.resolve()
            else await new Promise(setImmediate)
            if (!(await result)) return told.resolve("false")
          }
        },
      })
      const wire = (await open(path)).pause()
      await waits.promise
      wire.rst()
      expect(await within(2_000, "send() answers", told.promise)).toBe("false")
    })

    test("a handler that never waits is cut at limits.backlogBytes: 1013, memory bounded", async ({ skip }) => {
      const server = await suite.start(skip, { limits: { backlogBytes: 1_000_000 } })
      const closes: number[] = []
      let most = 0
      const path = upgrades({
        open: async (ws) => {
          for (let count = 0; count < 3_000 && closes.length === 0; count++) {
            void ws.send(new Uint8Array(50_000))
            most = Math.max(most, ws.bufferedAmount)
            if (count % 10 === 0) await new Promise(setImmediate)
          }
        },
        close: (_, code) => void closes.push(code),
      })
      const wire = (await handshake(server, path)).pause()
      await eventually("the socket is given up", () => closes.length > 0)
      expect(closes).toEqual([1013])
      expect(most).toBeLessThan(1_200_000)
      wire.resume()
      await wire.ending()
    })

    test("a client that floods a slow handler is held back", async () => {
      const release = deferred()
      let handled = 0
      const path = upgrades({
        message: async () => {
          await release.promise
          handled++
        },
      })
      const wire = await open(path)
      const frame = encodeFrame({ opcode: Op.binary, payload: Buffer.alloc(60_000) })
      let taken = 0
      const total = 1_000
      const sending = (async () => {
        while (taken < total && (await wire.sent(frame))) taken++
      })()
      await standstill("the flow stops", () => taken)
      // 60 MB were offered; the buffers of the system hold up to some 10 MB.
      expect(taken * frame.length).toBeLessThan(25_000_000)
      release.resolve()
      await sending
      await eventually("every message is handled", () => handled === total)
    })

    test("limits.websocketIdleTimeout: a silent peer is pinged, then closed", async ({ skip }) => {
      const server = await suite.start(skip, { limits: { websocketIdleTimeout: 600 } })
      const { path, closes } = noting()
      const wire = await handshake(server, path)
      expect((await readFrame(wire.inbox)).opcode).toBe(Op.ping)
      await eventually("the socket is given up", () => closes.length > 0, 3_000)
      await wire.ending()
    })

    test("limits.websocketIdleTimeout: a peer that answers pings stays", async ({ skip }) => {
      const server = await suite.start(skip, { limits: { websocketIdleTimeout: 600 } })
      const { path, closes } = noting()
      const wire = await handshake(server, path)
      for (let pings = 0; pings < 4; pings++) {
        const frame = await readFrame(wire.inbox)
        expect(frame.opcode).toBe(Op.ping)
        wire.send(encodeFrame({ opcode: Op.pong, payload: frame.payload }))
      }
      expect(closes).toEqual([])
    })
  })
}
