/**
 * Plumage on uWebSockets.js: `serve(endpoint, uws({ port: 4000 }))`.
 *
 * The library is an optional peer and not on npm; `listen` says what to install. What it owns is in this room's README.
 */
import type { Adapter, Capabilities, RequestHandler, Server } from "../../src/conn/adapter.ts"
import { DrainingError } from "../../src/conn/adapter.ts"
import { type CheckedOptions, serverUrl } from "../options.ts"
import { aeadCiphers } from "../tls-presets.ts"
import { type Binding, loadBinding, type NativeApp, type NativeRequest, type NativeResponse } from "./binding.ts"
import { type Upgrader, UwsExchange } from "./exchange.ts"
import { Head, HeadReader } from "./head.ts"
import { House } from "./house.ts"
import { listenOn } from "./listen.ts"
import { checkUwsOptions, limitsOf, type UwsOptions } from "./options.ts"
import { refuse } from "./refusal.ts"
import { UwsWebSockets } from "./websockets.ts"

export type { UwsOptions } from "./options.ts"

/**
 * Makes the adapter. Raises `InvalidOptionError` for a wrong option and `MissingCapabilityError` for a limit that the
 * library does not have; `listen` rejects with the latter when the library is missing or does not load.
 *
 * @example
 * uws({ port: 4000 }).capabilities.http2 //=> false
 */
export function uws(options: UwsOptions = {}): Adapter {
  const checked = checkUwsOptions(options)
  const capabilities: Capabilities = { http2: false, tls: true, inform: false, websocket: true }
  return {
    name: "uws",
    capabilities,
    listen: async (handler) => start(await loadBinding(), handler, checked, options.limits?.headerCount),
  }
}

async function start(
  binding: Binding,
  handler: RequestHandler,
  options: CheckedOptions,
  headerCount: number | undefined,
): Promise<Server> {
  const { tls, host, port } = options
  // Its name is nobody's business; the setting is for all of the process, like the library's loop.
  binding._cfg?.("silent")
  const app =
    tls === undefined
      ? binding.App()
      : binding.SSLApp({
          key_file_name: tls.keyFile,
          cert_file_name: tls.certFile,
          ...(tls.passphrase === undefined ? {} : { passphrase: tls.passphrase }),
          ...(tls.ciphers === undefined ? {} : { ssl_ciphers: aeadCiphers }),
        })
  const limits = limitsOf(options.limits, headerCount, app.addChildAppDescriptor !== undefined)
  const scheme = tls === undefined ? "http" : "https"
  const house = new House(handler, limits, scheme, host ?? "")
  const websockets = new UwsWebSockets(limits, options.compression)
  route(app, binding, house, websockets)
  const socket = await listenOn(app, host, port)
  house.port = binding.us_socket_local_port(socket)
  return new UwsServer(binding, app, socket, house, websockets, serverUrl(scheme, host, house.port))
}

/** What a method must be (RFC 9110 §5.6.2, §9.1); the library takes anything. */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/** Sends every request to the one place that takes requests. */
function route(app: NativeApp, binding: Binding, house: House, websockets: UwsWebSockets): void {
  const reader = new HeadReader(house.limits)
  const { drainBytes } = house.limits
  /** A request that was handed on, to get a second handle on its connection. */
  let large: { head: Head; response: NativeResponse } | undefined
  const serve = (head: Head, response: NativeResponse, spare?: NativeResponse, upgrader?: Upgrader): void => {
    const exchange = new UwsExchange(house, head, response, spare, upgrader)
    try {
      house.handler.call(exchange)
    } catch {
      exchange.abort()
    }
    exchange.leave()
  }
  const handlerOf = (method: string) => (response: NativeResponse, request: NativeRequest) => {
    const head = new Head(method, request, reader)
    if (head.refusal !== 0) return refuse(response, head.refusal)
    const { length } = head.fields
    if (length >= 0 && length <= drainBytes) return serve(head, response)
    large = { head, response }
    request.setYield(true)
  }
  const others = (response: NativeResponse, request: NativeRequest): void => {
    if (large !== undefined) {
      const { head, response: spare } = large
      large = undefined
      return serve(head, response, spare)
    }
    const method = request.getCaseSensitiveMethod()
    const head = new Head(method, request, reader)
    const refusal = token.test(method) ? head.refusal || (method === "CONNECT" ? 501 : 0) : 400
    if (refusal !== 0) refuse(response, refusal)
    else serve(head, response)
  }
  const behavior = websockets.behavior(binding, (response, request, context) => {
    const head = new Head("GET", request, reader)
    // The library would take the bytes of a handshake's body for frames.
    const refusal = head.refusal || (head.fields.length === 0 ? 0 : 400)
    if (refusal !== 0) refuse(response, refusal)
    else serve(head, response, undefined, websockets.upgrader(head, context))
  })
  app
    .ws("/*", behavior)
    .get("/*", handlerOf("GET"))
    .head("/*", handlerOf("HEAD"))
    .post("/*", handlerOf("POST"))
    .put("/*", handlerOf("PUT"))
    .patch("/*", handlerOf("PATCH"))
    .del("/*", handlerOf("DELETE"))
    .options("/*", handlerOf("OPTIONS"))
    .any("/*", others)
}

/** What a peer gets to read its goodbye before its connection is closed under it, in milliseconds. */
const farewell = 100

class UwsServer implements Server {
  readonly url: string
  readonly port: number
  readonly #binding: Binding
  readonly #app: NativeApp
  readonly #socket: unknown
  readonly #house: House
  readonly #websockets: UwsWebSockets
  #stopped: Promise<void> | undefined

  constructor(binding: Binding, app: NativeApp, socket: unknown, house: House, websockets: UwsWebSockets, url: string) {
    this.#binding = binding
    this.#app = app
    this.#socket = socket
    this.#house = house
    this.#websockets = websockets
    this.url = url
    this.port = house.port
  }

  stop({ graceMs = 5_000 }: { graceMs?: number } = {}): Promise<void> {
    this.#stopped ??= this.#stop(graceMs)
    return this.#stopped
  }

  async #stop(graceMs: number): Promise<void> {
    const house = this.#house
    const websockets = this.#websockets
    const deadline = performance.now() + graceMs
    house.stopping = true
    this.#binding.us_listen_socket_close(this.#socket)
    const hadWebsockets = websockets.size > 0
    websockets.closeAll(1012, "the server is stopping")
    for (const exchange of [...house.open]) exchange.drain()
    let left = graceMs
    do {
      await this.#emptied(left)
      left = deadline - performance.now()
      // Out of the callback that ended the last of them; and who was sent a close frame is given time to read it.
      await new Promise((resolve) => setTimeout(resolve, hadWebsockets ? Math.max(0, Math.min(farewell, left)) : 0))
      left = deadline - performance.now()
      // A request may have come in meanwhile on a connection that was idle.
    } while (left > 0 && this.#isBusy)
    for (const exchange of [...house.open]) exchange.cut(new DrainingError())
    // Idle connections cannot be told apart, so all are closed together, when nothing is under way any more.
    this.#app.close()
  }

  get #isBusy(): boolean {
    return this.#house.open.size > 0 || this.#websockets.size > 0
  }

  /** Resolves when no exchange and no websocket is open, at the latest after `ms`. */
  #emptied(ms: number): Promise<void> {
    const house = this.#house
    const websockets = this.#websockets
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      const look = (): void => {
        if (this.#isBusy) return
        clearTimeout(timer)
        resolve()
      }
      house.emptied = websockets.emptied = look
      look()
    })
  }
}
