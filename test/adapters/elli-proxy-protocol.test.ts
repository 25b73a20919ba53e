import { once } from "node:events"
import { connect as connectTcp, type Socket } from "node:net"
import { Duplex } from "node:stream"
import { connect as connectTls } from "node:tls"
import fc from "fast-check"
import { InvalidOptionError, type Server } from "plumage"
import { elli } from "plumage/adapters/elli"
import { afterEach, describe, expect, test } from "vitest"
import type { ElliEvent, ElliOptions } from "../../adapters/elli/server.ts"
import type { Exchange } from "../../src/conn/adapter.ts"
import { type Sent, version1, version2 } from "./elli/proxy-header.ts"
import { ca, tls } from "./suite/fixtures.ts"
import { Wire } from "./wire.ts"

const get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
const sent: Sent = { family: "ipv4", source: "203.0.113.9", destination: "10.0.0.1", port: 4_711 }
const sixth: Sent = { family: "ipv6", source: "2001:db8::9", destination: "2001:db8::1", port: 4_712 }
const local = Buffer.from("\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00", "latin1")

const servers: Server[] = []
const wires: Wire[] = []
afterEach(async () => {
  for (const wire of wires.splice(0)) wire.destroy()
  await Promise.all(servers.splice(0).map((server) => server.stop({ graceMs: 100 })))
})

/** Answers with the peer's address and port, and with the method and path. */
function tell(exchange: Exchange): void {
  const { address, port } = exchange.getPeerData()
  exchange.sendResp(200, [], `${address} ${port} ${exchange.method} ${exchange.path}`)
}

async function start(options: ElliOptions = {}) {
  const events: ElliEvent[] = []
  const listened = { onEvent: (event: ElliEvent) => void events.push(event) }
  const given = { port: 0, host: "127.0.0.1", proxyProtocol: { trust: ["loopback"] }, ...listened, ...options }
  const server = await elli(given).listen({ call: tell })
  servers.push(server)
  const connect = async () => {
    const wire = await Wire.connect({ port: server.port })
    wires.push(wire)
    return wire
  }
  return { server, events, connect }
}

describe("a trusted proxy", () => {
  test.each([
    ["version 1", version1(sent), "203.0.113.9 4711"],
    ["version 1, IPv6", version1(sixth), "2001:db8::9 4712"],
    ["version 2", version2(sent), "203.0.113.9 4711"],
    ["version 2, IPv6", version2(sixth), "2001:db8::9 4712"],
    ["version 2 with extensions", version2(sent, Buffer.alloc(60_000, 7)), "203.0.113.9 4711"],
  ])("says who the client is: %s", async (_, header, expected) => {
    const { connect } = await start()
    const wire = await connect()
    wire.send(Buffer.concat([header, Buffer.from(get)]))
    expect((await wire.answer()).text).toBe(`${expected} GET /`)
    // And it is so for the requests after it.
    wire.send("GET /again HTTP/1.1\r\nHost: h\r\n\r\n")
    expect((await wire.answer()).text).toBe(`${expected} GET /again`)
  })

  test.each([
    ["LOCAL", local],
    ["UNKNOWN", Buffer.from("PROXY UNKNOWN\r\n")],
  ])("that speaks for itself is the peer: %s", async (_, header) => {
    const { connect } = await start()
    const wire = await connect()
    const { localPort } = wire.socket
    wire.send(header).send(get)
    expect((await wire.answer()).text).toBe(`127.0.0.1 ${localPort} GET /`)
  })

  test.each([
    ["version 1", version1(sent)],
    ["version 2", version2(sixth, Buffer.from("\x04\0\x02ab", "latin1"))],
  ])("may send the header in any pieces: %s", async (_, header) => {
    const { connect } = await start()
    const all = Buffer.concat([header, Buffer.from(get)])
    for (let at = 1; at <= header.length + 1; at++) {
      const wire = await connect()
      await wire.sendPieces([all.subarray(0, at), all.subarray(at)])
      expect((await wire.answer()).text, `cut at ${at}`).toMatch(/^(?:203\.0\.113\.9|2001:db8::9) 471\d GET \/$/)
      wire.destroy()
    }
    const wire = await connect()
    await wire.sendPieces(Array.from(all, (byte) => Buffer.from([byte])))
    expect((await wire.answer()).status).toBe(200)
  })

  test.each([
    ["HTTP", get],
    ["a broken line", "PROXY TCP4 1.2.3.4\r\n"],
    ["a line that does not end", `PROXY TCP4 ${"1".repeat(100)}`],
    ["version 3", "\r\n\r\n\0\r\nQUIT\n\x31\x11\0\0"],
    ["a second header in place of the first's addresses", "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x01a"],
  ])("that sends none is closed without an answer: %s", async (_, bytes) => {
    const { connect, events } = await start()
    const wire = await connect()
    wire.send(bytes)
    expect((await wire.rest()).toString()).toBe("")
    expect(events).toContainEqual({ type: "proxy_header_error", address: "127.0.0.1" })
  })

  test("cannot speak twice: a second header is a bad request", async () => {
    const { connect } = await start()
    const wire = await connect()
    wire.send(Buffer.concat([version1(sent), version1(sixth), Buffer.from(get)]))
    expect((await wire.answer()).status).toBe(400)
  })

  test("that ends before its header is complete is closed", async () => {
    const { connect, events } = await start()
    const wire = await connect()
    wire.send("PROXY TC").fin()
    await wire.ending()
    expect(events).toContainEqual({ type: "proxy_header_error", address: "127.0.0.1" })
  })

  test("has the head's deadline for its header, however it trickles", async () => {
    const { connect, events } = await start({ limits: { headTimeout: 150 } })
    const wire = await connect()
    const silent = await connect()
    wire.send("PROXY TCP4 ")
    const trickle = setInterval(() => wire.send("1"), 40)
    expect((await wire.rest()).toString()).toBe("")
    clearInterval(trickle)
    expect((await silent.rest()).toString()).toBe("")
    expect(events.filter(({ type }) => type === "proxy_header_error")).toHaveLength(2)
  })

  test("that has not sent a header yet does not hold up a stop", async () => {
    const { server, connect } = await start()
    const wire = await connect()
    wire.send("PROXY ")
    // An answer on another connection: by then the server has accepted this one.
    const other = await connect()
    await other.send(version1(sent)).send(get).answer()
    const before = performance.now()
    await server.stop({ graceMs: 5_000 })
    expect(performance.now() - before).toBeLessThan(2_500)
    await wire.ending()
  })
})

test("the header of a peer that is not trusted is a bad request, and not believed", async () => {
  const { connect } = await start({ proxyProtocol: { trust: ["10.0.0.0/8", "2001:db8::/32"] } })
  for (const header of [version1(sent), version2(sent), local]) {
    const wire = await connect()
    wire.send(Buffer.concat([header, Buffer.from(get)]))
    const answer = await wire.answer()
    expect(answer.status).toBe(400)
    expect(answer.text).not.toContain("203.0.113.9")
  }
  const wire = await connect()
  expect((await wire.send(get).answer()).text).toMatch(/^127\.0\.0\.1 \d+ GET/)
})

test("random bytes never end the server", async () => {
  const { connect } = await start({ limits: { headTimeout: 300 } })
  const starts = fc.constantFrom(
    "",
    "PROXY ",
    "PROXY TCP4 ",
    "\r\n\r\n\0\r\nQUIT\n",
    "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c",
  )
  await fc.assert(
    fc.asyncProperty(starts, fc.uint8Array({ maxLength: 300 }), async (start, bytes) => {
      const wire = await connect()
      await wire.sendPieces([Buffer.from(start, "latin1"), bytes])
      wire.rst()
    }),
    { numRuns: 60 },
  )
  const wire = await connect()
  expect((await wire.send(version1(sent)).send(get).answer()).status).toBe(200)
})

describe("before TLS", () => {
  /** A TLS client behind a proxy, whose header and the client's first bytes are one write. */
  async function through(
    end: { port: number; localPort?: number },
    ...headers: Uint8Array[]
  ): Promise<{ secure: Socket; tcp: Socket }> {
    const tcp = connectTcp({ host: "127.0.0.1", ...end })
    await once(tcp, "connect")
    let before = headers.pop() ?? Buffer.alloc(0)
    for (const header of headers) {
      tcp.write(header)
      for (let turns = 0; turns < 5; turns++) await new Promise(setImmediate)
    }
    const proxy = new Duplex({
      read: () => {},
      write: (data: Buffer, _encoding, done) => {
        tcp.write(Buffer.concat([before, data]), () => done())
        before = Buffer.alloc(0)
      },
    })
    tcp.on("error", () => {}).on("data", (data) => proxy.push(data))
    tcp.on("close", () => proxy.destroy())
    const secure = connectTls({ socket: proxy, servername: "localhost", ca })
    secure.on("error", () => {}).on("close", () => tcp.destroy())
    return { secure, tcp }
  }
  const ask = async (secure: Socket): Promise<string> => {
    secure.write(get)
    let seen = ""
    for await (const data of secure) {
      seen += String(data)
      if (/\r\n\r\n./s.test(seen)) break
    }
    return seen
  }

  test.each([
    ["version 1", [version1(sent)]],
    ["version 2 in two pieces", [version2(sent).subarray(0, 20), version2(sent).subarray(20)]],
  ])("a proxy says who the client is: %s", async (_, pieces) => {
    const { server } = await start({ tls })
    const [one, two] = await Promise.all([
      through({ port: server.port }, ...pieces),
      through({ port: server.port }, version1(sixth)),
    ])
    expect(await ask(one.secure)).toMatch(/203\.0\.113\.9 4711 GET \/$/)
    expect(await ask(two.secure)).toMatch(/2001:db8::9 4712 GET \/$/)
  })

  test("the handshake may follow at once or later", async () => {
    const { server } = await start({ tls })
    for (const turns of [0, 1, 5]) {
      const tcp = connectTcp({ port: server.port, host: "127.0.0.1" })
      await once(tcp, "connect")
      tcp.write(version2(sixth))
      for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate)
      expect(await ask(connectTls({ socket: tcp, servername: "localhost", ca }))).toMatch(/2001:db8::9 4712 GET \/$/)
    }
  })

  test("LOCAL leaves the peer as it is, also from an end that spoke for somebody just before", async () => {
    const { server } = await start({ tls })
    const first = await through({ port: server.port }, version1(sent))
    expect(await ask(first.secure)).toMatch(/203\.0\.113\.9 4711 GET \/$/)
    const { localPort } = first.tcp
    // A reset, so that the system gives the port again.
    first.tcp.resetAndDestroy()
    const second = await through({ port: server.port, localPort: localPort! }, local)
    expect(await ask(second.secure)).toMatch(new RegExp(`127\\.0\\.0\\.1 ${localPort} GET /$`))
  })

  test("a handshake without a header is closed", async () => {
    const { server, events } = await start({ tls })
    const { secure } = await through({ port: server.port })
    await new Promise<void>((resolve) => secure.once("close", () => resolve()))
    expect(events).toContainEqual({ type: "proxy_header_error", address: "127.0.0.1" })
  })

  test("one that is not trusted starts TLS at once", async () => {
    const { server } = await start({ tls, proxyProtocol: { trust: ["10.0.0.0/8"] } })
    const bare = await through({ port: server.port })
    expect(await ask(bare.secure)).toMatch(/127\.0\.0\.1 \d+ GET \/$/)
    const { secure } = await through({ port: server.port }, version1(sent))
    await new Promise<void>((resolve) => secure.once("close", () => resolve()))
  })
})

describe("the option", () => {
  test.each([
    [true],
    [{}],
    [{ trust: true }],
    [{ trust: [] }],
    [{ trust: "10.0.0.0/8" }],
    [{ trust: ["10.0.0.0/33"] }],
    [{ trust: ["0.0.0.0/0"] }],
    [{ trust: ["::/0"] }],
    [{ trust: ["proxy.example"] }],
    [{ trust: [7] }],
    [{ trust: ["10.0.0.1/8"] }],
    [{ trust: ["loopback"], version: 2 }],
  ])("%j is refused at start", (proxyProtocol) => {
    expect(() => elli({ proxyProtocol } as never)).toThrow(InvalidOptionError)
    expect(() => elli({ proxyProtocol } as never)).toThrow(/^elli: .*proxyProtocol|trust/)
  })

  test("left out means that nobody is asked for a header", async () => {
    const { connect } = await start({ proxyProtocol: undefined } as never)
    const wire = await connect()
    expect((await wire.send(get).answer()).text).toMatch(/^127\.0\.0\.1 \d+ GET/)
  })
})
