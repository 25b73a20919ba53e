import {
  type Conn,
  defineRouter,
  InvalidPatternError,
  MethodNotAllowedError,
  NoRouteError,
  type RouterOptions,
  type Scope,
  type Sent,
  UsageError,
} from "plumage"
import { call, conn, sentResp } from "plumage/test"
import { describe, expect, test } from "vitest"
import { errorOf } from "../loose.ts"

/** An action that tells which one it is. */
const named = (name: string) => (conn: Conn) => conn.text(name)
/** What a router answers: the body, or the error's status. */
function ask(router: ReturnType<typeof defineRouter>, method: string, path: string): string | number {
  try {
    return sentResp(call(router, conn(method, path)) as Sent).body
  } catch (error) {
    return (error as { status: number }).status
  }
}

describe("a router", () => {
  test("runs the action of the route that fits, with its parameters", async () => {
    const router = defineRouter((r) => [
      r.get("/", (conn) => conn.text("root")),
      r.get("/users/:id", (conn, { id }) => conn.json({ id, all: conn.pathParams })),
      r.get("/files/*path", (conn, { path }) => conn.json(path)),
      r.get("/posts{/:year}", (conn, { year }) => conn.json({ year: year ?? null })),
      r.get("/:name.:ext", (conn, { name, ext }) => conn.json([name, ext])),
      r.get("/slow", async (conn) => {
        await null
        return conn.text("slow")
      }),
    ])
    const body = async (path: string) => sentResp((await call(router, conn("GET", path))) as Sent).body
    expect(await body("/")).toBe("root")
    expect(await body("/users/7")).toBe('{"id":"7","all":{"id":"7"}}')
    expect(await body("/files")).toBe("[]")
    expect(await body("/files/a/b%2Fc")).toBe('["a","b/c"]')
    expect(await body("/posts")).toBe('{"year":null}')
    expect(await body("/posts/2020")).toBe('{"year":"2020"}')
    expect(await body("/data.json")).toBe('["data","json"]')
    expect(await body("/slow")).toBe("slow")
  })

  test("tries routes in declared order: the first that fits wins", () => {
    const router = defineRouter(
      (r) => [
        r.get("/users/:id", named("id")),
        r.any("/users/fallback", named("fallback")),
        r.get("/users/new", named("new")),
        r.get("/:a/:b", named("two")),
        r.any("/*rest", named("rest")),
        r.get("/late", named("late")),
      ],
      { unreachable: "allow" },
    )
    expect(ask(router, "GET", "/users/7")).toBe("id")
    expect(ask(router, "GET", "/users/fallback")).toBe("id")
    expect(ask(router, "POST", "/users/fallback")).toBe("fallback")
    expect(ask(router, "GET", "/users/new")).toBe("id")
    expect(ask(router, "GET", "/a/b")).toBe("two")
    expect(ask(router, "GET", "/late")).toBe("rest")
    expect(ask(router, "GET", "/")).toBe("rest")
  })

  test("sets conn.route and pathParams before the plugs of the route run", () => {
    let seen: unknown
    const router = defineRouter((r) => [
      r.scope(
        "/a/:x",
        (conn: Conn) => {
          seen = [conn.route?.method, conn.route?.path, conn.pathParams]
          return conn
        },
        (r) => [r.get("/b/:y", named("b"))],
      ),
    ])
    call(router, conn("GET", "/a/1/b/2"))
    expect(seen).toEqual(["GET", "/a/:x/b/:y", { x: "1", y: "2" }])
  })

  test("names the action that gives something else than the connection, sync and async", async () => {
    const wrong = { forgets() {}, async forgetsLater() {}, async givesText() { return "text" } } // biome-ignore format: three
    const actions = wrong as unknown as Record<string, (conn: Conn) => Sent>
    for (const [name, action] of Object.entries(actions)) {
      const failure = await Promise.resolve()
        .then(() =>
          call(
            defineRouter((r) => [r.get("/", action)]),
            conn("GET", "/"),
          ),
        )
        .catch((error: unknown) => error)
      expect(failure, name).toMatchObject({ code: "ERR_NOT_A_CONN", message: expect.stringContaining(`${name} must`) })
    }
  })

  test("without routes answers nothing", () => {
    expect(
      ask(
        defineRouter(() => []),
        "GET",
        "/",
      ),
    ).toBe(404)
  })

  test("that cannot be understood is refused when it is defined", () => {
    expect(() => defineRouter((r) => [r.get("/:a/:a", named("x"))])).toThrow(InvalidPatternError)
    expect(() => defineRouter((r) => [r.get("no-slash", named("x"))])).toThrow(InvalidPatternError)
    expect(() => defineRouter((r) => [r.get("/*a/b", named("x"))])).toThrow(InvalidPatternError)
    expect(() => defineRouter((r) => [r.get("/", undefined as never)])).toThrow(UsageError)
    expect(() => defineRouter((r) => r.get("/", named("x")) as never)).toThrow(UsageError)
    expect(() => defineRouter(() => undefined as never)).toThrow(UsageError)
    expect(() => defineRouter(() => ["/", { method: "GET" }] as never)).toThrow(UsageError)
  })

  test("has options that are checked", () => {
    for (const options of [{ wrongMethod: 403 }, { wrongMethod: "405" }, { head: "no" }, { heads: true }, null]) {
      expect(() => defineRouter(() => [], options as RouterOptions), JSON.stringify(options)).toThrow(UsageError)
    }
  })
})

describe("OPTIONS", () => {
  const build = (r: Scope<{}, "/">) => [
    r.get("/a", named("get")),
    r.put("/a", named("put")),
    r.options("/own", named("own")),
  ]

  test("is a wrong method by default, and answered with 204 and allow by option", () => {
    expect(errorOf(() => call(defineRouter(build), conn("OPTIONS", "/a")))).toBeInstanceOf(MethodNotAllowedError)
    const sent = sentResp(call(defineRouter(build, { options: true }), conn("OPTIONS", "/a")) as Sent)
    expect([sent.status, sent.headers["allow"], sent.body]).toEqual([204, "GET, HEAD, PUT, OPTIONS", ""])
  })

  test("goes to a route of its own where there is one, and is 404 where there is nothing", () => {
    const router = defineRouter(build, { options: true })
    expect(sentResp(call(router, conn("OPTIONS", "/own")) as Sent).body).toContain("own")
    expect(errorOf(() => call(router, conn("OPTIONS", "/nope")))).toBeInstanceOf(NoRouteError)
  })
})

describe("no route", () => {
  const router = defineRouter((r) => [
    r.get("/users", named("index")),
    r.post("/users", named("create")),
    r.put("/users/:id", named("update")),
    r.delete("/users/:id", named("delete")),
    r.head("/both", named("head")),
    r.get("/both", named("get")),
  ])

  test("is a NoRouteError that names method and path", () => {
    const error = errorOf(() => call(router, conn("GET", "/nope/%20")))
    expect(error).toBeInstanceOf(NoRouteError)
    expect(error.message).toBe("no route found for GET /nope/%20")
  })

  test("leaves the connection as it was", () => {
    const one = conn("GET", "/nope")
    expect(() => call(router, one)).toThrow(NoRouteError)
    expect([one.state, one.halted, one.route, one.pathParams, one.pathInfo]).toEqual([
      "unset",
      false,
      undefined,
      {},
      ["nope"],
    ])
  })

  test.each([
    ["DELETE", "/users", "GET, HEAD, POST"],
    ["GET", "/users/7", "PUT, DELETE"],
    ["PATCH", "/both", "HEAD, GET"],
    ["get", "/users", "GET, HEAD, POST"],
    ["BREW", "/users", "GET, HEAD, POST"],
    ["OPTIONS", "/users/7", "PUT, DELETE"],
  ])("%s %s, a known path with a wrong method, is a 405 that allows %s", (method, path, allow) => {
    // The kit writes methods in upper case; on the wire they keep theirs.
    const one = conn("GET", path).rewrite({ method })
    const error = errorOf(() => call(router, one))
    expect(error).toBeInstanceOf(MethodNotAllowedError)
    expect(error).toMatchObject({ status: 405, code: "ERR_METHOD_NOT_ALLOWED", headers: ["allow", allow] })
  })

  test("is a 404 for a wrong method too, where the router is told so", () => {
    const phoenix = defineRouter((r) => [r.get("/users", named("index"))], { wrongMethod: 404 })
    expect([ask(phoenix, "POST", "/users"), ask(phoenix, "GET", "/users")]).toEqual([404, "index"])
  })

  test("a path that is not UTF-8 is a 400", () => {
    expect(ask(router, "GET", "/users/%FF")).toBe(400)
    expect(ask(router, "GET", "/%C0%AF")).toBe(400)
  })

  test("a malformed host is a 400 where routes have hosts", () => {
    const hosted = defineRouter((r) => [r.host("a.example", (r) => [r.get("/", named("a"))])])
    const one = conn("GET", "/", undefined, { headers: { host: "a@b" } })
    expect(errorOf(() => call(hosted, one))).toMatchObject({ status: 400 })
  })
})

describe("HEAD", () => {
  const routes = defineRouter((r) => [
    r.get("/hello", named("hello")),
    r.head("/own", named("own head")),
    r.get("/own", named("own get")),
    r.post("/post", named("post")),
    r.any("/any", named("any")),
    r.get("/late", named("late get")),
  ])

  test("is answered by GET routes, with the length and no body", () => {
    const sent = sentResp(call(routes, conn("HEAD", "/hello")) as Sent)
    expect(sent).toMatchObject({ status: 200, body: "", headers: { "content-length": "5" } })
  })

  test("takes a route of its own that comes first", () => {
    expect(sentResp(call(routes, conn("HEAD", "/own")) as Sent).headers["content-length"]).toBe("8")
  })

  test("keeps its declared place: a GET route before a catch-all answers, not the catch-all", () => {
    const router = defineRouter(
      (r) => [
        r.get("/hello", named("hello")),
        r.any("/*rest", (conn) => conn.sendResp(404, "none")),
        r.get("/hidden", named("hidden")),
      ],
      { unreachable: "allow" },
    )
    expect(sentResp(call(router, conn("HEAD", "/hello")) as Sent).status).toBe(200)
    expect(sentResp(call(router, conn("HEAD", "/hidden")) as Sent).status).toBe(404)
    expect(sentResp(call(router, conn("HEAD", "/x")) as Sent).status).toBe(404)
  })

  test("a GET route before an own HEAD route wins, as for any method", () => {
    const build = (r: Scope<{}, "/">) => [r.get("/x", named("get")), r.head("/x", named("longer head"))]
    const router = defineRouter(build, { unreachable: "allow" })
    expect(sentResp(call(router, conn("HEAD", "/x")) as Sent).headers["content-length"]).toBe("3")
  })

  test("is refused where GET is", () => {
    expect(ask(routes, "HEAD", "/post")).toBe(405)
    expect(ask(routes, "HEAD", "/nope")).toBe(404)
  })

  test("is no GET where the router is told so, and a 405 then says so", () => {
    const router = defineRouter((r) => [r.get("/hello", named("hello")), r.head("/own", named("own"))], { head: false })
    expect(ask(router, "GET", "/hello")).toBe("hello")
    expect(errorOf(() => call(router, conn("HEAD", "/hello")))).toMatchObject({
      status: 405,
      headers: ["allow", "GET"],
    })
    expect(errorOf(() => call(router, conn("POST", "/own")))).toMatchObject({ headers: ["allow", "HEAD"] })
    expect(sentResp(call(router, conn("HEAD", "/own")) as Sent).status).toBe(200)
  })
})

describe("the path of a match", () => {
  const router = defineRouter((r) => [
    r.get("/admin/secret", named("secret")),
    r.get("/a/:x/b", (conn, { x }) => conn.text(x)),
    r.get("/café", named("cafe")),
  ])

  test.each([
    ["/admin/secret", "secret"],
    ["/admin/secret/", "secret"],
    ["//admin///secret", "secret"],
    ["/%61dmin/secret", "secret"],
    ["/admin%2Fsecret", 404],
    ["/admin/Secret", 404],
    ["/admin/./secret", 404],
    ["/admin/x/../secret", 404],
    ["/%2561dmin/secret", 404],
    ["/admin\\secret", 404],
    ["/admin/secret%00", 404],
    ["/a/1%2F2/b", "1/2"],
    ["/a/%2E%2E/b", ".."],
    ["/a/x+y/b", "x+y"],
    ["/a/100%/b", "100%"],
    ["/caf%C3%A9", "cafe"],
  ])("%s: %s", (path, expected) => {
    expect(ask(router, "GET", path)).toBe(expected)
  })
})
