import { fileURLToPath } from "node:url"
import { AlreadySentError, BadRequestError, type Done, type MaybePromise, UsageError } from "plumage"
import { conn, sentResp } from "plumage/test"
import { describe, expect, test } from "vitest"
import { handshake, type Loose, loose } from "../loose.ts"

const file = fileURLToPath(import.meta.url)
const fresh = (path = "/") => conn("GET", path, undefined, { headers: handshake })

/** Every way to answer, and the state that it leads to. */
const ways: Record<string, { state: string; answer: (conn: Loose) => MaybePromise<Done> }> = {
  sendResp: { state: "sent", answer: (conn) => conn.sendResp(200, "x") },
  "resp, then sendResp": {
    state: "sent",
    answer: (conn) => {
      conn.resp(200, "x")
      return conn.sendResp()
    },
  },
  text: { state: "sent", answer: (conn) => conn.text("x") },
  html: { state: "sent", answer: (conn) => conn.html("x") },
  json: { state: "sent", answer: (conn) => conn.json({}) },
  redirect: { state: "sent", answer: (conn) => conn.redirect("/") },
  redirectExternal: { state: "sent", answer: (conn) => conn.redirectExternal("https://a.example/") },
  sendFile: { state: "file", answer: (conn) => conn.sendFile(200, file) },
  serveFile: { state: "file", answer: (conn) => conn.serveFile(file) },
  sendChunked: { state: "chunked", answer: (conn) => conn.sendChunked(200) },
  eventStream: { state: "chunked", answer: (conn) => conn.eventStream(async function* () {}, { heartbeat: 0 }) },
  upgrade: { state: "upgraded", answer: (conn) => conn.upgrade("websocket", {}) },
}

/** Everything that changes or begins an answer. */
const mutators: Record<string, (conn: Loose) => unknown> = {
  putStatus: (conn) => conn.putStatus(201),
  rewrite: (conn) => conn.rewrite({ method: "PUT" }),
  putReqHeader: (conn) => conn.putReqHeader("a", "b"),
  prependReqHeaders: (conn) => conn.prependReqHeaders([["a", "b"]]),
  mergeReqHeaders: (conn) => conn.mergeReqHeaders({ a: "b" }),
  deleteReqHeader: (conn) => conn.deleteReqHeader("a"),
  updateReqHeader: (conn) => conn.updateReqHeader("a", "b", (value) => value),
  putRespHeader: (conn) => conn.putRespHeader("a", "b"),
  prependRespHeaders: (conn) => conn.prependRespHeaders([["a", "b"]]),
  mergeRespHeaders: (conn) => conn.mergeRespHeaders({ a: "b" }),
  deleteRespHeader: (conn) => conn.deleteRespHeader("a"),
  updateRespHeader: (conn) => conn.updateRespHeader("a", "b", (value) => value),
  putRespContentType: (conn) => conn.putRespContentType("text/css"),
  putRespCookie: (conn) => conn.putRespCookie("a", "b"),
  deleteRespCookie: (conn) => conn.deleteRespCookie("a"),
  registerBeforeSend: (conn) => conn.registerBeforeSend(() => undefined),
  resp: (conn) => conn.resp(200, "y"),
  "sendResp with nothing": (conn) => conn.sendResp(),
  "sendResp with a status": (conn) => conn.sendResp(500),
  inform: (conn) => conn.inform(103, {}),
  ...Object.fromEntries(
    Object.entries(ways)
      .filter(([name]) => name !== "resp, then sendResp")
      .map(([name, { answer }]) => [name, answer]),
  ),
}

describe("states", () => {
  for (const [name, { state, answer }] of Object.entries(ways)) {
    test(`${name} leads from unset to ${state}, on the same object`, async () => {
      const start = fresh()
      expect(start.state).toBe("unset")
      expect(await answer(loose(start))).toBe(start)
      expect(start.state).toBe(state)
      expect(start.halted).toBe(false)
    })

    test.each(Object.entries(mutators))(`after ${name}, %s raises AlreadySentError`, async (_, mutate) => {
      const done = loose(fresh())
      await answer(done)
      const error = await Promise.resolve()
        .then(() => mutate(done))
        .then(
          () => undefined,
          (failure: unknown) => failure,
        )
      expect(error).toBeInstanceOf(AlreadySentError)
      expect(error).toMatchObject({ name: "AlreadySentError", code: "ERR_ALREADY_SENT", status: 500 })
      expect(done.state).toBe(state)
    })

    test(`after ${name}, one can still assign, keep private things, read and halt`, async () => {
      const done = loose(fresh("/a?b=c"))
      await answer(done)
      done.assign("a", 1)
      done.mergeAssigns({ b: 2 })
      done.putPrivate("lib.c", 3)
      expect(done.assigns).toEqual({ a: 1, b: 2 })
      expect(done.private).toEqual({ "lib.c": 3 })
      expect([done.method, done.path, done.queryParams["b"], done.getReqHeader("host")]).toEqual([
        "GET",
        "/a",
        "c",
        "www.example.com",
      ])
      expect(done.halt()).toBe(done)
      expect(done.halted).toBe(true)
      expect(done.state).toBe(state)
    })
  }

  test("AlreadySentError names the request, and does so for a path that is not UTF-8", () => {
    const plain = loose(fresh("/users/7"))
    plain.text("x")
    expect(() => plain.putRespHeader("a", "b")).toThrow(/GET \/users\/7/)
    const odd = loose(fresh("/%FF"))
    odd.text("x")
    expect(() => odd.putRespHeader("a", "b")).toThrow(AlreadySentError)
  })

  test("resp sets status and body, may be repeated, and the last one counts", () => {
    const one = fresh()
    expect(one.resp(200, "first")).toBe(one)
    expect([one.state, one.status, one.respBody]).toEqual(["set", 200, "first"])
    one.resp("created", "second")
    expect([one.state, one.status, one.respBody]).toEqual(["set", 201, "second"])
    one.sendResp()
    expect([one.state, one.respBody]).toEqual(["sent", undefined])
    expect(sentResp(one)).toMatchObject({ status: 201, body: "second" })
  })

  test("what was only set can still be changed", () => {
    const one = fresh().resp(200, "x") as unknown as Loose
    one.putRespHeader("a", "b").putStatus(202)
    one.sendResp()
    expect(sentResp(one)).toMatchObject({ status: 202, body: "x" })
    expect(sentResp(one).headers["a"]).toBe("b")
  })

  test("sending after resp replaces what was set", () => {
    const one = fresh()
    one.resp(200, "first")
    expect(sentResp(one.text("second")).body).toBe("second")
  })

  test("halting alone sends nothing, and sending alone does not halt", () => {
    const halted = fresh()
    halted.halt()
    expect([halted.halted, halted.state]).toEqual([true, "unset"])
    expect(() => sentResp(halted)).toThrow(UsageError)
    expect(fresh().text("x").halted).toBe(false)
  })

  test("sendResp without a status and without resp raises UsageError and leaves the connection open", () => {
    const one = fresh()
    expect(() => one.sendResp()).toThrow(UsageError)
    expect(one.state).toBe("unset")
    expect(sentResp(one.text("x")).body).toBe("x")
  })

  test("a refused answer leaves the connection as it was", () => {
    const one = loose(fresh())
    const refused: (() => unknown)[] = [
      () => one.sendResp(99 as number),
      () => one.sendResp(101, "x"),
      () => one.sendResp(200, null as unknown as string),
      () => one.resp(200, { body: 1 } as unknown as string),
      () => one.json(undefined),
      () => one.redirect("//evil.example"),
      () => one.sendChunked(199),
      () => one.inform(200, {}),
      () => one.upgrade("websocket", {}, { protocols: ["chat"] }),
    ]
    for (const refuse of refused) {
      expect(refuse, String(refuse)).toThrow()
      expect([one.state, one.halted], String(refuse)).toEqual(["unset", false])
    }
    expect(sentResp(one.text("x"))).toMatchObject({ status: 200, body: "x" })
  })

  test("reading a path that is not UTF-8 raises BadRequestError, the raw path is there all the same", () => {
    const one = fresh("/a/%FF")
    expect(() => one.path).toThrow(BadRequestError)
    expect(() => one.pathInfo).toThrow(BadRequestError)
    expect(one.unsafeRawPath).toBe("/a/%FF")
  })
})
