/**
 * The websockets of a server: what the library calls for them, their one clock, their common end.
 */
import type { Socket } from "node:net"
import type { Limits, WebSocketUpgrade } from "../../src/conn/adapter.ts"
import { Link } from "../websocket-link.ts"
import { answerHead } from "./answer-head.ts"
import type { Binding, NativeBehavior, NativeResponse, NativeWebSocket } from "./binding.ts"
import type { Upgrader } from "./exchange.ts"
import type { Head } from "./head.ts"
import { UwsPeer } from "./websocket-peer.ts"

/** What the library carries along for a websocket; it becomes a member of its object. */
interface Data {
  readonly joint: Joint
}

/** One websocket on its way from the handshake to its end. */
interface Joint {
  readonly upgrade: WebSocketUpgrade
  readonly compress: boolean
  peer?: UwsPeer
  link?: Link
}

/** Ends of the library's own making, by its words for them; all else is 1006. */
const endings: Readonly<Record<string, number>> = {
  "Received too big message": 1009,
  "Received too big message, or other inflation error": 1009,
  "Received invalid UTF-8": 1007,
  "Received invalid WebSocket frame": 1002,
}

/** The library's own deadline, which ours stays below; after a close frame it gives a peer 16 s. */
const nativeIdleSeconds = 960

export class UwsWebSockets {
  readonly #limits: Limits
  readonly #compression: boolean
  readonly #links = new Set<Link>()
  #clock: NodeJS.Timeout | undefined
  #goodbye: { code: number; reason: string } | undefined
  /** Called when the last websocket is over. */
  emptied: (() => void) | undefined

  constructor(limits: Limits, compression: boolean) {
    this.#limits = limits
    this.#compression = compression
  }

  get size(): number {
    return this.#links.size
  }

  behavior(binding: Binding, upgrade: NativeBehavior<Data>["upgrade"]): NativeBehavior<Data> {
    const { messageBytes } = this.#limits
    return {
      // What is longer the library ends without a word; a little above the limit it is us, who say 1009.
      maxPayloadLength: Math.min(Math.ceil(1.1 * messageBytes), 2_147_483_647),
      // The library answers pings by itself, and would pile up the answers for who does not read them.
      maxBackpressure: Math.min(this.#limits.backlogBytes, 2_147_483_647),
      idleTimeout: nativeIdleSeconds,
      sendPingsAutomatically: false,
      compression: this.#compression ? binding.SHARED_COMPRESSOR : binding.DISABLED,
      upgrade,
      open: (ws) => this.#open(ws),
      message: (ws, data, binary) => this.#message(ws, data, binary),
      drain: (ws) => ws.getUserData().joint.peer?.drained(),
      ping: (ws, data) => this.#seen(ws, data)?.pinged(copy(data)),
      pong: (ws, data) => this.#seen(ws, data)?.ponged(copy(data)),
      close: (ws, code, reason) => this.#closed(ws.getUserData().joint, code, copy(reason).toString()),
    }
  }

  /** What an exchange whose request asks for a websocket needs to become one. */
  upgrader(head: Head, context: unknown): Upgrader {
    return (response: NativeResponse, upgrade: WebSocketUpgrade, isCorked: boolean) => {
      const value = (name: string): string => joined(head, name)
      const compress = this.#compression && upgrade.compression
      const extensions = compress ? value("sec-websocket-extensions") : ""
      const accept = (): void => {
        answerHead(101, upgrade.headers).write(response, false)
        const data: Data = { joint: { upgrade, compress: extensions.includes("permessage-deflate") } }
        response.upgrade(data, value("sec-websocket-key"), upgrade.protocol, extensions, context)
      }
      if (isCorked) accept()
      else response.cork(accept)
    }
  }

  /** Closes every websocket with a code, and each that comes later as soon as it is open. */
  closeAll(code: number, reason: string): void {
    this.#goodbye = { code, reason }
    for (const link of this.#links) link.close(code, reason)
  }

  #open(ws: NativeWebSocket<Data>): void {
    const { joint } = ws.getUserData()
    const peer = new UwsPeer(ws, joint.compress)
    // Of the socket only the number of bytes read is asked for.
    const link = new Link(peer, peer as unknown as Socket, joint.upgrade, this.#limits)
    joint.peer = peer
    joint.link = link
    this.#links.add(link)
    this.#clock ??= setInterval(() => this.#look(), this.#period()).unref()
    link.open()
    if (this.#goodbye !== undefined) link.close(this.#goodbye.code, this.#goodbye.reason)
  }

  #message(ws: NativeWebSocket<Data>, data: ArrayBuffer, binary: boolean): void {
    const link = this.#seen(ws, data)
    const { messageBytes } = ws.getUserData().joint.upgrade
    if (data.byteLength > messageBytes) link?.close(1009, "the message is too big")
    else link?.message(copy(data), binary)
  }

  /** The link of a websocket whose peer has just shown that it lives. */
  #seen(ws: NativeWebSocket<Data>, data: ArrayBuffer): Link | undefined {
    const { peer, link } = ws.getUserData().joint
    if (peer !== undefined) peer.bytesRead += data.byteLength + 2
    return link
  }

  #closed({ peer, link }: Joint, code: number, reason: string): void {
    if (peer === undefined || link === undefined) return
    peer.gone()
    const known = code === 1006 ? endings[reason] : undefined
    const text = code === 1006 ? "" : reason
    // Often this is called within `close`, while the handler that closed still runs.
    queueMicrotask(() => {
      this.#remove(link)
      link.closed(known ?? code, text)
    })
  }

  #remove(link: Link): void {
    this.#links.delete(link)
    if (this.#links.size > 0) return
    clearInterval(this.#clock)
    this.#clock = undefined
    this.emptied?.()
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

/** The library's memory is gone when its callback returns. */
function copy(data: ArrayBuffer): Buffer {
  return Buffer.from(data.slice(0))
}

/** All values of a header as one list. */
function joined(head: Head, name: string): string {
  const values: string[] = []
  for (let i = 0; i < head.fields.list.length; i += 2)
    if (head.fields.list[i] === name) values.push(head.fields.list[i + 1] as string)
  return values.join(", ")
}
