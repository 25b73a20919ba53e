/** What an app writes, with text from outside in it: headers, cookies, events. */
import { type Conn, defineEndpoint, defineRouter, InvalidHeaderError, UsageError } from "plumage"
import { client, conn, sentChunks, sentResp } from "plumage/test"
import { describe, expect, test } from "vitest"
import { action, errors } from "../adapters/suite/app.ts"
import { bytesOf } from "../adapters/suite/request.ts"
import { onEveryServer } from "./servers.ts"

const breaks = ["a\r\nx-injected: 1", "a\nx-injected: 1", "a\rx-injected: 1", "a\0"]

/** Every writer of text into a head or a stream; a new one belongs here. */
const writers: Record<string, (conn: Conn, text: string) => unknown> = {
  putRespHeader: (conn, text) => conn.putRespHeader("x-a", text),
  "a header's name": (conn, text) => conn.putRespHeader(text, "a"),
  prependRespHeaders: (conn, text) => conn.prependRespHeaders([["x-a", text]]),
  mergeRespHeaders: (conn, text) => conn.mergeRespHeaders({ "x-a": text }),
  updateRespHeader: (conn, text) => conn.updateRespHeader("x-a", text, () => text),
  putRespContentType: (conn, text) => conn.putRespContentType(text),
  "a charset": (conn, text) => conn.putRespContentType("text/css", text),
  inform: (conn, text) => conn.inform(103, { link: text }),
  redirect: (conn, text) => conn.redirect(`/${text}`),
  "a cookie's name": (conn, text) => conn.putRespCookie(text, "a"),
  "a cookie's value": (conn, text) => conn.putRespCookie("a", text),
  "a cookie's path": (conn, text) => conn.putRespCookie("a", "b", { path: text }),
  "a cookie's domain": (conn, text) => conn.putRespCookie("a", "b", { domain: text }),
  "a cookie's extra": (conn, text) => conn.putRespCookie("a", "b", { extra: text }),
  "a deleted cookie's path": (conn, text) => conn.deleteRespCookie("a", { path: text }),
  "an event's name": (conn, text) => conn.sendChunked(200).event("x", { event: text }),
  "an event's id": (conn, text) => conn.sendChunked(200).event("x", { id: text }),
  "an event's retry": (conn, text) => conn.sendChunked(200).event("x", { retry: text as unknown as number }),
}

describe("Bandit GHSA-x3gh-xhj4-3vq8, cowlib CVE-2026-43966, -43969, -43971, elixir-plug a19cd4d1", () => {
  test.each(Object.entries(writers))("%s refuses what ends a line, before a byte of it leaves", (name, write) => {
    for (const text of breaks) {
      if (name === "an event's name" && text === "a\0") continue
      const one = conn("GET", "/")
      expect(() => write(one, text), JSON.stringify(text)).toThrow(UsageError)
      const written = one.state === "chunked" ? sentChunks(one).join("") : ""
      expect(written).not.toContain("injected")
    }
  })
})

describe("GHSA-p6xx-57qc-3wxr, h3 7791538e, CVE-2026-43968", () => {
  test("any line break in an event's data makes another data line, and no field", () => {
    const stream = conn("GET", "/").sendChunked(200)
    for (const data of ["a\nevent: b", "a\r\nevent: b", "a\revent: b"]) {
      stream.event(data)
      expect(sentChunks(stream).at(-1)).toBe("data: a\ndata: event: b\n\n")
    }
  })

  test("and so it is in an event stream", async () => {
    const router = defineRouter((r) => [
      r.get("/", (conn) =>
        conn.eventStream(async function* () {
          yield { data: "a\rid: 7\r\rdata: b" }
        }),
      ),
    ])
    const text = await (await client(defineEndpoint().router(router)).get("/")).text()
    expect(text).toBe(":\n\ndata: a\ndata: id: 7\ndata: \ndata: data: b\n\n")
  })
})

describe("GHSA-5pq2-9x2x-5p6w, CVE-2024-47764", () => {
  test.each(["domain", "path", "extra"] as const)("a ; in a cookie's %s is refused", (attribute) => {
    expect(() => conn("GET", "/").putRespCookie("a", "b", { [attribute]: "/; HttpOnly" })).toThrow(InvalidHeaderError)
  })
})

describe("GHSA-26pp-8wgv-hjvm", () => {
  test.each(["a; HttpOnly", "a=b", "a b", "a,b", ""])("the cookie name %j is refused", (name) => {
    expect(() => conn("GET", "/").putRespCookie(name, "b")).toThrow(InvalidHeaderError)
  })
})

test("hono 7ae7cbae: two cookies stay two header lines", () => {
  const { headerList } = sentResp(conn("GET", "/").putRespCookie("a", "1").putRespCookie("b", "2").text("x"))
  expect(headerList.filter(([name]) => name === "set-cookie")).toHaveLength(2)
})

test("h3 399257cb, 8eb1063e: a cookie that claims to be in a million pieces is one cookie", () => {
  const one = conn("GET", "/", undefined, { headers: { cookie: "session=__chunked__1000000; session.1=a" } })
  expect(one.cookies).toEqual({ session: "__chunked__1000000", "session.1": "a" })
})

await onEveryServer((suite) => {
  test.each(breaks)("a header value %j is a 500 on the wire, and no injected line", async (text) => {
    const path = action((conn) => conn.putRespHeader("x-a", text).text("x"))
    const answer = await suite.server.say(bytesOf("GET", path))
    expect(answer.status).toBe(500)
    expect(answer.header("x-injected")).toBeUndefined()
    expect(errors).toMatchObject([{ code: "ERR_INVALID_HEADER" }])
  })

  test("hono 7ae7cbae: two cookies are two lines on the wire", async () => {
    const path = action((conn) => conn.putRespCookie("a", "1").putRespCookie("b", "2").text("x"))
    expect((await suite.server.say(bytesOf("GET", path))).all("set-cookie")).toHaveLength(2)
  })

  test("CVE-2025-7339: headers are written once, and in their own order", async () => {
    const path = action((conn) =>
      conn
        .prependRespHeaders([
          ["x-a", "1"],
          ["x-b", "2"],
          ["x-a", "3"],
        ])
        .text("x"),
    )
    const { head } = await suite.server.say(bytesOf("GET", path))
    const own: string[] = []
    for (let i = 0; i < head.headers.length; i += 2) {
      if (/^x-/i.test(head.headers[i]!)) own.push(head.headers[i]!.toLowerCase(), head.headers[i + 1]!)
    }
    expect(own).toEqual(["x-a", "1", "x-b", "2", "x-a", "3"])
  })
})
