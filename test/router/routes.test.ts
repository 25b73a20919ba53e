import { type Conn, defineRouter, type Router, routeInfo, routes, UsageError } from "plumage"
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
    expect(routes(router)).toEqual([
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
