/** Guards that one walks around because the file server reads the path in another way, and ways out of its folder. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, win32 } from "node:path"
import fc from "fast-check"
import { BadRequestError, type Conn, defineRouter, ForbiddenError, InvalidPathError } from "plumage"
import { call, conn, sentResp } from "plumage/test"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { serveStatic } from "../../src/plugs/serve-static.ts"
import { canNameFile } from "../../src/plugs/static-path.ts"
import { staticPaths } from "./static-paths.ts"

let base: string
let from: string
const files = ["admin/secret.txt", "admin/deep/secret.txt", "public/a.txt", "Admin2/b.txt", "%2e%2e", "a%2fb.txt"]

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), "plumage-guard-"))
  from = join(base, "files")
  for (const folder of ["admin/deep", "public", "Admin2"]) await mkdir(join(from, folder), { recursive: true })
  // Each file says where it is.
  for (const name of files) await writeFile(join(from, name), name)
  await writeFile(join(base, "secret.txt"), "OUTSIDE")
  await mkdir(join(base, "files-not"))
  await writeFile(join(base, "files-not", "secret.txt"), "OUTSIDE")
})
afterAll(() => rm(base, { recursive: true }))

type Outcome = number | string

/** The status of what was refused, the text of the file that was served, or "passed". */
async function outcome(run: () => unknown): Promise<Outcome> {
  try {
    const done = (await run()) as Conn
    return done.halted ? sentResp(done).body : "passed"
  } catch (error) {
    if (error instanceof InvalidPathError || error instanceof BadRequestError) return 400
    if (error instanceof ForbiddenError) return 403
    throw error
  }
}

const mounts = ["/", "/m", "/m/n"]
const within = (mount: string, path: string): string => (mount === "/" ? path : mount + path)

/** A guard as people write it: on the path that the connection shows. */
const isGuarded = (one: Conn, mount: string): boolean =>
  one.path === within(mount, "/admin") || one.path.startsWith(`${within(mount, "/admin")}/`)

function served(mount: string, path: string): Promise<Outcome> {
  return outcome(() => call(serveStatic({ at: mount, from, dotFiles: "allow" }), conn("GET", path)))
}

/** What comes of a path: by the file server alone, by the router alone, and what the guard says. */
async function decisions(mount: string, path: string) {
  const router = defineRouter((r) => [
    r.get(within(mount, "/admin"), (one) => one.text("admin")),
    r.get(within(mount, "/admin/*rest"), (one) => one.text("admin")),
    r.any("/*rest", (one) => one.text("elsewhere")),
  ])
  const one = conn("GET", path)
  let guard: boolean | 400
  try {
    guard = isGuarded(one, mount)
  } catch (error) {
    expect(error).toBeInstanceOf(BadRequestError)
    guard = 400
  }
  const file = await served(mount, path)
  const route = await outcome(async () => {
    const done = await router(one)
    return Object.assign(done, { halted: true })
  })
  return { guard, route, file }
}

describe.each(mounts)("mounted at %s", (mount) => {
  test("the guard's file is there, and the guard sees it", async () => {
    const path = within(mount, "/admin/secret.txt")
    expect(await decisions(mount, path)).toEqual({ guard: true, route: "admin", file: "admin/secret.txt" })
  })

  test.each(staticPaths)("%s: %s leads neither past a guard nor out of the folder", async (_, __, paths) => {
    for (const path of paths) {
      const { guard, route, file } = await decisions(mount, within(mount, path))
      expect(file, path).not.toBe("OUTSIDE")
      if (String(file).startsWith("admin/")) expect([guard, route], path).toEqual([true, "admin"])
      expect(route, path).toBe(guard === 400 ? 400 : guard ? "admin" : "elsewhere")
    }
  })

  test("GHSA-pr96-94w5-mx2h, GHSA-83w8-p2f5-377r: no folder is listed, nor what is above it", async () => {
    for (const path of ["", "/", "/..", "/../", "/admin", "/admin/", "/admin/..", "/%2e%2e/", "/admin/%2e%2e/"]) {
      expect(["passed", 400], path).toContain(await served(mount, within(mount, path === "" ? "/" : path)))
    }
  })

  const pieces = [
    ...[
      "/",
      "//",
      "/./",
      "/../",
      "%2f",
      "%2F",
      "%5c",
      "\\",
      "%255c",
      "%252f",
      "%252e",
      "%2e",
      ".",
      "..",
      "%00",
      "%c0%af",
    ],
    ...[
      "%c0%ae",
      ":",
      "%3a",
      ";",
      "?",
      "%20",
      " ",
      "+",
      "a",
      "%61",
      "A",
      "admin",
      "/admin/",
      "ADMIN",
      "%61dmin",
      "secret.txt",
    ],
    ...["/secret.txt", "deep/", "public", "/public/", "/m", "/n/", "\u0130", "%e2%84%aa", "%ff", "%"],
  ]
  const anyPath = fc
    .array(fc.constantFrom(...pieces), { maxLength: 8 })
    .map((parts) => within(mount, `/${parts.join("")}`))

  test("row 18: guard, route and file are one decision, or a 400 (property)", async () => {
    const seen = new Set<Outcome>()
    await fc.assert(
      fc.asyncProperty(anyPath, async (path) => {
        const { guard, route, file } = await decisions(mount, path)
        seen.add(file)
        if (guard === 400) {
          expect([route, file]).toEqual([400, 400])
          return
        }
        expect(route).toBe(guard ? "admin" : "elsewhere")
        if (file === 400 || file === "passed") return
        // The file that was served is the one that the segments name, byte by byte.
        const { path: canonical, pathInfo } = conn("GET", path)
        const depth = mount.split("/").filter((part) => part !== "").length
        expect(pathInfo.slice(depth).join("/")).toBe(file)
        expect(String(file).startsWith("admin/")).toBe(guard)
        expect(canonical.startsWith(mount)).toBe(true)
      }),
      { numRuns: 600 },
    )
    expect(seen).toContain(400)
    expect(seen).toContain("passed")
  })
})

describe("GHSA-frvp-7c67-39w9: by the rules of Windows", () => {
  const segment = fc
    .array(
      fc.oneof(
        fc.constantFrom(
          "..",
          ".",
          "\\",
          "/",
          ":",
          "C:",
          "\0",
          " ",
          "con",
          "nul.txt",
          "aux",
          "a",
          "$DATA",
          "~1",
          "%5c",
          "COM1",
        ),
        fc.string({ unit: "grapheme", maxLength: 3 }),
      ),
      { minLength: 1, maxLength: 3 },
    )
    .map((parts) => parts.join(""))

  test("a path that may name a file stays in its folder, segment by segment (property)", () => {
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 5 }), (segments) => {
        let can: boolean
        try {
          can = canNameFile(segments, "allow", "win32")
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidPathError)
          return
        }
        if (!can) return
        const path = win32.join("C:\\files", ...segments)
        expect(path).toBe(["C:\\files", ...segments].join("\\"))
        expect(win32.relative("C:\\files", path).split("\\")).toEqual(segments)
        expect(path).not.toMatch(/[. ](\\|$)/)
      }),
      { numRuns: 2_000 },
    )
  })

  test("devices have no files, on Windows alone", () => {
    for (const name of ["con", "NUL", "nul.txt", "Aux.tar.gz", "com1", "LPT9.css", "CONIN$", "com\u00b9"]) {
      expect(canNameFile(["a", name], "allow", "win32"), name).toBe(false)
      expect(canNameFile(["a", name], "allow", "linux"), name).toBe(true)
    }
    for (const name of ["console.js", "null", "com", "com10", "auxiliary.css"]) {
      expect(canNameFile([name], "allow", "win32"), name).toBe(true)
    }
  })

  test("encoded backslashes are a 400", async () => {
    for (const path of ["/..%5c..%5csecret.txt", "/%5c%5chost%5cshare", "/C%3a%5csecret.txt", "/C:/secret.txt"]) {
      expect(await served("/", path), path).toBe(400)
    }
  })
})
