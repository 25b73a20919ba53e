/** A uws server around a few lines of handler, and raw connections to it; both end with the test. */
import { afterEach, beforeEach, expect } from "vitest"
import { type UwsOptions, uws } from "../../../adapters/uws/server.ts"
import type { Exchange, Server } from "../../../src/conn/adapter.ts"
import { Wire } from "../wire.ts"

/** The binary is there for some versions of Node and some systems only. */
export const uwsLoads = await import("uWebSockets.js").then(
  () => true,
  () => false,
)
if (!uwsLoads) console.warn(`tests of uws are left out: its binary does not load on Node ${process.version}`)

export type Handler = (exchange: Exchange) => unknown

export interface Driven {
  readonly server: Server
  /** Every exchange that reached the handler. */
  readonly seen: Exchange[]
  connect(ca?: string): Promise<Wire>
}

const running: Driven[] = []
const wires: Wire[] = []
const trouble: unknown[] = []
const note = (error: unknown) => trouble.push(error)

beforeEach(() => {
  process.on("unhandledRejection", note).on("uncaughtException", note).on("warning", note)
})
afterEach(async () => {
  for (const wire of wires.splice(0)) wire.destroy()
  for (const { server } of running.splice(0)) await server.stop({ graceMs: 100 })
  for (let turns = 0; turns < 3; turns++) await new Promise(setImmediate)
  process.off("unhandledRejection", note).off("uncaughtException", note).off("warning", note)
  expect(trouble.splice(0)).toEqual([])
})

export async function drive(handler: Handler, options: UwsOptions = {}): Promise<Driven> {
  const seen: Exchange[] = []
  const server = await uws({ port: 0, host: "127.0.0.1", ...options }).listen({
    call(exchange) {
      seen.push(exchange)
      handler(exchange)
    },
  })
  const driven: Driven = {
    server,
    seen,
    async connect(ca) {
      const wire = await Wire.connect({ port: server.port, ca })
      wires.push(wire)
      return wire
    },
  }
  running.push(driven)
  return driven
}

export async function eventually(what: string, test: () => boolean, ms = 5_000): Promise<void> {
  const end = performance.now() + ms
  while (!test()) {
    if (performance.now() > end) expect.fail(`not within ${ms} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** A request as text. */
export function request(method: string, path: string, headers = "", body = ""): string {
  const length = body === "" ? "" : `content-length: ${body.length}\r\n`
  return `${method} ${path} HTTP/1.1\r\nhost: a\r\n${headers}${length}\r\n${body}`
}

/** Reads the whole body and answers with it. */
export const echo: Handler = (exchange) => {
  exchange.readBody(100_000_000, 5_000, (error, data, more) => {
    if (error !== undefined) exchange.sendResp(400, [], error.message)
    else exchange.sendResp(200, ["x-more", String(more)], data)
  })
}
