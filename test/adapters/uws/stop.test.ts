import { readFileSync } from "node:fs"
import net from "node:net"
import { describe, expect, test } from "vitest"
import { DrainingError } from "../../../src/conn/adapter.ts"
import { drive, eventually, request, uwsLoads } from "./drive.ts"

describe.skipIf(!uwsLoads)("listening and stopping", () => {
  test("a port that is taken rejects with the system's error, by another server of ours too", async () => {
    const other = net.createServer()
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve))
    const { port } = other.address() as net.AddressInfo
    await expect(drive(() => {}, { port })).rejects.toMatchObject({ code: "EADDRINUSE" })
    await new Promise((resolve) => other.close(resolve))
    // Where a port is asked for by number, the library would let several listen on it.
    await drive(() => {}, { port })
    await expect(drive(() => {}, { port })).rejects.toMatchObject({ code: "EADDRINUSE" })
  })

  test("an address that is not ours rejects with the system's error", async () => {
    await expect(drive(() => {}, { host: "192.0.2.1" })).rejects.toMatchObject({ code: "EADDRNOTAVAIL" })
  })

  test("the url is one that works", async () => {
    const { server, connect } = await drive((exchange) => exchange.sendResp(200, [], "hello"))
    expect(server.url).toBe(`http://127.0.0.1:${server.port}`)
    expect(await (await fetch(server.url)).text()).toBe("hello")
    await (await connect()).send(request("GET", "/")).answer()
  })

  test("limits are told as they are kept", async () => {
    const { seen, connect } = await drive((exchange) => exchange.sendResp(200, [], ""), {
      limits: { highWaterMark: 5 },
    })
    await (await connect()).send(request("GET", "/")).answer()
    const { headTimeout, keepAliveTimeout, requestLineBytes, highWaterMark } = seen[0]!.limits
    expect([headTimeout, keepAliveTimeout, requestLineBytes, highWaterMark]).toEqual([10_000, 10_000, 4_096, 5])
  })

  test("stop ends idle connections at once, and takes no new ones", async () => {
    const { server, connect } = await drive((exchange) => exchange.sendResp(200, [], "hello"))
    const [used, unused] = [await connect(), await connect()]
    await used.send(request("GET", "/")).answer()
    const started = performance.now()
    await server.stop()
    expect(performance.now() - started).toBeLessThan(300)
    expect([await used.ending(), await unused.ending()]).toEqual(["fin", "fin"])
    await expect(connect()).rejects.toThrow("ECONNREFUSED")
    expect(server.stop()).toBe(server.stop({ graceMs: 1 }))
  })

  test("what is in flight is answered, with connection: close; streams are told", async () => {
    let drained = 0
    const { server, connect } = await drive((exchange) => {
      if (exchange.path === "/slow") return setTimeout(() => exchange.sendResp(200, [], "slow"), 150)
      exchange.sendChunked(200, [], -1)
      exchange.chunk("first ")
      exchange.onDrain(() => {
        drained++
        exchange.chunk("last")
        exchange.endChunked()
      })
    })
    const [slow, stream] = [await connect(), await connect()]
    slow.send(request("GET", "/slow"))
    stream.send(request("GET", "/stream"))
    await stream.through("first")
    const started = performance.now()
    await server.stop({ graceMs: 2_000 })
    expect(performance.now() - started).toBeLessThan(1_000)
    const answer = await slow.answer()
    expect([answer.text, answer.header("connection")?.toLowerCase()]).toEqual(["slow", "close"])
    expect((await stream.rest()).toString()).toContain("last\r\n0\r\n\r\n")
    expect(drained).toBe(1)
  })

  test("a handler that was asked to end and does not is cut in time, and told why", async () => {
    const reasons: unknown[] = []
    const { server, connect } = await drive((exchange) => {
      exchange.onClose((reason) => reasons.push(reason))
      if (exchange.path !== "/never") exchange.sendChunked(200, [], -1)
      if (exchange.path === "/full") exchange.chunk(new Uint8Array(30_000_000))
    })
    const wires = await Promise.all(
      ["/never", "/stream", "/full"].map(async (path) => (await connect()).send(request("GET", path))),
    )
    wires[2]!.pause()
    const upload = (await connect()).send(request("POST", "/never", "content-length: 1000\r\n"))
    const head = (await connect()).send("GET / HTTP/1.1\r\nhost: ")
    await eventually("all are served", () => reasons.length === 0)
    await new Promise((resolve) => setTimeout(resolve, 50))
    const started = performance.now()
    await server.stop({ graceMs: 300 })
    const took = performance.now() - started
    expect([took > 250, took < 600]).toEqual([true, true])
    wires[2]!.resume()
    for (const wire of [...wires, upload, head]) await wire.ending()
    expect(reasons.map((reason) => reason instanceof DrainingError)).toEqual([true, true, true, true])
  })

  test("over TLS", async () => {
    const tls = { keyFile: "test/fixtures/localhost.key", certFile: "test/fixtures/localhost.crt" }
    const { server, seen, connect } = await drive((exchange) => exchange.sendResp(200, [], "x".repeat(300_000)), {
      tls,
    })
    const wire = await connect(readFileSync(tls.certFile, "utf8"))
    expect((await wire.send(request("GET", "/")).answer()).body.length).toBe(300_000)
    expect([server.url.slice(0, 8), seen[0]!.scheme, seen[0]!.getSslData() !== undefined]).toEqual([
      "https://",
      "https",
      true,
    ])
  })
})
