/** RFC 9110 §5: header lists with duplicates both ways, and nothing in them that could end a line. */
import { type Conn, initChunk } from "plumage"
import { describe, expect, test } from "vitest"
import { valuesOf } from "../wire.ts"
import { action } from "./app.ts"
import type { Suite } from "./harness.ts"
import { bytesOf } from "./request.ts"

const every = ["http1", "http2", "memory"] as const

export function headerLists(suite: Suite): void {
  suite.group("header lists", "RFC 9110 §5.2, §5.3", every, () => {
    const get = (path: string, headers: readonly string[] = []) => suite.server.request("GET", path, { headers })

    test("duplicates are sent as lines of their own, in order", async () => {
      const path = action((conn) =>
        conn
          .putRespHeader("x-dup", "3")
          .prependRespHeaders([
            ["x-dup", "1"],
            ["x-other", "o"],
            ["x-dup", "2, 2"],
          ])
          .text("hello"),
      )
      const answer = await get(path)
      expect(answer.all("x-dup")).toEqual(["1", "2, 2", "3"])
    })

    test("cookies are lines of their own", async () => {
      const path = action((conn) =>
        conn.putRespCookie("a", "1").putRespCookie("b", "2").deleteRespCookie("c").text("hello"),
      )
      const cookies = (await get(path)).all("set-cookie")
      expect(cookies.map((cookie) => cookie.slice(0, 2)).sort()).toEqual(["a=", "b=", "c="])
    })

    test("put replaces the first in place, delete takes the first away", async () => {
      const pairs: [string, string][] = [
        ["x-a", "1"],
        ["x-b", "1"],
        ["x-a", "2"],
      ]
      const path = action((conn) =>
        conn.prependRespHeaders(pairs).putRespHeader("x-a", "new").deleteRespHeader("x-b").text("hello"),
      )
      const answer = await get(path)
      expect([answer.all("x-a"), answer.all("x-b")]).toEqual([["new", "2"], []])
    })

    test("request headers arrive in order, with duplicates", async () => {
      const path = action((conn) => conn.json([conn.getReqHeaders("x-dup"), conn.getReqHeader("x-dup")]))
      const answer = await get(path, ["x-dup", "1", "x-dup", "2"])
      expect(answer.json()).toEqual([["1", "2"], "1"])
    })

    test("absent and empty are told apart", async () => {
      const path = action((conn) =>
        conn.json([conn.getReqHeader("x-empty") ?? null, conn.getReqHeader("x-absent") ?? null]),
      )
      expect((await get(path, ["x-empty", ""])).json()).toEqual(["", null])
    })

    test("headers read after an await are the same", async () => {
      const path = action(async (conn) => {
        await new Promise(setImmediate)
        return conn.json([conn.getReqHeader("x-a"), conn.getReqHeaders("x-b"), conn.queryString, conn.method])
      })
      const answer = await get(`${path}?q=1`, ["x-a", "1", "x-b", "2", "x-b", "3"])
      expect(answer.json()).toEqual(["1", ["2", "3"], "q=1", "GET"])
    })

    if (suite.onWire)
      test.each([
        ["a body of ASCII", (conn: Conn) => conn.text("hello")],
        ["a body of other characters", (conn: Conn) => conn.text("é €")],
        ["a body of bytes", (conn: Conn) => conn.sendResp(200, new Uint8Array([1, 200]))],
        ["no body", (conn: Conn) => conn.sendResp(204)],
        ["a stream", async (conn: Conn) => initChunk(conn.sendChunked(200), "é")],
      ])("a value of bytes above 127 goes out as Latin-1, before %s", async (_, answers) => {
        const path = action((conn) => answers(conn.putRespHeader("x-e", conn.getReqHeader("x-e")!)))
        const wire = await suite.server.connect()
        const head = await wire.send(bytesOf("GET", path, { headers: ["x-e", "\xe9\xff"] })).head()
        expect(valuesOf(head.headers, "x-e")).toEqual(["\xe9\xff"])
      })

    test("an empty value is sent", async () => {
      const answer = await get(action((conn) => conn.putRespHeader("x-empty", "").text("hello")))
      expect(answer.all("x-empty")).toEqual([""])
    })

    test("a hundred headers are sent", async () => {
      const pairs = Array.from({ length: 100 }, (_, i): [string, string] => [`x-${i}`, "v".repeat(i)])
      const answer = await get(action((conn) => conn.prependRespHeaders(pairs).text("hello")))
      for (const [name, value] of pairs) expect(answer.all(name)).toEqual([value])
    })
  })

  suite.group("header injection", "RFC 9110 §5.5", every, () => {
    const bad: [what: string, text: string][] = [
      ["CRLF", "a\r\nx-evil: 1"],
      ["CR", "a\rx-evil: 1"],
      ["LF", "a\nx-evil: 1"],
      ["NUL", "a\0x-evil"],
      ["a character above 255", "a\u010d\u010ax-evil: 1"],
    ]
    type Writer = [what: string, write: (text: string) => string]
    const writers: Writer[] = [
      ["putRespHeader's value", (text) => action((conn) => conn.putRespHeader("x-a", text).text("hello"))],
      ["putRespHeader's name", (text) => action((conn) => conn.putRespHeader(text, "v").text("hello"))],
      ["prependRespHeaders", (text) => action((conn) => conn.prependRespHeaders([["x-a", text]]).text("hello"))],
      ["mergeRespHeaders", (text) => action((conn) => conn.mergeRespHeaders({ "x-a": text }).text("hello"))],
      ["updateRespHeader", (text) => action((conn) => conn.updateRespHeader("x-a", text, (old) => old).text("hello"))],
      ["putRespContentType", (text) => action((conn) => conn.putRespContentType(text).text("hello"))],
      ["a cookie's name", (text) => action((conn) => conn.putRespCookie(text, "v").text("hello"))],
      ["a cookie's value", (text) => action((conn) => conn.putRespCookie("a", text).text("hello"))],
      ["a cookie's path", (text) => action((conn) => conn.putRespCookie("a", "v", { path: text }).text("hello"))],
      ["a cookie's domain", (text) => action((conn) => conn.putRespCookie("a", "v", { domain: text }).text("hello"))],
      ["redirect", (text) => action((conn) => conn.redirect(`/${text}`))],
      ["inform", (text) => action((conn) => conn.inform(103, { link: text }).text("hello"))],
    ]
    describe.each(writers)("%s", (_, write) => {
      test.each(bad)("%s is a 500 and nothing of it is sent", async (_, text) => {
        const answer = await suite.server.request("GET", write(text))
        expect(answer.status).toBe(500)
        expect(answer.header("x-evil")).toBe(undefined)
        expect(JSON.stringify([answer.head.headers, answer.informs, answer.text])).not.toContain("x-evil")
      })
    })

    test.each(["x y", "x:y", "", "x\ty", "x(y)"])("the name %j is a 500", async (name) => {
      const answer = await suite.server.request(
        "GET",
        action((conn) => conn.putRespHeader(name, "v").text("hello")),
      )
      expect(answer.status).toBe(500)
    })

    test.each(["transfer-encoding", "upgrade", "keep-alive"])("%s is the server's own: a 500", async (name) => {
      const answer = await suite.server.request(
        "GET",
        action((conn) => conn.putRespHeader(name, "chunked").text("hello")),
      )
      expect([answer.status, answer.text.includes("hello")]).toEqual([500, false])
    })
  })
}
