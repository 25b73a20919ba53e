import { readdirSync, readFileSync } from "node:fs"
import { expect, test } from "vitest"
import { type Report, tableOf } from "./table.ts"

const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8")

test("groups go down, columns across, and what did not pass is said", () => {
  const run = (status: string, ...ancestorTitles: string[]) => ({ ancestorTitles, status })
  const report: Report = {
    testResults: [
      {
        assertionResults: [
          run("passed", "elli", "bodies", "deeper"),
          run("passed", "elli", "bodies"),
          run("failed", "elli", "stop"),
          run("skipped", "node", "bodies"),
          run("pending", "node", "bodies"),
          run("passed", "", "uws", "stop"),
          run("passed", "something else", "stop"),
        ],
      },
    ],
  }
  expect(tableOf(report).split("\n")).toEqual([
    "|  | node | uws | elli |",
    "| --- | ---: | ---: | ---: |",
    "| bodies | 0, **1 fail**, 1 lacking |  | 2 |",
    "| stop |  | 1 | 0, **1 fail** |",
  ])
})

test("every duty of the contract names a group that the suite has", () => {
  const duties = [...read("../../src/conn/adapter.ts").matchAll(/\[suite: "([^"]+)"\]/g)].map((match) => match[1])
  const sources = readdirSync(new URL("suite", import.meta.url)).map((name) => read(`suite/${name}`))
  const groups = new Set(sources.flatMap((text) => [...text.matchAll(/suite\.group\(\s*"([^"]+)"/g)].map((m) => m[1])))
  expect(duties.length).toBeGreaterThan(5)
  expect(duties.filter((duty) => !groups.has(duty))).toEqual([])
})
