import { PassThrough, Readable } from "node:stream"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { BodyReader } from "../../../adapters/node/body.ts"
import { ClientGoneError, RequestTimeoutError, UsageError } from "../../../src/conn/adapter.ts"

interface Read {
  error: Error | undefined
  text: string
  more: boolean
}
const read = (body: BodyReader, length: number, timeout = 5_000): Promise<Read> =>
  new Promise((resolve) => {
    body.read(length, timeout, (error, data, more) => {
      resolve({ error, text: Buffer.from(data).toString("latin1"), more })
    })
  })
const bodyOf = (pieces: string[], length = -1) => {
  const source = Readable.from(pieces.map((piece) => Buffer.from(piece)))
  return new BodyReader(source, length, 60_000)
}

describe("BodyReader", () => {
  test("gives up to a length, and then the rest", async () => {
    const body = bodyOf(["hello ", "world"])
    expect(await read(body, 8)).toEqual({ error: undefined, text: "hello wo", more: true })
    expect(await read(body, 8)).toEqual({ error: undefined, text: "rld", more: false })
    expect(await read(body, 8)).toEqual({ error: undefined, text: "", more: false })
  })

  test("says that nothing follows when the length is just what was asked for", async () => {
    expect(await read(bodyOf(["12345"]), 5)).toMatchObject({ text: "12345", more: false })
    expect(await read(bodyOf(["123456"]), 5)).toMatchObject({ text: "12345", more: true })
  })

  test("answers at the last byte of a known length, before the stream has ended", async () => {
    const source = new PassThrough()
    const body = new BodyReader(source, 5, 60_000)
    source.write("12345")
    expect(await read(body, 10)).toMatchObject({ text: "12345", more: false })
    expect([body.complete, body.remaining]).toEqual([true, 0])
  })

  test("any pieces read in any lengths are the whole", async () => {
    const pieces = fc.array(fc.string({ maxLength: 20, unit: "binary-ascii" }), { maxLength: 10 })
    await fc.assert(
      fc.asyncProperty(pieces, fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), async (parts, lengths) => {
        const filled = parts.filter((part) => part !== "")
        const whole = filled.join("")
        const body = bodyOf(filled, whole.length % 2 === 0 ? whole.length : -1)
        let got = ""
        for (let turn = 0; ; turn++) {
          const length = lengths[turn % lengths.length] as number
          const { text, more, error } = await read(body, length)
          expect(error).toBeUndefined()
          expect(text.length).toBeLessThanOrEqual(length)
          got += text
          if (!more) break
          expect(text.length).toBe(length)
        }
        expect(got).toBe(whole)
      }),
      { numRuns: 200 },
    )
  })

  test("gives each reader bytes of its own", async () => {
    const body = bodyOf(["abcdef"])
    const first = await new Promise<Uint8Array>((resolve) => body.read(2, 1_000, (_, data) => resolve(data)))
    first.fill(0)
    expect((await read(body, 10)).text).toBe("cdef")
  })

  test("holds the source back while nobody reads", async () => {
    let produced = 0
    const source = new Readable({
      highWaterMark: 10,
      read() {
        produced++
        this.push(Buffer.alloc(10))
      },
    })
    const body = new BodyReader(source, -1, 60_000)
    expect((await read(body, 5)).more).toBe(true)
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
    const before = produced
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
    expect([produced - before, produced < 20]).toEqual([0, true])
    source.destroy()
  })

  test("is too late when nothing arrives for the time of the read, and goes on when something does", async () => {
    const source = new PassThrough()
    const body = new BodyReader(source, -1, 60_000)
    const drip = setInterval(() => source.write("x"), 20)
    const start = performance.now()
    expect(await read(body, 9, 100)).toMatchObject({ text: "xxxxxxxxx", more: true })
    expect(performance.now() - start).toBeGreaterThan(150)
    clearInterval(drip)
    const { error } = await read(body, 50, 50)
    expect(error).toBeInstanceOf(RequestTimeoutError)
  })

  test("is too late when all of it has not arrived in the time of a request, however it drips", async () => {
    const source = new PassThrough()
    const body = new BodyReader(source, -1, 150)
    const drip = setInterval(() => source.write("x"), 10)
    expect((await read(body, 1_000, 5_000)).error).toBeInstanceOf(RequestTimeoutError)
    clearInterval(drip)
  })

  test("fails the read under way and each that follows", async () => {
    const body = new BodyReader(new PassThrough(), -1, 60_000)
    const waiting = read(body, 10)
    const gone = new ClientGoneError()
    body.fail(gone)
    expect([(await waiting).error, (await read(body, 1)).error]).toEqual([gone, gone])
  })

  describe("drop", () => {
    const dropped = (body: BodyReader, bytes: number, time: number, isLast = false) =>
      new Promise<boolean>((resolve) => body.drop(bytes, time, () => isLast, resolve))

    test("throws the rest away, and reading it is then a mistake", async () => {
      const body = bodyOf(["abc", "def", "ghi"])
      expect((await read(body, 2)).more).toBe(true)
      expect(await dropped(body, 1_000, 5_000)).toBe(true)
      expect((await read(body, 2)).error).toBeInstanceOf(UsageError)
    })

    test("gives up beyond its bytes, its time, and when the peer leaves", async () => {
      const endless = new Readable({
        read() {
          this.push(Buffer.alloc(1_000))
        },
      })
      expect(await dropped(new BodyReader(endless, -1, 60_000), 100_000, 5_000)).toBe(false)
      expect(await dropped(new BodyReader(new PassThrough(), -1, 60_000), 100, 50)).toBe(false)
      const source = new PassThrough()
      const leaving = dropped(new BodyReader(source, -1, 60_000), 100, 5_000)
      source.destroy()
      expect(await leaving).toBe(false)
    })

    test("does not wait for a peer that sends nothing behind the last answer", async () => {
      const start = performance.now()
      expect(await dropped(new BodyReader(new PassThrough(), -1, 60_000), 100, 60_000, true)).toBe(false)
      expect(performance.now() - start).toBeLessThan(3_000)
    })

    test("is over at once when the body is, or is broken", async () => {
      const body = bodyOf(["a"], 1)
      await read(body, 10)
      expect(await dropped(body, 10, 1_000)).toBe(true)
      const broken = new BodyReader(new PassThrough(), -1, 60_000)
      broken.fail(new Error("broken"))
      expect(await dropped(broken, 10, 1_000)).toBe(false)
    })
  })
})
