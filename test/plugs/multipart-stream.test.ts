import {
  type Conn,
  HTTPError,
  InvalidOptionError,
  ParseError,
  RequestTooLargeError,
  UnsupportedMediaTypeError,
  UsageError,
} from "plumage"
import { call, conn, exchangeOf } from "plumage/test"
import { describe, expect, test, vi } from "vitest"
import { type MultipartPart, type MultipartStreamOptions, readMultipart } from "../../src/plugs/multipart-stream.ts"
import { parsers } from "../../src/plugs/parsers.ts"
import { watchProcess } from "../adapters/suite/guard.ts"
import { errorOf } from "../loose.ts"
import { bodyOf, boundary, failingAt, inPieces, type Piece, post } from "./multipart-bodies.ts"

watchProcess()

const big = "0123456789abcdef".repeat(20_000)
const form = (...pieces: Piece[]) => post(bodyOf(pieces))
const file = (name: string, body: string): Piece => ({ name, filename: `${name}.bin`, body })

async function read(one: Conn, options?: MultipartStreamOptions): Promise<[string, string][]> {
  const seen: [string, string][] = []
  for await (const part of readMultipart(one, options)) seen.push([part.name, await part.text()])
  return seen
}
const bytesOf = async (part: MultipartPart): Promise<string> => {
  const chunks: Uint8Array[] = []
  for await (const bytes of part.body) chunks.push(bytes)
  return Buffer.concat(chunks).toString()
}
/** How many bytes of the body were asked for so far. */
function counted(one: Conn): { bytes: number; readonly conn: Conn } {
  const exchange = exchangeOf(one)
  const count = { bytes: 0, conn: one }
  const readBody = exchange.readBody.bind(exchange)
  exchange.readBody = (length, timeout, done) =>
    readBody(length, timeout, (error, data, more) => {
      count.bytes += data.length
      done(error, data, more)
    })
  return count
}

describe("readMultipart", () => {
  test("gives fields and files in the order in which they were sent", async () => {
    const one = form(
      { name: "a", body: "1" },
      file("f", "two"),
      { name: "b", type: "text/csv", body: "x,y" },
      file("g", ""),
    )
    const seen = []
    for await (const part of readMultipart(one)) {
      seen.push([part.name, part.filename, part.contentType, await bytesOf(part)])
    }
    expect(seen).toEqual([
      ["a", undefined, "text/plain", "1"],
      ["f", "f.bin", "text/plain", "two"],
      ["b", undefined, "text/csv", "x,y"],
      ["g", "g.bin", "text/plain", ""],
    ])
  })

  test("gives names as they were sent: nesting is the parser's", async () => {
    expect(await read(form({ name: "a[b][]", body: "1" }))).toEqual([["a[b][]", "1"]])
  })

  test("skips what is not read, wholly or in part", async () => {
    const one = form(file("f", big), { name: "a", body: "1" }, file("g", big), file("h", "last"))
    const seen = []
    for await (const part of readMultipart(one)) {
      if (part.name === "g") {
        for await (const bytes of part.body) {
          seen.push(bytes.length > 0)
          break
        }
      }
      if (part.name === "h") seen.push(await part.text())
      else seen.push(part.name)
    }
    expect(seen).toEqual(["f", "a", true, "g", "last"])
  })

  test("reads no further than it is asked to", async () => {
    const count = counted(form(file("f", big), file("g", big)))
    const parts = readMultipart(count.conn)
    expect(count.bytes).toBe(0)
    const { value } = await parts.next()
    expect(count.bytes).toBeLessThanOrEqual(65_536)
    const bytes = (value as MultipartPart).body[Symbol.asyncIterator]()
    let taken = 0
    for (;;) {
      const { value: piece, done } = await bytes.next()
      if (done) break
      taken += piece.length
      expect(count.bytes - taken).toBeLessThanOrEqual(2 * 65_536)
    }
    expect(taken).toBe(big.length)
    await parts.return()
  })

  test("left early, reads nothing more", async () => {
    const count = counted(form(file("f", big), file("g", big)))
    for await (const part of readMultipart(count.conn)) {
      expect(part.name).toBe("f")
      break
    }
    const { bytes } = count
    expect(bytes).toBeLessThanOrEqual(65_536)
    await new Promise(setImmediate)
    expect(count.bytes).toBe(bytes)
  })

  test("a part is read once, and before the next one is asked for", async () => {
    const kept: MultipartPart[] = []
    for await (const part of readMultipart(form(file("f", big), { name: "a", body: "1" }))) {
      kept.push(part)
      if (part.name !== "a") continue
      expect(await part.text()).toBe("1")
      await expect(part.text()).rejects.toBeInstanceOf(UsageError)
      await expect(bytesOf(part)).rejects.toBeInstanceOf(UsageError)
    }
    await expect(kept[0]!.text()).rejects.toBeInstanceOf(UsageError)
  })

  test("a part that is read while the next one is asked for fails alone", async () => {
    const one = inPieces(form(file("f", big), { name: "a", body: "1" }), 1000)
    const exchange = exchangeOf(one)
    const readBody = exchange.readBody.bind(exchange)
    let reading = 0
    let mostAtOnce = 0
    let noticed = (): void => undefined
    exchange.readBody = (length, timeout, done) => {
      mostAtOnce = Math.max(mostAtOnce, ++reading)
      noticed()
      setImmediate(() => {
        reading--
        readBody(length, timeout, done)
      })
    }
    const parts = readMultipart(one)
    const { value } = await parts.next()
    const isReading = new Promise<void>((resolve) => {
      noticed = resolve
    })
    const reads = (value as MultipartPart).text()
    await isReading
    const [text, next] = await Promise.allSettled([reads, parts.next()])
    expect(mostAtOnce).toBe(1)
    expect(text).toMatchObject({ status: "rejected", reason: expect.any(UsageError) })
    expect(next.status === "fulfilled" && (next.value.value as MultipartPart).name).toBe("a")
    expect(await parts.next()).toMatchObject({ done: true })
  })

  test("text is UTF-8 unless it need not be, and has a length", async () => {
    const bad = () => form({ name: "f", filename: "f", body: Uint8Array.of(0xff) })
    await expect(read(bad())).rejects.toBeInstanceOf(ParseError)
    expect(await read(bad(), { validateUtf8: false })).toEqual([["f", "\ufffd"]])
    expect(await read(form(file("f", "12345")), { fieldLength: 5 })).toEqual([["f", "12345"]])
    await expect(read(form(file("f", "123456")), { fieldLength: 5 })).rejects.toBeInstanceOf(RequestTooLargeError)
  })

  test("fails where the part is read when the body ends early, and for who asks for the next", async () => {
    const body = bodyOf([file("f", big)])
    for (const cut of [body.length - 30, 100_000, 1000, 20]) {
      const one = post(body.subarray(0, cut))
      await expect(read(one)).rejects.toBeInstanceOf(ParseError)
      const skipping = async () => {
        for await (const _ of readMultipart(post(body.subarray(0, cut))));
      }
      await expect(skipping()).rejects.toBeInstanceOf(ParseError)
    }
  })

  test("says the same again to who asks on after a failure", async () => {
    const bad = { head: "no colon", body: "" }
    const parts = readMultipart(form(file("f", big), bad))
    const { value } = await parts.next()
    await expect((value as MultipartPart).text()).rejects.toBeInstanceOf(ParseError)
    await expect(parts.next()).rejects.toBeInstanceOf(ParseError)
    expect(await parts.next()).toMatchObject({ done: true })
  })

  test("rejects with what the connection fails with", async () => {
    const error = new HTTPError(418, "x")
    await expect(read(failingAt(form(file("f", big)), 100_000, error))).rejects.toBe(error)
  })

  test("refuses another type, and options that it does not know, at once", () => {
    for (const type of ["text/plain", "multipart/related; boundary=b", "nonsense"]) {
      expect(() => readMultipart(conn("POST", "/", "x", { headers: { "content-type": type } }))).toThrow(
        UnsupportedMediaTypeError,
      )
    }
    expect(() => readMultipart(conn("POST", "/"))).toThrow(UnsupportedMediaTypeError)
    for (const options of [{ maxDepth: 1 }, { maxFiles: -1 }, { fileLength: "1" }, { tmpDir: "/" }]) {
      expect(errorOf(() => readMultipart(form(), options as never))).toBeInstanceOf(InvalidOptionError)
    }
  })

  test("is a mistake where the parsers have read the body, and reads what they pass", async () => {
    const list = { parsers: ["json"], pass: ["multipart/form-data"] } as const
    const passed = (await call(parsers(list), form({ name: "a", body: "1" }))) as Conn
    expect(await read(passed)).toEqual([["a", "1"]])
    const parsed = (await call(parsers(), form({ name: "a", body: "1" }))) as Conn
    expect(() => readMultipart(parsed)).toThrow(UsageError)
  })

  test("gives each read the timeout", async () => {
    const one = form({ name: "a", body: "" })
    const spy = vi.spyOn(exchangeOf(one), "readBody")
    await read(one, { timeout: 7 })
    expect(spy.mock.calls.length).toBeGreaterThan(0)
    for (const [, timeout] of spy.mock.calls) expect(timeout).toBe(7)
  })

  test("reads mixed, and a body without parts", async () => {
    const mixed = post(bodyOf([{ name: "a", body: "1" }]), `multipart/mixed; boundary=${boundary}`)
    expect(await read(mixed)).toEqual([["a", "1"]])
    expect(await read(form())).toEqual([])
  })
})
