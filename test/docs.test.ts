/**
 * What is written must be true: the examples in docstrings run, and the README's code and tables are those of the source.
 *
 * An example is a block of lines under `@example`. A line `expression //=> value` compares, `expression //=> throws Name`
 * catches; all other lines are statements before it. In scope are the exports of the file, those of `plumage`, and
 * `conn`, `call` and `sentResp` of the kit.
 */
import { join } from "node:path"
import * as plumage from "plumage"
import { call, conn, sentResp } from "plumage/test"
import ts from "typescript-5.9"
import { describe, expect, test } from "vitest"
import { read, root, sources } from "./architecture.ts"

interface Example {
  readonly file: string
  /** The line of its first statement. */
  readonly line: number
  readonly lines: readonly string[]
}

const ARROW = "//=>"

/** The examples of a file. */
function examplesOf(file: string): Example[] {
  const examples: Example[] = []
  let lines: string[] | undefined
  read(file)
    .split("\n")
    .forEach((text, at) => {
      const inside = /^\s*\* ?(.*)$/.exec(text)?.[1]
      if (inside?.startsWith("@example")) {
        lines = []
        examples.push({ file, line: at + 2, lines })
      } else if (inside === undefined || inside === "/" || inside.startsWith("@")) lines = undefined
      else lines?.push(inside)
    })
  return examples
}

const isExpression = (text: string): boolean => {
  const { diagnostics = [] } = ts.transpileModule(`async () => (${text}\n)`, { reportDiagnostics: true })
  return diagnostics.length === 0
}

/** Turns an example into the body of an async function that compares as it goes. */
function programOf({ lines }: Example): string {
  const program: string[] = []
  lines.forEach((line, at) => {
    const arrow = line.indexOf(ARROW)
    if (arrow < 0) {
      program.push(line)
      return
    }
    let expression = line.slice(0, arrow).trim()
    // An expression may have begun on the lines above.
    while (!isExpression(expression) && program.length > 0) expression = `${program.pop()}\n${expression}`
    const wanted = line.slice(arrow + ARROW.length).trim()
    const thrown = /^throws (\w+)$/.exec(wanted)?.[1]
    const value = thrown === undefined ? `(${wanted})` : "undefined"
    program.push(`await compare(${at}, async () => (${expression}), ${JSON.stringify(thrown)}, () => ${value});`)
  })
  return ts.transpile(program.join("\n"), { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext })
}

async function compare(
  _line: number,
  run: () => Promise<unknown>,
  thrown: string | undefined,
  wanted: () => unknown,
): Promise<void> {
  if (thrown === undefined) {
    expect(await run()).toEqual(wanted())
    return
  }
  const failure = await run().then(
    (value) => expect.fail(`it gave ${JSON.stringify(value)} and raised nothing`),
    (error: unknown) => error,
  )
  expect((failure as Error).name).toBe(thrown)
}

const AsyncFunction = (async () => undefined).constructor as new (
  ...from: string[]
) => (...values: unknown[]) => unknown

async function runExample(example: Example): Promise<void> {
  const own: object = await import(/* @vite-ignore */ join(root, example.file))
  const scope: Record<string, unknown> = { conn, call, sentResp, ...plumage, ...own, compare }
  await new AsyncFunction(...Object.keys(scope), programOf(example))(...Object.values(scope))
}

const all = [...sources("src"), ...sources("adapters")].flatMap(examplesOf)

describe("the examples in docstrings", () => {
  test.each(all.map((example) => [`${example.file}:${example.line}`, example] as const))("%s", (_, example) =>
    runExample(example),
  )

  test("all say what they give", () => {
    const silent = all.filter(({ lines }) => !lines.some((line) => line.includes(ARROW)))
    expect(silent.map(({ file, line }) => `${file}:${line}`)).toEqual([])
    const arrows = [...sources("src"), ...sources("adapters")].map((file) => read(file).split(ARROW).length - 1)
    const run = all.flatMap(({ lines }) => lines.filter((line) => line.includes(ARROW)))
    expect(run.length, "an arrow outside an example").toBe(arrows.reduce((sum, count) => sum + count, 0))
  })

  test("fail when they are wrong", async () => {
    const wrong = (...lines: string[]) => runExample({ file: "src/http/status.ts", line: 1, lines })
    await wrong("statusCode('ok') //=> 200")
    await wrong("const code = statusCode(", "'ok')", "[", "code,", "] //=> [200]")
    await expect(wrong("statusCode('ok') //=> 201")).rejects.toThrow()
    await expect(wrong("statusCode('ok') //=> throws RangeError")).rejects.toThrow(/raised nothing/)
    await expect(wrong("statusCode('nope') //=> throws TypeError")).rejects.toThrow()
    await wrong("statusCode('nope') //=> throws RangeError")
  })
})

const readme = read("README.md")
const examples = [...sources("examples")].map((path) => [path, read(path)] as const)

describe("the README", () => {
  const blocks = [...readme.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code]) => code!)

  test.each(blocks.map((code) => [code.split("\n")[0]!, code] as const))(
    "code that begins with %s is in examples/",
    (_, code) => {
      expect(
        examples.filter(([, text]) => text.includes(code)).map(([path]) => path),
        `no file under examples/ holds:\n${code}`,
      ).not.toEqual([])
    },
  )

  /** The rows of the first table below a heading, as cells. */
  function tableBelow(heading: string): string[][] {
    const start = readme.indexOf(`\n${heading}\n`)
    expect(start, `README.md has no heading "${heading}"`).toBeGreaterThan(0)
    const section = readme.slice(start + heading.length + 2).split(/\n## /)[0]!
    const rows = section.split("\n").filter((line) => line.startsWith("|"))
    expect(rows.length, `README.md has no table below "${heading}"`).toBeGreaterThan(2)
    return rows.slice(2).map((row) =>
      row
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll("`", "")),
    )
  }

  test("has a table of all limits and their defaults, and no others", () => {
    const table = tableBelow("## Limits").map(([option, value]) => [
      option!.replace(/^limits\./, ""),
      Number(value!.replaceAll(/[,_\s]/g, "")),
    ])
    expect(Object.fromEntries(table)).toEqual(plumage.defaultLimits)
    expect(table).toHaveLength(Object.keys(plumage.defaultLimits).length)
  })

  test("has the suite's table as a run of the suite has written it", () => {
    const [, table] = /<!-- suite -->\n([\s\S]*?)\n\n/.exec(read("README.md")) ?? []
    expect(table?.trim()).toBe(read("test/adapters/table.md").trim())
  })

  test("has a table of all errors with code and status, and no others", () => {
    const given: Record<string, unknown[]> = {
      HTTPError: [400, "x"],
      NoRouteError: ["GET", "/"],
      MethodNotAllowedError: ["GET", "/", ["GET"]],
      ValidationError: [[]],
    }
    const classes = Object.entries(plumage).filter(
      ([, value]) => typeof value === "function" && value.prototype instanceof Error,
    )
    const real = classes.map(([name, value]) => {
      const made = new (value as new (...from: unknown[]) => { code: string; status: number })(
        ...(given[name] ?? ["x"]),
      )
      return [name, made.code, made.status] as const
    })
    const table = tableBelow("## Errors").map(([name, code, status]) => [name!, code!, status!] as const)
    expect(table.map(([name]) => name).sort()).toEqual(real.map(([name]) => name).sort())
    for (const [name, code, status] of real) {
      const row = table.find(([other]) => other === name)!
      expect([row[1], row[2].match(/\d+/g)?.map(Number)], name).toEqual([code, expect.arrayContaining([status])])
    }
  })
})
