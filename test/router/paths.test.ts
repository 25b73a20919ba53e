/** Verified paths: built from patterns that the router has, and read back as what they were built from. */
import fc from "fast-check"
import { defineRouter, pathsOf, type Sent, UsageError } from "plumage"
import { call, conn, sentResp } from "plumage/test"
import { describe, expect, test } from "vitest"

const admin = defineRouter((r) => [
  r.get("/", (conn) => conn.text("admin")),
  r.get("/stats/:day", (conn, { day }) => conn.json({ day })),
])
const router = defineRouter((r) => [
  r.get("/", (conn) => conn.text("root")),
  r.get("/users/:id", (conn, { id }) => conn.json({ id })),
  r.get("/files/*rest", (conn, { rest }) => conn.json({ rest })),
  r.get("/posts{/:year}", (conn, { year }) => conn.json({ year })),
  r.get("/:name.:ext", (conn, { name, ext }) => conn.json({ name, ext })),
  r.scope("/orgs/:org_id", (r) => [r.resources("/members", { show: (conn, p) => conn.json(p) })]),
  r.forward("/admin", admin),
  r.get("/literal\\:x", (conn) => conn.text("literal")),
])
const path = pathsOf(router)
const untyped = path as (pattern: string, params?: object, query?: object) => string

describe("pathsOf", () => {
  test.each([
    ["/", undefined, "/"],
    ["/users/:id", { id: 7 }, "/users/7"],
    ["/users/:id", { id: "a/b c?" }, "/users/a%2Fb%20c%3F"],
    ["/users/:id", { id: true }, "/users/true"],
    ["/users/:id", { id: 10n }, "/users/10"],
    ["/files/*rest", { rest: ["a b", 1, "c/d"] }, "/files/a%20b/1/c%2Fd"],
    ["/files/*rest", { rest: [] }, "/files"],
    ["/posts{/:year}", {}, "/posts"],
    ["/posts{/:year}", undefined, "/posts"],
    ["/posts{/:year}", { year: 2020 }, "/posts/2020"],
    ["/:name.:ext", { name: "a", ext: "b" }, "/a.b"],
    ["/orgs/:org_id/members/:id", { org_id: 1, id: 2 }, "/orgs/1/members/2"],
    ["/admin", undefined, "/admin"],
    ["/admin/stats/:day", { day: "monday" }, "/admin/stats/monday"],
    ["/literal\\:x", undefined, "/literal:x"],
  ])("%s with %o is %s", (pattern, params, expected) => {
    expect(untyped(pattern, params)).toBe(expected)
  })

  test("appends a query, nested and encoded; an empty one is none", () => {
    expect(path("/", {}, { q: "a b&c", page: 2, tags: ["x", "y"], user: { n: 1 } })).toBe(
      "/?q=a+b%26c&page=2&tags[]=x&tags[]=y&user[n]=1",
    )
    expect(path("/users/:id", { id: 1 }, {})).toBe("/users/1")
  })

  test.each(["/user/:id", "/users", "/users/7", "users/:id", "", "/stats/:day", "/literal:x"])(
    "%s, which the router does not have, is a UsageError that names it",
    (pattern) => {
      expect(() => untyped(pattern, { id: 1 })).toThrow(UsageError)
      if (pattern !== "") expect(() => untyped(pattern, { id: 1 })).toThrow(pattern)
    },
  )

  test.each([
    ["/users/:id", {}],
    ["/users/:id", { id: undefined }],
    ["/users/:id", { id: null }],
    ["/users/:id", { id: "" }],
    ["/users/:id", { id: "." }],
    ["/users/:id", { id: ".." }],
    ["/users/:id", { id: {} }],
    ["/users/:id", { id: ["a"] }],
    ["/users/:id", { id: Number.NaN }],
    ["/files/*rest", {}],
    ["/files/*rest", { rest: "a" }],
    ["/files/*rest", { rest: ["a", ".."] }],
    ["/files/*rest", { rest: ["a", ""] }],
    ["/:name.:ext", { name: "a", ext: "b.c" }],
  ])("%s with %j is a UsageError", (pattern, params) => {
    expect(() => untyped(pattern, params)).toThrow(UsageError)
  })

  test("what it builds, the router reads back, for any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1 }), fc.array(fc.string({ minLength: 1 })), (id, rest) => {
        fc.pre(![id, ...rest].some((text) => /^\.\.?$/.test(text)))
        const read = (url: string) => JSON.parse(sentResp(call(router, conn("GET", url)) as Sent).body)
        expect(read(path("/users/:id", { id }))).toEqual({ id })
        expect(read(path("/files/*rest", { rest }))).toEqual({ rest })
        expect(conn("GET", path("/", {}, { q: id })).queryParams).toEqual({ q: id })
      }),
    )
  })

  test("is made once and may be used before the routes are called", () => {
    const early = pathsOf(
      defineRouter((r) => [
        r.get("/a", (conn): Sent => conn.redirect(early("/b"))),
        r.get("/b", (conn) => conn.text("b")),
      ]),
    )
    expect(early("/a")).toBe("/a")
  })
})
