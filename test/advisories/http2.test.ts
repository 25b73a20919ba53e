/** What HTTP/2 peers may do to a session, on the one server that speaks it. Frames are written by hand. */
import http2 from "node:http2"
import tls from "node:tls"
import { defineEndpoint, defineRouter, type Server, serve } from "plumage"
import { node } from "plumage/adapters/node"
import { afterAll, beforeAll, expect, test } from "vitest"
import { ca, tls as files } from "../adapters/suite/fixtures.ts"
import { eventually, watchProcess } from "../adapters/suite/guard.ts"
import { standsStill } from "./servers.ts"

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
const Type = { data: 0, headers: 1, rst: 3, settings: 4, goAway: 7, windowUpdate: 8, continuation: 9 } as const

function frame(type: number, flags: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}
/** :method GET, :scheme https, :path / and :authority localhost, by the static table of HPACK. */
const getRoot = Buffer.concat([Buffer.from([0x82, 0x87, 0x84, 0x41, 9]), Buffer.from("localhost")])

let server: Server
let aborted = 0
let written = 0
const told: unknown[] = []
beforeAll(async () => {
  const router = defineRouter((r) => [
    r.get("/", (conn) => conn.text("alive")),
    r.get("/stream", async (conn) => {
      conn.onClose((reason) => {
        if (reason !== undefined) aborted++
      })
      const stream = conn.sendChunked(200)
      written = 1
      while (await stream.chunk(Buffer.alloc(65_536))) written += 65_536
      return stream
    }),
    r.get("/inject", (conn) => conn.putRespHeader("x-a", "a\r\nx-injected: 1").text("x")),
  ])
  const endpoint = defineEndpoint({ onError: (error) => told.push(error) }).router(router)
  server = await serve(endpoint, node({ port: 0, host: "127.0.0.1", tls: files, http2: true }))
})
afterAll(() => server.stop({ graceMs: 200 }))
watchProcess()

const connect = (): Promise<tls.TLSSocket> =>
  new Promise((resolve, reject) => {
    const options = { port: server.port, host: "127.0.0.1", servername: "localhost", ca, ALPNProtocols: ["h2"] }
    const socket = tls.connect(options, () => resolve(socket))
    socket.on("error", reject)
  })
const closed = (socket: tls.TLSSocket) =>
  eventually("the session ends", () => socket.destroyed || socket.readableEnded || socket.closed)

/** One request by the platform's own client. */
function ask(path: string): Promise<{ status: number; headers: http2.IncomingHttpHeaders; body: string }> {
  return new Promise((resolve, reject) => {
    const session = http2.connect(`https://localhost:${server.port}`, { ca, host: "127.0.0.1" } as object)
    session.on("error", reject)
    const request = session.request({ ":path": path })
    let headers: http2.IncomingHttpHeaders = {}
    let body = ""
    request.on("response", (given) => {
      headers = given
    })
    request.on("data", (data: Buffer) => {
      body += data.toString()
    })
    request.on("error", reject)
    request.on("end", () => {
      session.close()
      resolve({ status: Number(headers[":status"]), headers, body })
    })
    request.end()
  })
}
const expectAlive = async () => expect((await ask("/")).body).toBe("alive")

test("CVE-2024-27983: a reset in the middle of CONTINUATION frames ends one session, not the process", async () => {
  for (let n = 0; n < 20; n++) {
    const socket = await connect()
    socket.on("error", () => undefined)
    socket.write(Buffer.concat([preface, frame(Type.settings, 0, 0), frame(Type.headers, 1, 1, getRoot)]))
    socket.write(frame(Type.continuation, 0, 1, Buffer.from([0x40])))
    await new Promise(setImmediate)
    socket.destroy()
  }
  await expectAlive()
})

test("CVE-2026-21714: a window that overflows ends the session, not the process", async () => {
  const socket = await connect()
  socket.resume()
  socket.on("error", () => undefined)
  const huge = Buffer.from([0x7f, 0xff, 0xff, 0xff])
  socket.write(Buffer.concat([preface, frame(Type.settings, 0, 0)]))
  for (let n = 0; n < 3; n++) socket.write(frame(Type.windowUpdate, 0, 0, huge))
  await closed(socket)
  await expectAlive()
})

test("CVE-2026-42788: a frame beyond the size that was agreed on is refused before it is there", async () => {
  const socket = await connect()
  let goneAway = false
  socket.on("data", (data: Buffer) => {
    for (let at = 0; at + 9 <= data.length; at += 9 + data.readUIntBE(at, 3)) goneAway ||= data[at + 3] === Type.goAway
  })
  socket.on("error", () => undefined)
  const head = frame(Type.headers, 5, 1)
  head.writeUIntBE(16_000_000, 0, 3)
  socket.write(Buffer.concat([preface, frame(Type.settings, 0, 0), head]))
  await eventually("the session is given up", () => goneAway || socket.closed)
  socket.destroy()
  await expectAlive()
})

test("GHSA-9q5m-g6v3-6772: a header list beyond the limit is refused", async () => {
  const session = http2.connect(`https://localhost:${server.port}`, { ca, host: "127.0.0.1" } as object)
  session.on("error", () => undefined)
  const headers: http2.OutgoingHttpHeaders = { ":path": "/" }
  for (let n = 0; n < 90; n++) headers[`x-${n}`] = "y".repeat(1_000)
  const outcome = await new Promise<number | "refused">((resolve) => {
    const request = session.request(headers)
    request.on("response", (given) => resolve(Number(given[":status"])))
    request.on("error", () => resolve("refused"))
    request.on("close", () => resolve("refused"))
    request.end()
  })
  session.destroy()
  expect(["refused", 431]).toContain(outcome)
  await expectAlive()
})

test("GHSA-xj8g-532w-jv94: a peer that opens no window costs a bounded amount, and is noticed when it leaves", async () => {
  aborted = 0
  const socket = await connect()
  socket.resume()
  socket.on("error", () => undefined)
  const path = Buffer.concat([
    Buffer.from([0x82, 0x87, 0x04, 7]),
    Buffer.from("/stream"),
    Buffer.from([0x41, 9]),
    Buffer.from("localhost"),
  ])
  const noWindow = Buffer.from([0, 4, 0, 0, 0, 0])
  socket.write(Buffer.concat([preface, frame(Type.settings, 0, 0, noWindow), frame(Type.headers, 5, 1, path)]))
  await standsStill(() => written)
  expect(written).toBeLessThan(32_000_000)
  socket.destroy()
  await eventually("the action is told", () => aborted === 1)
  await expectAlive()
})

test("GHSA-x3gh-xhj4-3vq8: CR and LF in a header are refused in HTTP/2 too", async () => {
  told.length = 0
  const answer = await ask("/inject")
  expect([answer.status, answer.headers["x-injected"]]).toEqual([500, undefined])
  expect(told).toMatchObject([{ code: "ERR_INVALID_HEADER" }])
})
