/** RFC 9110 §15.5.15, RFC 6585 §5: limits of a request's head, each kept and then exceeded by one. */
import type { Limits } from "plumage"
import { expect, test } from "vitest"
import { action } from "./app.ts"
import type { Suite } from "./harness.ts"
import { expectRefusal } from "./refusal.ts"
import { textOf } from "./request.ts"

const hello = action((conn) => conn.text("hello"))
const ownLimits = action((conn) => conn.json(conn.exchange.limits))

/** A GET whose request line has `bytes` bytes, its CRLF not counted. */
function lineOf(bytes: number): string {
  const bare = `GET ${hello}? HTTP/1.1`.length
  return textOf("GET", `${hello}?${"q".repeat(bytes - bare)}`)
}

/** A GET whose header lines have `bytes` bytes together, each with its CRLF. */
function headersOf(bytes: number): string {
  const bare = "host: localhost\r\nx: \r\n".length
  return textOf("GET", hello, { headers: ["x", "v".repeat(bytes - bare)] })
}

/** A GET with so many header lines. */
function countOf(count: number, name = (i: number) => `x-${i}`): string {
  return textOf("GET", hello, { headers: Array.from({ length: count - 1 }, (_, i) => [name(i), "v"]).flat() })
}

export function limits(suite: Suite): void {
  suite.group("limits", "RFC 9110 §15.5.15, RFC 6585 §5", ["http1"], () => {
    type Row = [what: string, limits: Partial<Limits>, fits: () => string, over: () => string, status: number]
    const rows: Row[] = [
      ["requestLineBytes: one byte more is 414", { requestLineBytes: 300 }, () => lineOf(300), () => lineOf(301), 414],
      ["headerBytes: one byte more is 431", { headerBytes: 600 }, () => headersOf(600), () => headersOf(601), 431],
      ["headerCount: one line more is 431", { headerCount: 12 }, () => countOf(12), () => countOf(13), 431],
      [
        "headerCount: lines of one name count one by one",
        { headerCount: 12 },
        () => countOf(12, () => "x"),
        () => countOf(13, () => "x"),
        431,
      ],
    ]
    test.for(rows)("limits.%s", async ([, limits, fits, over, status], { skip }) => {
      const server = await suite.start(skip, { limits })
      expect((await server.say(fits())).text).toBe("hello")
      await expectRefusal(server, over(), { statuses: [status] })
    })

    test.for(rows)("limits.%s, each byte a segment", async ([, limits, , over, status], { skip }) => {
      const server = await suite.start(skip, { limits })
      await expectRefusal(server, over(), { statuses: [status], pieces: status === 414 ? "bytes" : "fields" })
    })

    /** The limits of a server that was given none; where its library has fixed one more strictly, that one. */
    const byDefault = async () => (await suite.server.request("GET", ownLimits)).json<Limits>()

    test("by default as much request line is served as the server says, and one byte more is 414", async () => {
      const { requestLineBytes } = await byDefault()
      expect((await suite.server.say(lineOf(requestLineBytes))).text).toBe("hello")
      await expectRefusal(suite.server, lineOf(requestLineBytes + 1), { statuses: [414] })
      // So long a line is also a head that is too long.
      await expectRefusal(suite.server, lineOf(requestLineBytes * 5), { statuses: [414, 431] })
    })

    test("by default as many bytes of headers are served as the server says, and one more is 431", async () => {
      const { headerBytes } = await byDefault()
      expect((await suite.server.say(headersOf(headerBytes))).text).toBe("hello")
      await expectRefusal(suite.server, headersOf(headerBytes + 1), { statuses: [431] })
      await expectRefusal(suite.server, headersOf(headerBytes + 200_000), { statuses: [431] })
    })

    test("by default as many header lines are served as the server says, and one more is 431", async () => {
      const { headerCount } = await byDefault()
      expect((await suite.server.say(countOf(headerCount))).text).toBe("hello")
      await expectRefusal(suite.server, countOf(headerCount + 1), { statuses: [431] })
    })

    test("a head without end is refused while it is being sent", async () => {
      const wire = await suite.server.connect()
      wire.send(`GET ${hello} HTTP/1.1\r\nhost: localhost\r\n`)
      const line = Buffer.from(`x: ${"v".repeat(995)}\r\n`)
      let sent = 0
      while (sent < 20_000_000 && wire.inbox.size === 0 && wire.inbox.ended === undefined) {
        if (!(await wire.sent(line))) break
        sent += line.length
        await new Promise(setImmediate)
      }
      expect((await wire.answer()).status).toBe(431)
      expect(sent).toBeLessThan(20_000_000)
    })

    test("a refused head harms no other connection", async () => {
      const other = await suite.server.connect()
      expect((await other.send(textOf("GET", hello)).answer()).text).toBe("hello")
      await expectRefusal(suite.server, headersOf(60_000), { statuses: [431] })
      expect((await other.send(textOf("GET", hello)).answer()).text).toBe("hello")
    })
  })
}
