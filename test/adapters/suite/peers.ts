/** What an exchange knows of its peer, and TLS: handshakes that fail or never end harm nobody. */
import { expect, test } from "vitest"
import { Wire } from "../wire.ts"
import { action } from "./app.ts"
import type { Suite } from "./harness.ts"
import { bytesOf } from "./request.ts"

export function peers(suite: Suite): void {
  const { secure } = suite.column
  suite.group("peers", "conn.getPeerData, getSockData, getSslData", ["http1", "http2"], () => {
    if (suite.onWire)
      test("addresses and ports are those of the socket, also after an await", async () => {
        const path = action(async (conn) => {
          const before = [conn.getPeerData(), conn.getSockData(), conn.remoteIp]
          await new Promise(setImmediate)
          expect([conn.getPeerData(), conn.getSockData(), conn.remoteIp]).toEqual(before)
          return conn.json(before)
        })
        const wire = await suite.server.connect()
        const [peer, sock, ip] = (await wire.send(bytesOf("GET", path)).answer()).json<
          [{ address: string; port: number }, { address: string; port: number }, string]
        >()
        expect([peer.address, ip, sock.address, sock.port]).toEqual([
          "127.0.0.1",
          "127.0.0.1",
          "127.0.0.1",
          suite.server.port,
        ])
        // A server that does not know the port says 0.
        expect([0, wire.socket.localPort]).toContain(peer.port)
      })

    test("the scheme is that of the socket, whatever the client says", async () => {
      const path = action((conn) => conn.json([conn.scheme, conn.getSslData()?.protocol ?? null]))
      const headers = ["x-forwarded-proto", secure ? "http" : "https"]
      const [scheme, protocol] = (await suite.server.request("GET", path, { headers })).json<[string, string | null]>()
      expect(scheme).toBe(secure ? "https" : "http")
      if (!secure) expect(protocol).toBe(null)
      // A server that does not know the version says nothing of it.
      else if (protocol !== null) expect(protocol).toMatch(/^TLSv1\.[23]$/)
    })
  })

  if (!secure) return
  suite.group("TLS", "RFC 8446", ["http1"], () => {
    const hello = action((conn) => conn.text("hello"))
    const hex = "16030100640100006003030000000000000000000000000000000000000000000000000000000000000000"
    const clientHello = Buffer.from(hex, "hex")
    const bare = (port: number) => Wire.connect({ port, deadline: 3_000 })

    test("plain HTTP on a TLS port ends the connection and nothing else", async () => {
      const wire = await bare(suite.server.port)
      wire.send(bytesOf("GET", hello))
      await wire.ending()
      expect(wire.inbox.takeAll().toString("latin1")).not.toContain("hello")
      expect((await suite.server.request("GET", hello)).text).toBe("hello")
    })

    test.each(["fin", "rst"] as const)("peers that leave by %s at each byte of a handshake", async (how) => {
      for (let cut = 0; cut <= clientHello.length; cut++) {
        const wire = await bare(suite.server.port)
        wire.send(clientHello.subarray(0, cut))
        if (cut % 5 === 0) await new Promise(setImmediate)
        wire.leave(how)
      }
      expect((await suite.server.request("GET", hello)).text).toBe("hello")
    })

    test("a handshake that never ends is cut by limits.headTimeout", async ({ skip }) => {
      const server = await suite.start(skip, { limits: { headTimeout: 500 } })
      const wires = [await bare(server.port), await bare(server.port)]
      wires[1]!.send(clientHello.subarray(0, 20))
      for (const wire of wires) await wire.ending()
    })

    test("stop does not wait for a handshake that never ends", async ({ skip }) => {
      const server = await suite.start(skip, {})
      const wire = await bare(server.port)
      for (let turns = 0; turns < 5; turns++) await new Promise(setImmediate)
      const started = performance.now()
      await server.server.stop({ graceMs: 500 })
      expect(performance.now() - started).toBeLessThan(1_500)
      await wire.ending()
    })
  })
}
