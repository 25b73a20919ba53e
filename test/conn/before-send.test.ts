import { fileURLToPath } from "node:url"
import {
  type AnyConn,
  CookieOverflowError,
  type Done,
  defineEndpoint,
  defineRouter,
  type MaybePromise,
  UsageError,
} from "plumage"
import { client, conn, sentResp } from "plumage/test"
import { describe, expect, test } from "vitest"
import { watchProcess } from "../adapters/suite/guard.ts"
import { handshake, loose, settled } from "../loose.ts"

const file = fileURLToPath(import.meta.url)
const sees = (list: unknown[]) => (conn: AnyConn) => list.push([conn.state, conn.status, conn.respBody])

watchProcess()

describe("registerBeforeSend", () => {
  test("runs the last registered first, each once", () => {
    const order: number[] = []
    const one = conn("GET", "/")
    for (const n of [1, 2, 3]) one.registerBeforeSend(() => order.push(n))
    one.text("x")
    expect(order).toEqual([3, 2, 1])
  })

  test("runs before a byte leaves, with the state already moved to its target", async () => {
    const seen: unknown[] = []
    const notSent = (conn: AnyConn) => expect(conn.exchange.sent).toBe(false)
    const one = () => conn("GET", "/").registerBeforeSend(notSent).registerBeforeSend(sees(seen))
    one().sendResp(201, "x")
    await one().sendFile(200, file)
    await one().serveFile(file)
    one().sendChunked(202)
    one().eventStream(async function* () {}, { heartbeat: 0 })
    one().redirect("/a")
    expect(seen).toEqual([
      ["set", 201, "x"],
      ["set_file", 200, undefined],
      ["set_file", 200, undefined],
      ["set_chunked", 202, undefined],
      ["set_chunked", 200, undefined],
      ["set", 302, '<a href="/a">You are being redirected.</a>'],
    ])
  })

  test("runs for an answer that the server sends because it was only set", async () => {
    const seen: unknown[] = []
    const router = defineRouter((r) => [r.get("/", (conn) => conn.registerBeforeSend(sees(seen)).resp(200, "x"))])
    await client(defineEndpoint().router(router)).get("/")
    expect(seen).toEqual([["set", 200, "x"]])
  })

  test("a body that resp had set is gone when a file or a stream is sent instead", async () => {
    const seen: unknown[] = []
    loose(conn("GET", "/").registerBeforeSend(sees(seen)).resp(200, "x")).sendChunked(200)
    await loose(conn("GET", "/").registerBeforeSend(sees(seen)).resp(200, "x")).sendFile(200, file)
    expect(seen).toEqual([
      ["set_chunked", 200, undefined],
      ["set_file", 200, undefined],
    ])
  })

  test("may change status, headers, cookies and body", () => {
    const one = conn("GET", "/").registerBeforeSend((conn) => {
      conn.putRespHeader("x-late", "1").putRespCookie("a", "b")
      return conn.resp(203, `${conn.respBody}!`)
    })
    expect(sentResp(one.text("x"))).toMatchObject({ status: 203, body: "x!" })
    expect(sentResp(one).headers).toMatchObject({ "x-late": "1", "set-cookie": "a=b; path=/; HttpOnly" })
    expect(sentResp(one).headers["content-length"]).toBe("2")
  })

  test("may make a body-less answer of one that had a body, and the other way round", () => {
    const emptied = conn("GET", "/").registerBeforeSend((conn) => conn.putStatus(204))
    expect(sentResp(emptied.text("x"))).toMatchObject({ status: 204, body: "" })
    const filled = conn("GET", "/").registerBeforeSend((conn) => conn.resp(200, "now"))
    expect(sentResp(filled.sendResp(204))).toMatchObject({ status: 200, body: "now" })
  })

  test("may change the status and headers of a stream, but not give it a body", () => {
    const one = conn("GET", "/").registerBeforeSend((conn) => conn.putStatus(206).putRespHeader("a", "b"))
    one.sendChunked(200)
    expect(sentResp(one)).toMatchObject({ status: 206, headers: { a: "b" } })
    const other = conn("GET", "/").registerBeforeSend((conn) => conn.resp(200, "body"))
    expect(() => other.sendChunked(200)).toThrow(UsageError)
    expect(other.exchange.sent).toBe(false)
  })

  test("cookies become headers after the callbacks, so a callback sees none and its own are sent", () => {
    let lines: string[] | undefined
    const one = conn("GET", "/").putRespCookie("a", "1")
    one.registerBeforeSend((conn) => {
      lines = conn.getRespHeaders("set-cookie")
      conn.putRespCookie("b", "2")
    })
    one.text("x")
    expect(lines).toEqual([])
    expect(sentResp(one).headerList.filter(([name]) => name === "set-cookie")).toHaveLength(2)
  })

  test("a callback registered inside a callback does not run for this answer", () => {
    let ran = false
    conn("GET", "/")
      .registerBeforeSend((conn) =>
        conn.registerBeforeSend(() => {
          ran = true
        }),
      )
      .text("x")
    expect(ran).toBe(false)
  })

  test.each([
    ["text", (conn: ReturnType<typeof loose>) => conn.text("inner")],
    ["sendChunked", (conn: ReturnType<typeof loose>) => conn.sendChunked(200)],
    ["upgrade", (conn: ReturnType<typeof loose>) => conn.upgrade("websocket", {})],
  ])("a callback may not send: %s raises UsageError, and nothing is sent twice", (_, send) => {
    const one = conn("GET", "/", undefined, { headers: handshake })
    one.registerBeforeSend((conn) => void send(loose(conn)))
    expect(() => one.text("outer")).toThrow(UsageError)
    expect(one.exchange.sent).toBe(false)
  })

  test("a callback that throws keeps the answer from leaving, and another may be sent in its place", () => {
    const one = conn("GET", "/").registerBeforeSend(() => {
      throw new Error("no")
    })
    expect(() => one.text("x")).toThrow("no")
    expect(one.exchange.sent).toBe(false)
    expect(sentResp(loose(one).sendResp(503, "instead"))).toMatchObject({ status: 503, body: "instead" })
  })

  test("after a stream or file that failed in a callback, one can still resp, and the endpoint answers", async () => {
    for (const begin of ["sendChunked", "sendFile"] as const) {
      const router = defineRouter((r) => [
        r.get("/", async (conn) => {
          conn.registerBeforeSend(() => {
            throw new Error("no")
          })
          await Promise.resolve()
            .then((): MaybePromise<Done> => (begin === "sendFile" ? conn.sendFile(200, file) : conn.sendChunked(200)))
            .catch(() => undefined)
          return conn.resp(503, "instead")
        }),
        r.get("/forgotten", async (conn) => {
          conn.registerBeforeSend(() => {
            throw new Error("no")
          })
          await Promise.resolve()
            .then((): MaybePromise<Done> => (begin === "sendFile" ? conn.sendFile(200, file) : conn.sendChunked(200)))
            .catch(() => undefined)
          return conn as never
        }),
      ])
      const endpoint = defineEndpoint({ onError: () => undefined }).router(router)
      const answer = await client(endpoint).get("/")
      expect([answer.status, await answer.text()], begin).toEqual([503, "instead"])
      const forgotten = conn("GET", "/forgotten")
      await endpoint.call(forgotten.exchange)
      expect(forgotten.exchange.sent, `${begin}: nobody waits for ever`).toBe(true)
    }
  })

  test("a callback that throws becomes an ordinary error answer", async () => {
    const told: unknown[] = []
    const failure = new Error("no")
    const router = defineRouter((r) => [
      r.get("/", (conn) => {
        conn.registerBeforeSend(() => {
          throw failure
        })
        return conn.text("x")
      }),
    ])
    const answer = await client(defineEndpoint({ onError: (error) => told.push(error) }).router(router)).get("/")
    expect([answer.status, await answer.text()]).toEqual([500, "500 Internal Server Error\n"])
    expect(told).toEqual([failure])
  })

  test("a callback that is async and rejects is no unhandled rejection", async () => {
    const told: unknown[] = []
    const one = conn("GET", "/", undefined, { onError: (error) => told.push(error) })
    one.registerBeforeSend(async () => {
      throw new Error("no")
    })
    await Promise.resolve()
      .then(() => one.text("x"))
      .catch((error: unknown) => told.push(error))
    await settled()
    expect(told).toHaveLength(1)
  })

  test("the callbacks have run when a cookie proves too long", () => {
    const order: string[] = []
    const one = conn("GET", "/")
      .putRespCookie("a", "x".repeat(5000))
      .registerBeforeSend(() => order.push("callback"))
    expect(() => one.text("x")).toThrow(CookieOverflowError)
    expect(order).toEqual(["callback"])
  })
})
