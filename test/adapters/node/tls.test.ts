import { once } from "node:events"
import { connect as connectTcp, type Socket } from "node:net"
import { connect as connectTls } from "node:tls"
import { describe, expect, test } from "vitest"
import { node } from "../../../adapters/node/server.ts"
import { InvalidOptionError } from "../../../src/conn/adapter.ts"
import { ca, tls } from "../suite/fixtures.ts"
import { drive, echo, type Handler, request } from "./drive.ts"

/** Not `once`, which rejects for an error before it. */
const closeOf = (socket: Socket) => new Promise<void>((resolve) => socket.once("close", () => resolve()))

describe("options", () => {
  test("http2 takes a boolean, and only beside tls", () => {
    for (const options of [{ http2: "yes" }, { http2: true }, { tls: { ...tls, caFile: "/nowhere" } }]) {
      expect(() => node(options as never)).toThrow(InvalidOptionError)
    }
    expect(node({ tls, http2: true }).capabilities).toEqual({ http2: true, tls: true, inform: true, websocket: true })
    expect(node().capabilities.http2).toBe(false)
  })

  test("a port that is taken rejects listen with the system's error", async () => {
    const { server } = await drive(() => {})
    const taken = node({ port: server.port, host: "127.0.0.1" }).listen({ call: () => {} })
    await expect(taken).rejects.toMatchObject({ code: "EADDRINUSE" })
  })

  test("the url names scheme and port", async () => {
    const plain = await drive(() => {}, { host: "127.0.0.1" })
    const secure = await drive(() => {}, { tls })
    expect(plain.server.url).toBe(`http://127.0.0.1:${plain.server.port}`)
    expect(secure.server.url).toBe(`https://127.0.0.1:${secure.server.port}`)
  })
})

describe("TLS", () => {
  test("is seen by the exchange", async () => {
    const { seen, connect } = await drive(echo, { tls })
    await (await connect(ca)).send(request("GET", "/")).answer()
    const [exchange] = seen
    expect(exchange!.scheme).toBe("https")
    expect(exchange!.getSslData()).toMatchObject({ protocol: "TLSv1.3", serverName: "localhost" })
    expect(exchange!.getPeerData()).toMatchObject({ address: "127.0.0.1", certificate: undefined })
  })

  test("asks for the client's certificate where there is a caFile, and shows it", async () => {
    const lengths: (number | undefined)[] = []
    const handler: Handler = (exchange) => {
      lengths.push(exchange.getPeerData().certificate?.length)
      echo(exchange)
    }
    const { server } = await drive(handler, { tls: { ...tls, caFile: tls.certFile } })
    const { key, cert } = await import("node:fs").then(({ readFileSync }) => ({
      key: readFileSync(tls.keyFile),
      cert: readFileSync(tls.certFile),
    }))
    const options = { port: server.port, host: "127.0.0.1", servername: "localhost", ca }
    const bare = connectTls(options)
    bare.on("error", () => {}).resume()
    await closeOf(bare)
    const known = connectTls({ ...options, key, cert })
    known.write(request("GET", "/", "connection: close\r\n"))
    known.resume()
    await closeOf(known)
    expect(lengths).toEqual([expect.any(Number)])
  })

  test("what is no TLS harms nobody, nor does a handshake that never ends", async () => {
    const { server, connect } = await drive(echo, { tls, limits: { headTimeout: 300 } })
    const options = { port: server.port, host: "127.0.0.1" }
    const plain = connectTcp(options).on("error", () => {})
    plain.write(request("GET", "/"))
    const silent = connectTcp(options).on("error", () => {})
    const reset = connectTcp(options).on("error", () => {})
    await once(reset, "connect")
    reset.resetAndDestroy()
    await Promise.all([closeOf(plain.resume()), closeOf(silent.resume())])
    expect((await (await connect(ca)).send(request("GET", "/")).answer()).status).toBe(200)
  })

  test("a handshake under way does not hold stop up", async () => {
    const { server } = await drive(echo, { tls })
    const silent = connectTcp({ port: server.port, host: "127.0.0.1" }).on("error", () => {})
    await once(silent, "connect")
    const start = performance.now()
    await server.stop({ graceMs: 200 })
    expect(performance.now() - start).toBeLessThan(400)
  })
})
