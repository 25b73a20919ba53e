/**
 * Measures the parts of Plumage without a socket: `npm run bench:micro`.
 *
 * Each part runs in a process of its own, so that one does not warm up (or spoil) the code of another. Flags: `--only
 * plugs,promises,matches,bytes,types` and `--json FILE`. What the numbers mean: `README.md` beside this file.
 */
import { spawn } from "node:child_process"
import { writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { onCore } from "./load.mjs"

const parts = {
  plugs: { title: "What a plug costs", flags: [] },
  promises: { title: "Promises per request", flags: [] },
  matches: { title: "What a match costs", flags: ["--import", import.meta.resolve("tsx")] },
  // A young generation that holds all of a sample, so that no collection falls into it.
  bytes: {
    title: "Bytes per request",
    flags: ["--expose-gc", "--min-semi-space-size=128", "--max-semi-space-size=128"],
  },
  types: { title: "What routes cost the compiler", flags: [] },
}

const { values: flags } = parseArgs({ options: { only: { type: "string" }, json: { type: "string" } } })
const wanted = flags.only === undefined ? Object.keys(parts) : flags.only.split(",")
for (const name of wanted) {
  if (!(name in parts)) throw new Error(`--only knows no ${name}, only ${Object.keys(parts).join(", ")}`)
}

let running
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.once(signal, () => {
    running?.kill("SIGKILL")
    process.exit(130)
  })
}

/** Runs a part; its last message over the IPC channel is its result. */
function run(name) {
  const file = fileURLToPath(new URL(`./micro/${name}.mjs`, import.meta.url))
  const [command, ...args] = [...onCore(0), process.execPath, ...parts[name].flags, file]
  return new Promise((resolve, reject) => {
    let result
    running = spawn(command, args, { stdio: ["ignore", "inherit", "inherit", "ipc"] })
    running.on("message", (message) => {
      result = message
    })
    running.once("error", reject)
    running.once("exit", (code, signal) => {
      if (code === 0 && result !== undefined) resolve(result)
      else reject(new Error(`${name} ended without a result (${signal ?? code})`))
    })
  })
}

const results = {}
for (const name of wanted) {
  console.log(`\n### ${parts[name].title}\n`)
  results[name] = await run(name)
  console.table(results[name])
}
if (flags.json !== undefined) {
  writeFileSync(flags.json, `${JSON.stringify({ node: process.version, ...results }, null, 2)}\n`)
  console.log(`written to ${flags.json}`)
}
