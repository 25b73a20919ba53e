/** The kit for users' own tests. */
import { type Conn, defineEndpoint, defineRouter, pipeline, type Sent, UsageError } from "plumage"
import { call, callEndpoint, conn, exchangeOf, sentChunks, sentInforms, sentResp, sentUpgrade } from "plumage/test"
import { describe, expect, test } from "vitest"
import { handshake } from "../loose.ts"

describe("conn", () => {
  test("makes a connection for a method in any case and a path with a query", () => {
    const one = conn("get", "/a?b=c")
    expect([one.method, one.path, one.queryString, one.scheme, one.host, one.port, one.remoteIp]).toEqual([
      "GET",
      "/a",
      "b=c",
      "http",
      "www.example.com",
      80,
      "127.0.0.1",
    ])
  })

  test("or for a whole URL", () => {
    const one = conn("GET", "https://a.example:8443/x?y")
    expect([one.scheme, one.host, one.port, one.path, one.queryString]).toEqual(["https", "a.example", 8443, "/x", "y"])
    expect(conn("GET", "http://a.example").path).toBe("/")
    expect(conn("GET", "http://a.example?b=1").queryParams).toEqual({ b: "1" })
  })

  test("raises UsageError for a path that begins with no slash", () => {
    for (const path of ["a", "", "ftp://x/"]) expect(() => conn("GET", path), path).toThrow(UsageError)
  })

  test("an object is the query of GET and HEAD, and JSON of any other method", async () => {
    expect(conn("GET", "/?z=1", { a: [1, 2], b: { c: "d e" } }).queryParams).toEqual({
      z: "1",
      a: ["1", "2"],
      b: { c: "d e" },
    })
    expect(conn("HEAD", "/", { a: 1 }).queryString).toBe("a=1")
    const post = conn("POST", "/", { a: 1 })
    expect([post.getReqHeader("content-type"), post.getReqHeader("content-length")]).toEqual(["application/json", "7"])
    expect(await post.readJson()).toEqual({ a: 1 })
    const typed = conn("PUT", "/", { a: 1 }, { headers: { "Content-Type": "application/vnd.x+json" } })
    expect(typed.getReqHeaders("content-type")).toEqual(["application/vnd.x+json"])
  })

  test("text and bytes are the body as they are", async () => {
    expect(await conn("POST", "/", "é").readText()).toBe("é")
    expect(await conn("POST", "/", Uint8Array.of(1, 255)).readBody()).toEqual(Buffer.from([1, 255]))
  })

  test("takes headers as a record or as pairs with duplicates", () => {
    expect(conn("GET", "/", undefined, { headers: { "X-A": "1" } }).getReqHeader("x-a")).toBe("1")
    const pairs = [
      ["a", "1"],
      ["A", "2"],
    ] as const
    expect(conn("GET", "/", undefined, { headers: pairs }).getReqHeaders("a")).toEqual(["1", "2"])
  })

  test("takes address, peer, protocol and limits", () => {
    const one = conn("GET", "/", undefined, {
      remoteIp: "192.0.2.1",
      peer: { port: 7 },
      protocol: "HTTP/2",
      limits: { bodyBytes: 5 },
    })
    expect([one.remoteIp, one.getPeerData().port, one.getHttpProtocol(), one.exchange.limits.bodyBytes]).toEqual([
      "192.0.2.1",
      7,
      "HTTP/2",
      5,
    ])
    expect(one.exchange.limits.messageBytes).toBe(1_048_576)
  })
})

describe("call", () => {
  test("runs a plug, a pipeline, an action or a router", async () => {
    const plug = (conn: Conn) => conn.assign("a", 1)
    expect(call(plug, conn("GET", "/"))).toHaveProperty("assigns", { a: 1 })
    expect(
      await call(
        pipeline().plug(async (conn) => plug(conn)),
        conn("GET", "/"),
      ),
    ).toHaveProperty("assigns", { a: 1 })
    const router = defineRouter((r) => [r.get("/:id", (conn, { id }) => conn.text(id))])
    expect(sentResp(call(router, conn("GET", "/7")) as Sent).body).toBe("7")
  })

  test("raises what they raise", async () => {
    expect(() =>
      call(
        (): Conn => {
          throw new Error("boom")
        },
        conn("GET", "/"),
      ),
    ).toThrow("boom")
    await expect(call(async (): Promise<Conn> => Promise.reject(new Error("later")), conn("GET", "/"))).rejects.toThrow(
      "later",
    )
  })
})

describe("what was answered", () => {
  test("sentResp gives status, headers in order and with duplicates, body as text and bytes", () => {
    const one = conn("GET", "/").prependRespHeaders([
      ["vary", "a"],
      ["vary", "b"],
    ])
    const sent = sentResp(one.text("é"))
    expect(sent).toMatchObject({ status: 200, body: "é", headers: { vary: "a, b", "content-length": "2" } })
    expect(sent.headerList.slice(0, 2)).toEqual([
      ["vary", "a"],
      ["vary", "b"],
    ])
    expect(sent.bytes).toEqual(Buffer.from("é"))
    expect(sentResp(one)).toEqual(sent)
  })

  test("sentResp raises when nothing was sent, naming the state, or when it was an upgrade", () => {
    const one = conn("GET", "/", undefined, { headers: handshake })
    expect(() => sentResp(one)).toThrow(/nothing was sent.*unset/)
    one.upgrade("websocket", {})
    expect(() => sentResp(one)).toThrow(/sentUpgrade/)
    expect(sentUpgrade(one).protocol).toBe("")
    expect(() => sentUpgrade(conn("GET", "/"))).toThrow(UsageError)
  })

  test("sentResp raises when more than one answer was sent", () => {
    const one = conn("GET", "/")
    one.text("x")
    one.exchange.sendResp(200, [], "again")
    expect(() => sentResp(one)).toThrow(/2 answers/)
  })

  test("sentChunks and sentInforms show what was written so far", () => {
    const one = conn("GET", "/").inform(103, { link: "</a>" })
    expect([sentChunks(one), sentInforms(one)]).toEqual([[], [{ status: 103, headers: ["link", "</a>"] }]])
    const stream = one.sendChunked(200)
    stream.chunk("a")
    stream.chunk("b")
    expect(sentChunks(one)).toEqual(["a", "b"])
  })

  test("exchangeOf raises UsageError for a connection of a real server", () => {
    expect(() => exchangeOf({ exchange: {} } as Conn)).toThrow(UsageError)
  })

  test("callEndpoint runs a whole endpoint on a connection's request", async () => {
    const router = defineRouter((r) => [r.get("/", async (conn) => conn.resp(201, "x"))])
    const one = conn("GET", "/")
    await callEndpoint(defineEndpoint().router(router), one)
    expect(sentResp(one)).toMatchObject({ status: 201, body: "x" })
  })
})
