/**
 * Elli: a lean HTTP/1.1 server on `node:net` and `node:tls`, after the Erlang server of that name.
 */
import { createServer as createPlainServer, type Server as NetServer, type Socket } from "node:net"
import { createServer as createTlsServer, type Server as TlsServer } from "node:tls"
import { type Adapter, DrainingError, type RequestHandler, type Server } from "../../src/conn/adapter.ts"
import { type CheckedOptions, type CheckedTls, checkOptions, type ServerOptions, serverUrl, wrong } from "../options.ts"
import { webSockets } from "../websocket.ts"
import { Connection } from "./connection.ts"
import { Core } from "./core.ts"
import { type ElliEvent, type ElliListener, guarded } from "./events.ts"
import type { Client } from "./proxy-header.ts"
import { checkProxyProtocol, ProxyProtocol, type ProxyProtocolOptions, type TrustedProxy } from "./proxy-protocol.ts"

export type { ElliEvent, RequestInfo, Sizes, Timings } from "./events.ts"

export interface ElliOptions extends ServerOptions {
  /** Told what happens on the connections, with the time of each phase. Without it nothing is measured. */
  onEvent?: (event: ElliEvent) => void
  /** The PROXY protocol, versions 1 and 2: `getPeerData` is then the client for whom a trusted proxy speaks. */
  proxyProtocol?: ProxyProtocolOptions
}

const defaultGrace = 5_000

/** A server for HTTP/1.1 of our own, faster than `node:http`. Errors: `InvalidOptionError`. */
export function elli(options: ElliOptions = {}): Adapter {
  const checked = checkOptions("elli", options, ["onEvent", "proxyProtocol"])
  const { onEvent } = options
  if (onEvent !== undefined && typeof onEvent !== "function") throw wrong("elli", "onEvent", "a function", onEvent)
  const proxies = checkProxyProtocol("elli", options.proxyProtocol)
  return {
    name: "elli",
    capabilities: { http2: false, tls: true, inform: true, websocket: true },
    listen: (handler) => new ElliServer(checked, handler, guarded(onEvent), proxies).listen(),
  }
}

/** What tells a connection from all others of a listener. */
function endOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}

class ElliServer implements Server {
  readonly #options: CheckedOptions
  readonly #core: Core
  readonly #listener: NetServer
  /** Sockets of which no byte has been understood yet: those in a TLS handshake. */
  readonly #raw = new Set<Socket>()
  readonly #proxies: ProxyProtocol | undefined
  /** For whom proxies speak by TLS, by the proxy's end of the connection. */
  readonly #clients = new Map<string, Client>()
  #stopped: Promise<void> | undefined

  constructor(
    options: CheckedOptions,
    handler: RequestHandler,
    emit: ElliListener | undefined,
    trusted: TrustedProxy | undefined,
  ) {
    const { limits, tls, compression } = options
    this.#options = options
    this.#core = new Core(handler, limits, tls === undefined ? "http" : "https", webSockets(limits, compression), emit)
    const sockets = { noDelay: true, allowHalfOpen: true, highWaterMark: limits.highWaterMark }
    const server = tls === undefined ? undefined : this.#tlsServer(tls, sockets)
    if (trusted !== undefined) {
      this.#proxies = new ProxyProtocol(trusted, limits.headTimeout, {
        accept: (socket, client, rest) => {
          if (server === undefined) this.#accept(socket, client, rest)
          else this.#handShake(server, socket, client, rest)
        },
        refused: (address) => emit?.({ type: "proxy_header_error", address }),
      })
      this.#listener = createPlainServer(sockets, (socket) => this.#proxies?.take(socket))
    } else this.#listener = server ?? createPlainServer(sockets, (socket) => this.#accept(socket))
  }

  #tlsServer({ key, cert, ca, passphrase, preset }: CheckedTls, sockets: object): TlsServer {
    const server = createTlsServer(
      {
        ...sockets,
        ...preset,
        key,
        cert,
        ...(passphrase === undefined ? {} : { passphrase }),
        ...(ca === undefined ? {} : { ca, requestCert: true, rejectUnauthorized: true }),
        ALPNProtocols: ["http/1.1"],
        handshakeTimeout: this.#options.limits.headTimeout,
      },
      (socket) => this.#accept(socket, this.#clients.get(endOf(socket))),
    )
    server.on("connection", (socket: Socket) => this.#begin(socket))
    server.on("tlsClientError", (_error: Error, socket: Socket) => socket.destroy())
    return server
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

  /** Gives a socket whose PROXY header has been read to TLS, with what came after it. */
  #handShake(server: TlsServer, socket: Socket, client: Client | undefined, rest: Buffer): void {
    const end = endOf(socket)
    // Whatever an earlier connection from the same end left.
    this.#clients.delete(end)
    if (client !== undefined) {
      this.#clients.set(end, client)
      socket.once("close", () => {
        if (this.#clients.get(end) === client) this.#clients.delete(end)
      })
    }
    // TLS takes what waits in a socket that is paused.
    socket.pause()
    if (rest.length > 0) socket.unshift(rest)
    server.emit("connection", socket)
  }

  #accept(socket: Socket, client?: Client, rest?: Buffer): void {
    // A reset may come with the first tick; without a listener it would end the process.
    socket.on("error", () => {})
    const connection = new Connection(this.#core, socket, client)
    if (this.#core.stopping) connection.end()
    if (rest !== undefined && rest.length > 0) socket.unshift(rest)
  }

  async #stop(graceMs: number): Promise<void> {
    const core = this.#core
    core.stopping = true
    this.#listener.close()
    this.#proxies?.stop()
    core.each((connection) => connection.stop())
    const websockets = core.websockets.closeAll(1012, "the server is stopping", graceMs)
    let timer: NodeJS.Timeout | undefined
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, graceMs)
    })
    await Promise.race([core.empty(), deadline])
    core.each((connection) => connection.cut(new DrainingError()))
    await websockets
    // What is left never was a connection: it has not said who it is, or its TLS has not begun.
    for (const socket of this.#raw) socket.destroy()
    clearTimeout(timer)
  }
}
