import { describe, expect, test } from "vitest"
import { ClientGoneError } from "../../../src/conn/adapter.ts"
import { drive, eventually, request, uwsLoads } from "./drive.ts"

describe.skipIf(!uwsLoads)("answers", () => {
  test("say nothing of the library, and one date", async () => {
    const { connect } = await drive((exchange) =>
      exchange.sendResp(200, ["x-a", "1", "date", "never", "x-a", "2"], "hello"),
    )
    const answer = await (await connect()).send(request("GET", "/")).answer()
    const names = answer.head.headers.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase())
    expect(names).toEqual(["x-a", "x-a", "date", "content-length"])
  })

  test.each([0, 1, 4_096, 4_097, 12_288, 12_289, 100_000, 5_000_000])(
    "of %i bytes are whole, at once and later, text and bytes",
    async (size) => {
      const { connect } = await drive(async (exchange) => {
        if (exchange.path === "/later") await new Promise(setImmediate)
        exchange.sendResp(200, [], exchange.query === "text" ? "x".repeat(size) : new Uint8Array(size).fill(120))
      })
      const wire = await connect()
      for (const target of ["/", "/?text", "/later", "/later?text"]) {
        const answer = await wire.send(request("GET", target)).answer()
        expect([answer.body.length, answer.head.framing]).toEqual([size, "length"])
        expect(answer.body.every((byte) => byte === 120)).toBe(true)
      }
    },
  )

  test("without a body announce what they are told to, and the connection goes on", async () => {
    const { connect } = await drive(async (exchange) => {
      const [status, length] = exchange.path.slice(1).split("/").map(Number) as [number, number]
      if (exchange.query === "later") await new Promise(setImmediate)
      exchange.sendHead(status, ["x-a", "1"], length)
    })
    const wire = await connect()
    for (const later of ["", "?later"]) {
      for (const [method, path, length] of [
        ["HEAD", "/200/1234", "1234"],
        ["HEAD", "/200/-1"],
        ["GET", "/204/-1"],
        ["GET", "/304/99", "99"],
        ["GET", "/500/0", "0"],
      ]) {
        const answer = await wire.send(request(method!, path! + later)).answer(method)
        expect([answer.header("content-length"), answer.header("transfer-encoding"), answer.body.length]).toEqual([
          length,
          undefined,
          0,
        ])
      }
    }
  })

  test.each(["list", "client", "client, too"])("connection: close of the %s ends it behind the answer", async (who) => {
    const { connect } = await drive(async (exchange) => {
      if (exchange.path === "/later") await new Promise(setImmediate)
      exchange.sendResp(200, who === "list" ? ["connection", "close"] : [], "bye")
    })
    for (const path of ["/", "/later"]) {
      const wire = await connect()
      const header = { list: "", client: "connection: close\r\n", "client, too": "connection: x, close\r\n" }[who]
      const answer = await wire.send(request("GET", path, header)).answer()
      expect([answer.text, answer.all("connection").map((value) => value.toLowerCase())]).toEqual(["bye", ["close"]])
      expect(await wire.ending()).toBe("fin")
    }
  })

  test("abort() shows: the connection ends in the middle", async () => {
    const reasons: unknown[] = []
    const { connect } = await drive((exchange) => {
      exchange.onClose((reason) => reasons.push(reason))
      if (exchange.path === "/some") {
        exchange.sendChunked(200, [], -1)
        exchange.chunk("some")
        setTimeout(() => exchange.abort(), 20)
      } else exchange.abort()
    })
    for (const path of ["/", "/some"]) {
      const wire = await connect()
      await expect(wire.send(request("GET", path)).answer()).rejects.toThrow("ended")
    }
    expect(reasons.every((reason) => reason instanceof ClientGoneError) && reasons.length).toBe(2)
  })

  test("a fan-out from within another request's handler is one write for each stream", async () => {
    const streams: { chunk(data: string): unknown }[] = []
    const { connect } = await drive((exchange) => {
      if (exchange.path === "/stream") {
        exchange.sendChunked(200, [], -1)
        exchange.chunk("open")
        streams.push(exchange)
      } else {
        for (const stream of streams) for (const part of ["a", "b", "c"]) stream.chunk(part)
        exchange.sendResp(200, [], "told")
      }
    })
    const readers = await Promise.all(Array.from({ length: 5 }, () => connect()))
    for (const reader of readers) reader.send(request("GET", "/stream"))
    await eventually("all are open", () => streams.length === 5)
    for (const reader of readers) await reader.through("open")
    const received: string[][] = readers.map(() => [])
    for (const [at, reader] of readers.entries())
      reader.socket.on("data", (data: Buffer) => received[at]!.push(data.toString()))
    await (await connect()).send(request("GET", "/tell")).answer()
    await eventually("all are told", () => received.every((parts) => parts.join("").includes("abc")))
    expect(received.map((parts) => parts.length)).toEqual([1, 1, 1, 1, 1])
  })

  test.each([1_000, 10_000])("a client that asks and asks for %i bytes and reads nothing is cut", async (size) => {
    const { seen, connect } = await drive((exchange) => exchange.sendResp(200, [], "x".repeat(size)))
    const wire = (await connect()).pause()
    const requests = Buffer.from(request("GET", "/").repeat(500))
    const most = 60_000_000 / size
    for (let sent = 0; sent < most && (await wire.sent(requests)); ) sent += 500
    for (let before = -1; before !== seen.length; await new Promise((resolve) => setTimeout(resolve, 50)))
      before = seen.length
    // The buffers of the system on both sides of a loopback connection hold up to some 10 MB.
    expect(seen.length * size).toBeLessThan(30_000_000)
  })
})
