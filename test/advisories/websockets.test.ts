/** Websockets that another site opens, peers that leave halfway, frames that are bombs. */
import { deflateRawSync } from "node:zlib"
import { expect, test } from "vitest"
import { action, errors } from "../adapters/suite/app.ts"
import { eventually } from "../adapters/suite/guard.ts"
import { ask, handshake, handshakeBytes, upgrades } from "../adapters/suite/handshake.ts"
import { bytesOf } from "../adapters/suite/request.ts"
import { closeOf, encodeFrame, Op, readFrame } from "../adapters/wire/frames.ts"
import { onEveryServer } from "./servers.ts"

const alive = action((conn) => conn.text("alive"))

await onEveryServer((suite) => {
  const open = action((conn) => conn.upgrade("websocket", {}))
  const listed = action((conn) => conn.upgrade("websocket", {}, { checkOrigin: ["//*.a.com"] }))
  const statusOf = async (path: string, origin: string) =>
    (await ask(suite.server, path, { host: "a.com", origin })).answer.status
  const expectAlive = async () => expect((await suite.server.say(bytesOf("GET", alive))).text).toBe("alive")

  test("row 27: another site's origin is refused unless it is allowed", async () => {
    expect(await statusOf(open, "http://a.com")).toBe(101)
    for (const origin of [
      "http://evil.example",
      "https://a.com",
      "http://a.com:81",
      "http://a.com.evil",
      "http://evila.com",
    ]) {
      expect(await statusOf(open, origin), origin).toBe(403)
    }
  })

  test("GHSA-p8f7-22gq-m7j9: a wildcard stands for whole labels", async () => {
    expect(await statusOf(listed, "http://x.a.com")).toBe(101)
    for (const origin of ["http://evila.com", "http://a.com.evil", "http://xa.com"]) {
      expect(await statusOf(listed, origin), origin).toBe(403)
    }
  })

  test("phoenixframework/phoenix#2770: null and file: are refused", async () => {
    for (const path of [open, listed]) {
      for (const origin of ["null", "file://", "file:///a.com"]) expect(await statusOf(path, origin), origin).toBe(403)
    }
  })

  test("socketio/socket.io#3564: a peer that resets while its upgrade is decided harms nobody", async () => {
    let release: () => void = () => undefined
    const gate = new Promise<void>((resolve) => {
      release = resolve
    })
    let waiting = 0
    const slow = action(async (conn) => {
      waiting++
      await gate
      return conn.upgrade("websocket", {})
    })
    const wires = await Promise.all(Array.from({ length: 20 }, () => suite.server.connect()))
    for (const wire of wires) wire.send(handshakeBytes(slow))
    await eventually("all wait", () => waiting === 20)
    for (const [at, wire] of wires.entries()) wire.leave(at % 2 === 0 ? "rst" : "fin")
    release()
    await expectAlive()
    expect(errors).toEqual([])
  })

  test.each([1, 2, 3])(
    "CVE-2022-21676, GHSA-273r-mgr4-v34f: reserved bits (%d) end the socket, and only it",
    async (rsv) => {
      const wire = await handshake(suite.server, upgrades({}))
      wire.send(encodeFrame({ opcode: Op.text, payload: "x", rsv }))
      await wire.fin().ending()
      await expectAlive()
    },
  )

  test("GHSA-rhh8-5xw9-c3gm, GHSA-9q5m-g6v3-6772: an unmasked frame ends the socket, and is no message", async () => {
    const messages: unknown[] = []
    const wire = await handshake(suite.server, upgrades({ message: (_, data) => void messages.push(data) }))
    wire.send(encodeFrame({ opcode: Op.text, payload: "x", mask: false }))
    await wire.fin().ending()
    expect(messages).toEqual([])
    await expectAlive()
  })

  test("CVE-2020-36049, GHSA-xfhh-g9f5-x4m4: a frame that claims fifty megabytes is refused before they come", async () => {
    const wire = await handshake(suite.server, upgrades({}))
    wire.send(encodeFrame({ opcode: Op.binary, payload: "x", claimedLength: 50_000_000 }))
    await eventually("a close or the end", () => wire.inbox.size > 0 || wire.inbox.ended !== undefined)
    if (wire.inbox.size > 0) expect(closeOf(await readFrame(wire.inbox)).code).toBe(1009)
  })

  test("CVE-2026-42786, CVE-2026-65623: a hundred thousand fragments take linear time, and their sum has the limit of a message", async () => {
    const wire = await handshake(suite.server, upgrades({}))
    const fragment = encodeFrame({ opcode: Op.more, payload: "x".repeat(40), fin: false })
    const start = performance.now()
    wire.send(encodeFrame({ opcode: Op.text, payload: "x", fin: false }))
    wire.send(Buffer.concat(Array.from({ length: 100_000 }, () => fragment)))
    await wire.ending()
    expect(performance.now() - start).toBeLessThan(4_000)
    await expectAlive()
  })

  test("CVE-2026-39804: a message that inflates beyond the limit ends the socket with 1009", async ({ skip }) => {
    const server = await suite.start(skip, { compression: true })
    const messages: unknown[] = []
    const path = action((conn) =>
      conn.upgrade("websocket", { message: (_, data) => void messages.push(data) }, { compression: true }),
    )
    const { wire, answer } = await ask(server, path, { "sec-websocket-extensions": "permessage-deflate" })
    expect(answer.status).toBe(101)
    if (answer.header("sec-websocket-extensions") === undefined) return
    const bomb = deflateRawSync(Buffer.alloc(64_000_000), { finishFlush: 2 }).subarray(0, -4)
    wire.send(encodeFrame({ opcode: Op.binary, payload: bomb, rsv: 4 }))
    await eventually("a close or the end", () => wire.inbox.size > 0 || wire.inbox.ended !== undefined, 10_000)
    if (wire.inbox.size > 0) expect(closeOf(await readFrame(wire.inbox)).code).toBe(1009)
    expect(messages).toEqual([])
    await expectAlive()
  })

  test("CVE-2026-39804: without the option nothing is inflated", async () => {
    const { answer } = await ask(suite.server, open, { "sec-websocket-extensions": "permessage-deflate" })
    expect([answer.status, answer.header("sec-websocket-extensions")]).toEqual([101, undefined])
  })
})
