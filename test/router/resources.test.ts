import { type Conn, defineRouter, type ResourceController, routes, type Sent, UsageError } from "plumage"
import { call, conn, sentResp } from "plumage/test"
import { describe, expect, test } from "vitest"

type AnyController = ResourceController<{}, object, object>
const action = (name: string) => Object.defineProperty((conn: Conn) => conn.text(name), "name", { value: name })
const all: AnyController = Object.fromEntries(
  ["index", "new", "create", "show", "edit", "update", "delete"].map((name) => [name, action(name)]),
)
const lines = (router: Parameters<typeof routes>[0]) =>
  routes(router).map(({ method, path, action }) => `${method} ${path} ${action}`)
const ask = (router: ReturnType<typeof defineRouter>, method: string, path: string) =>
  sentResp(call(router, conn(method, path)) as Sent).body

describe("resources", () => {
  test("are the seven routes, /new and /:id/edit before /:id", () => {
    const router = defineRouter((r) => [r.resources("/users", all)])
    expect(lines(router)).toEqual([
      "GET /users index",
      "GET /users/:id/edit edit",
      "GET /users/new new",
      "GET /users/:id show",
      "POST /users create",
      "PATCH /users/:id update",
      "PUT /users/:id update",
      "DELETE /users/:id delete",
    ])
    expect([
      ask(router, "GET", "/users/new"),
      ask(router, "GET", "/users/7"),
      ask(router, "GET", "/users/7/edit"),
    ]).toEqual(["new", "show", "edit"])
    expect([
      ask(router, "PUT", "/users/7"),
      ask(router, "PATCH", "/users/7"),
      ask(router, "DELETE", "/users/7"),
    ]).toEqual(["update", "update", "delete"])
  })

  test("route only the actions that the controller has", () => {
    expect(lines(defineRouter((r) => [r.resources("/users", { index: action("index") })]))).toEqual([
      "GET /users index",
    ])
    expect(lines(defineRouter((r) => [r.resources("/users", {})]))).toEqual([])
  })

  test("give the id to the action", () => {
    const router = defineRouter((r) => [r.resources("/users", { show: (conn, { id }) => conn.text(`user ${id}`) })])
    expect(ask(router, "GET", "/users/7")).toBe("user 7")
  })

  test("only and except choose among them", () => {
    const with_ = (options: object) =>
      lines(defineRouter((r) => [r.resources("/u", all, options)])).map((l) => l.split(" ")[2])
    expect(with_({ only: ["show", "index"] })).toEqual(["index", "show"])
    expect(with_({ except: ["new", "edit", "update"] })).toEqual(["index", "show", "create", "delete"])
    expect(with_({ only: ["index", "show"], except: ["show"] })).toEqual(["index"])
    expect(with_({ only: [] })).toEqual([])
  })

  test("param names the parameter", () => {
    const router = defineRouter((r) => [
      r.resources("/users", { show: (conn, { slug }) => conn.text(slug), edit: action("edit") }, { param: "slug" }),
    ])
    expect(lines(router).map((line) => line.split(" ")[1])).toEqual(["/users/:slug/edit", "/users/:slug"])
    expect(ask(router, "GET", "/users/ada")).toBe("ada")
  })

  test("a singleton has no index and no parameter", () => {
    const router = defineRouter((r) => [r.resources("/account", all, { singleton: true })])
    expect(lines(router)).toEqual([
      "GET /account/edit edit",
      "GET /account/new new",
      "GET /account show",
      "POST /account create",
      "PATCH /account update",
      "PUT /account update",
      "DELETE /account delete",
    ])
  })

  test("nested routes call the parent's parameter by its name", () => {
    const router = defineRouter((r) => [
      r.resources("/users", { show: action("show") }, { name: "user" }, (r) => [
        r.resources("/posts", { show: (conn, { user_id, id }) => conn.json({ user_id, id }) }),
        r.get("/avatar", (conn, { user_id }) => conn.text(user_id)),
      ]),
    ])
    expect(lines(router).map((line) => line.split(" ")[1])).toEqual([
      "/users/:id",
      "/users/:user_id/posts/:id",
      "/users/:user_id/avatar",
    ])
    expect(ask(router, "GET", "/users/7/posts/9")).toBe('{"user_id":"7","id":"9"}')
    expect(ask(router, "GET", "/users/7/avatar")).toBe("7")
  })

  test("nested in one with a param of its own, and in a singleton", () => {
    const router = defineRouter((r) => [
      r.resources("/admins", {}, { name: "admin", param: "slug" }, (r) => [
        r.get("/x", (conn, { admin_slug }) => conn.text(admin_slug)),
      ]),
      r.resources("/account", {}, { singleton: true, name: "account" }, (r) => [r.get("/keys", action("keys"))]),
    ])
    expect(lines(router).map((line) => line.split(" ")[1])).toEqual(["/admins/:admin_slug/x", "/account/keys"])
    expect([ask(router, "GET", "/admins/ada/x"), ask(router, "GET", "/account/keys")]).toEqual(["ada", "keys"])
  })

  test("at the root, and below a scope with plugs", () => {
    const router = defineRouter((r) => [
      r.scope(
        "/orgs/:org",
        (conn: Conn) => conn.assign("seen", 1),
        (r) => [r.resources("/members", { show: (conn, { org, id }) => conn.json([org, id, conn.assigns.seen]) })],
      ),
      r.resources("/", { index: action("root"), show: (conn, { id }) => conn.text(id) }),
    ])
    expect(ask(router, "GET", "/orgs/a/members/b")).toBe('["a","b",1]')
    expect([ask(router, "GET", "/"), ask(router, "GET", "/7")]).toEqual(["root", "7"])
  })

  test.each([
    ["an unknown action in only", { only: ["list"] }],
    ["an unknown action in except", { except: ["Show"] }],
    ["only that is no list", { only: "show" }],
    ["an unknown option", { onlyy: ["show"] }],
    ["a param that is no name", { param: "a/b" }],
    ["a param that is no text", { param: 5 }],
  ])("%s is a UsageError", (_, options) => {
    expect(() => defineRouter((r) => [r.resources("/users", all, options as object)])).toThrow(UsageError)
  })

  test("nested routes without a name are a UsageError that says what is missing", () => {
    expect(() => defineRouter((r) => [r.resources("/users", all, {} as { name: "x" }, () => [])])).toThrow(/name/)
  })

  test("an action that is no function is a UsageError", () => {
    expect(() => defineRouter((r) => [r.resources("/users", { show: "show" } as never)])).toThrow(UsageError)
  })
})
