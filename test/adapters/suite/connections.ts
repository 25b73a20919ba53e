/** RFC 9112 §9: how long a connection lives, and several requests on one. */
import { describe, expect, test } from "vitest"
import { action } from "./app.ts"
import { deferred } from "./guard.ts"
import type { Suite } from "./harness.ts"
import { bytesOf, chunked, textOf } from "./request.ts"

const hello = action((conn) => conn.text("hello"))
const echo = action(async (conn) => conn.json([conn.method, (await conn.readBody()).length]))
const streams = action(async (conn) => {
  const answer = conn.sendChunked(200)
  await answer.chunk("one")
  await answer.chunk("two")
  return answer
})

export function connections(suite: Suite): void {
  suite.group("connections", "RFC 9112 §9.3, §9.6, §9.7", ["http1"], () => {
    test("HTTP/1.1 keeps the connection for the next request", async () => {
      const wire = await suite.server.connect()
      for (let count = 0; count < 20; count++) {
        const answer = await wire.send(bytesOf("GET", hello)).answer()
        expect([answer.text, answer.header("connection")?.toLowerCase() === "close"]).toEqual(["hello", false])
      }
    })

    test("requests whose heads are the same are told apart by their bodies", async () => {
      const path = action(async (conn) => conn.sendResp(200, await conn.readBody()))
      const wire = await suite.server.connect()
      for (const body of ["aaa", "bbb", "ccc"]) {
        expect((await wire.send(bytesOf("POST", path, { body })).answer()).text).toBe(body)
      }
      wire.send(["ddd", "eee", "fff"].map((body) => textOf("POST", path, { body })).join(""))
      for (const body of ["ddd", "eee", "fff"]) expect((await wire.answer()).text).toBe(body)
    })

    test("what one request says of the connection is not said of the next", async () => {
      const path = action((conn) => conn.json(conn.reqHeaders.filter((_, i) => i % 2 === 0)))
      const wire = await suite.server.connect()
      for (const headers of [[], ["x-a", "1"], ["x-b", "1"], []]) {
        const names = (await wire.send(bytesOf("GET", path, { headers })).answer()).json<string[]>()
        expect(names).toEqual(["host", ...headers.filter((_, i) => i % 2 === 0)])
      }
    })

    test.each(["close", "Close", "CLOSE", "foo, close", "close, foo"])("connection: %s ends it", async (value) => {
      const wire = await suite.server.connect()
      wire.send(bytesOf("GET", hello, { headers: ["connection", value] }))
      const answer = await wire.answer()
      expect([answer.text, answer.header("connection")?.toLowerCase()]).toEqual(["hello", "close"])
      expect(await wire.ending()).toBe("fin")
    })

    test("nothing behind a request with connection: close is served", async () => {
      const wire = await suite.server.connect()
      wire.send(textOf("GET", hello, { headers: ["connection", "close"] }) + textOf("GET", hello))
      expect((await wire.answer()).text).toBe("hello")
      await wire.ending()
      expect(wire.inbox.size).toBe(0)
    })

    test("an app that puts connection: close ends it", async () => {
      const path = action((conn) => conn.putRespHeader("connection", "close").text("bye"))
      const wire = await suite.server.connect()
      const answer = await wire.send(bytesOf("GET", path)).answer()
      expect([answer.text, answer.all("connection")]).toEqual(["bye", ["close"]])
      expect(await wire.ending()).toBe("fin")
    })

    describe("HTTP/1.0", () => {
      test("the connection ends with the answer", async () => {
        const wire = await suite.server.connect()
        const answer = await wire.send(bytesOf("GET", hello, { version: "HTTP/1.0" })).answer()
        expect(answer.text).toBe("hello")
        expect(await wire.ending()).toBe("fin")
      })

      test("keep-alive is honoured, and said, or the connection ends", async () => {
        const wire = await suite.server.connect()
        const request = bytesOf("GET", hello, { version: "HTTP/1.0", headers: ["connection", "keep-alive"] })
        const answer = await wire.send(request).answer()
        expect([answer.text, answer.head.framing]).toEqual(["hello", "length"])
        if (answer.header("connection")?.toLowerCase() === "keep-alive") {
          expect((await wire.send(request).answer()).text).toBe("hello")
        } else expect(await wire.ending()).toBe("fin")
      })

      test("a stream has no chunked coding and ends with the connection", async () => {
        const wire = await suite.server.connect()
        const request = bytesOf("GET", streams, { version: "HTTP/1.0", headers: ["connection", "keep-alive"] })
        const answer = await wire.send(request).answer()
        expect([answer.head.framing, answer.text]).toEqual(["close", "onetwo"])
      })

      test("conn.getHttpProtocol tells the versions apart", async () => {
        const path = action((conn) => conn.text(conn.getHttpProtocol()))
        for (const version of ["HTTP/1.0", "HTTP/1.1"]) {
          expect((await suite.server.say(bytesOf("GET", path, { version }))).text).toBe(version)
        }
      })
    })
  })

  suite.group("pipelining", "RFC 9112 §9.3.2", ["http1"], () => {
    const pipeline = Buffer.from(
      textOf("GET", hello) +
        textOf("POST", echo, {
          headers: ["transfer-encoding", "chunked"],
          body: chunked(["abc", "defg"], "x-t: 1\r\n"),
        }) +
        textOf("POST", echo, { body: "0123456789" }),
    )
    const readThree = async (pieces: Uint8Array[]) => {
      const wire = await suite.server.connect()
      await wire.sendPieces(pieces)
      const answers = [await wire.answer(), await wire.answer(), await wire.answer()]
      expect(wire.inbox.size, "nothing follows").toBe(0)
      wire.destroy()
      return answers.map((answer) => [answer.status, answer.text])
    }
    const three = [
      [200, "hello"],
      [200, '["POST",7]'],
      [200, '["POST",10]'],
    ]

    test("three requests in one segment", async () => {
      expect(await readThree([pipeline])).toEqual(three)
    })

    test("three requests, each byte a segment", async () => {
      expect(await readThree(Array.from(pipeline, (_, at) => pipeline.subarray(at, at + 1)))).toEqual(three)
    })

    test("three requests cut at every byte", async () => {
      const cuts = Array.from({ length: pipeline.length - 1 }, (_, at) => at + 1)
      const lane = async () => {
        for (let cut = cuts.pop(); cut !== undefined; cut = cuts.pop()) {
          const answers = await readThree([pipeline.subarray(0, cut), pipeline.subarray(cut)])
          expect(answers, `cut at ${cut} of ${pipeline.length}`).toEqual(three)
        }
      }
      await Promise.all([lane(), lane(), lane(), lane()])
    })

    test.each([
      ["in one segment", false],
      ["each in a segment of its own", true],
    ])("answers come in the order of the requests, %s, however long each takes", async (_, apart) => {
      const release = deferred()
      const slow = action(async (conn) => {
        await release.promise
        return conn.text("slow")
      })
      const quick = action((conn) => conn.text("quick"))
      const wire = await suite.server.connect()
      const requests = [textOf("GET", slow), textOf("GET", quick), textOf("GET", streams), textOf("HEAD", hello)]
      await wire.sendPieces((apart ? requests : [requests.join("")]).map((text) => Buffer.from(text)))
      // A server may run the others before the first is answered, or not; either way it has had the time to.
      for (let turns = 0; turns < 10; turns++) await new Promise(setImmediate)
      expect(wire.inbox.size, "nothing overtakes").toBe(0)
      release.resolve()
      expect((await wire.answer()).text).toBe("slow")
      expect((await wire.answer()).text).toBe("quick")
      expect((await wire.answer()).text).toBe("onetwo")
      expect((await wire.answer("HEAD")).head.length).toBe(5)
    })

    test("a thousand requests at once are all answered", async () => {
      const wire = await suite.server.connect()
      wire.send(textOf("GET", hello).repeat(1_000))
      for (let count = 0; count < 1_000; count++) expect((await wire.answer()).text).toBe("hello")
    })

    test("bad framing behind good requests: those are answered, then 400 and the end", async () => {
      const wire = await suite.server.connect()
      wire.send(
        textOf("GET", hello) + textOf("POST", echo, { body: "abc" }) + "GET nowhere\r\n\r\n" + textOf("GET", hello),
      )
      expect((await wire.answer()).text).toBe("hello")
      expect((await wire.answer()).text).toBe('["POST",3]')
      expect((await wire.answer()).status).toBe(400)
      await wire.ending()
      expect(wire.inbox.size).toBe(0)
    })
  })
}
