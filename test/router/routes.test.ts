import { type Conn, defineRouter, type Router, type Routes, routeInfo, routes, type Scope, UsageError } from "plumage"
import { call, conn, sentResp } from "plumage/test"
import { describe, expect, test } from "vitest"

function auth(conn: Conn) {
  return conn
}
function show(conn: Conn) {
  return conn.text("show")
}
const inner = defineRouter((r) => [r.scope("/", auth, (r) => [r.get("/:id", show)]), r.post("/", show)])
const router = defineRouter((r) => [
  r.get("/", (conn) => conn.text("root")),
  r.scope("/users", auth, (r) => [
    r.get("/:id", show),
    r.scope(
      "/x",
      (conn: Conn) => conn,
      (r) => [r.put("/", show)],
    ),
  ]),
  r.host(["a.example", "b."], (r) => [r.delete("/hosted", show)]),
  r.scope("/in", auth, (r) => [r.forward("/:org", inner)]),
  r.stream("/events", function events(conn) {
    conn.close()
  }),
  r.any("/*rest", show),
])

describe("routes", () => {
  test("are the table as data, in declared order, forwards written out", () => {
    const table = routes(router).map(({ method, path, host, plugs, action }) => ({ method, path, host, plugs, action }))
    expect(table).toEqual([
      { method: "GET", path: "/", host: undefined, plugs: [], action: "(unnamed)" },
      { method: "GET", path: "/users/:id", host: undefined, plugs: ["auth"], action: "show" },
      { method: "PUT", path: "/users/x", host: undefined, plugs: ["auth", "(unnamed)"], action: "show" },
      { method: "DELETE", path: "/hosted", host: ["a.example", "b."], plugs: [], action: "show" },
      { method: "GET", path: "/in/:org/:id", host: undefined, plugs: ["auth", "auth"], action: "show" },
      { method: "POST", path: "/in/:org", host: undefined, plugs: ["auth"], action: "show" },
      { method: "GET", path: "/events", host: undefined, plugs: [], action: "events" },
      { method: "*", path: "/*rest", host: undefined, plugs: [], action: "show" },
    ])
  })

  test("of no router are a UsageError", () => {
    for (const wrong of [(conn: Conn) => conn, {}, { routes: [] }]) {
      expect(() => routes(wrong as unknown as Router<never>)).toThrow(UsageError)
    }
  })
})

test("routes say where they were written, in resources and matches too, below forwards their own place", () => {
  const here = (one: (r: Scope<{}, "/">) => Routes) => routes(defineRouter(one))[0]!.source
  const line = (error: Error) => Number(/routes\.test\.ts:(\d+)/.exec(error.stack!)![1])
  const places = [
    here((r) => [r.get("/", show)]),
    here((r) => [r.match(["GET"], "/", show)]),
    here((r) => [r.stream("/", () => undefined)]),
    here((r) => [r.resources("/", { index: show })]),
    here((r) => [r.scope("/a", (r) => [r.host("b", ({ any }) => [any("/", show)])])]),
  ]
  const last = line(new Error("here")) - 2
  expect(places.map((place) => /routes\.test\.ts:(\d+):\d+$/.exec(place ?? "")?.[1])).toEqual(
    [4, 3, 2, 1, 0].map((above) => String(last - above)),
  )
  const [, below] = routes(defineRouter((r) => [r.get("/first", show), r.forward("/x", inner)]))
  expect(below!.source).toBe(routes(inner)[0]!.source)
})

describe("what is said of routes", () => {
  const router = defineRouter((r) => [
    r.with({ metadata: { area: "shop", open: true }, log: "debug", private: { shop_a: 1 } }, (r) => [
      r.get("/a", (conn) => conn.json([conn.route, conn.private])),
      r.get("/b", (conn) => conn.json([conn.route, conn.private]), {
        metadata: { open: false },
        log: false,
        private: { shop_a: 2 },
      }),
      r.with({ assigns: { theme: "dark" } }, (r) => [
        r.scope(
          "/in",
          (conn) => conn.assign("seen", conn.assigns.theme),
          (r) => [r.get("/c", (conn) => conn.json([conn.assigns.theme, conn.assigns.seen, conn.route?.metadata]))],
        ),
      ]),
    ]),
  ])
  const ask = async (path: string) => JSON.parse(sentResp(await call(router, conn("GET", path))).body)

  test("is merged inward, the inner wins, and is there at the request", async () => {
    expect(await ask("/a")).toMatchObject([
      { path: "/a", metadata: { area: "shop", open: true }, log: "debug" },
      { shop_a: 1 },
    ])
    expect(await ask("/b")).toMatchObject([
      { path: "/b", metadata: { area: "shop", open: false }, log: false },
      { shop_a: 2 },
    ])
  })

  test("is assigned before the plugs run, typed", async () => {
    expect(await ask("/in/c")).toEqual(["dark", "dark", { area: "shop", open: true }])
  })

  test("is in the list, and on the way through forwards it is that of both", async () => {
    expect(routes(router).map(({ log }) => log)).toEqual(["debug", false, "debug"])
    const outer = defineRouter((r) => [
      r.with({ metadata: { version: 2 }, log: "warn" }, (r) => [r.forward("/o", router)]),
    ])
    const said = { path: "/o/in/c", metadata: { version: 2, area: "shop", open: true }, log: "debug" }
    expect(routes(outer)[2]).toMatchObject(said)
    expect(routeInfo(outer, "GET", "/o/in/c")).toMatchObject(said)
    const [route] = JSON.parse(sentResp(await call(outer, conn("GET", "/o/a"))).body)
    expect(route).toMatchObject({ path: "/o/a", metadata: { version: 2, area: "shop", open: true }, log: "debug" })
  })

  test("is checked, with the name of the option", () => {
    for (const [options, name] of [
      [{ log: "loud" }, "log"],
      [{ metadata: 1 }, "metadata"],
      [{ private: null }, "private"],
      [{ meta: {} }, "meta"],
    ] as const) {
      expect(() => defineRouter((r) => [r.get("/", show, options as never)])).toThrow(name)
      expect(() => defineRouter((r) => [r.with(options as never, (r) => [r.get("/", show)])])).toThrow(name)
    }
  })
})

describe("routeInfo", () => {
  test.each([
    ["GET", "/", "/", {}],
    ["GET", "/users/7", "/users/:id", { id: "7" }],
    ["GET", "//users/%37/", "/users/:id", { id: "7" }],
    ["GET", "/users/a%2Fb", "/users/:id", { id: "a/b" }],
    ["GET", "/in/acme/7", "/in/:org/:id", { org: "acme", id: "7" }],
    ["POST", "/in/acme", "/in/:org", { org: "acme" }],
    ["DELETE", "/x/y", "/*rest", { rest: ["x", "y"] }],
  ])("%s %s takes %s with %j", (method, path, pattern, pathParams) => {
    expect(routeInfo(router, method, path)).toMatchObject({ path: pattern, pathParams })
  })

  test("names plugs and action of that route", () => {
    expect(routeInfo(router, "GET", "/in/acme/7")).toMatchObject({
      plugs: ["auth", "auth"],
      action: "show",
      method: "GET",
    })
  })

  test("finds for HEAD the GET route that answers it", () => {
    expect(routeInfo(router, "HEAD", "/users/7")).toMatchObject({ method: "GET", path: "/users/:id" })
    const strict = defineRouter((r) => [r.get("/a", show)], { head: false })
    expect(routeInfo(strict, "HEAD", "/a")).toBeUndefined()
  })

  test("looks at the host where it is given", () => {
    expect(routeInfo(router, "DELETE", "/hosted", "A.example")?.path).toBe("/hosted")
    expect(routeInfo(router, "DELETE", "/hosted", "b.example")?.path).toBe("/hosted")
    expect(routeInfo(router, "DELETE", "/hosted", "c.example")?.path).toBe("/*rest")
  })

  test("is undefined where no route fits, and for a path that is not UTF-8", () => {
    const small = defineRouter((r) => [r.get("/a", show), r.forward("/b", inner)])
    expect(routeInfo(small, "GET", "/nope")).toBeUndefined()
    expect(routeInfo(small, "PUT", "/a")).toBeUndefined()
    expect(routeInfo(small, "PUT", "/b/x")).toBeUndefined()
    expect(routeInfo(small, "GET", "/%FF")).toBeUndefined()
  })
})
