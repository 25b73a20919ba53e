/** A node server around a few lines of handler, and raw connections to it; both end with the test. */
import { afterEach, beforeEach, expect } from "vitest"
import { type NodeOptions, node } from "../../../adapters/node/server.ts"
import type { Exchange, Server } from "../../../src/conn/adapter.ts"
import { Wire } from "../wire.ts"

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

export async function drive(handler: Handler, options: NodeOptions = {}): Promise<Driven> {
  const seen: Exchange[] = []
  const adapter = node({ port: 0, host: "127.0.0.1", ...options })
  const server = await adapter.listen({
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

/** A request of HTTP/1.1 as text. */
export function request(method: string, path: string, headers = "", body = ""): string {
  const length = body === "" ? "" : `content-length: ${body.length}\r\n`
  return `${method} ${path} HTTP/1.1\r\nhost: a\r\n${headers}${length}\r\n${body}`
}

export function deferred<T = void>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void
  const promise = new Promise<T>((given) => {
    resolve = given
  })
  return { promise, resolve }
}

/** Reads the whole body and answers with it. */
export const echo: Handler = (exchange) => {
  exchange.readBody(1_000_000, 5_000, (error, data, more) => {
    if (error !== undefined) exchange.sendResp(400, [], error.message)
    else exchange.sendResp(200, ["x-more", String(more)], data)
  })
}
