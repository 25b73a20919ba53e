/** The server in memory keeps the contract that real ones keep. */
import { ClientGoneError, DrainingError } from "plumage"
import { conn, exchangeOf } from "plumage/test"
import { describe, expect, test } from "vitest"
import { settled } from "../loose.ts"

const open = (...from: Parameters<typeof conn>) => exchangeOf(conn(...from))

describe("TestExchange", () => {
  test("knows the request as it was sent", () => {
    const exchange = open("GET", "/a%2F//b?c=%20", undefined, { headers: { "X-A": "1" } })
    expect([exchange.method, exchange.path, exchange.query, exchange.scheme, exchange.sent]).toEqual([
      "GET",
      "/a%2F//b",
      "c=%20",
      "http",
      false,
    ])
    expect([exchange.getHeader("x-a"), exchange.getHeader("b")]).toEqual(["1", undefined])
    expect(exchange.getHeaders()).toEqual(["x-a", "1", "host", "www.example.com"])
  })

  test("keeps an answer: status, headers, parts, length", () => {
    const exchange = open("GET", "/")
    exchange.sendResp(201, ["a", "b"], "é")
    expect(exchange.answer).toEqual({
      status: 201,
      headers: ["a", "b"],
      parts: [Buffer.from("é")],
      length: 2,
      ended: true,
    })
    expect(exchange.sent).toBe(true)
  })

  test("sendHead announces a length, or none", () => {
    for (const length of [5, -1]) {
      const exchange = open("HEAD", "/")
      exchange.sendHead(200, [], length)
      expect(exchange.answer).toMatchObject({ length, parts: [], ended: true })
    }
  })

  test("copies what it is given, so that later changes of the bytes do not show", () => {
    const exchange = open("GET", "/")
    const bytes = Buffer.from("abc")
    exchange.sendChunked(200, [], -1)
    void exchange.chunk(bytes)
    bytes.fill(0)
    expect(Buffer.from(exchange.answer!.parts[0]!).toString()).toBe("abc")
  })

  test("after the peer has left every writer does nothing, chunk is false", () => {
    const exchange = open("GET", "/")
    exchange.sendChunked(200, [], -1)
    exchange.disconnect()
    expect(exchange.chunk("x")).toBe(false)
    exchange.endChunked()
    exchange.abort()
    expect(exchange.answer?.parts).toEqual([])
  })

  test("abort and cut end it once, with their reason", async () => {
    for (const [how, reason] of [
      ["disconnect", ClientGoneError],
      ["cut", DrainingError],
      ["abort", ClientGoneError],
    ] as const) {
      const told: unknown[] = []
      const exchange = open("GET", "/")
      exchange.onClose((why) => told.push(why))
      exchange[how]()
      exchange.disconnect()
      exchange.onClose((why) => told.push(why))
      await settled()
      expect(told).toEqual([expect.any(reason), told[0]])
    }
  })

  test("tells of a stopping server once", () => {
    let told = 0
    const exchange = open("GET", "/")
    exchange.onDrain(() => told++)
    exchange.drain()
    exchange.drain()
    expect(told).toBe(1)
  })

  test("reads the body in pieces, and rejects with the reason after the peer has left", () => {
    const exchange = open("POST", "/", "hello")
    const reads: unknown[] = []
    const read = (length: number) =>
      exchange.readBody(length, 1, (error, data, more) => reads.push([error?.name, Buffer.from(data).toString(), more]))
    read(2)
    read(10)
    read(10)
    exchange.disconnect()
    read(10)
    expect(reads).toEqual([
      [undefined, "he", true],
      [undefined, "llo", false],
      [undefined, "", false],
      ["ClientGoneError", "", false],
    ])
  })

  test("has no informational answers in HTTP/1.0", () => {
    expect(open("GET", "/").inform(103, [])).toBe(true)
    expect(open("GET", "/", undefined, { protocol: "HTTP/1.0" }).inform(103, [])).toBe(false)
  })
})
