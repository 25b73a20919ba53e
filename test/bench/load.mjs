/**
 * The load: `wrk` where it is installed, else `autocannon`, always in a process of its own.
 *
 * Both hold 64 connections open and send the next request of a connection when its answer has arrived.
 */
import { execFile, spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { availableParallelism, platform, tmpdir } from "node:os"
import { join } from "node:path"
import { host } from "./work.mjs"

export const connections = 64

const runs = (command, args) => spawnSync(command, args, { stdio: "ignore" }).error === undefined

/** Whether `wrk` is installed. */
export const haveWrk = runs("wrk", ["-v"])

/** Whether processes can be held on a core: `taskset` is installed and there are two cores. */
export const pinned = platform() === "linux" && availableParallelism() > 1 && runs("taskset", ["-V"])

/** What to put in front of a command line so that it runs on that core only. */
export const onCore = (core) => (pinned ? ["taskset", "-c", String(core)] : [])

const lua = (text) => `"${text.replace(/["\\\n]/g, (character) => (character === "\n" ? "\\n" : `\\${character}`))}"`

/** A wrk script that sends one request and prints the result as JSON. */
function wrkScript({ method, body, headers = {} }) {
  return [
    `wrk.method = ${lua(method)}`,
    ...(body === undefined ? [] : [`wrk.body = ${lua(body)}`]),
    ...Object.entries(headers).map(([name, value]) => `wrk.headers[${lua(name)}] = ${lua(value)}`),
    "done = function(summary, latency)",
    "  local e = summary.errors",
    `  local form = '{"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"errors":%d}\\n'`,
    "  io.write(string.format(form, summary.requests, summary.duration, latency:percentile(50),",
    "    latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))",
    "end",
  ].join("\n")
}

let folder

/** Where the wrk scripts lie; gone when this process ends, however it ends. */
function scratch() {
  if (folder === undefined) {
    folder = mkdtempSync(join(tmpdir(), "plumage-bench-"))
    process.once("exit", () => rmSync(folder, { recursive: true, force: true }))
  }
  return folder
}

const running = new Set()

/** Kills a load that is under way, by its process id. */
export function killLoad() {
  for (const child of running) child.kill("SIGKILL")
}

function output(command, args, milliseconds) {
  return new Promise((resolve, reject) => {
    const child = execFile(command, args, { timeout: milliseconds, maxBuffer: 1 << 24 }, (error, stdout, stderr) => {
      running.delete(child)
      if (error === null) resolve(stdout)
      else reject(new Error(`${command} failed: ${error.message}\n${stderr}`))
    })
    running.add(child)
  })
}

/**
 * Loads one server with one request for some seconds (a whole number).
 *
 * Resolves with `{ requests, seconds, p50, p99 }`, latencies in milliseconds; rejects when any request failed.
 */
export async function load(port, request, seconds) {
  const result = await (haveWrk ? wrk : autocannon)(port, request, seconds)
  if (result.requests === 0) throw new Error(`no request to ${request.path} was answered`)
  if (result.errors > 0) throw new Error(`${result.errors} of ${result.requests} requests to ${request.path} failed`)
  return result
}

async function wrk(port, request, seconds) {
  const script = join(scratch(), "request.lua")
  writeFileSync(script, wrkScript(request))
  const url = `http://${host}:${port}${request.path}`
  const [command, ...args] = [...onCore(1), "wrk", "-t1", `-c${connections}`, `-d${seconds}s`, "-s", script, url]
  const text = await output(command, args, (seconds + 20) * 1_000)
  const found = JSON.parse(text.slice(text.lastIndexOf("{")))
  return {
    requests: found.requests,
    seconds: found.microseconds / 1e6,
    p50: found.p50 / 1e3,
    p99: found.p99 / 1e3,
    errors: found.errors,
  }
}

async function autocannon(port, { method, path, body, headers = {} }, seconds) {
  const args = [createRequire(import.meta.url).resolve("autocannon"), "-j", "-n", "-c", connections, "-d", seconds]
  args.push("-m", method)
  for (const [name, value] of Object.entries(headers)) args.push("-H", `${name}: ${value}`)
  if (body !== undefined) args.push("-b", body)
  args.push(`http://${host}:${port}${path}`)
  const [command, ...rest] = [...onCore(1), process.execPath, ...args.map(String)]
  const found = JSON.parse(await output(command, rest, (seconds + 20) * 1_000))
  return {
    requests: found.requests.total,
    seconds: found.duration,
    p50: found.latency.p50,
    p99: found.latency.p99,
    errors: found.errors + found.timeouts + found.non2xx,
  }
}
