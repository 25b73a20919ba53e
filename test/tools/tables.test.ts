import { readFileSync } from "node:fs"
import { expect, test } from "vitest"
import { filled } from "./tables.ts"

test("the tables of the README are those of the source (npm run readme writes them)", () => {
  const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8")
  expect(filled(readme)).toBe(readme)
})
