/** Instantiations and time that typed routes cost TypeScript 5.9 and 7. */
import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { generate } from "../../types/cost/generate.mjs"
import { round, tell } from "./time.mjs"

const compilers = {
  5.9: { package: "typescript-5.9", flags: [] },
  // Its parallel checkers each count what they share.
  "7.0": { package: "typescript", flags: ["--singleThreaded"] },
}
const budget = 80_000

function compile(compiler, config) {
  const bin = fileURLToPath(new URL(`../../../node_modules/${compiler.package}/bin/tsc`, import.meta.url))
  const args = [bin, "--noEmit", "--extendedDiagnostics", "-p", config, ...compiler.flags]
  let text
  try {
    text = execFileSync(process.execPath, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] })
  } catch (error) {
    throw new Error(`tsc found errors in the generated application:\n${String(error.stdout).slice(0, 2_000)}`)
  }
  const value = (label) => Number(new RegExp(`^${label}:\\s+([\\d.]+)`, "m").exec(text)[1])
  return { instantiations: value("Instantiations"), check: value("Check time"), total: value("Total time") }
}

const cases = [
  { routes: 0, distinct: false },
  { routes: 100, distinct: false },
  { routes: 500, distinct: false },
  { routes: 500, distinct: true },
  { routes: 2_000, distinct: false },
]

const folder = mkdtempSync(join(tmpdir(), "plumage-types-"))
process.once("exit", () => rmSync(folder, { recursive: true, force: true }))
const table = {}
for (const [version, compiler] of Object.entries(compilers)) {
  let empty
  for (const { routes, distinct } of cases) {
    const config = generate(join(folder, `${routes}${distinct ? "-distinct" : ""}`), routes, distinct)
    const runs = [1, 2, 3].map(() => compile(compiler, config))
    const { instantiations } = runs[0]
    const least = (key) => Math.min(...runs.map((run) => run[key]))
    empty ??= { instantiations, check: least("check") }
    const own = instantiations - empty.instantiations
    table[`TypeScript ${version}, ${routes} routes${distinct ? ", all names differ" : ""}`] = {
      instantiations,
      "of the routes": own,
      "check, s": round(least("check"), 3),
      "of the routes, s": round(least("check") - empty.check, 3),
      "in all, s": round(least("total"), 2),
      budget: routes === 500 ? `${budget}: ${instantiations <= budget ? "reached" : "NOT REACHED"}` : "",
    }
  }
}
tell(table)
