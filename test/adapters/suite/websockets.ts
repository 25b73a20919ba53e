/** Websockets as handlers see them, the same on every server and without one. */
import { client } from "plumage/test"
import { expect, test } from "vitest"
import { closeOf, closePayload, encodeFrame, Op, readFrame } from "../wire/frames.ts"
import { endpoint, errors } from "./app.ts"
import { eventually } from "./guard.ts"
import { ask, echo, noting, upgrades } from "./handshake.ts"
import type { Suite } from "./harness.ts"

/** The client's end of a websocket, in the protocol of the column. */
interface Peer {
  send(data: string | Uint8Array): void
  /** The message that comes; undefined when the socket is closed. */
  receive(): Promise<string | Uint8Array | undefined>
  close(code: number, reason: string): void
  readonly closed: () => Promise<number>
}
type Headers = Readonly<Record<string, string>>

/** Opens a websocket, or gives the status that refuses it. */
async function openPeer(suite: Suite, path: string, headers: Headers = {}): Promise<Peer | number> {
  return suite.column.protocol === "memory" ? openInMemory(path, headers) : openOnWire(suite, path, headers)
}

async function openInMemory(path: string, headers: Headers): Promise<Peer | number> {
  const { "sec-websocket-protocol": asked, ...rest } = headers
  const protocols = asked === undefined ? [] : asked.split(", ")
  try {
    const socket = await client(endpoint).websocket(path, { headers: { host: "localhost", ...rest }, protocols })
    const closed = async () => (await socket.closed).code
    return { send: socket.send, receive: socket.next, close: socket.close, closed }
  } catch (error) {
    return Number(/refused with (\d+)/.exec(String(error))?.[1])
  }
}

async function openOnWire(suite: Suite, path: string, headers: Headers): Promise<Peer | number> {
  const { wire, answer } = await ask(suite.server, path, headers)
  if (answer.status !== 101) return answer.status
  let code: number | undefined
  const receive = async () => {
    const frame = await readFrame(wire.inbox)
    if (frame.opcode !== Op.close) return frame.opcode === Op.text ? frame.payload.toString() : frame.payload
    code = closeOf(frame).code
    wire.send(encodeFrame({ opcode: Op.close, payload: frame.payload }))
    return undefined
  }
  return {
    send: (data) =>
      void wire.send(encodeFrame({ opcode: typeof data === "string" ? Op.text : Op.binary, payload: data })),
    receive,
    close: (given, reason) => void wire.send(encodeFrame({ opcode: Op.close, payload: closePayload(given, reason) })),
    closed: async () => {
      while (code === undefined) await receive()
      return code
    },
  }
}

export function websockets(suite: Suite): void {
  if (!suite.capabilities.websocket) return
  suite.group("websockets", "RFC 6455, as handlers see them", ["http1", "memory"], () => {
    const open = async (path: string, headers?: Headers): Promise<Peer> => {
      const peer = await openPeer(suite, path, headers)
      if (typeof peer === "number") return expect.fail(`the websocket was refused with ${peer}`)
      return peer
    }

    test("text comes back as text, binary as binary", async () => {
      const peer = await open(upgrades(echo))
      peer.send("é🙂")
      expect(await peer.receive()).toBe("é🙂")
      peer.send(new Uint8Array([0, 255]))
      expect(Buffer.from((await peer.receive()) as Uint8Array)).toEqual(Buffer.from([0, 255]))
    })

    test("open comes first, messages in order and one at a time, close last and once", async () => {
      const log: string[] = []
      const { path, closes } = noting({
        open: async () => {
          await new Promise(setImmediate)
          log.push("open")
        },
        message: async (_, data) => {
          log.push(`begin ${data}`)
          await new Promise(setImmediate)
          log.push(`end ${data}`)
        },
      })
      const peer = await open(path)
      for (const data of ["1", "2", "3"]) peer.send(data)
      await eventually("all are handled", () => log.length === 7)
      peer.close(4001, "bye")
      await eventually("the handler is told", () => closes.length > 0)
      expect(log).toEqual(["open", "begin 1", "end 1", "begin 2", "end 2", "begin 3", "end 3"])
      expect(closes).toEqual([{ code: 4001, reason: "bye" }])
    })

    test("the handler closes with a code of its own", async () => {
      const peer = await open(upgrades({ message: (ws) => ws.close(4002, "enough") }))
      peer.send("x")
      expect(await peer.closed()).toBe(4002)
    })

    test("a handler that fails ends its socket with 1011, and whoever watches is told", async () => {
      const peer = await open(
        upgrades({
          message: async () => {
            throw new Error("canary")
          },
        }),
      )
      peer.send("x")
      expect(await peer.closed()).toBe(1011)
      expect(errors.map(String)).toEqual(["Error: canary"])
    })

    test("the client's first subprotocol that is spoken here is agreed on, or the socket refused", async () => {
      const path = upgrades({ open: (ws) => void ws.send(ws.protocol) }, { protocols: ["v2", "v1"] })
      expect(await (await open(path, { "sec-websocket-protocol": "v9, v1, v2" })).receive()).toBe("v1")
      expect(await openPeer(suite, path, { "sec-websocket-protocol": "v9" })).toBe(400)
    })

    test("another site's page is refused, and so is a plain request", async () => {
      expect(await openPeer(suite, upgrades(echo), { origin: "https://evil.example" })).toBe(403)
      expect((await suite.server.request("GET", upgrades(echo))).status).toBe(426)
    })
  })
}
