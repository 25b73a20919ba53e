/** RFC 7692: permessage-deflate, where the server and the route both want it. */
import { deflateRawSync, inflateRawSync } from "node:zlib"
import { expect, test } from "vitest"
import { closeOf, encodeFrame, type Frame, Op, readFrame } from "../wire/frames.ts"
import { eventually } from "./guard.ts"
import { ask, echo, noting, upgrades } from "./handshake.ts"
import type { Suite } from "./harness.ts"

const tail = Buffer.from([0, 0, 0xff, 0xff])
const asked = { "sec-websocket-extensions": "permessage-deflate; client_max_window_bits" }

/** A compressed message: RSV1 is set, and the tail of the block left out (§7.2.1). */
function compressed(data: string | Buffer): Buffer {
  const deflated = deflateRawSync(Buffer.from(data as string), { finishFlush: 2 })
  return encodeFrame({ opcode: Op.text, rsv: 4, payload: deflated.subarray(0, deflated.length - 4) })
}
function textOf(frame: Frame): string {
  if (frame.rsv === 0) return frame.payload.toString()
  return inflateRawSync(Buffer.concat([frame.payload, tail]), { finishFlush: 2 }).toString()
}

export function websocketCompression(suite: Suite): void {
  if (!suite.capabilities.websocket) return
  suite.group("websocket compression", "RFC 7692", ["http1"], () => {
    test("asked for by the client and on at the server and the route: messages are inflated", async ({ skip }) => {
      const server = await suite.start(skip, { compression: true })
      const { wire, answer } = await ask(server, upgrades(echo, { compression: true }), asked)
      expect(answer.header("sec-websocket-extensions")).toMatch(/^permessage-deflate/)
      for (const text of ["small", "é".repeat(20_000)]) {
        wire.send(compressed(text))
        expect(textOf(await readFrame(wire.inbox))).toBe(text)
      }
      wire.send(encodeFrame({ opcode: Op.text, payload: "plain" }))
      expect(textOf(await readFrame(wire.inbox))).toBe("plain")
    })

    test("a route that does not want it does not get it", async ({ skip }) => {
      const server = await suite.start(skip, { compression: true })
      const { answer } = await ask(server, upgrades(echo), asked)
      expect([answer.status, answer.header("sec-websocket-extensions")]).toEqual([101, undefined])
    })

    test("a server that does not have it does not agree to it", async () => {
      const { answer } = await ask(suite.server, upgrades(echo, { compression: true }), asked)
      expect([answer.status, answer.header("sec-websocket-extensions")]).toEqual([101, undefined])
    })

    test("a message that inflates beyond the limit ends the socket with 1009, before all of it is inflated", async ({
      skip,
    }) => {
      const server = await suite.start(skip, { compression: true })
      const { path, closes } = noting({}, { compression: true, maxMessageBytes: 100_000 })
      const { wire } = await ask(server, path, asked)
      const bomb = compressed(Buffer.alloc(100_000_000))
      const before = process.memoryUsage().rss
      wire.send(bomb)
      await eventually("a close frame or the end", () => wire.inbox.size > 0 || wire.inbox.ended !== undefined)
      if (wire.inbox.size > 0) expect(closeOf(await readFrame(wire.inbox)).code).toBe(1009)
      expect(process.memoryUsage().rss - before).toBeLessThan(50_000_000)
      wire.fin()
      await eventually("the handler is told", () => closes.length > 0)
    })
  })
}
