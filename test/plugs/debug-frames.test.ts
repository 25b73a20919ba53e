/** Whose frames a stack has, and the source around them. */
import { mkdirSync, mkdtempSync, realpathSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { runInNewContext } from "node:vm"
import { describe, expect, test } from "vitest"
import { appFolder, parseStack } from "../../src/plugs/debug-frames.ts"
import { Sources } from "../../src/plugs/debug-source.ts"

const places = { app: "/app", plumage: "/plumage" }
const one = (line: string) => parseStack(`Error: x\n    at ${line}`, "x", places)[0]

describe("a frame", () => {
  test.each([
    ["show (file:///app/src/users.ts:1:2)", "app", "show", "src/users.ts", 1, 2],
    ["show (/app/src/users.ts:1:2)", "app", "show", "src/users.ts", 1, 2],
    ["async show (/app/a.ts:1:2)", "app", "show", "a.ts", 1, 2],
    ["new User (/app/a.ts:1:2)", "app", "new User", "a.ts", 1, 2],
    ["Object.find [as get] (/app/a.ts:1:2)", "app", "find [as get]", "a.ts", 1, 2],
    ["Object.<anonymous> (/app/a.ts:1:2)", "app", "", "a.ts", 1, 2],
    ["file:///app/a%20b.ts:1:2", "app", "", "a b.ts", 1, 2],
    ["file:///app/a.ts?t=1&v=2:1:2", "app", "", "a.ts", 1, 2],
    ["/app/a (b)/c.ts:1:2", "app", "", "a (b)/c.ts", 1, 2],
    ["f (/app/a (b)/c.ts:1:2)", "app", "f", "a (b)/c.ts", 1, 2],
    ["f (/app/node_modules/pg/lib/a.js:1:2)", "library", "f", "pg/lib/a.js", 1, 2],
    ["f (/app/node_modules/a/node_modules/@b/c/d.js:1:2)", "library", "f", "@b/c/d.js", 1, 2],
    ["f (/app/node_modules/plumage/dist/index.js:1:2)", "plumage", "f", "plumage/dist/index.js", 1, 2],
    ["f (/plumage/src/plug/run.ts:1:2)", "plumage", "f", "plumage/src/plug/run.ts", 1, 2],
    ["f (/plumage/examples/app.ts:1:2)", "other", "f", "/plumage/examples/app.ts", 1, 2],
    ["f (/application/a.ts:1:2)", "other", "f", "/application/a.ts", 1, 2],
    ["Server.emit (node:events:524:28)", "node", "Server.emit", "node:events", 524, 28],
    ["node:internal/main/run_main:1:2", "node", "", "node:internal/main/run_main", 1, 2],
    ["Array.map (<anonymous>)", "other", "Array.map", "<anonymous>", 0, 0],
    ["async Promise.all (index 0)", "other", "Promise.all", "index 0", 0, 0],
    ["f (native)", "other", "f", "native", 0, 0],
  ])("%s", (line, kind, name, file, at, column) => {
    expect(one(line)).toMatchObject({ kind, name, file, line: at, column })
  })

  test("of eval, of another realm and of a module of data is one, and no file", () => {
    const stacks: string[] = []
    for (const fail of [() => new Function("throw new Error('x')")(), () => runInNewContext("null.x")]) {
      try {
        fail()
      } catch (error) {
        stacks.push((error as Error).stack!)
      }
    }
    stacks.push("Error: x\n    at data:text/javascript,throw%20new%20Error():1:7")
    for (const stack of stacks) {
      const [first] = parseStack(stack, "x", places)
      expect([first!.path, first!.kind]).toEqual([undefined, "other"])
    }
  })

  test("is not read from the message, whatever it says", () => {
    const message = "no\n    at secrets (/app/secrets.ts:1:1)"
    const frames = parseStack(`Error: ${message}\n    at f (/app/a.ts:2:3)`, message, places)
    expect(frames.map(({ file }) => file)).toEqual(["a.ts"])
  })

  test("is the application's where that lies at the root of the disk", () => {
    const frame = parseStack("Error: x\n    at f (/src/a.ts:1:2)", "x", { app: "/", plumage: undefined })[0]
    expect(frame).toMatchObject({ kind: "app", file: "src/a.ts" })
  })

  test("is found in what V8 writes of this file", () => {
    const error = new TypeError("here")
    const [first] = parseStack(error.stack!, "here", { app: appFolder(), plumage: undefined })
    expect(first).toMatchObject({ kind: "app", file: "test/plugs/debug-frames.test.ts" })
    const { lines, first: number } = new Sources(appFolder()).excerpt(first!.path!, first!.line)!
    expect(lines[first!.line - number]).toContain('new TypeError("here")')
  })
})

describe("an excerpt", () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "plumage-debug-")))
  const app = join(folder, "app")
  const write = (name: string, text = "one\ntwo\n"): string => {
    const path = join(folder, name)
    mkdirSync(join(path, ".."), { recursive: true })
    writeFileSync(path, text)
    return path
  }
  const sources = () => new Sources(app)
  const numbers = Array.from({ length: 20 }, (_, n) => `line ${n + 1}`)

  test("has five lines before and after, fewer at the ends", () => {
    const path = write("app/a.ts", numbers.join("\r\n"))
    expect(sources().excerpt(path, 10)).toEqual({ first: 5, lines: numbers.slice(4, 15) })
    expect(sources().excerpt(path, 1)).toEqual({ first: 1, lines: numbers.slice(0, 6) })
    expect(sources().excerpt(path, 20)).toEqual({ first: 15, lines: numbers.slice(14) })
    expect(sources().excerpt(write("app/b.ts"), 2)).toEqual({ first: 1, lines: ["one", "two"] })
  })

  test.each([0, -1, 3, Number.NaN])("of line %s of two is none", (line) => {
    expect(sources().excerpt(write("app/c.ts"), line)).toBeUndefined()
  })

  test("has lines of a bounded length, and nothing that moves a cursor", () => {
    const { lines } = sources().excerpt(write("app/d.js", `${"x".repeat(9_000)}\n\x1b[2Ja\u202eb`), 1)!
    expect([lines[0]!.length < 400, lines[1]]).toEqual([true, "a\\u202eb"])
  })

  test("is of the application's source alone", () => {
    const refused = [
      write("outside.ts"),
      write("app-b/a.ts"),
      write("app/.env"),
      write("app/config.json"),
      write("app/key.pem"),
      write("app/.git/hook.js"),
      write("app/node_modules/pg/a.js"),
      write("app/huge.js", "x\n".repeat(1_100_000)),
      join(app, "../outside.ts"),
      join(app, "missing.ts"),
      app,
    ]
    symlinkSync(join(folder, "outside.ts"), join(app, "link.ts"))
    symlinkSync(folder, join(app, "up"))
    refused.push(join(app, "link.ts"), join(app, "up/outside.ts"))
    for (const path of refused) expect([path, sources().excerpt(path, 1)]).toEqual([path, undefined])
  })
})
