/**
 * Websockets over a socket that has left HTTP behind: `ws` speaks RFC 6455, this and `websocket-link.ts` give it our words.
 *
 * `ws` answers the handshake, frames, validates UTF-8, answers pings and closes. Here are the websockets of a server as a
 * whole: their limits, their one clock, their common end.
 */
import type { Socket } from "node:net"
import { WebSocketServer } from "ws"
import type { Limits, WebSocketUpgrade } from "../src/conn/adapter.ts"
import { Link } from "./websocket-link.ts"

/** How long a peer may take to answer our close frame, in milliseconds. */
const closeTimeout = 5_000

/** The websockets of one server. */
export interface WebSockets {
  readonly size: number
  /**
   * Answers the handshake and takes the socket over. `head` is what was already read beyond the request, `headers` the
   * request's flat list. The socket must have an error listener since its first tick, and no other reader. False when the
   * peer has left meanwhile: nothing is sent, no member of the handler is called, the socket is destroyed.
   */
  accept(socket: Socket, head: Buffer, headers: readonly string[], upgrade: WebSocketUpgrade): boolean
  /**
   * Closes every websocket with a code, and each that comes later as soon as it is open. Resolves when they are closed;
   * those that are still open after `deadline` ms are cut. Calling it again gives the same promise.
   */
  closeAll(code: number, reason: string, deadline: number): Promise<void>
}

/** Makes the websockets of a server with these limits; `compression` is the server's own option. */
export function webSockets(limits: Limits, compression: boolean): WebSockets {
  return new Room(limits, compression)
}

class Room implements WebSockets {
  readonly #limits: Limits
  readonly #compression: boolean
  readonly #links = new Set<Link>()
  #tick: NodeJS.Timeout | undefined
  #goodbye: { code: number; reason: string } | undefined
  #closing: Promise<void> | undefined
  #emptied: (() => void) | undefined

  constructor(limits: Limits, compression: boolean) {
    this.#limits = limits
    this.#compression = compression
  }

  get size(): number {
    return this.#links.size
  }

  accept(socket: Socket, head: Buffer, headers: readonly string[], upgrade: WebSocketUpgrade): boolean {
    const options = {
      noServer: true,
      clientTracking: false,
      closeTimeout,
      maxPayload: Math.min(upgrade.messageBytes, this.#limits.messageBytes),
      perMessageDeflate: this.#compression &&
        upgrade.compression && { serverNoContextTakeover: true, clientNoContextTakeover: true },
    }
    const server = new WebSocketServer(options)
    server.on("headers", (lines) => {
      for (let i = 0; i < upgrade.headers.length; i += 2) lines.push(`${upgrade.headers[i]}: ${upgrade.headers[i + 1]}`)
    })
    let opened: Link | undefined
    server.handleUpgrade(handshake(headers, upgrade.protocol), socket, head, (peer) => {
      const link = new Link(peer, socket, upgrade, this.#limits)
      opened = link
      peer.on("message", (data: Buffer, binary) => link.message(data, binary))
      peer.on("ping", (data) => link.pinged(data))
      peer.on("pong", (data) => link.ponged(data))
      // What the peer did wrong: ws closes with the code for it, and "close" follows.
      peer.on("error", () => {})
      peer.on("close", (code, reason) => {
        this.#remove(link)
        link.closed(code, reason.toString())
      })
    })
    if (opened === undefined) return false
    this.#links.add(opened)
    this.#tick ??= setInterval(() => this.#look(), this.#period()).unref()
    opened.open()
    if (this.#goodbye !== undefined) opened.close(this.#goodbye.code, this.#goodbye.reason)
    return true
  }

  closeAll(code: number, reason: string, deadline: number): Promise<void> {
    this.#goodbye ??= { code, reason }
    this.#closing ??= this.#close(code, reason, deadline)
    return this.#closing
  }

  async #close(code: number, reason: string, deadline: number): Promise<void> {
    for (const link of this.#links) link.close(code, reason)
    if (this.#links.size === 0) return
    const emptied = new Promise<void>((resolve) => {
      this.#emptied = resolve
    })
    const timer = setTimeout(() => {
      for (const link of this.#links) link.cut()
    }, deadline)
    await emptied
    clearTimeout(timer)
  }

  #remove(link: Link): void {
    this.#links.delete(link)
    if (this.#links.size > 0) return
    clearInterval(this.#tick)
    this.#tick = undefined
    this.#emptied?.()
  }

  /** One clock for all: an idle websocket costs no timer of its own. */
  #period(): number {
    return Math.max(10, Math.min(1_000, this.#limits.websocketIdleTimeout / 8))
  }

  #look(): void {
    const now = performance.now()
    for (const link of this.#links) link.look(now)
  }
}

/** As much of a request as `handleUpgrade` reads. The caller has checked the handshake and chosen the protocol. */
function handshake(list: readonly string[], protocol: string): never {
  const headers: Record<string, string> = { upgrade: "websocket", "sec-websocket-version": "13" }
  if (protocol !== "") headers["sec-websocket-protocol"] = protocol
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i] as string
    const value = list[i + 1] as string
    if (name === "sec-websocket-key") headers[name] ??= value
    if (name === "sec-websocket-extensions") headers[name] = headers[name] ? `${headers[name]}, ${value}` : value
  }
  return { method: "GET", url: "/", headers } as never
}
