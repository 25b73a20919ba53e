import { type Conn, pipeline } from "plumage"
import { call, conn } from "plumage/test"
import { describe, expect, test } from "vitest"
import { flat } from "../../src/plug/pipeline.ts"

const mark = (name: string) =>
  Object.defineProperty((conn: Conn) => conn.putPrivate(`test.${name}`, true), "name", { value: name })
const names = (plug: unknown) => flat(plug as never).map((one) => one.name)

describe("pipeline", () => {
  test("never changes: plug makes a longer one", () => {
    const short = pipeline().plug(mark("a"))
    const [left, right] = [short.plug(mark("b")), short.plug(mark("c"))]
    expect([names(short), names(left), names(right)]).toEqual([["a"], ["a", "b"], ["a", "c"]])
    const one = conn("GET", "/")
    call(left, one)
    expect(one.private).toEqual({ "test.a": true, "test.b": true })
  })

  test("inside a pipeline becomes part of one flat row, however deep", () => {
    const inner = pipeline().plug(mark("b")).plug(mark("c"))
    const middle = pipeline().plug(inner).plug(mark("d"))
    const outer = pipeline().plug(mark("a")).plug(middle).plug(pipeline()).plug(mark("e"))
    expect(names(outer)).toEqual(["a", "b", "c", "d", "e"])
  })

  test("is itself a plug: it can be called, awaited and put anywhere", async () => {
    const slow = pipeline().plug(async (conn) => conn.assign("a", 1))
    const done = await slow(conn("GET", "/"))
    expect((done as Conn<{ a: number }>).assigns.a).toBe(1)
  })

  test("halted inside, ends the outer one too", () => {
    const inner = pipeline().plug((conn) => conn.sendResp(403, "").halt())
    const one = conn("GET", "/")
    call(pipeline().plug(inner).plug(mark("after")), one)
    expect([one.halted, one.private]).toEqual([true, {}])
  })

  test("a plug with options is made once, and checks them then", () => {
    let made = 0
    const limit = (options: { max: number }) => {
      made++
      if (options.max < 1) throw new RangeError("max")
      return (conn: Conn) => conn.assign("max", options.max)
    }
    const plugs = pipeline().plug(limit({ max: 3 }))
    for (let n = 0; n < 3; n++) call(plugs, conn("GET", "/"))
    expect(made).toBe(1)
    expect(() => pipeline().plug(limit({ max: 0 }))).toThrow(RangeError)
  })
})
