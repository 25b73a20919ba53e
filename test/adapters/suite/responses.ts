/** RFC 9110 §6, §8.6, §9.3.2, §15: what an answer says of itself, and which have no body. */
import { describe, expect, test } from "vitest"
import type { Answer } from "../wire.ts"
import { action } from "./app.ts"
import type { Suite } from "./harness.ts"
import { bytesOf } from "./request.ts"

const every = ["http1", "http2", "memory"] as const
const euro = "3 €, é, 🙂"

export function responses(suite: Suite): void {
  suite.group("responses", "RFC 9110 §6.6.1, §8.6, §15", every, () => {
    const get = (path: string) => suite.server.request("GET", path)

    test.each([200, 201, 202, 299, 400, 404, 418, 451, 499, 500, 503, 599])("status %i", async (status) => {
      const path = action((conn) => conn.sendResp(status, `status ${status}`))
      const answer = await get(path)
      expect([answer.status, answer.text]).toEqual([status, `status ${status}`])
    })

    const bodies: [what: string, body: string | Uint8Array, length: number][] = [
      ["ASCII text", "hello", 5],
      ["Latin-1 text", "é", 2],
      ["text of three and four bytes a character", euro, Buffer.byteLength(euro)],
      ["bytes", new Uint8Array([0, 255, 13, 10, 128]), 5],
      ["a view into other bytes", new Uint8Array([9, 9, 1, 2, 9]).subarray(2, 4), 2],
      ["nothing", "", 0],
      ["a megabyte of text", "é".repeat(500_000), 1_000_000],
      ["three megabytes", new Uint8Array(3_000_000).fill(7), 3_000_000],
    ]
    test.each(bodies)("content-length counts bytes: %s", async (_, body, length) => {
      const answer = await get(action((conn) => conn.sendResp(200, body)))
      expect(answer.all("content-length")).toEqual([String(length)])
      expect(answer.body.equals(Buffer.from(body as string)), "the body arrives as it is").toBe(true)
    })

    test("a content-length that the app put is replaced by the true one", async () => {
      for (const wrong of ["3", "30000"]) {
        const answer = await get(action((conn) => conn.putRespHeader("content-length", wrong).sendResp(200, "hello")))
        expect([answer.text, answer.all("content-length")]).toEqual(["hello", ["5"]])
      }
    })

    if (suite.hasServer)
      test("there is one date, in the form of RFC 9110 §5.6.7", async () => {
        const answer = await get(action((conn) => conn.text("hello")))
        expect(answer.all("date")).toHaveLength(1)
        expect(answer.header("date")).toMatch(/^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/)
        expect(Math.abs(Date.parse(answer.header("date")!) - Date.now())).toBeLessThan(5_000)
      })

    test("a date that the app put is the one that is sent", async () => {
      const date = "Thu, 01 Jan 1970 00:00:00 GMT"
      const answer = await get(action((conn) => conn.putRespHeader("date", date).text("hello")))
      expect(answer.all("date")).toEqual([date])
    })

    test("what was set with resp is sent when the pipeline returns", async () => {
      const answer = await get(action((conn) => conn.resp(201, "set")))
      expect([answer.status, answer.text]).toEqual([201, "set"])
    })

    test("a sync action, a resolved one and a late one answer alike", async () => {
      const paths = [
        action((conn) => conn.text("hello")),
        action(async (conn) => conn.text("hello")),
        action(async (conn) => {
          await new Promise(setImmediate)
          return conn.text("hello")
        }),
      ]
      const shape = (answer: Answer) => [answer.status, answer.text, answer.head.headers.filter((_, i) => i % 2 === 0)]
      const [first, ...others] = await Promise.all(paths.map(get))
      for (const other of others) expect(shape(other!)).toEqual(shape(first!))
    })
  })

  suite.group("refused HEAD", "RFC 9110 §9.3.2", ["http1"], () => {
    test.each([
      ["a host that is none", "HEAD / HTTP/1.1\r\nhost: a@\r\n\r\n"],
      ["no host", "HEAD / HTTP/1.1\r\n\r\n"],
      ["a length twice", "HEAD / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n"],
    ])("gets a head and no body: %s", async (_, bytes) => {
      const wire = await suite.server.connect()
      wire.send(bytes)
      expect(await wire.ending()).toBe("fin")
      expect(wire.inbox.takeAll().toString("latin1")).toMatch(/^HTTP\/1\.1 400 [\s\S]*\r\n\r\n$/)
    })
  })

  suite.group("HEAD, 204 and 304", "RFC 9110 §9.3.2, §15.3.5, §15.4.5", every, () => {
    const head = (path: string) => suite.server.request("HEAD", path)

    test("HEAD has the headers of GET, its content-length too, and no body", async () => {
      const path = action((conn) => conn.putRespHeader("x-y", "z").text(euro))
      const [get, answer] = [await suite.server.request("GET", path), await head(path)]
      expect(answer.body.length).toBe(0)
      const plain = ({ head: { headers } }: Answer) =>
        headers
          .flatMap((name, i) => (i % 2 === 0 ? [`${name.toLowerCase()}: ${headers[i + 1]}`] : []))
          .filter((line) => !line.startsWith("date:"))
          .sort()
      expect(plain(answer)).toEqual(plain(get))
    })

    test("HEAD of a stream has no body, and the stream's chunks go nowhere", async () => {
      const results: unknown[] = []
      const path = action(async (conn) => {
        const answer = conn.sendChunked(200)
        results.push(await answer.chunk("one"), await answer.chunk(new Uint8Array(1_000)))
        return answer
      })
      const answer = await head(path)
      expect([answer.status, answer.body.length, results]).toEqual([200, 0, [false, false]])
    })

    test("a length put by hand stands where there is no body to measure", async () => {
      const path = action((conn) => conn.putRespHeader("content-length", "1234").sendResp(200, ""))
      expect((await head(path)).all("content-length")).toEqual(["1234"])
    })

    describe.each([204, 304])("%i", (status) => {
      test("has no body, whatever the app gives", async () => {
        const answer = await suite.server.request(
          "GET",
          action((conn) => conn.sendResp(status, "not sent")),
        )
        expect([answer.status, answer.body.length]).toEqual([status, 0])
        if (status === 204) expect(answer.all("content-length")).toEqual([])
      })

      test("has no body as a stream", async () => {
        const path = action(async (conn) => {
          const answer = conn.sendChunked(status)
          await answer.chunk("not sent")
          return answer
        })
        const answer = await suite.server.request("GET", path)
        expect([answer.status, answer.body.length]).toEqual([status, 0])
      })

      if (suite.onWire)
        test("the connection goes on behind it", async () => {
          const path = action((conn) => conn.sendResp(status, "not sent"))
          const hello = action((conn) => conn.text("hello"))
          const wire = await suite.server.connect()
          expect((await wire.send(bytesOf("GET", path)).answer()).status).toBe(status)
          expect((await wire.send(bytesOf("GET", hello)).answer()).text).toBe("hello")
        })
    })

    if (suite.onWire)
      test("the connection goes on behind a HEAD", async () => {
        const hello = action((conn) => conn.text("hello"))
        const wire = await suite.server.connect()
        expect((await wire.send(bytesOf("HEAD", hello)).answer("HEAD")).head.length).toBe(5)
        expect((await wire.send(bytesOf("GET", hello)).answer()).text).toBe("hello")
      })
  })
}
