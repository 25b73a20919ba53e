/** Sync stays sync: a request whose plugs and action are sync makes no promise. */
import { createHook } from "node:async_hooks"
import { type Conn, defineEndpoint, defineRouter, pipeline } from "plumage"
import { conn, sentResp } from "plumage/test"
import { describe, expect, test } from "vitest"

/** How many promises a function makes. */
function promisesOf(run: () => unknown): number {
  let promises = 0
  const hook = createHook({
    init(_id, type) {
      if (type === "PROMISE") promises++
    },
  })
  hook.enable()
  try {
    run()
  } finally {
    hook.disable()
  }
  return promises
}

const stamp = pipeline()
  .plug((conn) => conn.assign("a", 1))
  .plug((conn) => conn.putRespHeader("x-a", String(conn.assigns.a)))
const sync = defineRouter((r) => [
  r.scope("/", stamp, (r) => [
    r.get("/users/:id", (conn, { id }) => conn.json({ id, q: conn.queryParams["q"], a: conn.assigns.a })),
    r.get("/set", (conn) => conn.resp(200, "set")),
    r.get("/cookie", (conn) =>
      conn
        .putRespCookie("a", "b")
        .registerBeforeSend((conn) => conn)
        .text("x"),
    ),
    r.forward(
      "/inner",
      defineRouter((r) => [r.get("/", (conn) => conn.text("inner"))]),
    ),
    r.get("/throw", () => {
      throw new Error("boom")
    }),
  ]),
  r.get("/async", async (conn) => conn.text("async")),
])
const endpoint = defineEndpoint({ onError: () => undefined })
  .plug((conn: Conn) => conn.assign("b", 2))
  .router(sync)

describe("promises per request", () => {
  test("the count counts", () => {
    expect(promisesOf(() => Promise.resolve())).toBe(1)
    expect(promisesOf(async () => undefined)).toBe(1)
  })

  test.each([
    ["GET", "/users/7?q=x", 200],
    ["HEAD", "/users/7", 200],
    ["GET", "/set", 200],
    ["GET", "/cookie", 200],
    ["GET", "/inner", 200],
    ["GET", "/throw", 500],
    ["GET", "/nope", 404],
    ["PUT", "/set", 405],
    ["GET", "/%FF", 400],
  ])("%s %s makes none, and is answered when call returns", (method, path, status) => {
    const one = conn(method, path)
    let result: unknown
    expect(
      promisesOf(() => {
        result = endpoint.call(one.exchange)
      }),
    ).toBe(0)
    expect(result).toBeUndefined()
    expect(sentResp(one).status).toBe(status)
  })

  test("an async action makes some", async () => {
    const one = conn("GET", "/async")
    let result: unknown
    expect(
      promisesOf(() => {
        result = endpoint.call(one.exchange)
      }),
    ).toBeGreaterThan(0)
    await result
    expect(sentResp(one).body).toBe("async")
  })
})
