/**
 * Plumage on Node's own servers: `node:http`, `node:https`, and `node:http2` where it is asked for.
 */
import { createServer, type Server as HttpServer, type IncomingMessage, type ServerResponse } from "node:http"
import { createServer as createTlsServer } from "node:https"
import type { AddressInfo, Socket } from "node:net"
import type { Duplex } from "node:stream"
import type { Adapter, RequestHandler, Server } from "../../src/conn/adapter.ts"
import { type CheckedOptions, checkOptions, type ServerOptions, serverUrl, wrong } from "../options.ts"
import { webSockets } from "../websocket.ts"
import { Connection, type House } from "./connection.ts"
import { examine, splitTarget, withBody } from "./head.ts"
import { Http1Exchange } from "./http1.ts"
import { refuseBytes, refuseRequest } from "./refuse.ts"
import { addHttp2 } from "./sessions.ts"
import { stopHouse } from "./stop.ts"
import { asksForWebSocket, holdSocket, replay, responseFor } from "./upgrade.ts"

export type { ServerOptions, TlsOptions } from "../options.ts"

export interface NodeOptions extends ServerOptions {
  /** HTTP/2 for the clients that choose it by ALPN; needs `tls`. Off by default. */
  http2?: boolean
}

/**
 * A server on `node:http`: `await serve(endpoint, node({ port: 4000 }))`.
 *
 * Errors: `InvalidOptionError`, which names the option and what it takes.
 */
export function node(options: NodeOptions = {}): Adapter {
  const checked = checkOptions("node", options, ["http2"])
  const { http2 = false } = options
  if (typeof http2 !== "boolean") throw wrong("node", "http2", "true or false", http2)
  if (http2 && checked.tls === undefined) throw wrong("node", "http2", "true only together with tls", http2)
  return {
    name: "node",
    capabilities: { http2, tls: true, inform: true, websocket: true },
    listen: (handler) => listen(handler, checked, http2),
  }
}

function listen(handler: RequestHandler, options: CheckedOptions, http2: boolean): Promise<Server> {
  const { limits, tls } = options
  const house: House = {
    handler,
    limits,
    scheme: tls === undefined ? "http" : "https",
    websockets: webSockets(limits, options.compression),
    connections: new Set(),
    rawSockets: new Set(),
    sessions: new Set(),
    stopping: false,
  }
  const server = open(house, options, http2)
  return new Promise((resolve, reject) => {
    server.once("error", reject)
    server.listen({ port: options.port, host: options.host }, () => {
      server.off("error", reject)
      // Later errors are of connections that could not be taken on, for want of file descriptors.
      server.on("error", () => {})
      const { port } = server.address() as AddressInfo
      let stopped: Promise<void> | undefined
      resolve({
        url: serverUrl(house.scheme, options.host, port),
        port,
        stop: ({ graceMs = 5_000 } = {}) => (stopped ??= stopHouse(house, server, graceMs)),
      })
    })
  })
}

function open(house: House, options: CheckedOptions, http2: boolean): HttpServer {
  const { limits, tls } = options
  const settings = {
    // `examine` tells which of the two was broken; this only bounds what is kept until it is asked.
    maxHeaderSize: limits.requestLineBytes + limits.headerBytes,
    highWaterMark: limits.highWaterMark,
    keepAliveTimeout: limits.keepAliveTimeout,
    headersTimeout: limits.headTimeout,
    // Node would cut slow handlers, too: the deadline of a body is kept by `BodyReader`.
    requestTimeout: 0,
    connectionsCheckingInterval: Math.max(50, Math.min(1_000, Math.floor(limits.headTimeout / 4))),
    insecureHTTPParser: false,
    // `examine` looks at Host, as Node sees only that there is one.
    requireHostHeader: false,
  }
  if (tls === undefined) {
    const server = createServer(settings)
    wire(house, server, "connection")
    return server
  }
  const { key, cert, passphrase, ca, preset } = tls
  const server = createTlsServer({
    ...settings,
    ...preset,
    key,
    cert,
    passphrase,
    ca,
    requestCert: ca !== undefined,
    handshakeTimeout: limits.headTimeout,
    ALPNProtocols: http2 ? ["h2", "http/1.1"] : ["http/1.1"],
  })
  const connectionOf = wire(house, server, "secureConnection")
  if (http2) addHttp2(house, server, connectionOf)
  return server
}

const pass = (): void => {}

/** Connects Node's events to the house. `arrival` is the event that brings a socket which speaks HTTP. */
function wire(house: House, server: HttpServer, arrival: string): (socket: Socket) => Connection {
  server.maxHeadersCount = 0
  const known = new WeakMap<Duplex, Connection>()
  const ofSocket = (socket: Socket) => {
    const connection = known.get(socket) ?? new Connection(house, socket)
    known.set(socket, connection)
    return connection
  }
  const connectionOf = (req: IncomingMessage) => known.get(req.socket) as Connection
  const serve = (req: IncomingMessage, res: ServerResponse, expects: boolean) => {
    const connection = connectionOf(req)
    if (connection.closing) return
    const raw = connection.replayed ?? req.rawHeaders
    connection.replayed = undefined
    if (connection.queue === undefined && connection.current === undefined) begin(connection, req, res, raw, expects)
    else connection.inTurn(() => begin(connection, req, res, raw, expects))
  }
  if (arrival !== "connection") {
    server.on("connection", (socket: Socket) => {
      house.rawSockets.add(socket)
      socket.on("error", () => {}).on("close", () => house.rawSockets.delete(socket))
    })
  }
  server.prependListener(arrival, ofSocket)
  if (arrival !== "connection") {
    // Without a listener Node reads TLS past its stream, and cannot hold back what a burst of pipelined requests brings.
    server.on(arrival, (socket: Socket) => socket.on("data", pass))
  }
  server.on("request", (req, res) => serve(req, res, false))
  server.on("checkContinue", (req, res) => serve(req, res, true))
  const refuse = (req: IncomingMessage, status: number) => {
    const connection = connectionOf(req)
    connection.inTurn(() => refuseRequest(connection, req, status))
  }
  server.on("checkExpectation", (req: IncomingMessage) => refuse(req, 417))
  server.on("clientError", (error, socket) => refuseBytes(known.get(socket), error, socket as Socket))
  server.on("timeout", (socket: Socket) => known.get(socket)?.timedOut())
  server.on("connect", (req: IncomingMessage) => refuse(req, 501))
  server.on("upgrade", (req: IncomingMessage, _socket, head: Buffer) => {
    const connection = connectionOf(req)
    // The answer before it may have left, but Node lets go of the socket only a little later.
    const soon = () => setImmediate(() => switchOver(server, arrival, connection, req, head))
    if (!connection.closing) connection.inTurn(soon)
  })
  return ofSocket
}

function begin(
  connection: Connection,
  req: IncomingMessage,
  res: ServerResponse,
  raw: readonly string[],
  expects: boolean,
): void {
  const exchange = exchangeFor(connection, req, res, raw, expects)
  if (exchange === undefined) return
  connection.current = exchange
  connection.house.handler.call(exchange)
}

/** Undefined when the request was refused. */
function exchangeFor(
  connection: Connection,
  req: IncomingMessage,
  res: ServerResponse,
  raw: readonly string[],
  expects: boolean,
): Http1Exchange | undefined {
  const verdict = examine(req, raw, connection.house.limits)
  if (verdict <= withBody) {
    const target = splitTarget(req.method as string, req.url as string)
    if (target !== undefined) {
      return new Http1Exchange(connection, req, res, raw, target, verdict === withBody, expects)
    }
  }
  refuseRequest(connection, req, verdict <= withBody ? 400 : verdict)
  return undefined
}

/** A request that Node took out of HTTP for its Upgrade header. */
function switchOver(
  server: HttpServer,
  arrival: string,
  connection: Connection,
  req: IncomingMessage,
  head: Buffer,
): void {
  const { current, house, socket } = connection
  // The answer before it may be given, but not yet sent.
  if (current !== undefined) {
    current.onClose((reason) => reason === undefined && switchOver(server, arrival, connection, req, head))
    return
  }
  if (!socket.writable) return
  socket.off("data", pass)
  if (!asksForWebSocket(req, examine(req, req.rawHeaders, house.limits))) {
    return replay(server, arrival, connection, req, head)
  }
  const exchange = exchangeFor(connection, req, responseFor(connection, req), req.rawHeaders, false)
  if (exchange === undefined) return
  exchange.switching = holdSocket(exchange, head)
  connection.current = exchange
  house.handler.call(exchange)
}
