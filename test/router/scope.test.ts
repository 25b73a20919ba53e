/** What the callback of a router builds its routes with. */
import { type Conn, defineRouter, InvalidPatternError, pipeline, routes, type Sent, UsageError } from "plumage"
import { type ConnOptions, call, conn, sentResp } from "plumage/test"
import { describe, expect, test } from "vitest"

const ok = (conn: Conn) => conn.text("ok")
const bodyOf = (router: ReturnType<typeof defineRouter>, method: string, path: string, options: ConnOptions = {}) =>
  sentResp(call(router, conn(method, path, undefined, options)) as Sent).body
const statusOf = (router: ReturnType<typeof defineRouter>, method: string, path: string, options: ConnOptions = {}) => {
  try {
    return sentResp(call(router, conn(method, path, undefined, options)) as Sent).status
  } catch (error) {
    return (error as { status: number }).status
  }
}

/** A plug that writes down its name. */
const noting = (order: string[], name: string) =>
  Object.defineProperty(
    (conn: Conn) => {
      order.push(name)
      return conn
    },
    "name",
    { value: name },
  )

describe("the verbs", () => {
  test.each(["get", "post", "put", "patch", "delete", "head", "options"] as const)("%s is that method", (verb) => {
    const router = defineRouter((r) => [r[verb]("/x", ok)])
    const method = verb.toUpperCase()
    expect(routes(router)).toMatchObject([{ method, path: "/x" }])
    expect(statusOf(router, method, "/x")).toBe(200)
    expect(statusOf(router, method === "POST" ? "PUT" : "POST", "/x")).toBe(405)
  })

  test("any is every method, those unknown too", () => {
    const router = defineRouter((r) => [r.any("/x", ok)])
    for (const method of ["GET", "POST", "HEAD", "OPTIONS", "BREW", "PROPFIND"]) {
      expect(statusOf(router, method, "/x"), method).toBe(200)
    }
  })

  test("match is the methods named, one or several, custom ones as they are written", () => {
    const router = defineRouter((r) => [r.match(["GET", "PURGE"], "/a", ok), r.match("LINK", "/b", ok)])
    expect([statusOf(router, "GET", "/a"), statusOf(router, "PURGE", "/a"), statusOf(router, "LINK", "/b")]).toEqual([
      200, 200, 200,
    ])
    expect(statusOf(router, "POST", "/a")).toBe(405)
    expect(routes(router).map(({ method }) => method)).toEqual(["GET", "PURGE", "LINK"])
  })

  test("every member works on its own, taken out of the builder", () => {
    const router = defineRouter(({ get, scope, host, resources, any, forward, stream, match }) => [
      get("/a", ok),
      scope("/b", ({ post }) => [post("/c", ok)]),
      host("x.example", ({ put }) => [put("/d", ok)]),
      resources("/e", { show: (conn) => conn.text("e") }),
      any("/f", ok),
      forward(
        "/g",
        defineRouter(({ get }) => [get("/h", ok)]),
      ),
      stream("/i", (conn) => conn.close()),
      match("GET", "/j", ok),
    ])
    expect(routes(router).map(({ method, path }) => `${method} ${path}`)).toEqual([
      "GET /a",
      "POST /b/c",
      "PUT /d",
      "GET /e/:id",
      "* /f",
      "GET /g/h",
      "GET /i",
      "GET /j",
    ])
  })
})

describe("scope", () => {
  test("puts its path in front, nested ones together", () => {
    const router = defineRouter((r) => [
      r.scope("/a", (r) => [r.get("/", ok), r.scope("/:b", (r) => [r.get("/c", (conn, { b }) => conn.text(b))])]),
      r.scope("/", (r) => [r.get("/d", ok)]),
    ])
    expect(routes(router).map(({ path }) => path)).toEqual(["/a", "/a/:b/c", "/d"])
    expect(bodyOf(router, "GET", "/a/7/c")).toBe("7")
  })

  test("runs its plugs for its routes alone, outer before inner, each once", () => {
    const order: string[] = []
    const plug = (name: string) => noting(order, name)
    const router = defineRouter((r) => [
      r.get("/before", ok),
      r.scope("/a", plug("outer"), (r) => [
        r.get("/x", ok),
        r.scope("/b", pipeline().plug(plug("inner 1")).plug(plug("inner 2")), (r) => [r.get("/y", ok)]),
        r.get("/z", ok),
      ]),
      r.get("/after", ok),
    ])
    const run = (path: string) => {
      order.length = 0
      call(router, conn("GET", path))
      return [...order]
    }
    expect(run("/before")).toEqual([])
    expect(run("/a/x")).toEqual(["outer"])
    expect(run("/a/b/y")).toEqual(["outer", "inner 1", "inner 2"])
    expect(run("/a/z")).toEqual(["outer"])
    expect(run("/after")).toEqual([])
    expect(routes(router).find(({ path }) => path === "/a/b/y")?.plugs).toEqual(["outer", "inner 1", "inner 2"])
  })

  test("runs no plug where no route fits", () => {
    const ran: string[] = []
    const router = defineRouter((r) => [r.scope("/a", noting(ran, "plug"), (r) => [r.get("/x", ok)])])
    expect(statusOf(router, "GET", "/a/nope")).toBe(404)
    expect(statusOf(router, "POST", "/a/x")).toBe(405)
    expect(ran).toEqual([])
  })

  test("a plug that halts keeps inner plugs and the action from running", () => {
    const order: string[] = []
    const router = defineRouter((r) => [
      r.scope(
        "/",
        (conn: Conn) => conn.sendResp(401, "no").halt(),
        (r) => [
          r.scope("/", noting(order, "inner"), (r) => [
            r.get("/x", (conn) => {
              order.push("action")
              return conn.text("x")
            }),
          ]),
        ],
      ),
    ])
    expect(bodyOf(router, "GET", "/x")).toBe("no")
    expect(order).toEqual([])
  })

  test("goes asynchronous with its plugs", async () => {
    const router = defineRouter((r) => [
      r.scope(
        "/",
        async (conn: Conn) => conn.assign("user", "ada"),
        (r) => [r.get("/me", (conn) => conn.text(conn.assigns.user))],
      ),
    ])
    const answered = call(router, conn("GET", "/me"))
    expect(answered).toBeInstanceOf(Promise)
    expect(sentResp((await answered) as Sent).body).toBe("ada")
  })

  test.each([
    ["a callback that gives no array", () => defineRouter((r) => [r.scope("/", (() => undefined) as never)])],
    ["a plug that is no function", () => defineRouter((r) => [r.scope("/", "auth" as never, () => [])])],
    ["an action that is no function", () => defineRouter((r) => [r.scope("/", (r) => [r.get("/", "x" as never)])])],
  ])("refuses %s", (_, define) => {
    expect(define).toThrow(UsageError)
  })

  test("refuses a path that does not begin with a slash, its own or that of a route in it", () => {
    expect(() => defineRouter((r) => [r.scope("a" as "/a", (r) => [r.get("/b", ok)])])).toThrow(InvalidPatternError)
    expect(() => defineRouter((r) => [r.scope("/a", (r) => [r.get("b" as "/b", ok)])])).toThrow(InvalidPatternError)
    expect(() => defineRouter((r) => [r.scope("/a", (r) => [r.scope("b" as "/b", (r) => [r.get("/c", ok)])])])).toThrow(
      InvalidPatternError,
    )
  })
})

describe("host", () => {
  const router = defineRouter((r) => [
    r.host("a.example", (r) => [
      r.get("/", (conn) => conn.text("a")),
      r.host("b.example", (r) => [r.get("/inner", (conn) => conn.text("inner"))]),
    ]),
    r.host(["api.", "admin.example"], (r) => [r.get("/", (conn) => conn.text("api or admin"))]),
    r.get("/", (conn) => conn.text("any host")),
  ])
  const at = (host: string, path = "/") => bodyOf(router, "GET", path, { headers: { host } })

  test("limits routes to a host, without regard to case and port", () => {
    expect([at("a.example"), at("A.Example:4000"), at("x.example"), at("a.example.evil")]).toEqual([
      "a",
      "a",
      "any host",
      "any host",
    ])
  })

  test("takes a prefix that ends with a dot, and a list", () => {
    expect([at("api.example"), at("API.other"), at("admin.example"), at("apix.example"), at("xapi.example")]).toEqual([
      "api or admin",
      "api or admin",
      "api or admin",
      "any host",
      "any host",
    ])
  })

  test("an inner host replaces the outer one", () => {
    expect(at("b.example", "/inner")).toBe("inner")
    expect(statusOf(router, "GET", "/inner", { headers: { host: "a.example" } })).toBe(404)
  })

  test("sees what a plug made of the host", () => {
    const one = conn("GET", "/").rewrite({ host: "a.example" })
    expect(sentResp(call(router, one) as Sent).body).toBe("a")
  })

  test("a 405 counts the routes of this host alone", () => {
    const router = defineRouter((r) => [r.host("a.example", (r) => [r.get("/x", ok)]), r.post("/y", ok)])
    expect(statusOf(router, "POST", "/x", { headers: { host: "a.example" } })).toBe(405)
    expect(statusOf(router, "POST", "/x", { headers: { host: "b.example" } })).toBe(404)
  })

  test.each([[""], [[]], [5], [[""]], [null]])("refuses %j", (host) => {
    expect(() => defineRouter((r) => [r.host(host as string, (r) => [r.get("/", ok)])])).toThrow(UsageError)
  })
})
