/** RFC 9112 §11.2: a request whose framing two readers could see differently is refused, and so is all behind it. */
import { describe, expect, test } from "vitest"
import { action, counted } from "./app.ts"
import type { Suite } from "./harness.ts"
import { expectRefusal, type Pieces } from "./refusal.ts"

/** Header lines and body of a POST that must not be served. */
const corpus: [what: string, head: string, body: string, statuses?: number[]][] = [
  ["length and chunked", "content-length: 5\r\ntransfer-encoding: chunked", "0\r\n\r\n"],
  ["chunked and length", "transfer-encoding: chunked\r\ncontent-length: 5", "0\r\n\r\n"],
  ["length and a cased chunked", "content-length: 5\r\nTransfer-Encoding: CHUNKED", "0\r\n\r\n"],
  ["length and an empty coding", "content-length: 5\r\ntransfer-encoding:", "hello", [400, 501]],
  ["length and an unknown coding", "content-length: 5\r\ntransfer-encoding: cow", "hello", [400, 501]],
  ["chunked in two lines", "transfer-encoding: chunked\r\ntransfer-encoding: chunked", "0\r\n\r\n"],
  ["chunked twice in one", "transfer-encoding: chunked, chunked", "0\r\n\r\n"],
  ["chunked, then identity", "transfer-encoding: chunked\r\ntransfer-encoding: identity", "0\r\n\r\n", [400, 501]],
  ["identity", "transfer-encoding: identity", "0\r\n\r\n", [400, 501]],
  ["chunked in quotes", 'transfer-encoding: "chunked"', "0\r\n\r\n", [400, 501]],
  ["chunked with a parameter", "transfer-encoding: chunked;q=1", "0\r\n\r\n", [400, 501]],
  ["a prefix of chunked", "transfer-encoding: chunke", "0\r\n\r\n", [400, 501]],
  ["more than chunked", "transfer-encoding: chunkedd", "0\r\n\r\n", [400, 501]],
  ["xchunked", "transfer-encoding: xchunked", "0\r\n\r\n", [400, 501]],
  ["chunked behind a vertical tab", "transfer-encoding: \x0bchunked", "0\r\n\r\n", [400, 501]],
  ["a space before the colon", "transfer-encoding : chunked", "0\r\n\r\n"],
  ["chunked on a folded line", "transfer-encoding:\r\n chunked", "0\r\n\r\n"],
  ["chunked not last", "transfer-encoding: chunked, gzip", "0\r\n\r\n", [400, 501]],
  ["gzip before chunked", "transfer-encoding: gzip, chunked", "0\r\n\r\n", [400, 501]],
  ["two equal lengths in one", "content-length: 5, 5", "hello"],
  ["two lengths in one", "content-length: 5, 6", "hello!"],
  ["two equal lengths", "content-length: 5\r\ncontent-length: 5", "hello"],
  ["two lengths", "content-length: 5\r\ncontent-length: 6", "hello!"],
  ["a length with a plus", "content-length: +5", "hello"],
  ["a length with a minus", "content-length: -5", "hello"],
  ["a length with a space inside", "content-length: 1 0", "hello"],
  ["an empty length", "content-length:", "hello"],
  ["a length in hex", "content-length: 0x5", "hello"],
  ["a length with an underscore", "content-length: 1_0", "hellohello"],
  ["a length with an exponent", "content-length: 5e0", "hello"],
  ["a length with a fraction", "content-length: 5.0", "hello"],
  ["a length beyond 64 bits", "content-length: 18446744073709551621", "hello"],
  ["a length with a space before the colon", "content-length : 5", "hello"],
  ["a chunk size with 0x", "transfer-encoding: chunked", "0x5\r\nhello\r\n0\r\n\r\n"],
  ["a chunk size with an underscore", "transfer-encoding: chunked", "0_5\r\nhello\r\n0\r\n\r\n"],
  ["a chunk size with a plus", "transfer-encoding: chunked", "+5\r\nhello\r\n0\r\n\r\n"],
  ["a chunk size with a minus", "transfer-encoding: chunked", "-5\r\nhello\r\n0\r\n\r\n"],
  ["an empty chunk size", "transfer-encoding: chunked", "\r\nhello\r\n0\r\n\r\n"],
  ["a chunk size that is no number", "transfer-encoding: chunked", "g\r\nhello\r\n0\r\n\r\n"],
  ["a space before a chunk size", "transfer-encoding: chunked", " 5\r\nhello\r\n0\r\n\r\n"],
  ["a chunk size beyond 64 bits", "transfer-encoding: chunked", "10000000000000005\r\nhello\r\n0\r\n\r\n"],
  ["a chunk size of forty digits", "transfer-encoding: chunked", `${"f".repeat(40)}\r\nhello\r\n0\r\n\r\n`],
  ["a chunk size that ends in a bare LF", "transfer-encoding: chunked", "5\nhello\r\n0\r\n\r\n"],
  ["a chunk size that ends in a bare CR", "transfer-encoding: chunked", "5\rhello\r\n0\r\n\r\n"],
  ["an extension that ends in a bare LF", "transfer-encoding: chunked", "5;a\nhello\r\n0\r\n\r\n"],
  ["an extension with a bare CR", "transfer-encoding: chunked", "5;a\rb\r\nhello\r\n0\r\n\r\n"],
  ["data longer than its chunk", "transfer-encoding: chunked", "4\r\nhello\r\n0\r\n\r\n"],
  ["data shorter than its chunk", "transfer-encoding: chunked", "6\r\nhello\r\n0\r\n\r\n"],
  ["other bytes where data ends", "transfer-encoding: chunked", "5\r\nhelloXX0\r\n\r\n"],
  ["a bare LF where data ends", "transfer-encoding: chunked", "5\r\nhello\n0\r\n\r\n"],
  ["other bytes behind the last chunk", "transfer-encoding: chunked", "0\r\nXX"],
  ["a trailer without a colon", "transfer-encoding: chunked", "0\r\nbad\r\n\r\n"],
  ["a trailer with a space before its colon", "transfer-encoding: chunked", "0\r\na : b\r\n\r\n"],
  ["a folded trailer", "transfer-encoding: chunked", "0\r\na: b\r\n c\r\n\r\n"],
  ["a trailer with a bare LF", "transfer-encoding: chunked", "0\r\na: b\n\r\n"],
]

export function smuggling(suite: Suite): void {
  suite.group("request smuggling", "RFC 9112 §11.2", ["http1"], () => {
    const poisoned = action(async (conn) => conn.sendResp(200, await conn.readBody()))
    /** A request that hides behind another one, and how often it was served. */
    const hidden = () => {
      const smuggled = counted((conn) => conn.text("smuggled"))
      return { smuggled, behind: `GET ${smuggled.path} HTTP/1.1\r\nhost: localhost\r\n\r\n` }
    }

    describe.each<[string, Pieces]>([
      ["in one segment", "whole"],
      ["each byte a segment", "fields"],
    ])("%s", (_, pieces) => {
      test.each(corpus)("%s", async (_, head, body, statuses = [400]) => {
        const { smuggled, behind } = hidden()
        const bytes = `POST ${poisoned} HTTP/1.1\r\nhost: localhost\r\n${head}\r\n\r\n${body}${behind}`
        await expectRefusal(suite.server, bytes, { statuses, pieces })
        expect(smuggled.calls, "what follows is never served").toBe(0)
      })

      test("chunked in HTTP/1.0 (§6.1)", async () => {
        const { smuggled, behind } = hidden()
        const head = "host: localhost\r\nconnection: keep-alive\r\ntransfer-encoding: chunked"
        const bytes = `POST ${poisoned} HTTP/1.0\r\n${head}\r\n\r\n0\r\n\r\n${behind}`
        await expectRefusal(suite.server, bytes, { statuses: [400, 505], pieces })
        expect(smuggled.calls, "what follows is never served").toBe(0)
      })
    })

    test("an unread chunked body is not the next request", async () => {
      const { smuggled, behind } = hidden()
      const ignores = counted((conn) => conn.text("unread"))
      const body = `${behind.length.toString(16)}\r\n${behind}\r\n0\r\n\r\n`
      const head = "host: localhost\r\ntransfer-encoding: chunked\r\nconnection: keep-alive"
      const wire = await suite.server.connect()
      wire.send(`POST ${ignores.path} HTTP/1.1\r\n${head}\r\n\r\n${body}`)
      wire.send(`GET ${ignores.path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`)
      expect((await wire.answer()).text).toBe("unread")
      await wire.ending()
      expect(smuggled.calls).toBe(0)
      expect([1, 2], "served, or the connection closed").toContain(ignores.calls)
    })
  })
}
