import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { Intake } from "../../../adapters/uws/intake.ts"
import { defaultLimits, RequestTimeoutError } from "../../../src/conn/adapter.ts"

const limits = { ...defaultLimits, highWaterMark: 1_000, requestTimeout: 10_000 }

function begin() {
  const flow = { paused: 0, resumed: 0 }
  const intake = new Intake(
    {
      ahead: 1_000,
      pause: () => {
        flow.paused++
        return true
      },
      resume: () => flow.resumed++,
    },
    limits,
  )
  const got: [error: unknown, data: Buffer, more: boolean][] = []
  const read = (length: number, timeout = 1_000) =>
    intake.read(length, timeout, (error, data, more) => got.push([error, Buffer.from(data), more]))
  /** Hands bytes over as the library does: their memory is gone afterwards. */
  const take = (bytes: Uint8Array, last = false) => {
    const memory = new Uint8Array(bytes)
    intake.take(memory.buffer, last)
    memory.fill(0xdb)
  }
  return { intake, flow, got, read, take }
}

describe("a body on its way", () => {
  test("in pieces of any size is read in parts of any size, byte for byte", () => {
    const pieces = fc.array(
      fc.oneof(fc.uint8Array({ maxLength: 5 }), fc.uint8Array({ minLength: 2_000, maxLength: 5_000 })),
    )
    fc.assert(
      fc.property(pieces, fc.integer({ min: 1, max: 6_000 }), (pieces, length) => {
        const { got, read, take } = begin()
        read(length)
        const onward = () => {
          while (got.length > 0 && got.at(-1)?.[2] === true && asked === got.length) {
            asked++
            read(length)
          }
        }
        let asked = 1
        for (const piece of pieces) {
          take(piece)
          onward()
        }
        take(new Uint8Array(), true)
        onward()
        expect(Buffer.concat(got.map(([, data]) => data))).toEqual(Buffer.concat(pieces))
        expect(got.map(([, , more]) => more)).toEqual([...got.slice(1).map(() => true), false])
        expect(got.every(([, data]) => data.length <= length)).toBe(true)
      }),
    )
  })

  test("a million single bytes cost no object each", () => {
    const { intake, take } = begin()
    const before = process.memoryUsage().heapUsed
    for (let i = 0; i < 200_000; i++) take(new Uint8Array(1))
    expect(intake.size).toBe(200_000)
    globalThis.gc?.()
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(60_000_000)
  })

  test("without a reader the peer is held back, once, until somebody reads", () => {
    const { flow, got, read, take } = begin()
    for (let i = 0; i < 5; i++) take(new Uint8Array(600))
    expect(flow).toEqual({ paused: 1, resumed: 0 })
    read(10)
    expect([got.length, flow.resumed]).toEqual([1, 0])
    read(5_000)
    expect(flow.resumed).toBe(1)
    take(new Uint8Array(1), true)
    expect(got[1]?.[1].length).toBe(2_991)
  })

  test("after its end there is nothing, and no more", () => {
    const { got, read, take } = begin()
    take(Buffer.from("abc"), true)
    for (let i = 0; i < 2; i++) read(10)
    expect(got).toEqual([
      [undefined, Buffer.from("abc"), false],
      [undefined, Buffer.from(""), false],
    ])
  })

  test("a reader waits so long for the next byte, and no longer", () => {
    const { intake, got, read, take } = begin()
    read(10, 1_000)
    intake.look(5_000)
    intake.look(5_900)
    take(new Uint8Array(1))
    intake.look(6_500)
    intake.look(7_400)
    expect([got.length, intake.late]).toEqual([0, false])
    intake.look(7_600)
    expect(got[0]?.[0]).toBeInstanceOf(RequestTimeoutError)
    expect(intake.late).toBe(true)
    read(10)
    expect(got[1]?.[0]).toBe(got[0]?.[0])
  })

  test("as many bytes as were asked for are an answer, even if nothing more comes", () => {
    const { intake, got, read, take } = begin()
    read(3, 1_000)
    take(Buffer.from("abc"))
    intake.look(5_000)
    expect(got).toEqual([])
    intake.look(6_100)
    expect(got).toEqual([[undefined, Buffer.from("abc"), true]])
  })

  test("the whole body has a deadline too, which counts only while somebody reads", () => {
    const { intake, got, read, take } = begin()
    for (let now = 1_000; now < 40_000; now += 1_000) intake.look(now)
    read(1_000)
    for (let now = 40_000; now <= 50_000; now += 500) {
      take(new Uint8Array(1))
      intake.look(now)
    }
    expect([got.length, intake.late]).toEqual([0, false])
    take(new Uint8Array(1))
    intake.look(50_500)
    expect(got[0]?.[0]).toBeInstanceOf(RequestTimeoutError)
  })

  test("a failure reaches who reads, now or later, and what had arrived is gone", () => {
    const { intake, got, read, take } = begin()
    take(Buffer.from("abc"))
    const error = new Error("gone")
    intake.fail(error)
    read(10)
    expect(got[0]?.[0]).toBe(error)
    expect(intake.size).toBe(0)
  })
})
