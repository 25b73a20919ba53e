/** RFC 9110 §10.1.1: clients that ask before they send a body. */
import { expect, test } from "vitest"
import { action } from "./app.ts"
import type { Suite } from "./harness.ts"
import { bytesOf, textOf } from "./request.ts"

const reads = action(async (conn) => conn.json((await conn.readBody()).length))
const hello = action((conn) => conn.text("hello"))

export function expectations(suite: Suite): void {
  suite.group("expectations", "RFC 9110 §10.1.1", ["http1"], () => cases(suite))
}

function cases(suite: Suite): void {
  const ask = (path: string, value = "100-continue", version = "HTTP/1.1") =>
    textOf("POST", path, { headers: ["expect", value, "content-length", "3"], version })

  test("100 Continue comes when the body is read, then the answer", async () => {
    const wire = await suite.server.connect()
    wire.send(ask(reads))
    expect((await wire.head()).status).toBe(100)
    wire.send("abc")
    expect((await wire.answer()).json()).toBe(3)
    expect((await wire.send(bytesOf("GET", hello)).answer()).text).toBe("hello")
  })

  test("it comes once, however often the body is read", async () => {
    const path = action(async (conn) => {
      const { data } = await conn.readBodyPart({ length: 1 })
      return conn.json(data.length + (await conn.readBody()).length)
    })
    const wire = await suite.server.connect()
    wire.send(ask(path, "100-Continue"))
    expect((await wire.head()).status).toBe(100)
    wire.send("abc")
    const answer = await wire.answer()
    expect([answer.json(), answer.informs.length]).toEqual([3, 0])
  })

  test("a client that does not wait gets its answer", async () => {
    const answer = await suite.server.say(`${ask(reads)}abc`)
    expect(answer.json()).toBe(3)
  })

  test("an action that does not read answers at once, without 100; the connection ends, or waits for the body", async () => {
    const wire = await suite.server.connect()
    const answer = await wire.send(ask(action((conn) => conn.sendResp(403, "no")))).answer()
    expect([answer.status, answer.informs.length]).toEqual([403, 0])
    if (answer.header("connection")?.toLowerCase() === "close") expect(await wire.ending()).toBe("fin")
    else expect((await wire.send(`abc${textOf("GET", hello)}`).answer()).text).toBe("hello")
  })

  test("what is too long is 413 at once, without 100", async () => {
    const path = action(async (conn) => conn.json((await conn.readBody({ length: 2 })).length))
    const wire = await suite.server.connect()
    const answer = await wire.send(ask(path)).answer()
    expect([answer.status, answer.informs.length]).toEqual([413, 0])
  })

  test("HTTP/1.0 gets no 100", async () => {
    const wire = await suite.server.connect()
    const answer = await wire.send(`${ask(reads, "100-continue", "HTTP/1.0")}abc`).answer()
    expect([answer.json(), answer.informs.length]).toEqual([3, 0])
  })

  test("another expectation is 417", async () => {
    expect((await suite.server.say(`${ask(reads, "200-maybe")}abc`)).status).toBe(417)
  })
}
