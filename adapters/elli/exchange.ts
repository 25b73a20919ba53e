/**
 * One request on an Elli connection, as `src/conn/adapter.ts` wants it; its answering half is in `answer.ts`.
 */
import {
  type AbortReason,
  type BodyListener,
  ClientGoneError,
  type CloseListener,
  type Exchange,
  type Limits,
  type PeerData,
  type SockData,
  type SslData,
  UsageError,
  type WebSocketUpgrade,
} from "../../src/conn/adapter.ts"
import { getHeader } from "../../src/http/headers.ts"
import { Answer } from "./answer.ts"
import type { RequestInfo } from "./events.ts"
import { peerOf, sockOf, sslOf } from "./peer.ts"

const nothing = Buffer.alloc(0)

export class ElliExchange extends Answer implements Exchange, RequestInfo {
  #reason: AbortReason | undefined
  #closers: CloseListener[] | undefined
  #drains: (() => void)[] | undefined

  get method(): string {
    return this.head.method
  }
  get path(): string {
    return this.head.path
  }
  get query(): string {
    return this.head.query
  }
  get headers(): readonly string[] {
    return this.head.headers
  }
  get scheme(): "http" | "https" {
    return this.connection.core.scheme
  }
  get limits(): Limits {
    return this.connection.core.limits
  }

  getHeader(name: string): string | undefined {
    return getHeader(this.head.headers, name)
  }
  getHeaders(): readonly string[] {
    return this.head.headers
  }

  readBody(length: number, timeout: number, done: BodyListener): void {
    const { ready, intake } = this
    if (this.isOver) done(this.#reason ?? new ClientGoneError("the exchange is over"), nothing, false)
    else if (intake !== undefined) intake.read(length, timeout, done)
    else if (ready === undefined) done(undefined, nothing, false)
    else if (ready.length <= length) {
      this.ready = undefined
      done(undefined, ready, false)
    } else {
      this.ready = ready.subarray(length)
      done(undefined, ready.subarray(0, length), true)
    }
  }

  upgrade(upgrade: WebSocketUpgrade): void {
    if (this.sent) return
    this.sent = true
    this.trace?.begin("handover", [], 0)
    if (!this.isOver) this.connection.handOver(upgrade)
  }

  onClose(listener: CloseListener): void {
    if (this.isOver) queueMicrotask(() => listener(this.#reason))
    else if (this.#closers !== undefined) this.#closers.push(listener)
    else {
      this.#closers = [listener]
      // Who hears of the end may want to say who it was; a socket remembers only what was asked of it while it was open.
      void this.connection.socket.remoteAddress
      this.connection.balance()
    }
  }

  onDrain(listener: () => void): void {
    if (this.isOver) return
    if (this.connection.core.stopping) queueMicrotask(listener)
    else if (this.#drains === undefined) this.#drains = [listener]
    else this.#drains.push(listener)
  }

  getPeerData(): PeerData {
    return peerOf(this.connection.socket, this.connection.client)
  }
  getSockData(): SockData {
    return sockOf(this.connection.socket)
  }
  getSslData(): SslData | undefined {
    return sslOf(this.connection.socket)
  }
  getHttpProtocol(): "HTTP/1.0" | "HTTP/1.1" {
    return this.head.fields.minor === 1 ? "HTTP/1.1" : "HTTP/1.0"
  }

  /** Somebody wants to know when this is over. */
  get watched(): boolean {
    return this.#closers !== undefined
  }

  /** Ends the exchange: with nothing when the last byte was handed over, else with the reason. Tells everybody, once. */
  over(reason: AbortReason | undefined): void {
    if (this.isOver) return
    this.isOver = true
    this.#reason = reason
    if (reason !== undefined) this.intake?.fail(reason)
    // Somebody still waits for more of a body that nobody will read on.
    else if (this.intake?.wanted)
      this.intake.fail(new UsageError("the body is gone: the answer was sent before it was read"))
    if (this.trace !== undefined) this.trace.report(this, reason)
    const closers = this.#closers
    this.#closers = this.#drains = undefined
    if (closers !== undefined) for (const listener of closers) listener(reason)
  }

  /** Says that the server starts to stop. */
  drain(): void {
    const drains = this.#drains
    this.#drains = undefined
    if (drains !== undefined) for (const listener of drains) listener()
  }

  /** The handler threw, which it must not: the client gets a bare 500, or a broken answer where one had begun. */
  failed(thrown: unknown): void {
    const { connection, sent } = this
    if (thrown instanceof Error) connection.tell({ type: "request_error", request: this, error: thrown })
    else connection.tell({ type: "request_throw", request: this, thrown })
    if (sent) this.abort()
    else
      this.sendResp(
        500,
        ["content-type", "text/plain; charset=utf-8", "connection", "close"],
        "Internal Server Error\n",
      )
  }
}
