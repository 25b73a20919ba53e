/**
 * A connection as a socket: whether it is read, and the ways in which it ends.
 */
import type { Socket } from "node:net"
import { type AbortReason, ClientGoneError } from "../../src/conn/adapter.ts"
import type { Core } from "./core.ts"
import { type ElliEvent, refusalEvent } from "./events.ts"
import type { ElliExchange } from "./exchange.ts"
import type { Intake, Source } from "./intake.ts"
import { Outbox } from "./outbox.ts"
import type { NoHead } from "./parser.ts"
import type { Client } from "./proxy-header.ts"
import { interim, refusal } from "./writer.ts"

/** What may wait behind an unfinished exchange before the socket is not read. */
const restBytes = 16_384
/** What is read of a body ahead of its reader while somebody waits to hear whether the client is still there. */
const aheadBytes = 2_097_152

export abstract class Link implements Source {
  readonly core: Core
  readonly socket: Socket
  readonly outbox: Outbox
  /** Whom the peer speaks for, where a trusted proxy said so. */
  readonly client: Client | undefined
  previous: Link | undefined
  following: Link | undefined
  /**
   * `lingering`: our side has ended, and what still arrives is dropped until the peer has ended too or took too long.
   * `gone`: destroyed, or handed over.
   */
  state: "open" | "lingering" | "gone" = "open"
  /** The exchange that is under way. */
  exchange: ElliExchange | undefined
  /** The body that is still arriving, of the exchange or of the one before, whose answer is out. */
  intake: Intake | undefined
  /** What arrived and belongs to no exchange yet. */
  rest: Buffer | undefined
  /** There was a request on this connection. */
  served = false
  /** Nothing that still arrives can be understood. */
  deaf = false
  paused = false
  /** The tick of the request's first byte, or of when the connection fell idle or began to linger. */
  since: number
  /** The tick at which something arrived while lingering. */
  lastSign = 0

  constructor(core: Core, socket: Socket, client: Client | undefined) {
    this.core = core
    this.socket = socket
    this.client = client
    this.outbox = new Outbox(socket, core, () => this.emptied())
    this.since = core.tick
    socket.on("end", this.#peerEnded)
    socket.on("close", this.#closed)
    core.add(this)
  }

  /** The socket has taken everything that waited. */
  abstract emptied(): void

  /** Reads the socket or not, by what waits. */
  balance(): void {
    const { rest, intake, exchange } = this
    let full = false
    if (rest !== undefined && (exchange !== undefined || this.outbox.blocked)) full = rest.length > restBytes
    else if (intake !== undefined && exchange !== undefined && !this.deaf) {
      // Who leaves is seen only by who reads, so a body is read further ahead while somebody wants to know.
      const ahead = exchange.watched ? aheadBytes : this.core.limits.highWaterMark
      full = intake.size >= ahead && !intake.wanted
    }
    if (full === this.paused || this.state === "gone") return
    this.paused = full
    if (full) this.socket.pause()
    else this.socket.resume()
  }

  resume(): void {
    this.balance()
  }

  invite(): void {
    if (this.exchange?.expects !== true || this.exchange.sent) return
    this.exchange.expects = false
    this.outbox.write(interim(100, []))
    this.outbox.flush()
  }

  late(): void {
    this.tell({ type: "client_timeout", where: "receiving_body" })
    this.spoil()
  }

  /** Nothing that still arrives is looked at, and the connection ends with this exchange. */
  spoil(): void {
    this.deaf = true
    this.rest = undefined
    if (this.exchange !== undefined) this.exchange.keepAlive = false
    this.balance()
  }

  /** Answers what is no request, and ends the connection. */
  refuse(status: Exclude<NoHead, 0> | 408, isHead = false): void {
    if (status !== 408) this.tell(refusalEvent(status))
    this.outbox.write(refusal(status, this.core.date, isHead))
    this.end()
  }

  /** Ends our side once everything is out, and reads on for a while so that the peer can read it too (RFC 9112 §9.6). */
  end(): void {
    if (this.state !== "open") return
    this.state = "lingering"
    this.since = this.lastSign = this.core.tick
    this.rest = this.intake = undefined
    this.outbox.flush()
    this.socket.end()
    this.balance()
  }

  /** The server stops: what is idle ends, what streams is told, what is under way may finish. */
  stop(): void {
    if (this.exchange !== undefined) this.exchange.drain()
    else if (this.rest === undefined) this.end()
  }

  /** Ends the connection at once; with a reset where even the end of the bytes must not look like a good end. */
  cut(reason: AbortReason, reset = false): void {
    if (this.state === "gone") return
    if (reset && this.core.scheme === "http") this.socket.resetAndDestroy()
    else this.socket.destroy()
    this.#lost(reason)
  }

  /** Lets go of the socket, which is somebody else's from now on. */
  release(): void {
    this.state = "gone"
    this.exchange = undefined
    this.socket.off("end", this.#peerEnded).off("close", this.#closed)
    this.core.remove(this)
  }

  tell(event: ElliEvent): void {
    this.core.emit?.(event)
  }

  readonly #peerEnded = (): void => {
    if (this.exchange !== undefined) return this.cut(new ClientGoneError())
    if (this.state === "open" && this.core.emit !== undefined) {
      if (this.rest !== undefined) this.tell({ type: "client_closed", where: "receiving_headers" })
      else if (this.intake === undefined) this.tell({ type: "request_closed" })
    }
    this.end()
  }

  readonly #closed = (): void => {
    if (this.state !== "gone") this.#lost(new ClientGoneError())
    this.core.remove(this)
  }

  #lost(reason: AbortReason): void {
    const { exchange } = this
    this.state = "gone"
    this.exchange = this.intake = this.rest = undefined
    this.outbox.close()
    exchange?.over(reason)
  }
}
