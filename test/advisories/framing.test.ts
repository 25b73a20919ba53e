/** Requests whose end two readers could see in different places, and heads and bodies without end. */
import { beforeAll, expect, test } from "vitest"
import { action, counted } from "../adapters/suite/app.ts"
import { eventually } from "../adapters/suite/guard.ts"
import { bytesOf, chunked, textOf } from "../adapters/suite/request.ts"
import { Wire } from "../adapters/wire.ts"
import { onEveryServer } from "./servers.ts"

const reads = action(async (conn) => conn.sendResp(200, await conn.readBody()))
const refusals: [id: string, what: string, head: string, body: string][] = [
  ["CVE-2026-23527, GHSA-mp2g-9vg9-f4cg", "a length beside a cased coding", "Transfer-Encoding: ChunKed\r\ncontent-length: 3", "0\r\n\r\n"],
  ["oven-sh/bun#29732", "two bytes that are no line end behind the last chunk", "transfer-encoding: chunked", "0\r\nXX"],
  ["oven-sh/bun#35295, #40215", "a list of codings", "transfer-encoding: gzip, chunked", "0\r\n\r\n"],
  ["CVE-2024-27982", "a space before the colon of a length", "content-length : 5", "hello"],
  ["CVE-2022-32213", "a coding that is not quite chunked", "transfer-encoding: chunkedx", "0\r\n\r\n"],
  ["CVE-2022-32214", "a header that ends in a bare LF", "x: y\ntransfer-encoding: chunked", "0\r\n\r\n"],
  ["CVE-2022-32215", "a coding on a folded line", "transfer-encoding:\r\n chunked", "0\r\n\r\n"],
  ["CVE-2021-22959", "a space before the colon of a coding", "transfer-encoding : chunked", "0\r\n\r\n"],
  ["CVE-2021-22960", "a chunk extension with a bare LF", "transfer-encoding: chunked", "5;a\nb\r\nhello\r\n0\r\n\r\n"],
  ["CVE-2020-8287", "two codings", "transfer-encoding: chunked\r\ntransfer-encoding: identity", "0\r\n\r\n"],
  ["CVE-2026-39805", "two lengths", "content-length: 5\r\ncontent-length: 6", "hello!"],
  ["CVE-2026-7790", "a chunk size of seventeen digits", "transfer-encoding: chunked", `${"1".repeat(17)}\r\nhello\r\n0\r\n\r\n`],
  ["CVE-2025-55315", "a chunk extension that ends in a bare CR", "transfer-encoding: chunked", "5;x\rhello\r\n0\r\n\r\n"],
  ["CVE-2025-43859", "chunk data that ends in other bytes", "transfer-encoding: chunked", "5\r\nhelloXX0\r\n\r\n"],
] // biome-ignore format: a table

await onEveryServer((suite) => {
  // All at once: a server may wait for the rest of what it cannot read, until a deadline.
  const outcomes = new Map<string, { served: number; answers: string }>()
  beforeAll(async () => {
    const send = async ([id, , head, body]: (typeof refusals)[number]) => {
      const smuggled = counted((conn) => conn.text("smuggled"))
      const wire = await Wire.connect({ port: suite.server.port, deadline: 15_000 })
      const behind = textOf("GET", smuggled.path)
      wire.send(`POST ${reads} HTTP/1.1\r\nhost: localhost\r\n${head}\r\n\r\n${body}${behind}`)
      // Where it is taken for two requests, the connection stays open.
      await Promise.race([wire.ending(), eventually("the second", () => smuggled.calls > 0, 15_000)]).catch(
        () => undefined,
      )
      outcomes.set(id, { served: smuggled.calls, answers: wire.inbox.takeAll().toString("latin1") })
      wire.destroy()
    }
    await Promise.all(refusals.map(send))
  }, 20_000)

  test.each(refusals)("%s: %s is refused, and what follows is never served", (id) => {
    const { served, answers } = outcomes.get(id)!
    expect(served).toBe(0)
    expect(answers).not.toMatch(/^HTTP\/1\.1 [123]/)
  })

  test("CVE-2026-23527: a coding in any case is framed right", async () => {
    const bytes = textOf("POST", reads, { headers: ["Transfer-Encoding", "ChunKed"], body: chunked(["he", "llo"]) })
    expect((await suite.server.say(bytes)).text).toBe("hello")
  })

  test("CVE-2026-65624: ten thousand headers of one name are a 431", async () => {
    const lines = Array.from({ length: 10_000 }, () => "x: y\r\n").join("")
    const answer = await suite.server.say(`GET ${reads} HTTP/1.1\r\nhost: localhost\r\n${lines}\r\n`)
    expect(answer.status).toBe(431)
  })

  test("CVE-2026-7790: a chunk size without end is refused at once", async () => {
    const wire = await suite.server.connect()
    wire.send(textOf("POST", reads, { headers: ["transfer-encoding", "chunked"] }))
    wire.send("1".repeat(64))
    expect((await wire.answer()).status).toBe(400)
  })

  test("db05b96d, CVE-2026-39803: a body over the limit is a 413, with a length, without one, and with a lie", async () => {
    const small = action(async (conn) => conn.json((await conn.readBody({ length: 1000 })).length))
    const body = "x".repeat(1001)
    expect((await suite.server.say(bytesOf("POST", small, { body: body.slice(1) }))).json()).toBe(1000)
    expect((await suite.server.say(bytesOf("POST", small, { body }))).status).toBe(413)
    const pieces = Array.from({ length: 11 }, () => "x".repeat(91))
    const coded = textOf("POST", small, { headers: ["transfer-encoding", "chunked"], body: chunked(pieces) })
    expect((await suite.server.say(coded)).status).toBe(413)
    const wire = await suite.server.connect()
    wire.send(textOf("POST", small, { headers: ["content-length", "999999999"] }))
    expect((await wire.answer()).status).toBe(413)
  })

  test("CVE-2026-39806: trailers without end end the connection, and are held nowhere", async () => {
    const wire = await suite.server.connect()
    wire.send(textOf("POST", reads, { headers: ["transfer-encoding", "chunked"] }))
    wire.send(`0\r\n${"x-trailer: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n".repeat(5_000)}`)
    await wire.ending()
    expect((await suite.server.say(bytesOf("POST", reads, { body: "alive" }))).text).toBe("alive")
  })

  test("elli get_body: a chunked POST with a GET behind it are two requests", async () => {
    const hello = action((conn) => conn.text("hello"))
    const post = textOf("POST", reads, { headers: ["transfer-encoding", "chunked"], body: chunked(["a", "bc"]) })
    const wire = await suite.server.connect()
    wire.send(post + textOf("GET", hello))
    expect([(await wire.answer()).text, (await wire.answer()).text]).toEqual(["abc", "hello"])
  })

  test("GHSA-crvj-82cr-hjcx: nothing behind a # is a parameter", async () => {
    const query = action((conn) => conn.json(conn.queryParams))
    const answer = await suite.server.say(bytesOf("GET", `${query}?a=1#b=2`))
    if (answer.status !== 400) expect(Object.keys(answer.json<object>())).toEqual(["a"])
  })
})
