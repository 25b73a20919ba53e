import { readFileSync } from "node:fs"
import net from "node:net"
import tls from "node:tls"
import { afterEach, describe, expect, test } from "vitest"
import { closeOf, closePayload, encodeFrame, Op, readFrame } from "./wire/frames.ts"
import { Inbox } from "./wire/inbox.ts"
import { Wire } from "./wire.ts"

const fixture = (name: string) => readFileSync(new URL(`../fixtures/${name}`, import.meta.url), "utf8")
const ca = fixture("localhost.crt")
const done: (() => void)[] = []
afterEach(() => {
  for (const end of done.splice(0)) end()
})

/** A wire to a peer that does what `peer` says with its socket. */
async function wireTo(peer: (socket: net.Socket) => void, secure = false): Promise<Wire> {
  const onSocket = (socket: net.Socket) => {
    socket.on("error", () => {})
    done.push(() => socket.destroy())
    peer(socket)
  }
  const options = { allowHalfOpen: true, cert: ca, key: fixture("localhost.key") }
  const server = secure ? tls.createServer(options, onSocket) : net.createServer(options, onSocket)
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  done.push(() => server.close())
  const port = (server.address() as net.AddressInfo).port
  const wire = await Wire.connect({ port, ca: secure ? ca : undefined, deadline: 500 })
  done.push(() => wire.destroy())
  return wire
}
const saying = (text: string) => wireTo((socket) => socket.end(Buffer.from(text, "latin1")))

describe("answers are read strictly (RFC 9112)", () => {
  test("a body of a length, then a chunked one with trailers", async () => {
    const wire = await saying(
      "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi" +
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-t: 1\r\n\r\n",
    )
    const first = await wire.answer()
    expect([first.status, first.text, first.informs.length]).toEqual([200, "hi", 1])
    const second = await wire.answer()
    expect([second.text, second.trailers]).toEqual(["abc", ["x-t", "1"]])
    expect(await wire.ending()).toBe("fin")
  })

  test("HEAD, 204 and 304 have no body", async () => {
    const wire = await saying("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n")
    expect((await wire.answer("HEAD")).head.length).toBe(5)
    expect((await wire.answer()).head.framing).toBe("none")
  })

  test.each([
    ["a bare LF", "HTTP/1.1 200 OK\ncontent-length: 0\r\n\r\n"],
    ["two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\ncontent-length: 0\r\n\r\n"],
    ["length and chunked", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"],
    ["a length in a 204", "HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n"],
    ["chunked in HTTP/1.0", "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"],
    ["a fold", "HTTP/1.1 200 OK\r\na: b\r\n c\r\ncontent-length: 0\r\n\r\n"],
    ["a NUL", "HTTP/1.1 200 OK\r\na: b\0c\r\ncontent-length: 0\r\n\r\n"],
    ["a bad chunk size", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n"],
    ["a chunk that is too long", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n"],
    ["a body that is too short", "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab"],
    ["no last chunk", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n"],
  ])("%s is an error", async (_, text) => {
    const wire = await saying(text)
    await expect(wire.answer()).rejects.toThrow()
  })

  test("a wait ends at its deadline and says what was there", async () => {
    const wire = await wireTo((socket) => socket.write("HTTP/1.1 2"))
    await expect(wire.answer()).rejects.toThrow(/waited 500 ms .*HTTP\/1\.1 2/)
  })
})

describe.each([
  ["TCP", false],
  ["TLS", true],
])("a connection over %s", (_, secure) => {
  test("pieces arrive one by one, and all of them", async () => {
    const reads: string[] = []
    const wire = await wireTo((socket) => {
      socket.on("data", (data) => reads.push(data.toString()))
      socket.pipe(socket)
    }, secure)
    await wire.sendPieces([..."hello"].map((letter) => Buffer.from(letter)))
    expect((await wire.inbox.take(5)).toString()).toBe("hello")
    expect(reads).toEqual([..."hello"])
    wire.fin()
    expect(await wire.ending()).toBe("fin")
  })

  test.each(["fin", "rst"] as const)("we leave by %s and the peer sees just that", async (how) => {
    let left!: (how: string) => void
    const seen = new Promise<string>((resolve) => {
      left = resolve
    })
    const wire = await wireTo((socket) => {
      socket.on("error", (error: NodeJS.ErrnoException) => left(error.code === "ECONNRESET" ? "rst" : `${error}`))
      socket.on("end", () => left("fin"))
      socket.pipe(socket)
    }, secure)
    // A reset that overtakes unread bytes looks like an end to a Linux reader, so the bytes are read first.
    await wire.send("x").inbox.take(1)
    wire.leave(how)
    expect(await seen).toBe(how)
  })

  test("a reset by the peer is told from its end", async () => {
    const wire = await wireTo((socket) => {
      socket.once("data", () => (secure ? socket.destroy() : socket.resetAndDestroy()))
    }, secure)
    wire.send("x")
    expect(await wire.ending()).toBe(secure ? "fin" : "rst")
  })

  test("a paused reader takes nothing", async () => {
    const wire = await wireTo((socket) => socket.write(Buffer.alloc(8_000_000)), secure)
    wire.pause()
    const before = wire.inbox.received
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
    expect(wire.inbox.received).toBe(before)
    wire.resume()
    expect((await wire.inbox.take(8_000_000)).length).toBe(8_000_000)
  })
})

describe("frames (RFC 6455 §5)", () => {
  const read = (bytes: Buffer) => {
    const inbox = new Inbox(50)
    inbox.push(bytes)
    return readFrame(inbox)
  }
  test.each([0, 125, 126, 65_535, 65_536])("%i bytes there and back", async (length) => {
    const payload = Buffer.alloc(length, 7)
    const frame = await read(encodeFrame({ opcode: Op.binary, payload, mask: false }))
    expect([frame.opcode, frame.fin, frame.rsv, frame.payload.equals(payload)]).toEqual([Op.binary, true, 0, true])
  })

  test("what a server must not send is an error", async () => {
    await expect(read(encodeFrame({ opcode: Op.text, payload: "x" }))).rejects.toThrow("masked")
    await expect(read(encodeFrame({ opcode: Op.ping, fin: false, mask: false }))).rejects.toThrow("control")
  })

  test("a close frame gives its code and reason", async () => {
    const frame = await read(encodeFrame({ opcode: Op.close, payload: closePayload(1012, "bye"), mask: false }))
    expect(closeOf(frame)).toEqual({ code: 1012, reason: "bye" })
  })
})
