/** RFC 9112 §6, §7: where a request's body begins and ends. */
import { describe, expect, test } from "vitest"
import { action } from "./app.ts"
import type { Suite } from "./harness.ts"
import { bytesOf, chunked, textOf } from "./request.ts"

const reads = action(async (conn) => conn.sendResp(200, await conn.readBody({ length: 2_000_000 })))
const chunkedPost = (body: string, coding = "chunked") =>
  textOf("POST", reads, { headers: ["transfer-encoding", coding], body })

export function framing(suite: Suite): void {
  suite.group("message framing", "RFC 9112 §6, §7", ["http1"], () => {
    describe("§6.2 content-length", () => {
      test.each([
        ["GET", "a body of a GET"],
        ["POST", "of a POST"],
        ["DELETE", "of a DELETE"],
        ["OPTIONS", "of OPTIONS"],
      ])("%s may have a body", async (method, body) => {
        expect((await suite.server.say(bytesOf(method, reads, { body }))).text).toBe(body)
      })

      test("0 is an empty body", async () => {
        expect((await suite.server.say(bytesOf("POST", reads, { body: "" }))).text).toBe("")
      })

      test("leading zeros change nothing", async () => {
        const answer = await suite.server.say(
          bytesOf("POST", reads, { headers: ["content-length", "003"], body: "abc" }),
        )
        expect(answer.text).toBe("abc")
      })

      test("every byte arrives as it was sent", async () => {
        const body = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
        expect((await suite.server.say(bytesOf("POST", reads, { body }))).body.equals(body)).toBe(true)
      })

      test("a megabyte in a thousand pieces", async () => {
        const body = Buffer.alloc(1_000_000, "0123456789abcdef")
        const wire = await suite.server.connect()
        const bytes = bytesOf("POST", reads, { body })
        for (let at = 0; at < bytes.length; at += 1_000) await wire.sent(bytes.subarray(at, at + 1_000))
        const answer = await wire.answer()
        expect([answer.body.equals(body), answer.informs], "and no 100 that was not asked for").toEqual([true, []])
      })
    })

    test("§6.3 a POST without framing has no body", async () => {
      expect((await suite.server.say(bytesOf("POST", reads))).text).toBe("")
    })

    describe("§7.1 chunked", () => {
      const bodies: [what: string, coded: string, body: string][] = [
        ["no chunk but the last", "0\r\n\r\n", ""],
        ["one chunk", "5\r\nhello\r\n0\r\n\r\n", "hello"],
        ["several", chunked(["a", "bcd", "e".repeat(300)]), `abcd${"e".repeat(300)}`],
        ["sizes in either case", `A\r\n0123456789\r\na\r\nabcdefghij\r\n0\r\n\r\n`, "0123456789abcdefghij"],
        ["leading zeros in a size", "0005\r\nhello\r\n000\r\n\r\n", "hello"],
        ["extensions (§7.1.1)", '5;a;b=c;d="e f"\r\nhello\r\n0;last\r\n\r\n', "hello"],
        ["trailers (§7.1.2)", chunked(["hi"], "x-t: 1\r\nx-u: 2\r\n"), "hi"],
        ["CRLF in the data", "6\r\n\r\n0\r\n\r\r\n0\r\n\r\n", "\r\n0\r\n\r"],
      ]
      test.each(bodies)("%s", async (_, coded, body) => {
        expect((await suite.server.say(chunkedPost(coded))).text).toBe(body)
      })

      test("a body cut at every byte is the same body", async () => {
        const bytes = Buffer.from(chunkedPost(chunked(["ab", "c".repeat(20)], "x-t: 1\r\n")), "latin1")
        for (let cut = 1; cut < bytes.length; cut++) {
          const wire = await suite.server.connect()
          await wire.sendPieces([bytes.subarray(0, cut), bytes.subarray(cut)])
          const answer = await wire.answer()
          expect(answer.text, `cut at ${cut}`).toBe(`ab${"c".repeat(20)}`)
          wire.destroy()
        }
      })

      test("§7 coding names are case-insensitive", async () => {
        expect((await suite.server.say(chunkedPost(chunked(["hi"]), "ChunKed"))).text).toBe("hi")
      })

      test("§7.1.2 a trailer does not become a header", async () => {
        const path = action(async (conn) => {
          await conn.readBody()
          return conn.json(conn.reqHeaders)
        })
        const body = chunked(["hi"], "x-late: 1\r\n")
        const answer = await suite.server.say(
          bytesOf("POST", path, { headers: ["transfer-encoding", "chunked"], body }),
        )
        expect(answer.json<string[]>()).not.toContain("x-late")
      })

      test("what follows the last chunk is the next request", async () => {
        const wire = await suite.server.connect()
        wire.send(chunkedPost(chunked(["one"])) + chunkedPost(chunked(["two"], "x-t: 1\r\n")) + textOf("GET", reads))
        expect((await wire.answer()).text).toBe("one")
        expect((await wire.answer()).text).toBe("two")
        expect((await wire.answer()).text).toBe("")
      })

      test("trailers without end are refused (RFC 9112 §7.1.2)", async () => {
        const wire = await suite.server.connect()
        wire.send(textOf("POST", reads, { headers: ["transfer-encoding", "chunked"], body: "0\r\n" }))
        const line = Buffer.from(`x-t: ${"t".repeat(990)}\r\n`)
        for (let sent = 0; sent < 2_000 && wire.inbox.ended === undefined && wire.inbox.size === 0; sent++) {
          await wire.sent(line)
        }
        expect([400, 413, 431]).toContain((await wire.answer()).status)
        await wire.ending()
      })
    })
  })
}
