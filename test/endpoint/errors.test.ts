/** Errors that reach the endpoint: who is told, and what the client sees. */
import {
  BadRequestError,
  type Conn,
  defineEndpoint,
  defineRouter,
  HTTPError,
  UsageError,
  ValidationError,
} from "plumage"
import { type ConnOptions, client } from "plumage/test"
import { beforeEach, describe, expect, test } from "vitest"
import { watchProcess } from "../adapters/suite/guard.ts"

type Action = (conn: Conn) => any

const told: unknown[] = []
const endpoint = (action: Action, onError: (error: unknown, conn: Conn) => void = (error) => told.push(error)) =>
  defineEndpoint({ onError }).router(defineRouter((r) => [r.any("/*rest", action)]))
const ask = (action: Action, options: ConnOptions = {}, path = "/") =>
  client(endpoint(action)).get(path, undefined, options)
const raise =
  (error: unknown): Action =>
  () => {
    throw error
  }

beforeEach(() => void told.splice(0))
watchProcess()

/** Every place where an error may carry something that is nobody's to see. */
function leaky(): Error {
  const error = new Error("canary-message", { cause: new Error("canary-cause") })
  error.stack = "canary-stack"
  return Object.assign(error, { sql: "canary-sql", status: 418, headers: ["x-canary", "canary"], code: "CANARY" })
}
class Shown extends HTTPError {
  override readonly code = "APP_SHOWN"
}

describe("an error that is not the client's", () => {
  test.each(["text/plain", "text/html", "application/json", "*/*", "image/png", ""])(
    "is a 500 without a leak for Accept: %s",
    async (accept) => {
      const error = leaky()
      const answer = await ask(raise(error), { headers: { accept } })
      expect(answer.status).toBe(500)
      const all = JSON.stringify([answer.exchange.answer?.headers, await answer.text()])
      expect(all).not.toMatch(/canary/i)
      expect(all).not.toContain("endpoint")
      expect(told).toEqual([error])
    },
  )

  test.each([
    ["an error of the program", new UsageError("canary")],
    ["text", "canary"],
    ["nothing", undefined],
    ["null", null],
    ["a record that looks like an HTTPError", { status: 404, message: "canary", headers: ["x", "canary"] }],
    ["an error with a status of its own", Object.assign(new Error("canary"), { status: 404, statusCode: 404 })],
  ])("%s is one", async (_, error) => {
    for (const action of [raise(error), () => Promise.reject(error)]) {
      told.length = 0
      const answer = await ask(action)
      expect([answer.status, await answer.text()]).toEqual([500, "500 Internal Server Error\n"])
      expect(told).toEqual([error])
    }
  })

  test("is told with the connection as it was at the failure", async () => {
    let seen: Conn | undefined
    const failing = (conn: Conn) => {
      conn.assign("step", 2)
      throw new Error("boom")
    }
    const router = defineRouter((r) => [r.get("/:id", failing)])
    const plugged = defineEndpoint({
      onError: (_, conn) => {
        seen = conn
      },
    })
      .plug((conn: Conn) => conn.assign("first", 1))
      .router(router)
    await client(plugged).get("/7")
    expect(seen?.assigns).toEqual({ first: 1, step: 2 })
    expect([seen?.route?.path, seen?.pathParams]).toEqual(["/:id", { id: "7" }])
  })
})

describe("an HTTPError", () => {
  const shown = () => new Shown(422, "the name <b> is taken", { headers: ["retry-after", "5"] })

  test.each([
    ["text/plain", "text/plain; charset=utf-8", "422 Unprocessable Content\nthe name <b> is taken\n"],
    [
      "application/json",
      "application/json; charset=utf-8",
      '{"error":{"status":422,"code":"APP_SHOWN","message":"the name <b> is taken"}}',
    ],
    ["*/*", "text/plain; charset=utf-8", "422 Unprocessable Content\nthe name <b> is taken\n"],
    ["image/png", "text/plain; charset=utf-8", "422 Unprocessable Content\nthe name <b> is taken\n"],
    ["application/json;q=0.5, text/html;q=0.1", "application/json; charset=utf-8", undefined],
    ["text/html,application/xhtml+xml,*/*;q=0.8", "text/html; charset=utf-8", undefined],
    [";;;,,q=", "text/plain; charset=utf-8", undefined],
  ])("is shown in the format that is accepted: %s", async (accept, type, body) => {
    const answer = await ask(raise(shown()), { headers: { accept } })
    expect([answer.status, answer.header("content-type"), answer.header("retry-after")]).toEqual([422, type, "5"])
    if (body !== undefined) expect(await answer.text()).toBe(body)
  })

  test("is text where no format is asked for, and escaped in HTML", async () => {
    expect((await ask(raise(shown()))).header("content-type")).toBe("text/plain; charset=utf-8")
    const html = await (await ask(raise(shown()), { headers: { accept: "text/html" } })).text()
    expect(html).toContain("the name &lt;b&gt; is taken")
    expect(html).not.toContain("<b>")
  })

  test("is the client's own: nobody else is told", async () => {
    await ask(raise(shown()))
    expect(told).toEqual([])
  })

  test("hides its cause and stack", async () => {
    const error = new BadRequestError("seen", { cause: leaky() })
    for (const accept of ["text/plain", "text/html", "application/json"]) {
      const text = await (await ask(raise(error), { headers: { accept } })).text()
      expect(text).toContain("seen")
      expect(text).not.toMatch(/canary|errors\.test/)
    }
  })

  test("HEAD gets its head alone", async () => {
    const answer = await client(endpoint(raise(shown()))).head("/")
    expect([answer.status, await answer.text()]).toEqual([422, ""])
    expect(Number(answer.exchange.answer?.length)).toBeGreaterThan(0)
  })

  test("of every kind has its own status", async () => {
    expect((await ask((conn) => conn.text("x"), {}, "/%FF")).status).toBe(400)
    expect((await ask((conn) => conn.json(conn.queryParams), {}, "/?a=%FF")).status).toBe(400)
    expect((await ask((conn) => conn.json(conn.queryParams), {}, `/?a=${"x".repeat(1_000_001)}`)).status).toBe(414)
    expect((await ask((conn) => conn.readJson())).status).toBe(415)
    const body = await client(endpoint((conn) => conn.readBody({ length: 1 }))).post("/", "long")
    expect(body.status).toBe(413)
  })
})

describe("the answer that did not come", () => {
  test("leaves its cookies and own headers, not those that spoke of its body", async () => {
    const answer = await ask((conn) => {
      conn.putRespCookie("a", "b").putRespHeader("x-request-id", "7").putRespContentType("image/png", undefined)
      for (const name of ["etag", "content-encoding", "last-modified", "content-disposition", "content-range"]) {
        conn.putRespHeader(name, "stale")
      }
      conn.putRespHeader("content-length", "99999")
      throw new Error("boom")
    })
    expect([answer.header("x-request-id"), answer.headers("set-cookie")]).toEqual(["7", ["a=b; path=/; HttpOnly"]])
    expect(answer.header("content-type")).toBe("text/plain; charset=utf-8")
    expect(JSON.stringify(answer.exchange.answer?.headers)).not.toContain("stale")
    expect(answer.exchange.answer?.length).toBe("500 Internal Server Error\n".length)
  })

  test("a body that was set is thrown away", async () => {
    const answer = await ask((conn) => {
      conn.resp(200, "half")
      throw new BadRequestError()
    })
    expect([answer.status, await answer.text()]).toEqual([400, "400 Bad Request\n"])
  })

  test("a cookie that is too long is an ordinary error answer, told once, without that cookie", async () => {
    const answer = await ask((conn) => conn.putRespCookie("big", "x".repeat(5000)).text("x"))
    expect([answer.status, await answer.text()]).toEqual([500, "500 Internal Server Error\n"])
    expect(told).toMatchObject([{ code: "ERR_COOKIE_OVERFLOW" }])
    expect(answer.headers("set-cookie")).toEqual([])
  })

  test("a content-length put twice does not outlive it", async () => {
    const answer = await ask((conn) => {
      conn.prependRespHeaders([
        ["content-length", "1"],
        ["content-length", "2"],
      ])
      throw new Error("boom")
    })
    expect(answer.headers("content-length")).toEqual([])
  })
})

test("a ValidationError lists its issues: in JSON as data, elsewhere in words", async () => {
  const issues = [
    { path: ["body", "items", 0, "name"], message: "is required" },
    { path: ["query", "page"], message: "must be a number" },
  ]
  const router = defineRouter((r) => [
    r.get("/", () => {
      throw new ValidationError(issues)
    }),
  ])
  const ask = (accept: string) => client(defineEndpoint().router(router)).get("/", undefined, { headers: { accept } })
  const json = await ask("application/json")
  expect([json.status, await json.json()]).toMatchObject([422, { error: { code: "ERR_VALIDATION", issues } }])
  expect(await (await ask("text/plain")).text()).toContain(
    "body.items.0.name: is required\nquery.page: must be a number",
  )
})
