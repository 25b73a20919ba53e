/**
 * Elli: a lean HTTP/1.1 server on `node:net` and `node:tls`, after the Erlang server of that name.
 */
import { createServer as createPlainServer, type Server as NetServer, type Socket } from "node:net"
import { createServer as createTlsServer } from "node:tls"
import { type Adapter, DrainingError, type RequestHandler, type Server } from "../../src/conn/adapter.ts"
import { type CheckedOptions, checkOptions, type ServerOptions, serverUrl, wrong } from "../options.ts"
import { webSockets } from "../websocket.ts"
import { Connection } from "./connection.ts"
import { Core } from "./core.ts"
import { type ElliEvent, type ElliListener, guarded } from "./events.ts"

export type { ElliEvent, RequestInfo, Sizes, Timings } from "./events.ts"

export interface ElliOptions extends ServerOptions {
  /** Told what happens on the connections, with the time of each phase. Without it nothing is measured. */
  onEvent?: (event: ElliEvent) => void
}

const defaultGrace = 5_000

/** A server for HTTP/1.1 of our own, faster than `node:http`. Errors: `InvalidOptionError`. */
export function elli(options: ElliOptions = {}): Adapter {
  const checked = checkOptions("elli", options, ["onEvent"])
  const { onEvent } = options
  if (onEvent !== undefined && typeof onEvent !== "function") throw wrong("elli", "onEvent", "a function", onEvent)
  return {
    name: "elli",
    capabilities: { http2: false, tls: true, inform: true, websocket: true },
    listen: (handler) => new ElliServer(checked, handler, guarded(onEvent)).listen(),
  }
}

class ElliServer implements Server {
  readonly #options: CheckedOptions
  readonly #core: Core
  readonly #listener: NetServer
  /** Sockets of which no byte has been understood yet: those in a TLS handshake. */
  readonly #raw = new Set<Socket>()
  #stopped: Promise<void> | undefined

  constructor(options: CheckedOptions, handler: RequestHandler, emit: ElliListener | undefined) {
    const { limits, tls, compression } = options
    this.#options = options
    this.#core = new Core(handler, limits, tls === undefined ? "http" : "https", webSockets(limits, compression), emit)
    const sockets = { noDelay: true, allowHalfOpen: true, highWaterMark: limits.highWaterMark }
    if (tls === undefined) this.#listener = createPlainServer(sockets, (socket) => this.#accept(socket))
    else {
      const { key, cert, ca, passphrase } = tls
      this.#listener = createTlsServer(
        {
          ...sockets,
          key,
          cert,
          ...(passphrase === undefined ? {} : { passphrase }),
          ...(ca === undefined ? {} : { ca, requestCert: true, rejectUnauthorized: true }),
          ALPNProtocols: ["http/1.1"],
          handshakeTimeout: limits.headTimeout,
        },
        (socket) => this.#accept(socket),
      )
      this.#listener.on("connection", (socket: Socket) => this.#begin(socket))
      this.#listener.on("tlsClientError", (_error: Error, socket: Socket) => socket.destroy())
    }
  }

  get port(): number {
    const address = this.#listener.address()
    return address !== null && typeof address === "object" ? address.port : this.#options.port
  }
  get url(): string {
    return serverUrl(this.#core.scheme, this.#options.host, this.port)
  }

  listen(): Promise<Server> {
    const { port, host } = this.#options
    this.#core.emit?.({ type: "elli_startup" })
    return new Promise((resolve, reject) => {
      this.#listener.once("error", reject)
      this.#listener.listen(host === undefined ? { port } : { port, host }, () => {
        this.#listener.off("error", reject)
        // Errors of accept (no descriptors left) concern one connection, which is lost with or without us.
        this.#listener.on("error", () => {})
        resolve(this)
      })
    })
  }

  stop(options: { graceMs?: number } = {}): Promise<void> {
    this.#stopped ??= this.#stop(options.graceMs ?? defaultGrace)
    return this.#stopped
  }

  #begin(socket: Socket): void {
    socket.on("error", () => {})
    this.#raw.add(socket)
    socket.once("close", () => this.#raw.delete(socket))
  }

  #accept(socket: Socket): void {
    // A reset may come with the first tick; without a listener it would end the process.
    socket.on("error", () => {})
    const connection = new Connection(this.#core, socket)
    if (this.#core.stopping) connection.end()
  }

  async #stop(graceMs: number): Promise<void> {
    const core = this.#core
    core.stopping = true
    this.#listener.close()
    core.each((connection) => connection.stop())
    const websockets = core.websockets.closeAll(1012, "the server is stopping", graceMs)
    let timer: NodeJS.Timeout | undefined
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, graceMs)
    })
    await Promise.race([core.empty(), deadline])
    core.each((connection) => connection.cut(new DrainingError()))
    for (const socket of this.#raw) socket.destroy()
    await websockets
    clearTimeout(timer)
  }
}
