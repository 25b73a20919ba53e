/** The header list of an answer. */
import { type Conn, InvalidHeaderError } from "plumage"
import { conn, exchangeOf, sentResp } from "plumage/test"
import { describe, expect, test } from "vitest"
import { loose } from "../loose.ts"

const cacheControl = ["cache-control", "max-age=0, private, must-revalidate"]
const open = (): Conn => conn("GET", "/")
const sent = (from: Conn): readonly (readonly [string, string])[] => sentResp(from.sendResp(200)).headerList

describe("the headers of an answer", () => {
  test("begin with cache-control, and with no content type", () => {
    expect(open().respHeaders).toEqual(cacheControl)
    expect(sent(open())).toEqual([cacheControl])
  })

  test("cache-control can be replaced and deleted", () => {
    expect(sent(open().putRespHeader("cache-control", "no-store"))).toEqual([["cache-control", "no-store"]])
    expect(sent(open().deleteRespHeader("cache-control"))).toEqual([])
  })

  test("put appends, or replaces the first of that name in place and keeps the others", () => {
    const one = open()
      .putRespHeader("a", "1")
      .prependRespHeaders([
        ["vary", "accept"],
        ["vary", "origin"],
      ])
      .putRespHeader("vary", "cookie")
    expect(one.respHeaders).toEqual(["vary", "cookie", "vary", "origin", ...cacheControl, "a", "1"])
  })

  test("prepend adds in front, in the order given, and keeps what is there", () => {
    const one = open().prependRespHeaders([
      ["a", "1"],
      ["a", "2"],
    ])
    expect(one.prependRespHeaders([["a", "0"]]).getRespHeaders("a")).toEqual(["0", "1", "2"])
    expect(sent(one).map(([, value]) => value)).toEqual(["0", "1", "2", cacheControl[1]])
  })

  test("merge puts each, from a record or from pairs", () => {
    const one = open().putRespHeader("a", "1").mergeRespHeaders({ a: "2", b: "3" })
    one.mergeRespHeaders(new Map([["c", "4"]]))
    expect(one.respHeaders).toEqual([...cacheControl, "a", "2", "b", "3", "c", "4"])
  })

  test("delete removes the first of that name only", () => {
    const one = open().prependRespHeaders([
      ["a", "1"],
      ["a", "2"],
    ])
    expect(one.deleteRespHeader("a").getRespHeaders("a")).toEqual(["2"])
    expect(one.deleteRespHeader("a").deleteRespHeader("a").getRespHeaders("a")).toEqual([])
  })

  test("update applies to the first value, or puts the initial one", () => {
    const one = open().updateRespHeader("a", "1", () => "never")
    expect(one.getRespHeader("a")).toBe("1")
    expect(one.updateRespHeader("a", "x", (value) => value + "2").getRespHeader("a")).toBe("12")
  })

  test("names have no case: they are written and looked up in lower case", () => {
    const one = open().putRespHeader("X-Thing", "1")
    expect(one.respHeaders.at(-2)).toBe("x-thing")
    expect([one.getRespHeader("X-THING"), one.getRespHeaders("x-Thing")]).toEqual(["1", ["1"]])
    expect(one.deleteRespHeader("X-THING").getRespHeader("x-thing")).toBeUndefined()
  })

  test("a header that is absent is undefined, its list empty", () => {
    expect(open().getRespHeader("a")).toBeUndefined()
    expect(open().getRespHeaders("a")).toEqual([])
  })

  test("every writer refuses a name or value that could start another line, before anything changes", () => {
    const bad = [
      ["a:b", "x"],
      ["a b", "x"],
      ["", "x"],
      ["a\r\nset-cookie", "x"],
      ["a\0", "x"],
      ["é", "x"],
      ["a", "x\r\nset-cookie: y=1"],
      ["a", "x\n"],
      ["a", "\r"],
      ["a", "x\0y"],
      ["a", "\x7f"],
      ["a", "Ā"],
      ["a", 5 as unknown as string],
      ["a", undefined as unknown as string],
    ] as const
    for (const [name, value] of bad) {
      const writers: ((conn: Conn) => unknown)[] = [
        (conn) => conn.putRespHeader(name, value),
        (conn) => conn.prependRespHeaders([[name, value]]),
        (conn) => conn.mergeRespHeaders([[name, value]]),
        (conn) => conn.updateRespHeader(name, value, () => value),
        (conn) => conn.inform(103, { [name]: value }),
        (conn) => conn.putReqHeader(name, value),
        (conn) => conn.prependReqHeaders([[name, value]]),
        (conn) => conn.mergeReqHeaders([[name, value]]),
        (conn) => conn.updateReqHeader(name, value, () => value),
      ]
      for (const write of writers) {
        const one = open()
        const before = [[...one.respHeaders], [...one.reqHeaders]]
        expect(() => write(one), `${JSON.stringify([name, value])} by ${write}`).toThrow(InvalidHeaderError)
        expect([one.respHeaders, one.reqHeaders]).toEqual(before)
      }
    }
    expect(() => open().putRespContentType("text/html\r\na: b")).toThrow(InvalidHeaderError)
    expect(() => open().putRespContentType("text/html", "utf-8\nx")).toThrow(InvalidHeaderError)
  })

  test("a list with one bad pair is refused whole when it is prepended", () => {
    const one = open()
    const pairs = [
      ["good", "1"],
      ["content-length", "7"],
      ["bad", "\n"],
    ] as const
    expect(() => one.prependRespHeaders(pairs)).toThrow(InvalidHeaderError)
    expect(one.respHeaders).toEqual(cacheControl)
    one.sendChunked(200)
    expect(exchangeOf(one).answer?.length, "the length was refused too").toBe(-1)
  })

  test("the error names the header and what is wrong, and does not repeat the value", () => {
    expect(() => open().putRespHeader("x-key", "secret\n")).toThrow(/x-key.*line feed/)
    expect(() => open().putRespHeader("x-key", "secret\n")).not.toThrow(/secret/)
  })

  test("tab, Latin-1 and the empty value are fine", () => {
    expect(
      open().putRespHeader("a", "x\ty").putRespHeader("b", "é").putRespHeader("c", "").respHeaders.slice(2),
    ).toEqual(["a", "x\ty", "b", "é", "c", ""])
  })

  describe("framing", () => {
    test.each(["transfer-encoding", "keep-alive", "upgrade", "Transfer-Encoding", "connection"])(
      "%s is the server's and refused by every writer",
      (name) => {
        expect(() => open().putRespHeader(name, "chunked")).toThrow(InvalidHeaderError)
        expect(() => open().prependRespHeaders([[name, "chunked"]])).toThrow(InvalidHeaderError)
        expect(() => open().mergeRespHeaders({ [name]: "chunked" })).toThrow(InvalidHeaderError)
        expect(() => open().updateRespHeader(name, "chunked", (value) => value)).toThrow(InvalidHeaderError)
      },
    )

    test("connection: close is passed on", () => {
      expect(sent(open().putRespHeader("Connection", "close"))).toContainEqual(["connection", "close"])
    })

    test("a content-length that was put by hand gives way to the body's", () => {
      const one = open().putRespHeader("content-length", "99").text("é")
      expect(sentResp(one).headers["content-length"]).toBe("2")
      expect(sentResp(one).headerList.map(([name]) => name)).not.toContain("content-length")
    })

    test("a content-length that is no number is refused", () => {
      for (const value of ["", "-1", "+1", "1e3", "0x1", "1,1", "1 ", "9".repeat(16)]) {
        expect(() => open().putRespHeader("content-length", value), value).toThrow(InvalidHeaderError)
      }
    })

    test("a content-length that was put by hand frames a stream", () => {
      const one = open().putRespHeader("content-length", "3")
      one.sendChunked(200)
      expect(exchangeOf(one).answer).toMatchObject({ length: 3 })
      const none = open().putRespHeader("content-length", "3").deleteRespHeader("content-length")
      none.sendChunked(200)
      expect(exchangeOf(none).answer).toMatchObject({ length: -1 })
    })

    test("no content-length stays in the list that a server gets, however often it was put", () => {
      const twice = [
        ["content-length", "1"],
        ["content-length", "2"],
      ] as const
      for (const write of [
        () => open().prependRespHeaders(twice),
        () => open().prependRespHeaders(twice).deleteRespHeader("content-length"),
        () =>
          open()
            .putRespHeader("content-length", "1")
            .prependRespHeaders([["content-length", "2"]]),
      ]) {
        const list = sent(write())
        expect(
          list.map(([name]) => name),
          String(write),
        ).not.toContain("content-length")
      }
    })
  })

  describe("putRespContentType", () => {
    test("adds utf-8, another charset, or none", () => {
      const typeOf = (conn: Conn) => conn.getRespHeader("content-type")
      expect(typeOf(open().putRespContentType("text/css"))).toBe("text/css; charset=utf-8")
      expect(typeOf(open().putRespContentType("text/css", "latin1"))).toBe("text/css; charset=latin1")
      expect(typeOf(open().putRespContentType("image/png", undefined))).toBe("image/png")
    })

    test("wins over the type that text, html and json bring", () => {
      for (const answer of ["text", "html", "json"] as const) {
        const one = open().putRespContentType("application/x")
        expect(sentResp(loose(one)[answer]("x")).headers["content-type"]).toBe("application/x; charset=utf-8")
      }
    })
  })

  test("the list that was given to the server is not changed by what is refused later", () => {
    const one = loose(open().putRespHeader("a", "1"))
    one.sendResp(200, "x")
    const before = [...one.respHeaders]
    for (const late of [() => one.text("y"), () => one.redirect("/"), () => one.putRespHeader("b", "2")]) {
      expect(late).toThrow()
    }
    expect(one.respHeaders).toEqual(before)
  })
})
