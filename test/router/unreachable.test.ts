import * as fc from "fast-check"
import { type Conn, defineRouter, type Router, type Routes, type Scope, UsageError } from "plumage"
import { call, conn, sentResp } from "plumage/test"
import { describe, expect, test } from "vitest"
import { errorOf } from "../loose.ts"
import { libraryParams, patterns } from "./patterns.ts"

const act = (conn: Conn) => conn.text("here")
type Build = (r: Scope<{}, "/">) => Routes
const define = (build: Build, options = {}): Router<{}, Routes> => defineRouter(build, options)

describe("a route that no request can reach is an error", () => {
  const cases: [what: string, build: Build, message: RegExp][] = [
    ["the same again", (r) => [r.get("/a", act), r.get("/a/", act)], /GET \/a\/ .* GET \/a /],
    ["the very same", (r) => [r.get("/a", act), r.get("/a", act)], /GET \/a .* declared twice; first as GET \/a /],
    ["another name", (r) => [r.get("/:id", act), r.get("/:name", act)], /GET \/:name .* GET \/:id /],
    ["text behind a parameter", (r) => [r.get("/users/:id", act), r.get("/users/new", act)], /\/users\/new/],
    ["behind any method", (r) => [r.any("/a", act), r.put("/a", act)], /PUT \/a .* \* \/a /],
    ["behind a glob", (r) => [r.get("/*rest", act), r.get("/a/b", act)], /\/a\/b/],
    ["a glob behind a glob", (r) => [r.get("/a/*rest", act), r.get("/a/b/*rest", act)], /\/a\/b\/\*rest/],
    ["HEAD behind its GET", (r) => [r.get("/a", act), r.head("/a", act)], /HEAD \/a/],
    ["a mix behind a parameter", (r) => [r.get("/:file", act), r.get("/:name.:ext", act)], /:name\.:ext/],
    ["every form of a group", (r) => [r.get("/a", act), r.get("/a/:b", act), r.get("/a{/:b}", act)], /\{\/:b\}/],
    ["on a host behind every host", (r) => [r.get("/a", act), r.host("x.example", (r) => [r.get("/a", act)])], /\/a/],
    [
      "behind a host's prefix",
      (r) => [r.host("api.", (r) => [r.get("/a", act)]), r.host("api.example", (r) => [r.get("/a", act)])],
      /\/a/,
    ],
    [
      "behind a forward",
      (r) => [
        r.forward(
          "/a",
          defineRouter((r) => [r.get("/", act)]),
        ),
        r.get("/a/b", act),
      ],
      /GET \/a\/b .* \* \/a /,
    ],
  ]
  test.each(cases)("%s", (_, build, message) => {
    const error = errorOf(() => define(build))
    expect(error).toBeInstanceOf(UsageError)
    expect(error.message).toMatch(message)
    expect(error.message.match(/unreachable\.test\.ts:\d+:\d+/g), "both places").toHaveLength(2)
    expect(() => define(build, { unreachable: "allow" })).not.toThrow()
  })
})

describe("a route that some request reaches stands", () => {
  const cases: [what: string, build: Build][] = [
    ["text before a parameter", (r) => [r.get("/users/new", act), r.get("/users/:id", act)]],
    ["another method", (r) => [r.get("/a", act), r.post("/a", act)]],
    ["any method behind one", (r) => [r.get("/a", act), r.any("/a", act)]],
    ["another case", (r) => [r.get("/a", act), r.get("/A", act)]],
    ["a glob behind its first lengths", (r) => [r.get("/a", act), r.get("/a/:b", act), r.get("/a/*rest", act)]],
    ["one form of a group", (r) => [r.get("/a", act), r.get("/a{/:b}", act)]],
    ["a parameter behind mixes", (r) => [r.get("/:name.:ext", act), r.get("/v:n", act), r.get("/:id", act)]],
    ["every host behind one", (r) => [r.host("x.example", (r) => [r.get("/a", act)]), r.get("/a", act)]],
    [
      "one of several hosts",
      (r) => [r.host("x.example", (r) => [r.get("/a", act)]), r.host(["x.example", "y."], (r) => [r.get("/a", act)])],
    ],
    ["a resource's new before its show", (r) => [r.resources("/p", { show: act, new: act, edit: act, index: act })]],
  ]
  test.each(cases)("%s", (_, build) => {
    expect(() => define(build)).not.toThrow()
  })

  test("HEAD behind GET, where GET does not answer it", () => {
    expect(() => define((r) => [r.get("/a", act), r.head("/a", act)], { head: false })).not.toThrow()
  })
})

test("what is refused is reached by no path that its pattern takes, whatever the table (property)", () => {
  const segment = fc.constantFrom("a", "b", "v", "users", "x", "é", "a-1", "1.a", "x-y", "x--y.z")
  const paths = fc.array(segment, { maxLength: 5 })
  let refused = 0
  fc.assert(
    fc.property(
      fc.array(patterns, { minLength: 2, maxLength: 6 }),
      fc.array(paths, { maxLength: 20 }),
      (table, asked) => {
        const build: Build = (r) => table.map((path, at) => r.get(path, (conn) => conn.text(String(at))))
        let message: string | undefined
        try {
          define(build)
        } catch (error) {
          message = (error as Error).message
        }
        if (message === undefined) return
        refused++
        const [, pattern] = /^GET (\S+) /.exec(message)!
        // Several may be written alike: what is out of reach is the last of them.
        const at = table.lastIndexOf(pattern!)
        const router = define(build, { unreachable: "allow" })
        for (const segments of asked) {
          if (libraryParams(pattern!, segments) === undefined) continue
          const path = "/" + segments.map(encodeURIComponent).join("/")
          expect(sentResp(call(router, conn("GET", path)) as never).body).not.toBe(String(at))
        }
      },
    ),
    { numRuns: 2_000 },
  )
  expect(refused).toBeGreaterThan(100)
})
