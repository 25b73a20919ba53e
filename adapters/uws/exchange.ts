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
import { Behind } from "./behind.ts"
import type { NativeResponse } from "./binding.ts"
import type { Head } from "./head.ts"
import type { House, Watched } from "./house.ts"
import { type Flow, Intake } from "./intake.ts"
import { PeerSeen } from "./peer.ts"

const nothing = Buffer.alloc(0)
/** The library closes a connection whose body has brought less than 160 kB in 10 s; so often it is told that there is time. */
const refreshTime = 4_000
/** How much of a body is read ahead of a reader while somebody wants to know whether the peer is still there. */
const aheadBytes = 2_097_152
const nobody: PeerData = { address: "", port: 0, certificate: undefined }
const ssl: SslData = { protocol: undefined, cipher: undefined, serverName: undefined }

/** Hands a response over to a websocket. */
export type Upgrader = (response: NativeResponse, upgrade: WebSocketUpgrade, isCorked: boolean) => void

export class UwsExchange extends Answer implements Exchange, Flow, Watched {
  readonly #upgrader: Upgrader | undefined
  readonly #spare: NativeResponse | undefined
  /** The response of a connection that is about to be closed. */
  #cut: NativeResponse | undefined
  #reason: AbortReason | undefined
  #closers: CloseListener[] | undefined
  #drains: (() => void)[] | undefined
  #peer: PeerSeen | undefined
  #behind: Behind | undefined
  #isListening = false
  #refreshed = 0

  /** `spare` is a second handle on the connection, for bodies that may have to be cut behind their answer. */
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
      // Of a body of a known length the library reports at once what came with the head, even if that is nothing.
      if (this.head.fields.length === -1) this.watch()
    }
    if (this.writer === undefined) return
    this.listen()
    this.writer.leave()
  }

  #receive(response: NativeResponse): void {
    response.onData((chunk, last) => {
      this.intake?.take(chunk, last)
      if (this.isOver) this.#behind?.arrived(last)
      else if (!last) this.watch()
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
    const isReading = intake !== undefined && !intake.done
    const isWriting = writer?.waiting.blocked === true
    if (response === undefined || !(isReading || isWriting)) return this.house.unwatch(this)
    if (isReading) {
      intake.look(now)
      if (!intake.isPaused && now - this.#refreshed > refreshTime) {
        this.#refreshed = now
        response.pause().resume()
      }
    }
    const { idleTimeout } = this.limits
    if (writer?.waiting.look(now, idleTimeout, response) !== true) return
    this.cut(new TimeoutError(`the peer took nothing of the answer for idleTimeout (${idleTimeout} ms)`))
  }

  readBody(length: number, timeout: number, done: BodyListener): void {
    if (this.isOver) done(this.#reason ?? bodyGone(), nothing, false)
    else if (this.intake === undefined) done(undefined, nothing, false)
    else this.intake.read(length, timeout, done)
  }

  get ahead(): number {
    const { highWaterMark } = this.limits
    return this.#closers === undefined ? highWaterMark : Math.max(aheadBytes, highWaterMark)
  }

  pause(): boolean {
    const { response, intake, writer } = this
    if (response === undefined) return false
    // A paused connection is not written to either, so one whose answer waits goes on reading, within a bound.
    if (writer?.waiting.blocked === true) {
      if ((intake?.size ?? 0) > this.limits.backlogBytes) this.abort()
      return false
    }
    // `resume` may wake the library although nothing can be written; listening keeps it from setting a deadline then.
    this.listen()
    response.pause()
    return true
  }

  resume(): void {
    // What is restored is what any connection had that was paused last; pausing again makes that this one's.
    this.response?.pause().resume()
  }

  upgrade(upgrade: WebSocketUpgrade): void {
    this.sent = true
    const { response } = this
    if (response === undefined) return
    // The library saw no handshake here, so there is none.
    if (this.#upgrader === undefined) {
      upgrade.onOver()
      return this.sendHead(400, ["connection", "close"], 0)
    }
    this.#peer ??= new PeerSeen(response)
    this.finish()
    this.#upgrader(response, upgrade, this.inHandler)
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
    this.#end(reason)
    setImmediate(() => {
      const cut = this.#cut
      this.#cut = undefined
      cut?.close()
    })
  }

  finish(): void {
    this.#end(undefined)
  }

  #aborted(): void {
    this.#cut = undefined
    this.#end(new ClientGoneError())
  }

  /** Ends the exchange, once. */
  #end(reason: AbortReason | undefined): void {
    if (this.isOver) return
    this.isOver = true
    this.#reason = reason
    this.response = undefined
    this.writer?.stop()
    if (!this.inHandler) this.house.forget(this)
    if (this.intake !== undefined) this.#endBody(this.intake, reason)
    const closers = this.#closers
    this.#closers = this.#drains = undefined
    if (closers !== undefined) for (const listener of closers) guarded(() => listener(reason))
  }

  #endBody(intake: Intake, reason: AbortReason | undefined): void {
    if (reason !== undefined || intake.isRead) intake.fail(reason ?? bodyGone())
    else intake.drop()
    if (this.#spare === undefined || reason !== undefined || this.closing || intake.done) return
    this.#behind = new Behind(this.house, intake, this.#spare)
  }

  onClose(listener: CloseListener): void {
    const { response } = this
    if (response === undefined) {
      const reason = this.#reason
      queueMicrotask(() => guarded(() => listener(reason)))
      return
    }
    // Who hears of the end may want to say who it was.
    this.#peer ??= new PeerSeen(response)
    this.#closers ??= []
    this.#closers.push(listener)
    // A peer that leaves is seen only by who reads.
    this.intake?.goOn()
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
    if (this.response !== undefined) this.#peer ??= new PeerSeen(this.response)
    return this.#peer?.data ?? nobody
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

function bodyGone(): UsageError {
  return new UsageError("the body is gone: the answer was sent before it was read")
}

/** Calls a listener. One that throws may not end the process, nor keep the others from being told. */
function guarded(listener: () => void): void {
  try {
    listener()
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : String(error))
  }
}
