import { spawnSync } from "node:child_process"
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { cli } from "../../src/cli/cli.ts"
import { root } from "../architecture.ts"

/** Runs a command line in this process. */
async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const out: string[] = []
  const err: string[] = []
  const code = await cli(args, { isTerminal: false, write: (line) => out.push(line), fail: (line) => err.push(line) })
  return { code, out: out.join("\n"), err: err.join("\n") }
}
const app = join(root, "test/cli/app.ts")

describe("plumage", () => {
  test("says what there is, and what there is not", async () => {
    for (const args of [[], ["help"], ["--help"]]) {
      const { code, out } = await run(...args)
      expect(code).toBe(0)
      for (const name of ["routes", "digest", "digest.clean", "gen.secret"])
        expect(out).toMatch(new RegExp(`^  ${name} `, "m"))
    }
    const unknown = await run("toString")
    expect([unknown.code, unknown.out]).toEqual([2, ""])
    expect(unknown.err).toContain('there is no command "toString"')
  })

  test("tells of each command, and refuses options that it does not have with what it takes", async () => {
    expect((await run("routes", "--help")).out).toContain("--for 'GET /users/7'")
    const wrong = await run("routes", "--jsno")
    expect(wrong.code).toBe(2)
    expect(wrong.err).toMatch(/--jsno[\s\S]*plumage routes \[FILE\]/)
  })

  test("runs as a program, by the exit code that a shell sees", () => {
    const program = (...args: string[]) =>
      spawnSync(process.execPath, ["--import", "tsx", "src/cli/main.ts", ...args], { cwd: root, encoding: "utf8" })
    const routes = program("routes", "test/cli/app.ts")
    expect(routes.stderr).toBe("")
    expect(routes.stdout).toMatch(/^GET +\/users\/:id +authenticated > show +test\/cli\/app\.ts:\d+:\d+$/m)
    expect(routes.status).toBe(0)
    expect(program("nothing").status).toBe(2)
    expect(program("routes", "no/such/file.js").status).toBe(1)
  })
})

describe("plumage gen.secret", () => {
  test("gives 64 characters that no shell minds, another each time, or as many as asked for", async () => {
    const [one, two] = [(await run("gen.secret")).out, (await run("gen.secret")).out]
    expect(one).toMatch(/^[\w-]{64}$/)
    expect(one).not.toBe(two)
    expect((await run("gen.secret", "100")).out).toMatch(/^[\w-]{100}$/)
    for (const length of ["31", "1025", "many", "-64", ""]) expect((await run("gen.secret", "--", length)).code).toBe(2)
  })
})

describe("plumage routes", () => {
  test("lists sockets, then routes in the order in which they are tried, with plugs, action and place", async () => {
    const lines = (await run("routes", app)).out.split("\n").map((line) => line.replace(/\s+/g, " "))
    expect(lines).toEqual([
      "SOCKET /live websocket",
      expect.stringMatching(/^GET \/ \(unnamed\) test\/cli\/app\.ts:\d+:\d+$/),
      expect.stringMatching(/^GET \/users\/:id authenticated > show /),
      expect.stringMatching(/^POST \/users authenticated > create /),
      expect.stringMatching(/^GET \/admin\/stats on admin\. stats /),
    ])
  })

  test("gives the same as JSON", async () => {
    const routes = JSON.parse((await run("routes", app, "--json")).out)
    expect(routes.map(({ path }: { path: string }) => path)).toEqual([
      "/live",
      "/",
      "/users/:id",
      "/users",
      "/admin/stats",
    ])
    expect(routes[2]).toMatchObject({
      method: "GET",
      plugs: ["authenticated"],
      action: "show",
      metadata: { area: "people" },
    })
  })

  test("tells which route a request would take, with its parameters, and when none does", async () => {
    const found = await run("routes", app, "--for", "get /users/a%20b?page=2")
    expect(found.out.replace(/ +/g, " ")).toMatch(/^GET \/users\/:id authenticated > show .*\n :id = "a b"$/)
    expect(JSON.parse((await run("routes", app, "--json", "--for", "GET /users/7")).out)).toMatchObject({
      pathParams: { id: "7" },
    })
    expect((await run("routes", app, "--for", "GET /admin/stats admin.example")).code).toBe(0)
    expect(await run("routes", app, "--for", "GET /admin/stats")).toMatchObject({
      code: 1,
      err: expect.stringContaining("no route takes GET /admin/stats"),
    })
    expect((await run("routes", app, "--for", "users")).code).toBe(2)
  })

  test("says what is missing: the file, or an endpoint in it", async () => {
    expect((await run("routes", "no/such/app.ts")).err).toMatch(/there is no file .*no\/such\/app\.ts/)
    expect((await run("routes", import.meta.filename.replace("cli.test", "../loose"))).err).toContain(
      "exports no endpoint",
    )
  })
})

describe("plumage digest", () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "plumage-cli-"))
    writeFileSync(join(folder, "app.css"), "body { color: red }")
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  test("fingerprints a folder, says so once, and cleans up after itself", async () => {
    const first = await run("digest", folder)
    expect(first).toMatchObject({ code: 0, err: "" })
    expect(first.out).toMatch(/^app\.css -> app-[0-9a-f]{32}\.css\n1 files, 1 of them new or changed$/)
    expect((await run("digest", folder)).out).toBe("1 files, 0 of them new or changed")
    expect((await run("digest.clean", folder, "--all")).out).toMatch(/removed app-[0-9a-f]{32}\.css/)
    expect(readdirSync(folder)).toEqual(["app.css"])
  })

  test("says what is wrong, without a stack", async () => {
    const { code, err } = await run("digest", join(folder, "nothing"))
    expect(code).toBe(1)
    expect(err).toMatch(/^plumage digest: .*nothing/)
    expect(err).not.toContain("    at ")
    expect((await run("digest.clean", folder, "--keep", "x")).code).toBe(2)
  })
})
