/** RFC 9110 §6.4, §15.5.14: bodies read whole, in parts, too late, not at all, and too long ones. */
import { type Conn, UsageError } from "plumage"
import { expect, test } from "vitest"
import { action } from "./app.ts"
import { deferred, eventually, standstill, within } from "./guard.ts"
import type { Suite } from "./harness.ts"
import { bytesOf, chunked, textOf } from "./request.ts"

const every = ["http1", "http2", "memory"] as const
const reads = action(async (conn) => conn.json((await conn.readBody()).length))
const hello = action((conn) => conn.text("hello"))

export function bodies(suite: Suite): void {
  suite.group("bodies", "RFC 9110 §6.4", every, () => {
    const post = (path: string, body: string | Uint8Array) => suite.server.request("POST", path, { body })

    test("in parts of any length, the last one says so", async () => {
      const body = Buffer.alloc(100_000, "0123456789")
      const path = action(async (conn) => {
        const parts: Uint8Array[] = []
        for (;;) {
          const { data, more } = await conn.readBodyPart({ length: 7_001 })
          parts.push(data)
          if (!more) return conn.sendResp(200, Buffer.concat(parts))
        }
      })
      expect((await post(path, body)).body.equals(body)).toBe(true)
    })

    test("after its end a body gives nothing, and no more", async () => {
      const path = action(async (conn) => {
        await conn.readBody()
        const { data, more } = await conn.readBodyPart()
        return conn.json([data.length, more, (await conn.readBody()).length])
      })
      expect((await post(path, "abc")).json()).toEqual([0, false, 0])
    })

    test("no body is an empty one", async () => {
      expect((await suite.server.request("GET", reads)).json()).toBe(0)
      expect((await post(reads, "")).json()).toBe(0)
    })

    test("what was read stays as it is while others are served", async () => {
      const kept: Uint8Array[] = []
      const path = action(async (conn) => {
        kept.push(await conn.readBody())
        return conn.text("kept")
      })
      for (let i = 0; i < 8; i++) await post(path, Buffer.alloc(20_000, i))
      expect(kept.map((data, i) => data.length === 20_000 && data.every((byte) => byte === i))).not.toContain(false)
    })

    test("a body of exactly the limit is read, one byte more is 413", async () => {
      const path = action(async (conn) => conn.json((await conn.readBody({ length: 1_000 })).length))
      expect((await post(path, "x".repeat(1_000))).json()).toBe(1_000)
      expect((await post(path, "x".repeat(1_001))).status).toBe(413)
    })

    test("the server's own limit holds where the reader names none", async ({ skip }) => {
      const server = await suite.start(skip, { limits: { bodyBytes: 500 } })
      expect((await server.request("POST", reads, { body: "x".repeat(500) })).json()).toBe(500)
      expect((await server.request("POST", reads, { body: "x".repeat(501) })).status).toBe(413)
    })
  })

  suite.group("unread and overlong bodies", "RFC 9112 §9.3, RFC 9110 §15.5.14", ["http1"], () => {
    /** The connection serves the request that comes next, or it has ended in order. */
    const usableOrClosed = async (wire: Awaited<ReturnType<typeof suite.server.connect>>) => {
      wire.send(bytesOf("GET", hello))
      await eventually("an answer or the end", () => wire.inbox.size > 0 || wire.inbox.ended !== undefined)
      if (wire.inbox.size > 0) expect((await wire.answer()).text).toBe("hello")
      else expect(wire.inbox.ended).toBe("fin")
    }
    const chunkedInit = (size: number) => ({
      headers: ["transfer-encoding", "chunked"],
      body: chunked(Array.from({ length: size / 1_000 }, () => "x".repeat(1_000))),
    })

    test.each([
      ["of a length", bytesOf("POST", hello, { body: "x".repeat(100_000) })],
      ["chunked", bytesOf("POST", hello, chunkedInit(100_000))],
      ["that looks like a request", bytesOf("POST", hello, { body: textOf("GET", "/smuggled") })],
    ])("a body that nobody reads, %s: the connection goes on or ends in order", async (_, bytes) => {
      const wire = await suite.server.connect()
      expect((await wire.send(bytes).answer()).text).toBe("hello")
      await usableOrClosed(wire)
    })

    test("a body that was read in part", async () => {
      const path = action(async (conn) => conn.json((await conn.readBodyPart({ length: 10 })).data.length))
      const wire = await suite.server.connect()
      expect((await wire.send(bytesOf("POST", path, { body: "x".repeat(50_000) })).answer()).json()).toBe(10)
      await usableOrClosed(wire)
    })

    test("the answer does not wait for a body that nobody reads", async () => {
      const wire = await suite.server.connect()
      wire.send(textOf("POST", hello, { headers: ["content-length", "1000"] }) + "x".repeat(500))
      expect((await wire.answer()).text).toBe("hello")
      wire.send("x".repeat(500))
      await usableOrClosed(wire)
    })

    test("a body that nobody reads and that never ends does not keep the connection for ever", async ({ skip }) => {
      const server = await suite.start(skip, { limits: { requestTimeout: 600, keepAliveTimeout: 600 } })
      const wire = await server.connect()
      wire.send(textOf("POST", hello, { headers: ["content-length", "1000"] }) + "x".repeat(500))
      expect((await wire.answer()).text).toBe("hello")
      await wire.ending()
    })

    test("beyond limits.drainBytes the connection ends, and the answer is read", async ({ skip }) => {
      const server = await suite.start(skip, { limits: { drainBytes: 10_000 } })
      const wire = await server.connect()
      wire.send(bytesOf("POST", hello, { body: Buffer.alloc(3_000_000) }))
      expect((await wire.answer()).text).toBe("hello")
      await wire.ending()
    })

    const fifty = 50_000_000
    test.each([
      ["announced", ["content-length", String(fifty)]],
      ["chunked", ["transfer-encoding", "chunked"]],
    ])("413 is read while 50 MB, %s, are still being sent", async (_, headers) => {
      const wire = await suite.server.connect()
      wire.send(textOf("POST", reads, { headers }))
      const piece = Buffer.from(`f000\r\n${"x".repeat(0xf000)}\r\n`)
      const sending = (async () => {
        for (let left = fifty; left > 0 && wire.inbox.ended === undefined; left -= piece.length) {
          if (!(await wire.sent(piece))) return
        }
      })()
      expect((await wire.answer()).status).toBe(413)
      await wire.ending()
      await sending
    })

    test("413 for a body that was sent before the client reads", async () => {
      const path = action(async (conn) => conn.json((await conn.readBody({ length: 1_000 })).length))
      const wire = (await suite.server.connect()).pause()
      const gone = await wire.sent(bytesOf("POST", path, { body: Buffer.alloc(2_000_000) }))
      expect(gone, "the server takes the body").toBe(true)
      wire.resume()
      expect((await wire.answer()).status).toBe(413)
      await usableOrClosed(wire)
    })

    test.each([
      ["without a reader", () => {}],
      ["while somebody only waits for the end", (conn: Conn) => void conn.onClose(() => {})],
    ])("%s the client is held back", async (_, begin) => {
      const release = deferred()
      const path = action(async (conn) => {
        begin(conn)
        await release.promise
        return conn.json((await conn.readBody({ length: fifty })).length)
      })
      const wire = await suite.server.connect()
      wire.send(textOf("POST", path, { headers: ["content-length", String(fifty)] }))
      const piece = Buffer.alloc(100_000)
      let taken = 0
      const sending = (async () => {
        while (taken < fifty && (await wire.sent(piece))) taken += piece.length
      })()
      await standstill("the flow stops", () => taken)
      // The buffers of the system on both sides of a loopback connection hold up to some 10 MB.
      expect(taken).toBeLessThan(25_000_000)
      release.resolve()
      await sending
      expect((await wire.answer()).json()).toBe(fifty)
    })
  })

  suite.group("reading too late", "RFC 9110 §15.5.9", ["http1"], () => {
    test("readBody gives up after its timeout without a byte: 408", async () => {
      const path = action(async (conn) => conn.json((await conn.readBody({ timeout: 200 })).length))
      const wire = await suite.server.connect()
      wire.send(textOf("POST", path, { headers: ["content-length", "10"] }) + "abc")
      expect((await wire.answer()).status).toBe(408)
    })

    test("a read that still waits when the answer is sent ends at once", async () => {
      const told = deferred<unknown>()
      const path = action((conn) => {
        conn.readBody().then(told.resolve, told.resolve)
        return conn.text("enough")
      })
      const wire = await suite.server.connect()
      wire.send(textOf("POST", path, { headers: ["content-length", "10"] }) + "abc")
      expect((await wire.answer()).text).toBe("enough")
      expect(await within(1_000, "the read ends", told.promise)).toBeInstanceOf(UsageError)
    })

    test("bytes that go on arriving keep the read alive", async () => {
      const path = action(async (conn) => conn.json((await conn.readBody({ timeout: 400 })).length))
      const wire = await suite.server.connect()
      wire.send(textOf("POST", path, { headers: ["content-length", "10"] }))
      for (let i = 0; i < 10; i++) {
        await new Promise((resolve) => setTimeout(resolve, 80))
        wire.send("x")
      }
      expect((await wire.answer()).json()).toBe(10)
    })
  })
}
