/**
 * One request on uWebSockets.js, as `src/conn/adapter.ts` wants it; its answering half is in `answer.ts`.
 *
 * Until the handler returns, and only then, this exchange costs the library nothing but the answer. If it has not been
 * answered by then, `leave` registers for everything that can still happen.
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
  TimeoutError,
  UsageError,
  type WebSocketUpgrade,
} from "../../src/conn/adapter.ts"
import { getHeader } from "../../src/http/headers.ts"
import { Answer } from "./answer.ts"
import type { NativeResponse } from "./binding.ts"
import type { Head } from "./head.ts"
import type { House, Watched } from "./house.ts"
import { type Flow, Intake } from "./intake.ts"
import { addressText } from "./peer.ts"

const nothing = Buffer.alloc(0)
/** The library closes a connection whose body has brought less than 160 kB in 10 s; so often it is told that there is time. */
const refreshTime = 4_000
const ssl: SslData = { protocol: undefined, cipher: undefined, serverName: undefined }

/** Hands a response over to a websocket; what the library needs for that besides. */
export type Upgrader = (response: NativeResponse, upgrade: WebSocketUpgrade, isCorked: boolean) => void

export class UwsExchange extends Answer implements Exchange, Flow, Watched {
  readonly #upgrader: Upgrader | undefined
  /** A second handle on the connection, which outlives the answer: for bodies that may have to be cut behind it. */
  #spare: NativeResponse | undefined
  /** The response of a connection that is about to be closed. */
  #cut: NativeResponse | undefined
  #reason: AbortReason | undefined
  #closers: CloseListener[] | undefined
  #drains: (() => void)[] | undefined
  #isListening = false
  #addressBytes: Uint8Array | undefined
  #port = 0
  /** Bytes of the body that had arrived when the answer was out. */
  #totalAtEnd = 0
  #endedAt = 0
  #refreshed = 0

  constructor(
    house: House,
    head: Head,
    response: NativeResponse,
    spare: NativeResponse | undefined,
    upgrader: Upgrader | undefined,
  ) {
    super(house, head, response)
    this.#upgrader = upgrader
    this.#spare = spare
    if (head.fields.length === 0) return
    this.intake = new Intake(this, house.limits)
    // Behind an answer that the handler gives at once nobody could register any more.
    if (spare !== undefined) this.#receive(response)
  }

  get method(): string {
    return this.head.method
  }
  get path(): string {
    return this.head.path
  }
  get query(): string {
    return this.head.query
  }
  get scheme(): "http" | "https" {
    return this.house.scheme
  }
  get limits(): Limits {
    return this.house.limits
  }
  getHeader(name: string): string | undefined {
    return getHeader(this.head.fields.list, name)
  }
  getHeaders(): readonly string[] {
    return this.head.fields.list
  }

  /** The handler has returned. */
  leave(): void {
    const response = this.response ?? this.#cut
    if (response === undefined) return
    this.inHandler = false
    response.onAborted(() => this.#aborted())
    if (this.isOver) return
    this.house.open.add(this)
    if (this.intake !== undefined) {
      if (this.#spare === undefined) this.#receive(response)
      this.watch()
    }
    if (this.writer === undefined) return
    this.listen()
    this.writer.leave()
  }

  #receive(response: NativeResponse): void {
    response.onData((chunk, last) => {
      this.intake?.take(chunk, last)
      if (this.isOver) this.#drained(last)
    })
  }

  protected listen(): void {
    if (this.#isListening) return
    this.#isListening = true
    this.response?.onWritable(() => {
      this.writer?.writable()
      return true
    })
  }

  watch(): void {
    this.house.watch(this)
  }

  look(now: number): void {
    const { response, intake, writer } = this
    if (response === undefined) return this.#lookBehind(now)
    const isReading = intake !== undefined && !intake.done
    if (isReading) {
      intake.look(now)
      if (!intake.isPaused && now - this.#refreshed > refreshTime) {
        this.#refreshed = now
        response.pause().resume()
      }
    }
    const { idleTimeout } = this.limits
    if (writer?.waiting.look(now, idleTimeout, response) === true) {
      this.cut(new TimeoutError(`the peer took nothing of the answer for idleTimeout (${idleTimeout} ms)`))
    } else if (!isReading && writer?.waiting.blocked !== true) this.house.unwatch(this)
  }

  readBody(length: number, timeout: number, done: BodyListener): void {
    if (this.#reason !== undefined) done(this.#reason, nothing, false)
    else if (this.intake === undefined) done(undefined, nothing, false)
    else this.intake.read(length, timeout, done)
  }

  pause(): boolean {
    const { response, intake, writer } = this
    if (response === undefined) return false
    // A paused connection is not written to either, so one whose answer waits goes on reading, within a bound.
    if (writer?.waiting.blocked === true) {
      if ((intake?.size ?? 0) > this.limits.backlogBytes) this.abort()
      return false
    }
    // What the library restores at `resume` is not only this connection's; the handler keeps it from setting a deadline.
    this.listen()
    response.pause()
    return true
  }

  resume(): void {
    // Older versions restore what any paused connection had; pausing again makes that this one's, if it is being read.
    this.response?.pause().resume()
  }

  upgrade(upgrade: WebSocketUpgrade): void {
    this.sent = true
    const { response } = this
    if (response === undefined) return
    const upgrader = this.#upgrader
    if (upgrader === undefined) return this.abort()
    this.#capturePeer()
    this.finish()
    upgrader(response, upgrade, this.inHandler)
  }

  inform(): boolean {
    return false
  }

  abort(): void {
    this.cut(new ClientGoneError("the connection was cut"))
  }

  /** Ends the connection for a reason. Not at once: the library may be at work on it just now. */
  cut(reason: AbortReason): void {
    const { response } = this
    if (response === undefined) return
    this.#cut = response
    this.#over(reason)
    setImmediate(() => {
      const waiting = this.#cut
      this.#cut = undefined
      waiting?.close()
    })
  }

  finish(): void {
    this.#over(undefined)
  }

  #aborted(): void {
    this.#cut = undefined
    this.#over(new ClientGoneError())
  }

  #over(reason: AbortReason | undefined): void {
    if (this.isOver) return
    this.isOver = true
    this.#reason = reason
    this.response = undefined
    this.writer?.stop()
    if (!this.inHandler) this.house.forget(this)
    const { intake } = this
    if (intake !== undefined) {
      intake.fail(reason ?? new UsageError("the body is gone: the answer was sent before it was read"))
      this.#keepSpare(intake)
    }
    const closers = this.#closers
    this.#closers = this.#drains = undefined
    if (closers !== undefined) for (const listener of closers) guarded(() => listener(reason))
  }

  /** Keeps the second handle while a body still arrives behind its answer, and no longer than the connection lives. */
  #keepSpare(intake: Intake): void {
    const spare = this.#spare
    if (spare === undefined) return
    if (this.#reason !== undefined || this.closing || intake.done) {
      this.#spare = undefined
      return
    }
    this.#totalAtEnd = intake.total
    this.#endedAt = performance.now()
    spare.onAborted(() => {
      this.#spare = undefined
    })
    this.watch()
  }

  /** More of the body has arrived behind the answer. */
  #drained(last: boolean): void {
    const { intake } = this
    if (last || intake === undefined) this.#spare = undefined
    else if (intake.total - this.#totalAtEnd > this.limits.drainBytes) this.#cutBehind()
  }

  #lookBehind(now: number): void {
    if (this.#spare === undefined) this.house.unwatch(this)
    else if (now - this.#endedAt > this.limits.requestTimeout) this.#cutBehind()
  }

  #cutBehind(): void {
    setImmediate(() => {
      const spare = this.#spare
      this.#spare = undefined
      spare?.close()
    })
  }

  onClose(listener: CloseListener): void {
    if (this.isOver) {
      const reason = this.#reason
      queueMicrotask(() => guarded(() => listener(reason)))
      return
    }
    // Who hears of the end may want to say who it was.
    this.#capturePeer()
    this.#closers ??= []
    this.#closers.push(listener)
  }

  onDrain(listener: () => void): void {
    if (this.isOver) return
    if (this.house.stopping) return queueMicrotask(() => guarded(listener))
    this.#drains ??= []
    this.#drains.push(listener)
  }

  /** Says that the server starts to stop. */
  drain(): void {
    const drains = this.#drains
    this.#drains = undefined
    if (drains !== undefined) for (const listener of drains) guarded(listener)
  }

  getPeerData(): PeerData {
    this.#capturePeer()
    return { address: addressText(this.#addressBytes ?? nothing), port: this.#port, certificate: undefined }
  }
  #capturePeer(): void {
    const { response } = this
    if (this.#addressBytes !== undefined || response === undefined) return
    this.#addressBytes = new Uint8Array(response.getRemoteAddress())
    this.#port = response.getRemotePort?.() ?? 0
  }
  getSockData(): SockData {
    return { address: this.house.address, port: this.house.port }
  }
  getSslData(): SslData | undefined {
    return this.scheme === "https" ? ssl : undefined
  }
  getHttpProtocol(): "HTTP/1.1" {
    return "HTTP/1.1"
  }
}

/** Calls a listener. One that throws may not end the process, nor keep the others from being told. */
function guarded(listener: () => void): void {
  try {
    listener()
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : String(error))
  }
}
