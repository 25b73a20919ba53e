/** The same bytes to Elli and to `node:http` over real sockets, and what each took for requests. */
import http from "node:http"
import net from "node:net"
import { elli } from "../../../adapters/elli/server.ts"
import type { Server } from "../../../src/conn/adapter.ts"
import { echo, type Seen } from "./drive.ts"

/** What a server made of one connection. */
export interface Reading {
  /** The requests that were complete, body and all, before the one that ends every connection here. */
  readonly seen: readonly Seen[]
  /** The server went on to the request that ends every connection here. */
  readonly whole: boolean
  /** Everything that it answered. */
  readonly text: string
}

/** What each server saw, by the client's port. */
interface Notes {
  readonly elli: Map<number, Seen[]>
  readonly node: Map<number, Seen[]>
}

/** Follows whatever is sent: a server that is still in step takes it for a request and closes. */
const last = "GET /the-last HTTP/1.1\r\nHost: oracle\r\nX-Last: 1\r\nConnection: close\r\n\r\n"
const patience = 400

export class Oracle {
  readonly #elli: Server
  readonly #node: http.Server
  readonly #seen: Notes

  private constructor(elliServer: Server, node: http.Server, seen: Notes) {
    this.#elli = elliServer
    this.#node = node
    this.#seen = seen
  }

  static async start(): Promise<Oracle> {
    const notes: Notes = { elli: new Map(), node: new Map() }
    const limits = { headTimeout: patience, requestTimeout: patience, headerBytes: 15_000 }
    const server = await elli({ port: 0, host: "127.0.0.1", limits }).listen({
      call: (exchange) => echo((request) => notes.elli.get(exchange.getPeerData().port)?.push(request))(exchange),
    })
    const options = { headersTimeout: patience, requestTimeout: patience, connectionsCheckingInterval: 50 }
    const node = http.createServer(options, (request, response) => {
      const port = request.socket.remotePort as number
      const pieces: Buffer[] = []
      request.on("error", () => {})
      request.on("data", (piece) => pieces.push(piece))
      request.on("end", () => {
        const headers = request.rawHeaders.map((text, i) => (i % 2 === 0 ? text.toLowerCase() : text))
        const body = Buffer.concat(pieces).toString("latin1")
        const { method = "", url: target = "" } = request
        notes.node.get(port)?.push({ method, target, headers, body })
        response.end(body)
      })
    })
    await new Promise<void>((resolve) => node.listen(0, "127.0.0.1", resolve))
    return new Oracle(server, node, notes)
  }

  async stop(): Promise<void> {
    this.#node.closeAllConnections()
    await Promise.all([this.#elli.stop({ graceMs: 100 }), new Promise((resolve) => this.#node.close(resolve))])
  }

  /** What Elli and Node make of the same bytes. */
  async read(bytes: string): Promise<{ elli: Reading; node: Reading }> {
    const { port } = this.#node.address() as net.AddressInfo
    const [ours, theirs] = await Promise.all([
      this.#send(this.#elli.port, this.#seen.elli, bytes),
      this.#send(port, this.#seen.node, bytes),
    ])
    return { elli: ours, node: theirs }
  }

  /** Both servers close in the end: after the last request, after a refusal, or when their patience is over. */
  #send(port: number, notes: Map<number, Seen[]>, bytes: string): Promise<Reading> {
    return new Promise((resolve, reject) => {
      const socket = net.connect({ port, host: "127.0.0.1" })
      const seen: Seen[] = []
      const pieces: Buffer[] = []
      let own = 0
      const tooLong = setTimeout(() => reject(new Error(`nobody closed after ${JSON.stringify(bytes)}`)), 10_000)
      socket.on("error", () => {})
      socket.on("data", (piece) => pieces.push(piece))
      socket.on("connect", () => {
        own = socket.localPort as number
        notes.set(own, seen)
        socket.write(Buffer.from(bytes + last, "latin1"))
      })
      socket.on("close", () => {
        clearTimeout(tooLong)
        notes.delete(own)
        const whole = seen.at(-1)?.target === "/the-last"
        if (whole) seen.pop()
        resolve({ seen, whole, text: Buffer.concat(pieces).toString("latin1") })
      })
    })
  }
}

/** A target as both servers would write it, without the scheme and authority that Elli cuts off, and no empty query. */
function normal(request: Seen): Seen {
  const absolute = /^https?:\/\/[^/?]*/i.exec(request.target)
  let target = request.target.replace(/\?$/, "")
  let { headers } = request
  if (absolute !== null) {
    target = target.slice(absolute[0].length)
    if (!target.startsWith("/")) target = "/" + target
  }
  // The host of an absolute target stands above the host line, so the lists differ in it.
  if (absolute !== null) headers = withoutHost(headers)
  return { ...request, target, headers }
}

function withoutHost(headers: readonly string[]): string[] {
  return headers.filter((_, i) => headers[i - (i % 2)] !== "host")
}

/**
 * Says what is wrong where Elli took something for a request that Node did not, or took it for another one; undefined when
 * Elli is at least as strict and both agree as far as both went.
 */
export function disagreement(bytes: string, elliReading: Reading, node: Reading): string | undefined {
  const what = (detail: string) => `${detail}\n${JSON.stringify(bytes)}\nelli ${show(elliReading)}\nnode ${show(node)}`
  for (const [i, request] of elliReading.seen.entries()) {
    const other = node.seen[i]
    if (other === undefined) return what("elli accepts what node refuses")
    const theirs = normal(other)
    const ours = /^https?:/i.test(other.target) ? { ...request, headers: withoutHost(request.headers) } : request
    if (JSON.stringify(normal(ours)) !== JSON.stringify(theirs)) return what("elli reads another request")
  }
  if (elliReading.whole && !node.whole) return what("elli goes on where node refuses")
  if (elliReading.whole && node.seen.length !== elliReading.seen.length) return what("node sees more requests")
  return undefined
}

function show(reading: Reading): string {
  return JSON.stringify({ ...reading, text: reading.text.slice(0, 200) })
}
