import { type Conn, NotAConnError, type Pipeline, pipeline, UsageError } from "plumage"
import { call, conn, sentResp } from "plumage/test"
import { describe, expect, test } from "vitest"
import { errorOf, loose } from "../loose.ts"

type AnyPlug = (conn: Conn<any>) => any

const row = (...plugs: AnyPlug[]): Pipeline =>
  plugs.reduce<Pipeline>((made, plug) => made.plug(plug) as unknown as Pipeline, pipeline())
/** A plug that writes down its name, sync or async. */
const note = (order: string[], name: string, async = false): AnyPlug =>
  async
    ? async (conn) => {
        await null
        order.push(name)
        return conn
      }
    : (conn) => {
        order.push(name)
        return conn
      }

describe("a row of plugs", () => {
  test.each([
    ["sync", [false, false, false]],
    ["async first", [true, false, false]],
    ["async in the middle", [false, true, false]],
    ["async last", [false, false, true]],
    ["all async", [true, true, true]],
  ])("runs in order, %s, and gives the same connection", async (_, asyncs) => {
    const order: string[] = []
    const one = conn("GET", "/")
    const result = call(row(...asyncs.map((async, i) => note(order, `p${i}`, async))), one)
    expect(result instanceof Promise).toBe(asyncs.includes(true))
    expect(await result).toBe(one)
    expect(order).toEqual(["p0", "p1", "p2"])
  })

  test("sees what earlier plugs have assigned", async () => {
    const plugs = pipeline()
      .plug((conn) => conn.assign("a", 1))
      .plug(async (conn) => conn.assign("b", conn.assigns.a + 1))
      .plug((conn) => conn.putRespHeader("x-sum", String(conn.assigns.a + conn.assigns.b)))
    const done = await call(plugs, conn("GET", "/"))
    expect((done as Conn).respHeaders).toContain("3")
  })

  test("that is empty gives the connection back", () => {
    const one = conn("GET", "/")
    expect(call(pipeline(), one)).toBe(one)
  })

  test.each([0, 1, 2])("halting in plug %d stops what follows, sync and async", async (at) => {
    for (const async of [false, true]) {
      const order: string[] = []
      const halting: AnyPlug = (conn) => {
        order.push("halt")
        const halted = conn.sendResp(401, "no").halt()
        return async ? Promise.resolve(halted) : halted
      }
      const plugs = [note(order, "a"), note(order, "b", true), note(order, "c")]
      plugs[at] = halting
      const done = await call(row(...plugs), conn("GET", "/"))
      expect(order).toEqual([..."abc"].slice(0, at).concat("halt"))
      expect([done.halted, sentResp(done).status]).toEqual([true, 401])
    }
  })

  test("sending without halting goes on, and the next to send is refused", () => {
    const order: string[] = []
    const plugs = row(
      (conn) => loose(conn).text("first"),
      note(order, "after"),
      (conn) => loose(conn).text("second"),
    )
    expect(errorOf(() => call(plugs, conn("GET", "/")))).toMatchObject({ code: "ERR_ALREADY_SENT" })
    expect(order).toEqual(["after"])
  })

  test("runs nothing for a connection that is halted already", () => {
    const order: string[] = []
    const halted = conn("GET", "/").halt() as unknown as Conn
    expect(call(row(note(order, "a")), halted)).toBe(halted)
    expect(order).toEqual([])
  })
})

describe("a plug that gives back something else", () => {
  async function asyncNothing() {}
  const other = conn("GET", "/other")
  const cases: [plug: AnyPlug, who: string, what: string][] = [
    [function returnsNothing() {}, "returnsNothing", "undefined"],
    [asyncNothing, "asyncNothing", "undefined"],
    [function givesNull() { return null }, "givesNull", "null"],
    [function givesText() { return "text" }, "givesText", "text"],
    [function givesRecord() { return {} }, "givesRecord", "a Object"],
    [async function givesOther() { return other }, "givesOther", "another connection"],
    [function givesBare() { return Object.create(null) }, "givesBare", "a object"],
    [Object.defineProperty(() => 5, "name", { value: "" }), "an unnamed function", "5"],
  ] // biome-ignore format: a table

  test.each(cases)("%o is named in the error, with what it gave", async (plug, who, what) => {
    let later = 0
    const plugs = row(plug, (conn) => {
      later++
      return conn
    })
    const failure = await Promise.resolve()
      .then(() => call(plugs, conn("GET", "/a/b")))
      .catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(NotAConnError)
    expect((failure as Error).message).toContain(`${who} must return the connection, got ${what}`)
    expect((failure as Error).message).toContain("GET /a/b")
    expect(later).toBe(0)
  })

  test("is found in a pipeline inside a pipeline, by its own name", () => {
    const inner = row(function innermost() {})
    expect(() => call(row(row(inner)), conn("GET", "/"))).toThrow(/innermost/)
  })

  test("a thenable counts as a promise", async () => {
    const order: string[] = []
    const one = conn("GET", "/")
    const thenable: AnyPlug = (conn) => ({
      // biome-ignore lint/suspicious/noThenProperty: that is the case
      then: (done: (value: unknown) => void) => {
        queueMicrotask(() => done(conn))
      },
    })
    expect(await call(row(thenable, note(order, "after")), one)).toBe(one)
    expect(order).toEqual(["after"])
  })
})

describe("a plug that fails", () => {
  test.each([false, true])("raises its own error and stops the row (async: %s)", async (async) => {
    const order: string[] = []
    const failure = new Error("boom")
    const one = conn("GET", "/")
    const failing: AnyPlug = (conn) => {
      conn.assign("before", true).putRespHeader("x-before", "1")
      if (async) return Promise.reject(failure)
      throw failure
    }
    const got = await Promise.resolve()
      .then(() => call(row(note(order, "a"), failing, note(order, "b")), one))
      .catch((error: unknown) => error)
    expect(got).toBe(failure)
    expect(order).toEqual(["a"])
    expect([one.state, one.halted, one.assigns, one.getRespHeader("x-before")]).toEqual([
      "unset",
      false,
      { before: true },
      "1",
    ])
  })

  test("may raise anything", async () => {
    for (const thrown of ["text", 5, null, undefined]) {
      const got = await Promise.resolve()
        .then(() =>
          call(
            row(() => {
              throw thrown
            }),
            conn("GET", "/"),
          ),
        )
        .catch((error: unknown) => ({ error }))
      expect(got).toEqual({ error: thrown })
    }
  })
})

test("what is no function is refused when the row is put together", () => {
  for (const plug of [undefined, null, {}, "plug", Promise.resolve()]) {
    expect(() => row(plug as unknown as AnyPlug), String(plug)).toThrow(UsageError)
  }
})
