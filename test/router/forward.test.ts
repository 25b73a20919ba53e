import {
  type Conn,
  defineRouter,
  InvalidPatternError,
  pipeline,
  type Router,
  routerFor,
  type Sent,
  UsageError,
} from "plumage"
import { call, conn, sentResp } from "plumage/test"
import { describe, expect, test } from "vitest"
import { errorOf } from "../loose.ts"

/** What a connection says of where it is. */
const place = (conn: Conn) => ({
  path: conn.path,
  pathInfo: conn.pathInfo,
  scriptName: conn.scriptName,
  route: conn.route?.path,
  method: conn.route?.method,
  pathParams: conn.pathParams,
})
const tell = (conn: Conn) => conn.json(place(conn))
const ask = async (router: ReturnType<typeof defineRouter>, path: string, method = "GET") =>
  JSON.parse(sentResp((await call(router, conn(method, path))) as Sent).body)

describe("forward", () => {
  const inner = defineRouter((r) => [r.get("/", tell), r.get("/users/:id", tell), r.post("/users", tell)])
  const outer = defineRouter((r) => [r.forward("/admin", inner), r.forward("/orgs/:org/x", inner), r.get("/own", tell)])

  test("moves the prefix from pathInfo to scriptName; the path stays whole", async () => {
    expect(await ask(outer, "/admin/users/7")).toEqual({
      path: "/admin/users/7",
      pathInfo: ["users", "7"],
      scriptName: ["admin"],
      route: "/admin/users/:id",
      method: "GET",
      pathParams: { id: "7" },
    })
  })

  test("serves the prefix itself", async () => {
    expect(await ask(outer, "/admin")).toMatchObject({ pathInfo: [], scriptName: ["admin"], route: "/admin" })
    expect(await ask(outer, "/admin/")).toMatchObject({ pathInfo: [] })
  })

  test("joins the parameters of prefix and route, and the patterns", async () => {
    expect(await ask(outer, "/orgs/a%2Fb/x/users/7")).toMatchObject({
      scriptName: ["orgs", "a/b", "x"],
      pathInfo: ["users", "7"],
      path: "/orgs/a%2Fb/x/users/7",
      route: "/orgs/:org/x/users/:id",
      pathParams: { org: "a/b", id: "7" },
    })
  })

  test("puts pathInfo and scriptName back when the router has answered, sync and async", async () => {
    const slow = defineRouter((r) => [
      r.get("/x", async (conn) => {
        await null
        return conn.text("x")
      }),
    ])
    for (const router of [inner, slow]) {
      const outer = defineRouter((r) => [r.forward("/a/b", router as unknown as Router<{}, readonly []>)])
      const one = conn("GET", `/a//b/${router === slow ? "x" : ""}`)
      await call(outer, one)
      expect([one.scriptName, one.pathInfo]).toEqual([[], ["a", "b", ...(router === slow ? ["x"] : [])]])
      expect(one.state).toBe("sent")
    }
  })

  test("leaves the connection as it was at the failure", () => {
    const failing = defineRouter((r) => [
      r.get("/x", () => {
        throw new Error("boom")
      }),
    ])
    const one = conn("GET", "/a/x")
    expect(() =>
      call(
        defineRouter((r) => [r.forward("/a", failing)]),
        one,
      ),
    ).toThrow("boom")
    expect([one.scriptName, one.pathInfo, one.path]).toEqual([["a"], ["x"], "/a/x"])
  })

  test("nests, with the parameters of every level", async () => {
    const deep = defineRouter((r) => [r.get("/:c", tell)])
    const middle = defineRouter((r) => [r.forward("/m/:b", deep)])
    const top = defineRouter((r) => [r.scope("/t", (r) => [r.forward("/:a", middle)])])
    expect(await ask(top, "/t/1/m/2/3")).toEqual({
      path: "/t/1/m/2/3",
      pathInfo: ["3"],
      scriptName: ["t", "1", "m", "2"],
      route: "/t/:a/m/:b/:c",
      method: "GET",
      pathParams: { a: "1", b: "2", c: "3" },
    })
  })

  test("an inner parameter of the same name wins", async () => {
    const same = defineRouter((r) => [
      r.forward(
        "/:id",
        defineRouter((r) => [r.get("/:id", tell)]),
      ),
    ])
    expect((await ask(same, "/1/2")).pathParams).toEqual({ id: "2" })
  })

  test("at / hands the whole path over", async () => {
    const root = defineRouter((r) => [r.get("/first", tell), r.forward("/", inner)])
    expect(await ask(root, "/users/7")).toMatchObject({ scriptName: [], pathInfo: ["users", "7"], route: "/users/:id" })
    expect(await ask(root, "/first")).toMatchObject({ route: "/first" })
  })

  test("gives every method, and lets the inner router answer 404, 405 and HEAD", () => {
    expect(errorOf(() => call(outer, conn("GET", "/admin/nope")))).toMatchObject({
      status: 404,
      message: "no route found for GET /admin/nope",
    })
    expect(errorOf(() => call(outer, conn("DELETE", "/admin/users")))).toMatchObject({
      status: 405,
      headers: ["allow", "POST"],
    })
    expect(sentResp(call(outer, conn("HEAD", "/admin/users/7")) as Sent)).toMatchObject({ status: 200, body: "" })
  })

  test("the inner router never takes the whole path for the rest of it", async () => {
    const same = defineRouter((r) => [
      r.get("/a/x", (conn) => conn.json("whole")),
      r.get("/x", (conn) => conn.json("rest")),
    ])
    const router = defineRouter((r) => [r.forward("/a", same)])
    expect([await ask(router, "/a/x"), await ask(router, "/a/a/x")]).toEqual(["rest", "whole"])
  })

  test("matches whole segments only", () => {
    for (const path of ["/administrator", "/admin%2Fusers/7", "/Admin", "/x/admin"]) {
      expect(
        errorOf(() => call(outer, conn("GET", path))),
        path,
      ).toMatchObject({ status: 404 })
    }
  })

  test("strips an encoded prefix as it strips a plain one", async () => {
    expect(await ask(outer, "//%61dmin//users/7")).toMatchObject({ scriptName: ["admin"], pathInfo: ["users", "7"] })
  })

  test("keeps its declared place among the other routes", async () => {
    const router = defineRouter(
      (r) => [
        r.get("/admin/users/7", (conn) => conn.json("before")),
        r.forward("/admin", inner),
        r.get("/admin/users/8", (conn) => conn.json("after")),
      ],
      { unreachable: "allow" },
    )
    expect(await ask(router, "/admin/users/7")).toBe("before")
    expect(await ask(router, "/admin/users/8")).toMatchObject({ route: "/admin/users/:id" })
  })

  test("runs the plugs of its scope first, whose assigns the inner router may need", () => {
    const needs = routerFor<{ user: string }>()((r) => [r.get("/me", (conn) => conn.text(conn.assigns.user))])
    const plugs = pipeline().plug((conn) => conn.assign("user", "ada"))
    const router = defineRouter((r) => [r.scope("/", plugs, (r) => [r.forward("/a", needs)])])
    expect(sentResp(call(router, conn("GET", "/a/me")) as Sent).body).toBe("ada")
  })

  test("is limited to a host like any route, on either side", () => {
    const hosted = defineRouter((r) => [r.host("in.example", (r) => [r.get("/x", tell)])])
    const router = defineRouter((r) => [
      r.host("out.example", (r) => [r.forward("/a", inner)]),
      r.forward("/b", hosted),
    ])
    const status = (path: string, host: string) => {
      try {
        return sentResp(call(router, conn("GET", path, undefined, { headers: { host } })) as Sent).status
      } catch (error) {
        return (error as { status: number }).status
      }
    }
    expect([status("/a", "out.example"), status("/a", "in.example")]).toEqual([200, 404])
    expect([status("/b/x", "in.example"), status("/b/x", "out.example")]).toEqual([200, 404])
  })

  test.each(["/a/*rest", "/a{/:b}", "/{*x}"])(
    "refuses %s: nothing optional may stand before what is mounted",
    (path) => {
      expect(() => defineRouter((r) => [r.forward(path as "/a", inner)])).toThrow(InvalidPatternError)
    },
  )

  test("refuses what is no router", () => {
    for (const to of [undefined, {}, (conn: Conn) => conn.text("x")]) {
      expect(
        () => defineRouter((r) => [r.forward("/a", to as unknown as Router<{}, readonly []>)]),
        String(to),
      ).toThrow(UsageError)
    }
  })

  test("one router may be mounted in several places", async () => {
    const router = defineRouter((r) => [r.forward("/a", inner), r.forward("/b", inner)])
    expect(await ask(router, "/a/users/1")).toMatchObject({ route: "/a/users/:id" })
    expect(await ask(router, "/b/users/1")).toMatchObject({ route: "/b/users/:id" })
  })
})
