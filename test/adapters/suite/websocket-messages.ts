/** RFC 6455 §5, §6: messages, whole and in fragments, and pings. */
import { expect, test } from "vitest"
import { encodeFrame, Op, readFrame } from "../wire/frames.ts"
import type { Wire } from "../wire.ts"
import { eventually } from "./guard.ts"
import { echo, handshake, upgrades } from "./handshake.ts"
import type { Suite } from "./harness.ts"

export function websocketMessages(suite: Suite): void {
  if (!suite.capabilities.websocket) return
  const open = (path: string) => handshake(suite.server, path)

  suite.group("websocket messages", "RFC 6455 §5, §6", ["http1"], () => {
    const path = upgrades(echo)
    const say = (wire: Wire, opcode: number, payload: string | Uint8Array) =>
      wire.send(encodeFrame({ opcode, payload }))

    test.each([0, 1, 125, 126, 65_535, 65_536, 1_000_000])(
      "text and binary of %i bytes come back as they were",
      async (size) => {
        const wire = await open(path)
        for (const opcode of [Op.text, Op.binary]) {
          const payload = Buffer.alloc(
            size,
            opcode === Op.text ? "aé" : "\xff\0",
            opcode === Op.text ? "utf8" : "latin1",
          )
          if (opcode === Op.text && size % 3) payload.fill("a")
          say(wire, opcode, payload)
          const frame = await readFrame(wire.inbox)
          expect([frame.opcode, frame.fin, frame.rsv, frame.payload.equals(payload)]).toEqual([opcode, true, 0, true])
        }
      },
    )

    test("text is a string and binary a Uint8Array that stays as it is", async () => {
      const got: (string | Uint8Array)[] = []
      const wire = await open(upgrades({ message: (_, data) => void got.push(data) }))
      say(wire, Op.text, "é🙂")
      for (let value = 0; value < 20; value++) say(wire, Op.binary, new Uint8Array(5_000).fill(value))
      await eventually("all arrive", () => got.length === 21)
      expect(got[0]).toBe("é🙂")
      for (const [index, data] of got.slice(1).entries()) {
        expect(data instanceof Uint8Array && data.length === 5_000 && data.every((byte) => byte === index)).toBe(true)
      }
    })

    test("messages are handled one at a time and in order, however long each takes", async () => {
      const log: string[] = []
      const wire = await open(
        upgrades({
          message: async (ws, data) => {
            log.push(`begin ${data}`)
            for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate)
            log.push(`end ${data}`)
            if (data === "9") await ws.send("done")
          },
        }),
      )
      wire.send(Buffer.concat(Array.from({ length: 10 }, (_, i) => encodeFrame({ opcode: Op.text, payload: `${i}` }))))
      expect((await readFrame(wire.inbox)).payload.toString()).toBe("done")
      expect(log).toEqual(Array.from({ length: 10 }, (_, i) => [`begin ${i}`, `end ${i}`]).flat())
    })

    test("§5.4 fragments, with a ping between them, are one message", async () => {
      const wire = await open(path)
      wire.send(encodeFrame({ opcode: Op.text, payload: "one ", fin: false }))
      wire.send(encodeFrame({ opcode: Op.ping, payload: "p" }))
      wire.send(encodeFrame({ opcode: Op.more, payload: "two ", fin: false }))
      wire.send(encodeFrame({ opcode: Op.more, payload: "three" }))
      const pong = await readFrame(wire.inbox)
      expect([pong.opcode, pong.payload.toString()]).toEqual([Op.pong, "p"])
      expect((await readFrame(wire.inbox)).payload.toString()).toBe("one two three")
    })

    test("a character cut between fragments and between segments is whole", async () => {
      const wire = await open(path)
      const smile = Buffer.from("🙂")
      const frames = Buffer.concat([
        encodeFrame({ opcode: Op.text, payload: smile.subarray(0, 1), fin: false }),
        encodeFrame({ opcode: Op.more, payload: smile.subarray(1) }),
      ])
      await wire.sendPieces(Array.from(frames, (_, at) => frames.subarray(at, at + 1)))
      expect((await readFrame(wire.inbox)).payload.equals(smile)).toBe(true)
    })

    test("ten thousand fragments are one message, in good time", async () => {
      const wire = await open(path)
      const parts = [encodeFrame({ opcode: Op.binary, payload: "x", fin: false })]
      for (let part = 0; part < 10_000; part++) parts.push(encodeFrame({ opcode: Op.more, payload: "x", fin: false }))
      parts.push(encodeFrame({ opcode: Op.more, payload: "x" }))
      wire.send(Buffer.concat(parts))
      expect((await readFrame(wire.inbox)).payload.length).toBe(10_002)
    })

    test("§5.5.2 a ping is answered with its payload, and the handler is told", async () => {
      const told: string[] = []
      const wire = await open(upgrades({ ping: (_, data) => void told.push(Buffer.from(data).toString()) }))
      say(wire, Op.ping, "are you there")
      const pong = await readFrame(wire.inbox)
      expect([pong.opcode, pong.payload.toString(), told]).toEqual([Op.pong, "are you there", ["are you there"]])
    })

    test("the handler pings and is told of the pong; a pong that nobody asked for is fine", async () => {
      const told: string[] = []
      const wire = await open(
        upgrades({
          open: (ws) => ws.ping(Buffer.from("marco")),
          pong: (_, data) => void told.push(Buffer.from(data).toString()),
        }),
      )
      expect((await readFrame(wire.inbox)).payload.toString()).toBe("marco")
      say(wire, Op.pong, "polo")
      await eventually("the pong is told", () => told.length === 1)
      expect(told).toEqual(["polo"])
    })

    test("what open sends comes before any answer", async () => {
      const wire = await open(
        upgrades({
          open: async (ws) => {
            await new Promise(setImmediate)
            await ws.send("welcome")
          },
          message: (ws, data) => void ws.send(data),
        }),
      )
      say(wire, Op.text, "hi")
      expect((await readFrame(wire.inbox)).payload.toString()).toBe("welcome")
      expect((await readFrame(wire.inbox)).payload.toString()).toBe("hi")
    })
  })
}
