/** RFC 6455 §5, §7.4, §8.1: what breaks the protocol ends the socket, and reaches no handler as a message. */
import { expect, test } from "vitest"
import { closeOf, closePayload, encodeFrame, Op, readFrame } from "../wire/frames.ts"
import { errors } from "./app.ts"
import { eventually } from "./guard.ts"
import { handshake, upgrades } from "./handshake.ts"
import type { Suite } from "./harness.ts"

export function websocketViolations(suite: Suite): void {
  if (!suite.capabilities.websocket) return
  const open = (path: string) => handshake(suite.server, path)

  suite.group("websocket violations", "RFC 6455 §5, §7.4, §8.1", ["http1"], () => {
    const frame = (options: Parameters<typeof encodeFrame>[0]) => encodeFrame(options)
    const rows: [what: string, bytes: Buffer, code: number][] = [
      ["§5.1 an unmasked frame", frame({ opcode: Op.text, payload: "x", mask: false }), 1002],
      ["§5.2 RSV1 without an extension", frame({ opcode: Op.text, payload: "x", rsv: 4 }), 1002],
      ["§5.2 RSV2", frame({ opcode: Op.text, payload: "x", rsv: 2 }), 1002],
      ["§5.2 RSV3", frame({ opcode: Op.binary, payload: "x", rsv: 1 }), 1002],
      ["§5.2 a reserved opcode", frame({ opcode: 3, payload: "x" }), 1002],
      ["§5.2 a reserved control opcode", frame({ opcode: 11, payload: "x" }), 1002],
      ["§5.5 a control frame of 126 bytes", frame({ opcode: Op.ping, payload: "x".repeat(126) }), 1002],
      ["§5.5 a control frame in fragments", frame({ opcode: Op.ping, payload: "x", fin: false }), 1002],
      ["§5.4 a continuation of nothing", frame({ opcode: Op.more, payload: "x" }), 1002],
      [
        "§5.4 a new message inside a fragmented one",
        Buffer.concat([frame({ opcode: Op.text, fin: false }), frame({ opcode: Op.text, payload: "x" })]),
        1002,
      ],
      ["§8.1 text that is not UTF-8", frame({ opcode: Op.text, payload: Buffer.from([0xc3, 0x28]) }), 1007],
      ["§8.1 an overlong form", frame({ opcode: Op.text, payload: Buffer.from([0xc0, 0xaf]) }), 1007],
      ["§8.1 a surrogate", frame({ opcode: Op.text, payload: Buffer.from([0xed, 0xa0, 0x80]) }), 1007],
      ["§5.5.1 a close frame of one byte", frame({ opcode: Op.close, payload: "x" }), 1002],
      ["§7.4 close code 1005", frame({ opcode: Op.close, payload: closePayload(1005) }), 1002],
      ["§7.4 close code 999", frame({ opcode: Op.close, payload: closePayload(999) }), 1002],
      [
        "§7.4 a reason that is not UTF-8",
        frame({ opcode: Op.close, payload: closePayload(1000, Buffer.from([0xff])) }),
        1007,
      ],
    ]
    test.each(rows)("%s", async (_, bytes, code) => {
      const messages: unknown[] = []
      const closes: number[] = []
      const wire = await open(
        upgrades({ message: (_, data) => void messages.push(data), close: (_, given) => void closes.push(given) }),
      )
      wire.send(bytes)
      await eventually("a close frame or the end", () => wire.inbox.size > 0 || wire.inbox.ended !== undefined)
      // §7.1.7: the connection must be failed; a close frame that says why SHOULD come first.
      if (wire.inbox.size > 0) expect(closeOf(await readFrame(wire.inbox)).code).toBe(code)
      wire.fin()
      await wire.ending()
      await eventually("the handler is told once", () => closes.length === 1)
      expect(messages, "no message came of it").toEqual([])
      expect(errors).toEqual([])
    })
  })
}
