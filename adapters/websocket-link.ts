/**
 * One websocket as its handler sees it: messages one at a time, sends that wait for a slow reader, one close at the end.
 */
import type { Socket } from "node:net"
import {
  type Body,
  type Limits,
  type MaybePromise,
  UsageError,
  type WebSocket,
  type WebSocketUpgrade,
} from "../src/conn/adapter.ts"

/** How many messages may wait for a handler before the socket is paused. */
const waitingMessages = 4

/** What this needs of a `ws` WebSocket. */
export interface Peer {
  readonly readyState: number
  readonly bufferedAmount: number
  send(data: Body, sent: () => void): void
  ping(data?: Body): void
  close(code: number, reason: string): void
  terminate(): void
  pause(): void
  resume(): void
}

/** How long a peer that was closed with 1013 may take nothing, in milliseconds. */
const overloadGrace = 1_000

const open = 1

/** Joins a peer and a handler. Nothing that the handler throws or rejects with leaves it. */
export class Link implements WebSocket {
  readonly protocol: string
  readonly #peer: Peer
  readonly #socket: Socket
  readonly #upgrade: WebSocketUpgrade
  readonly #limits: Limits
  /** Messages that arrived while the handler was at work, in order. */
  readonly #waiting: (string | Uint8Array)[] = []
  #waitingBytes = 0
  #busy = false
  #paused = false
  /** Set when this side closes: what the peer still sends is then dropped. */
  #closing = false
  #end: { code: number; reason: string } | undefined
  #overloaded: { code: number; reason: string } | undefined
  #full: Promise<boolean> | undefined
  #settleFull: ((open: boolean) => void) | undefined
  #lastSign = performance.now()
  #lastPing = 0
  #lastRead = 0
  #lastBuffered = 0

  constructor(peer: Peer, socket: Socket, upgrade: WebSocketUpgrade, limits: Limits) {
    this.#peer = peer
    this.#socket = socket
    this.#upgrade = upgrade
    this.#limits = limits
    this.protocol = upgrade.protocol
  }

  get bufferedAmount(): number {
    return this.#peer.readyState === open ? this.#peer.bufferedAmount : 0
  }

  send(data: Body): MaybePromise<boolean> {
    const peer = this.#peer
    if (peer.readyState !== open) return false
    const before = peer.bufferedAmount
    if (before > 0 && before + Buffer.byteLength(data) > this.#limits.backlogBytes) {
      this.#overload("reading too slowly")
      return false
    }
    peer.send(data, this.#sent)
    if (peer.bufferedAmount < this.#limits.highWaterMark) return true
    this.#full ??= new Promise((resolve) => {
      this.#settleFull = resolve
    })
    return this.#full
  }

  ping(data: Body = ""): void {
    if (Buffer.byteLength(data) > 125) throw new UsageError("a ping carries at most 125 bytes")
    if (this.#peer.readyState === open) this.#peer.ping(data)
  }

  close(code = 1000, reason = ""): void {
    if (this.#peer.readyState !== open) return
    try {
      this.#peer.close(code, reason)
    } catch (cause) {
      const accepted =
        "a code of 1000 to 1014 but 1004, 1005, 1006, or of 3000 to 4999, and a reason of at most 123 bytes"
      throw new UsageError(`close takes ${accepted}, got ${code} and ${Buffer.byteLength(reason)} bytes`, { cause })
    }
    this.#dropAndResume()
  }

  /** Ends the connection without a closing handshake. */
  cut(): void {
    this.#peer.terminate()
  }

  open(): void {
    this.#serve(() => this.#upgrade.handler.open?.(this))
  }

  message(bytes: Buffer, binary: boolean): void {
    if (this.#closing) return
    const data = binary ? own(bytes) : bytes.toString()
    if (!this.#busy) {
      this.#serve(() => this.#upgrade.handler.message?.(this, data))
      return
    }
    this.#waiting.push(data)
    this.#waitingBytes += bytes.length
    if (this.#waitingBytes > this.#limits.backlogBytes + this.#limits.messageBytes) {
      // What one read brought is still to come after a pause, and inflates to a thousand times its size.
      this.#overload("sending too fast")
    } else if (this.#waiting.length > waitingMessages || this.#waitingBytes > this.#limits.highWaterMark) {
      this.#paused = true
      this.#peer.pause()
    }
  }

  pinged(data: Buffer): void {
    this.#call(() => this.#upgrade.handler.ping?.(this, own(data)))
  }

  ponged(data: Buffer): void {
    this.#call(() => this.#upgrade.handler.pong?.(this, own(data)))
  }

  closed(code: number, reason: string): void {
    const end = code === 1006 && this.#overloaded !== undefined ? this.#overloaded : { code, reason }
    this.#end = end
    this.#release(false)
    if (!this.#busy) this.#finish(end.code, end.reason)
  }

  /** Ends a websocket whose queue is full. Its close frame waits in that queue, so its answer is not waited for long. */
  #overload(reason: string): void {
    this.close(1013, reason)
    this.#overloaded = { code: 1013, reason }
    this.#lastSign = performance.now()
  }

  /** Pings a peer that was quiet for half of the idle timeout, cuts it after the whole. `now` is monotonic. */
  look(now: number): void {
    const idle = this.#limits.websocketIdleTimeout
    const read = this.#socket.bytesRead
    const buffered = this.#peer.bufferedAmount
    if (read !== this.#lastRead || buffered < this.#lastBuffered) this.#lastSign = now
    this.#lastRead = read
    this.#lastBuffered = buffered
    const quiet = now - this.#lastSign
    if (this.#overloaded !== undefined) {
      if (quiet >= overloadGrace) this.cut()
      return
    }
    // While we do not read, the peer's silence says nothing; a ping still finds out that it is gone.
    if (quiet >= idle && !this.#paused) {
      this.cut()
    } else if (quiet >= idle / 2 && now - this.#lastPing >= idle / 2) {
      this.#lastPing = now
      this.ping()
    }
  }

  /** Runs the part of the handler that the next message waits for. */
  #serve(run: () => MaybePromise<void>): void {
    this.#busy = true
    const pending = this.#call(run)
    if (pending === undefined) this.#busy = false
    else pending.then(() => this.#goOn())
  }

  #goOn(): void {
    this.#busy = false
    while (!this.#busy) {
      const data = this.#waiting.shift()
      if (data === undefined) break
      this.#waitingBytes -= Buffer.byteLength(data)
      this.#serve(() => this.#upgrade.handler.message?.(this, data))
    }
    if (this.#busy) return
    this.#resume()
    if (this.#end !== undefined) this.#finish(this.#end.code, this.#end.reason)
  }

  #resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#lastSign = performance.now()
    this.#peer.resume()
  }

  #dropAndResume(): void {
    this.#closing = true
    this.#waiting.length = 0
    this.#waitingBytes = 0
    this.#resume()
  }

  /** Calls into the handler. The promise given, if its answer is one, never rejects. */
  #call(run: () => MaybePromise<void>): Promise<void> | undefined {
    try {
      const pending = run()
      if (typeof pending !== "object" || pending === null) return undefined
      return Promise.resolve(pending).catch((error) => this.#fail(error))
    } catch (error) {
      this.#fail(error)
      return undefined
    }
  }

  #fail(error: unknown): void {
    this.close(1011, "internal error")
    this.#dropAndResume()
    try {
      this.#upgrade.onError(error)
    } catch {
      // Whoever takes errors has failed at it; there is nobody else to tell.
    }
  }

  readonly #sent = (): void => {
    if (this.#full === undefined || this.#peer.readyState !== open || this.#peer.bufferedAmount > 0) return
    this.#release(true)
    this.#call(() => this.#upgrade.handler.drain?.(this))
  }

  #release(drained: boolean): void {
    const settle = this.#settleFull
    this.#full = undefined
    this.#settleFull = undefined
    settle?.(drained)
  }

  #finish(code: number, reason: string): void {
    this.#call(() => this.#upgrade.handler.close?.(this, code, reason))
    this.#upgrade.onOver()
  }
}

/** The bytes of a message in memory of their own: `ws` gives views of what the socket read. */
function own(data: Buffer): Uint8Array {
  const { buffer, byteOffset, length } = data
  return length === buffer.byteLength ? new Uint8Array(buffer, byteOffset, length) : new Uint8Array(data)
}
