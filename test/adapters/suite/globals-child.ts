/** Run by `globals.ts`: prints what a server changes of the process that it runs in, as JSON. */
import { EventEmitter } from "node:events"
import http from "node:http"
import net from "node:net"
import stream from "node:stream"
import tls from "node:tls"

type Shape = Map<string, unknown>

/** What hangs on globals and on the prototypes behind them, by name. */
function snapshot(): Shape {
  const shape: Shape = new Map()
  const roots: [string, object][] = [
    ["globalThis", globalThis],
    ["http.IncomingMessage.prototype", http.IncomingMessage.prototype],
    ["http.ServerResponse.prototype", http.ServerResponse.prototype],
    ["http.OutgoingMessage.prototype", http.OutgoingMessage.prototype],
    ["http.Server.prototype", http.Server.prototype],
    ["net.Socket.prototype", net.Socket.prototype],
    ["net.Server.prototype", net.Server.prototype],
    ["tls.TLSSocket.prototype", tls.TLSSocket.prototype],
    ["EventEmitter", EventEmitter],
    ["EventEmitter.prototype", EventEmitter.prototype],
    ["stream.Readable.prototype", stream.Readable.prototype],
    ["stream.Writable.prototype", stream.Writable.prototype],
    ["process.env", { ...process.env }],
  ]
  for (const name of Object.getOwnPropertyNames(globalThis)) {
    // Reading it first: some globals are loaded, and so redefined, when they are first read.
    const value = (globalThis as Record<string, unknown>)[name]
    if (typeof value !== "function") continue
    roots.push([name, value])
    if (typeof value.prototype === "object" && value.prototype !== null)
      roots.push([`${name}.prototype`, value.prototype])
  }
  for (const [name, root] of roots) {
    for (const key of Reflect.ownKeys(root)) {
      const { value, get, set } = Object.getOwnPropertyDescriptor(root, key)!
      for (const [part, thing] of Object.entries({ value, get, set }))
        shape.set(`${name} ${String(key)} ${part}`, thing)
    }
  }
  for (const event of [
    "uncaughtException",
    "unhandledRejection",
    "warning",
    "SIGTERM",
    "SIGINT",
    "exit",
    "beforeExit",
  ]) {
    shape.set(`process listeners ${event}`, process.listenerCount(event))
  }
  return shape
}

const [name = "node"] = process.argv.slice(2)
const before = snapshot()
const { defineEndpoint, defineRouter, serve } = await import("plumage")
const adapters = (await import(`../../../adapters/${name}/server.ts`)) as Record<string, (options: object) => never>
const router = defineRouter((r) => [r.get("/", (conn) => conn.text("hello"))])
const server = await serve(defineEndpoint().router(router), adapters[name]!({ port: 0, host: "127.0.0.1" }))
const answer = await new Promise<string>((resolve, reject) => {
  http
    .get({ port: server.port, host: "127.0.0.1", agent: false }, (response) => {
      response.setEncoding("utf8").once("data", resolve).resume()
    })
    .on("error", reject)
})
await server.stop({ graceMs: 500 })
const after = snapshot()
const changed = [...new Set([...before.keys(), ...after.keys()])].filter(
  (key) => !Object.is(before.get(key), after.get(key)),
)
console.log(JSON.stringify({ answer, changed }))
