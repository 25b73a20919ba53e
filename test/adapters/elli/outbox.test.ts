import { describe, expect, test } from "vitest"
import { ClientGoneError, type Exchange } from "../../../src/conn/adapter.ts"
import { drive, FakeSocket } from "./drive.ts"

const get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

/** A socket that takes nothing until it is told to. */
class SlowSocket extends FakeSocket {
  #sent: (() => void)[] = []
  override write(data: string | Uint8Array, encoding?: unknown, sent?: () => void): boolean {
    super.write(data, encoding)
    const callback = typeof encoding === "function" ? (encoding as () => void) : sent
    this.writableLength += data.length
    if (callback !== undefined) this.#sent.push(callback)
    return false
  }
  /** Takes everything that waits. */
  take(): void {
    const sent = this.#sent
    this.#sent = []
    this.writableLength = 0
    for (const callback of sent) callback()
  }
}

function slow(limits = {}) {
  const exchanges: Exchange[] = []
  const socket = new SlowSocket()
  return { ...drive((exchange) => exchanges.push(exchange), limits, undefined, socket), exchanges, socket }
}

describe("a slow reader", () => {
  test("makes chunk a promise above the mark, which resolves true when all was taken", async () => {
    const { feed, exchanges, socket } = slow({ highWaterMark: 1_000 })
    feed(get)
    exchanges[0]?.sendChunked(200, [], -1)
    expect(exchanges[0]?.chunk("a".repeat(500))).toBe(true)
    const full = exchanges[0]?.chunk("a".repeat(500))
    expect(full).toBeInstanceOf(Promise)
    expect(exchanges[0]?.chunk("a")).toBe(full)
    socket.take()
    expect(await full).toBe(true)
    expect(exchanges[0]?.chunk("a")).toBe(true)
  })

  test("that leaves makes the promise false, and every later chunk", async () => {
    const { feed, exchanges, socket } = slow({ highWaterMark: 10 })
    feed(get)
    exchanges[0]?.sendChunked(200, [], -1)
    const full = exchanges[0]?.chunk("a".repeat(500))
    socket.emit("end")
    expect(await full).toBe(false)
    expect(exchanges[0]?.chunk("a")).toBe(false)
  })

  test("is given a large body in pieces, and the exchange is over when the last was taken", () => {
    const { feed, exchanges, socket } = slow()
    const ends: unknown[] = []
    feed(get)
    exchanges[0]?.onClose((reason) => ends.push(reason))
    exchanges[0]?.sendResp(200, [], "é".repeat(500_000))
    let most = 0
    let turns = 0
    for (; ends.length === 0 && turns < 100; turns++) {
      most = Math.max(most, socket.writableLength)
      socket.take()
    }
    expect(ends).toEqual([undefined])
    expect(most).toBeLessThan(70_000)
    expect(turns).toBeGreaterThan(10)
    expect(socket.text.endsWith(Buffer.from("é".repeat(500_000)).toString("latin1"))).toBe(true)
  })

  test("that leaves before the last byte was taken has left", () => {
    const { feed, exchanges, socket } = slow()
    const ends: unknown[] = []
    feed(get)
    exchanges[0]?.onClose((reason) => ends.push(reason))
    exchanges[0]?.sendResp(200, [], "hello")
    expect(ends).toEqual([])
    socket.emit("end")
    expect(ends).toEqual([expect.any(ClientGoneError)])
  })

  test("gets no next request served until it has taken the answers", () => {
    const { feed, exchanges, socket } = slow()
    feed(get)
    exchanges[0]?.sendResp(200, [], "hello")
    feed(get, get.repeat(1_000))
    expect(exchanges.length).toBe(1)
    expect(socket.paused).toBe(true)
    socket.take()
    expect(exchanges.length).toBe(2)
  })
})

describe("a slow reader of answers that come at once", () => {
  test("is served no further than what may wait for it", () => {
    const socket = new SlowSocket()
    let served = 0
    const call = (exchange: Exchange) => {
      served++
      exchange.sendResp(200, [], "a".repeat(10_000))
    }
    const { feed } = drive(call, {}, undefined, socket)
    feed(get.repeat(100))
    expect(served).toBeLessThan(10)
    for (let turns = 0; served < 100 && turns < 100; turns++) socket.take()
    expect(served).toBe(100)
  })
})

describe("bodies on the wire", () => {
  const bodyOf = (body: string | Uint8Array) => {
    const { feed, socket } = drive((exchange: Exchange) => exchange.sendResp(200, [], body))
    feed(get)
    const [head, ...rest] = Buffer.concat(socket.written).toString("latin1").split("\r\n\r\n")
    const bytes = Buffer.from(rest.join("\r\n\r\n"), "latin1")
    return { length: Number(/content-length: (\d+)/.exec(head as string)?.[1]), bytes }
  }

  test.each([0, 1, 100, 16_384, 16_385, 65_536, 65_537, 300_000])("%i characters of any kind are UTF-8", (count) => {
    for (const character of ["a", "é", "日"]) {
      const body = character.repeat(count)
      const { length, bytes } = bodyOf(body)
      expect(bytes.equals(Buffer.from(body))).toBe(true)
      expect(length).toBe(bytes.length)
      expect(bodyOf(Buffer.from(body)).bytes.equals(bytes)).toBe(true)
    }
  })

  test("a view of a larger buffer is the view alone", () => {
    expect(bodyOf(new Uint8Array([1, 2, 3, 255, 5]).subarray(1, 4)).bytes).toEqual(Buffer.from([2, 3, 255]))
  })
})

describe("heads on the wire", () => {
  const headsOf = (...lists: string[][]) => {
    const given = [...lists]
    const { feed, socket } = drive((exchange: Exchange) => exchange.sendResp(200, given.shift() as string[], ""))
    feed(...lists.map(() => get))
    return socket.text.split("\r\n\r\n").slice(0, -1)
  }

  test("alike or not, each has its own headers", () => {
    const heads = headsOf(["a", "1"], ["a", "1"], ["a", "2"], ["a", "1", "a", "1"], ["a", "1"], [], ["a", "1"])
    const lines = heads.map((head) => head.split("\r\n").filter((line) => line.startsWith("a:")))
    expect(lines).toEqual([["a: 1"], ["a: 1"], ["a: 2"], ["a: 1", "a: 1"], ["a: 1"], [], ["a: 1"]])
  })

  test("a list that the app changes later changes no other answer", () => {
    const list = ["a", "1"]
    const { feed, socket } = drive((exchange: Exchange) => exchange.sendResp(200, list, ""))
    feed(get)
    list[1] = "2"
    feed(get)
    expect(socket.text.match(/a: \d/g)).toEqual(["a: 1", "a: 2"])
  })

  test("a date of one's own stands alone", () => {
    expect(headsOf(["date", "x"])[0]?.match(/date: .*/g)).toEqual(["date: x"])
  })

  test.each([
    ["a", "b\r\nc: d"],
    ["a", "b\nc: d"],
    ["a", "b\u010d\u010ac: d"],
    ["a\r\nc", "d"],
    ["a: b", "c"],
    ["a", "b\0"],
  ])("the header %j: %j cannot be sent", (name, value) => {
    let raised: unknown
    const call = (exchange: Exchange) => {
      try {
        exchange.sendResp(200, [name, value], "")
      } catch (error) {
        raised = error
        exchange.sendResp(500, [], "")
      }
    }
    const { feed, socket } = drive(call)
    feed(get)
    expect(raised).toMatchObject({ code: "ERR_USAGE" })
    expect(socket.text).toMatch(/^HTTP\/1\.1 500 .*\r\n\r\n$/s)
    expect(socket.text).not.toContain("c: d")
  })
})
