/**
 * The servers that are measured, and how one is started, checked and ended.
 */
import { spawn } from "node:child_process"
import { request } from "node:http"
import { createRequire } from "node:module"
import { createServer } from "node:net"
import { fileURLToPath } from "node:url"
import { host } from "./work.mjs"

const ours = (adapter) => ({ name: `plumage-${adapter}`, file: "./server.mjs", env: { ADAPTER: adapter } })
const peer = (name, native = false) => ({ name, file: `./peers/${name}.mjs`, env: {}, native })

/** In the order of the table. `native` ones need the binary of uWebSockets.js. */
export const servers = [
  ours("node"),
  ours("elli"),
  { ...ours("uws"), native: true },
  peer("raw-http"),
  peer("raw-net"),
  peer("raw-uws", true),
  peer("hyper-express", true),
  peer("fastify"),
  peer("hono"),
  peer("h3"),
  peer("koa"),
  peer("express"),
]

/** Why the binary of uWebSockets.js does not load here, undefined when it does. */
export function nativeTrouble() {
  try {
    createRequire(import.meta.url)("uWebSockets.js")
    return undefined
  } catch (error) {
    return error.message.split("\n")[0]
  }
}

const children = new Set()

/** Kills every server that was started and has not ended, by its process id. */
export function killAll() {
  for (const child of children) child.kill("SIGKILL")
}

/** Different ports of the loopback interface that nobody listens on. */
export async function freePorts(count) {
  const listeners = await Promise.all(
    Array.from({ length: count }, async () => {
      const listener = createServer()
      await new Promise((resolve, reject) => listener.once("error", reject).listen(0, host, resolve))
      return listener
    }),
  )
  const ports = listeners.map((listener) => listener.address().port)
  await Promise.all(listeners.map((listener) => new Promise((resolve) => listener.close(resolve))))
  return ports
}

/**
 * Starts a server and waits until it says `ready`; rejects, with what it wrote, when it ends or says nothing for 20 s.
 *
 * `before` is put in front of the command line, `nodeFlags` between `node` and the file.
 */
export function start(server, port, { before = [], nodeFlags = [] } = {}) {
  const file = fileURLToPath(new URL(server.file, import.meta.url))
  const [command, ...args] = [...before, process.execPath, ...nodeFlags, file]
  const child = spawn(command, args, {
    env: { ...process.env, ...server.env, NODE_ENV: "production", PORT: String(port) },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  })
  children.add(child)
  child.once("exit", () => children.delete(child))
  return new Promise((resolve, reject) => {
    let output = ""
    const fail = (reason) => {
      clearTimeout(timer)
      child.kill("SIGKILL")
      reject(new Error(`${server.name} ${reason}${output === "" ? "" : `:\n${output}`}`))
    }
    const timer = setTimeout(() => fail("did not say ready within 20 s"), 20_000)
    const ended = (code, signal) => fail(`ended before it was ready (${signal ?? code})`)
    child.once("exit", ended)
    child.once("error", (error) => fail(`did not start: ${error.message}`))
    const listen = (bytes) => {
      output = (output + bytes).slice(-4_000)
      if (!/^ready$/m.test(output)) return
      clearTimeout(timer)
      child.off("exit", ended)
      resolve({ ...server, port, child, pid: child.pid })
    }
    child.stdout.on("data", listen)
    child.stderr.on("data", listen)
  })
}

/** Ends a server with SIGTERM, with SIGKILL when it has not ended after 5 s; resolves when it is gone. */
export function stop({ child }) {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill("SIGKILL"), 5_000)
    child.once("exit", () => {
      clearTimeout(timer)
      resolve()
    })
    child.kill("SIGTERM")
  })
}

/** Sends one request on a connection of its own; resolves with status, headers and body as text. */
export function ask(port, { method, path, body, headers = {} }) {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { "content-length": Buffer.byteLength(body) }
    const sent = request({ host, port, method, path, headers: { ...headers, ...length }, agent: false }, (response) => {
      const chunks = []
      response.on("data", (chunk) => chunks.push(chunk))
      response.on("error", reject)
      response.on("end", () => {
        resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks).toString() })
      })
    })
    sent.setTimeout(5_000, () => sent.destroy(new Error(`no answer to ${method} ${path} within 5 s`)))
    sent.once("error", reject)
    sent.end(body)
  })
}

/** What is wrong with a server's answer to a scenario, as sentences; none when it is as it must be. */
export async function faults(port, { request: asked, answer }) {
  const got = await ask(port, asked)
  const wrong = []
  const compare = (what, actual, expected) => {
    if (actual !== expected) wrong.push(`${what} is ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`)
  }
  compare("the status", got.status, answer.status)
  if (answer.body !== undefined) compare("the body", got.body, answer.body)
  for (const [name, value] of Object.entries(answer.headers ?? {})) compare(name, got.headers[name], value)
  return wrong.map((fault) => `${asked.method} ${asked.path}: ${fault}`)
}
