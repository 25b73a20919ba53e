/**
 * Measures Plumage on each adapter beside raw servers and other frameworks: `npm run bench -- --rounds 5 --seconds 3`.
 *
 * Every round measures every server once in every scenario, so that a ratio compares neighbours in time. What the flags
 * and the numbers mean: `README.md` beside this file.
 */
import { writeFileSync } from "node:fs"
import { cpus } from "node:os"
import { parseArgs } from "node:util"
import { connections, haveWrk, killLoad, load, onCore, pinned } from "./load.mjs"
import { cpuSeconds } from "./measure.mjs"
import { comparedTo, rows, table } from "./report.mjs"
import { scenarios as all, checks } from "./scenarios.mjs"
import { faults, freePorts, killAll, nativeTrouble, servers, start, stop } from "./servers.mjs"

const { values: flags } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
    warmup: { type: "string", default: "2" },
    only: { type: "string" },
    scenarios: { type: "string" },
    json: { type: "string" },
  },
})

function whole(name) {
  const value = Number(flags[name])
  if (!Number.isInteger(value) || value < 1 || value > 1_000)
    throw new Error(`--${name} takes a whole number from 1 to 1000`)
  return value
}

function chosen(list, name) {
  if (flags[name] === undefined) return list
  const wanted = flags[name].split(",")
  for (const one of wanted) {
    if (!list.some((item) => item.name === one)) {
      throw new Error(`--${name} knows no ${one}, only ${list.map((item) => item.name).join(", ")}`)
    }
  }
  return list.filter((item) => wanted.includes(item.name))
}

/** The servers to run: those that were asked for, and those that their ratios are taken to. */
function line() {
  const asked = chosen(servers, "only")
  const needed = new Set(["raw-http", ...asked.flatMap(({ name }) => [name, ...(comparedTo[name] ?? [])])])
  const found = servers.filter(({ name }) => needed.has(name))
  const trouble = found.some((server) => server.native) ? nativeTrouble() : undefined
  if (trouble === undefined) return found
  console.log(`LEFT OUT, the binary of uWebSockets.js does not load on Node ${process.version}: ${trouble}`)
  for (const { name } of found.filter((server) => server.native)) console.log(`  left out: ${name}`)
  return found.filter((server) => !server.native)
}

async function main() {
  const [rounds, seconds, warmup] = ["rounds", "seconds", "warmup"].map(whole)
  const scenarios = chosen(all, "scenarios")
  const wanted = line()
  const [cpu] = cpus()
  const setting = {
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cpu: `${cpus().length} × ${cpu?.model ?? "unknown"}`,
    load: haveWrk ? "wrk" : "autocannon",
    connections,
    pinned,
    rounds,
    seconds,
  }
  console.log(setting)
  if (!pinned) console.log("Server and load share cores (no taskset, or one core): trust the ratios less.")
  const ports = await freePorts(wanted.length)
  const started = []
  for (const [index, server] of wanted.entries()) {
    const one = await start(server, ports[index], { before: onCore(0) })
    one.child.once("exit", (code, signal) => ended(one.name, signal ?? code))
    started.push(one)
    const wrong = (await Promise.all(checks.map((check) => faults(one.port, check)))).flat()
    if (wrong.length > 0) throw new Error(`${one.name} does not answer as it must:\n  ${wrong.join("\n  ")}`)
  }
  console.log(`${started.length} servers answer alike; warming each up for ${warmup} s a scenario`)
  for (const server of started) {
    for (const { request } of scenarios) await load(server.port, request, warmup)
  }
  const samples = {}
  for (const { name } of scenarios) samples[name] = Object.fromEntries(started.map((server) => [server.name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const { name, request } of scenarios) {
      // Each round begins elsewhere, so that no server always follows the same one.
      const shift = round % started.length
      const order = [...started.slice(shift), ...started.slice(0, shift)]
      process.stdout.write(`round ${round + 1}/${rounds} ${name}:`)
      for (const server of order) {
        const sample = await measure(server, request, seconds)
        samples[name][server.name].push(sample)
        process.stdout.write(` ${server.name} ${(sample.perCpu / 1000).toFixed(1)}k`)
      }
      process.stdout.write("\n")
    }
  }
  stopping = true
  await Promise.all(started.map(stop))
  const results = scenarios.flatMap(({ name }) => rows(name, samples[name]))
  for (const { name } of scenarios) {
    console.log(`\n### ${name}\n`)
    console.log(table(results.filter((row) => row.scenario === name)))
  }
  if (flags.json !== undefined) {
    writeFileSync(flags.json, `${JSON.stringify({ setting, results, samples }, null, 2)}\n`)
    console.log(`\nwritten to ${flags.json}`)
  }
}

/** CPU seconds below which a sample says nothing: /proc counts in steps of 10 ms. */
const leastCpu = 0.25

/** One sample; taken again, aloud, when the machine gave the server no time (a stolen core), up to 5 times. */
async function measure(server, request, seconds) {
  for (let attempt = 1; attempt <= 5; attempt++) {
    const before = await cpuSeconds(server)
    const result = await load(server.port, request, seconds)
    const used = (await cpuSeconds(server)) - before
    if (used >= leastCpu) {
      return {
        perCpu: result.requests / used,
        perSecond: result.requests / result.seconds,
        cpu: used,
        p50: result.p50,
        p99: result.p99,
      }
    }
    process.stdout.write(` [${server.name} got ${used.toFixed(2)} s of CPU in ${result.seconds.toFixed(1)} s: again]`)
  }
  throw new Error(
    `${server.name} got less than ${leastCpu} s of CPU in each of 5 runs: the machine is too busy to measure`,
  )
}

let stopping = false

function ended(name, how) {
  if (stopping) return
  fail(new Error(`${name} ended while it was needed (${how})`))
}

function fail(error) {
  stopping = true
  killLoad()
  killAll()
  console.error(`\n${error.stack}`)
  process.exit(1)
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.once(signal, () => {
    stopping = true
    killLoad()
    killAll()
    process.exit(130)
  })
}

main().catch(fail)
