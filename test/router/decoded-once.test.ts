/** The path is understood once: what a guard decides on is what the router decides on, for any path (row 18). */
import fc from "fast-check"
import { type Conn, defineRouter, ForbiddenError, type Sent } from "plumage"
import { call, conn, sentResp } from "plumage/test"
import { describe, expect, test } from "vitest"
import { splitPath } from "../../src/http/path.ts"

/** Forbids by `conn.path` what begins with /admin. */
const guard = (conn: Conn): Conn => {
  if (conn.path === "/admin" || conn.path.startsWith("/admin/")) throw new ForbiddenError()
  return conn
}
const secret = defineRouter((r) => [
  r.any("/", (conn) => conn.text("secret")),
  r.any("/*rest", (conn) => conn.text("secret")),
])

/** Three ways to have something below /admin, at two depths. */
const routers = {
  "a glob": defineRouter((r) => [
    r.scope("/", guard, (r) => [
      r.any("/admin/*rest", (conn) => conn.text("secret")),
      r.any("/*all", (conn) => conn.text("public")),
    ]),
  ]),
  "a forward": defineRouter((r) => [
    r.scope("/", guard, (r) => [r.forward("/admin", secret), r.any("/*all", (conn) => conn.text("public"))]),
  ]),
  "a scope": defineRouter((r) => [
    r.scope("/", guard, (r) => [
      r.scope("/admin", (r) => [
        r.any("/", (conn) => conn.text("secret")),
        r.any("/:a", (conn) => conn.text("secret")),
        r.any("/:a/*b", (conn) => conn.text("secret")),
      ]),
      r.any("/*all", (conn) => conn.text("public")),
    ]),
  ]),
}

function answer(router: ReturnType<typeof defineRouter>, path: string): "secret" | "public" | 400 | 403 | 404 {
  try {
    return sentResp(call(router, conn("GET", path)) as Sent).body as "secret" | "public"
  } catch (error) {
    return (error as { status: 400 | 403 | 404 }).status
  }
}

const piece = fc.constantFrom(
  "/", "//", "/./", "/../", "%2f", "%2F", "%5c", "\\", "%252e", "%252f", "%2e", ".", "..", "%00", "%C0%AF", "%c0%ae", "%E0%80%AF",
  "%FF", "admin", "%61dmin", "adm%69n", "%2561dmin", "ADMIN", "Admin", "admin%20", "admin;x", "x", "é", "%", "%zz", "+", "*", ";", ":", "@", "#", "?",
) // biome-ignore format: a corpus
const nasty = fc
  .tuple(fc.constantFrom("", "/x", "//"), fc.array(piece, { maxLength: 8 }))
  .map(([before, pieces]) => `/${before}${pieces.join("")}`)

describe.each(Object.entries(routers))("a guard on conn.path and %s behind it", (_, router) => {
  test("agree: nothing secret is ever reached", () => {
    fc.assert(
      fc.property(nasty, (path) => {
        const got = answer(router, path)
        expect(got, path).not.toBe("secret")
        const segments = splitPath(path.split("?")[0]!)
        expect(got, path).toBe(segments === undefined ? 400 : segments[0] === "admin" ? 403 : "public")
      }),
      { numRuns: 3000 },
    )
  })

  test("are not simply shut: without the guard the same paths lead there", () => {
    expect(answer(secret, "/x")).toBe("secret")
    for (const path of ["/admin/x", "//admin", "/%61dmin/x", "/admin/", "/admin/..%2f"]) {
      expect(answer(router, path), path).toBe(403)
    }
  })
})

test("conn.path is its own canonical form: parsed again it gives the same segments and the same path", () => {
  fc.assert(
    fc.property(nasty, (raw) => {
      const one = conn("GET", raw)
      let path: string
      try {
        path = one.path
      } catch (error) {
        expect(error).toMatchObject({ status: 400 })
        return
      }
      const again = conn("GET", path)
      expect([again.path, again.pathInfo]).toEqual([path, one.pathInfo])
      expect(path).toMatch(/^\/(?:[^/]+(?:\/[^/]+)*)?$/)
    }),
    { numRuns: 3000 },
  )
})
