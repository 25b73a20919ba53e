/** Guards that one walks around by writing the path in another way. The guard looks at conn.path, as guards do. */
import { type Conn, defineRouter, ForbiddenError } from "plumage"
import { expect, test } from "vitest"
import { action } from "../adapters/suite/app.ts"
import { bytesOf } from "../adapters/suite/request.ts"
import { onEveryServer } from "./servers.ts"

const guard = (conn: Conn): Conn => {
  if (conn.path === "/admin" || conn.path.startsWith("/admin/")) throw new ForbiddenError()
  return conn
}
let reached = 0
const secret = (conn: Conn) => {
  reached++
  return conn.text("secret")
}
const admin = defineRouter((r) => [r.any("/*rest", secret)])
const router = defineRouter((r) => [
  r.scope("/", guard, (r) => [
    r.get("/admin/secret.txt", secret),
    r.forward("/admin", admin),
    r.any("/public/*rest", (conn, { rest }) => conn.json(rest)),
    r.any("/*rest", (conn) => conn.text("elsewhere")),
  ]),
])
const app = action((conn) => router(conn))

const rows: [id: string, what: string, paths: string[]][] = [
  ["CVE-2026-29087", "an encoded slash", ["/admin%2fsecret.txt", "/admin%2Fsecret.txt", "/admin/%2fsecret.txt"]],
  [
    "CVE-2026-39406, GHSA-92pp-h63x-v22m",
    "a repeated slash",
    ["//admin/secret.txt", "/admin//secret.txt", "///admin///secret.txt", "/admin/secret.txt//"],
  ],
  [
    "GHSA-frvp-7c67-39w9",
    "a backslash, encoded or not",
    ["/..%5c..%5cadmin", "/admin%5csecret.txt", "/%5cadmin/secret.txt", "/public/..%5c..%5cadmin%5csecret.txt"],
  ],
  [
    "CVE-2026-29045, GHSA-q5qw-h33p-qvwr",
    "double encoding",
    ["/%252e%252e/admin/secret.txt", "/%2561dmin/secret.txt", "/admin%252fsecret.txt", "/public/%252e%252e/admin"],
  ],
  [
    "CVE-2026-6414, GHSA-x428-ghpx-8j92",
    "encoded separators and letters",
    ["/%61dmin/secret.txt", "/admin/%73ecret.txt", "/%61%64%6d%69%6e%2fsecret.txt"],
  ],
  [
    "CVE-2026-15074",
    "literal dots",
    ["/public/../admin/secret.txt", "/./admin/secret.txt", "/admin/./secret.txt", "/admin/../admin/secret.txt"],
  ],
  [
    "CVE-2026-7120, GHSA-8pvw-jcv7-9cmj",
    "what is normalised after the check",
    ["//admin", "/./admin", "/admin/", "/admin/.", "/%2e/admin/secret.txt"],
  ],
  [
    "0e751b40, 9947d514, 8e9993fd, cd03d416, 64acfe64 (h3)",
    "below a mount",
    ["/admin/%2e%2e/secret.txt", "/admin/..%2fsecret.txt", "/admin\\secret.txt", "/admin/%00secret.txt"],
  ],
  [
    "GHSA-m4f6-p2j8-rq76",
    "the raw path against the decoded one",
    ["/adm%69n/secret.txt", "/admin;x/secret.txt", "/admin%20/secret.txt", "/ADMIN/secret.txt", "/admin?/../x"],
  ],
  [
    "GHSA-3pmx-cf9f-34xr, GHSA-vfp3-v2gw-7wfq",
    "overlong and broken UTF-8",
    ["/%c0%af/admin", "/admin%c0%afsecret.txt", "/%c1%a1dmin/secret.txt", "/admin/%ff"],
  ],
]

await onEveryServer((suite) => {
  const ask = (path: string, host = "localhost") =>
    suite.server.say(bytesOf("GET", path, { headers: ["host", host, "x-case", app, "connection", "close"] }))

  test("the guard shuts what it guards, and nothing else", async () => {
    expect((await ask("/admin/secret.txt")).status).toBe(403)
    expect((await ask("/public/a/b")).json()).toEqual(["a", "b"])
  })

  test.each(rows)("%s: %s leads past no guard", async (_, __, paths) => {
    reached = 0
    for (const path of paths) {
      const answer = await ask(path)
      expect([200, 400, 403, 404], path).toContain(answer.status)
      expect(reached, path).toBe(0)
      if (answer.status === 200) expect(answer.text, path).not.toBe("secret")
    }
  })

  test("an absolute target leads past no guard either", async () => {
    reached = 0
    for (const target of ["http://localhost/admin/secret.txt", "http://localhost//admin/secret.txt"]) {
      // 505 is what a server may say that knows no such targets.
      expect([403, 505], target).toContain((await ask(target)).status)
    }
    expect(reached).toBe(0)
  })
})
