/**
 * What a server knows of itself and of each of its connections.
 */
import type { ServerHttp2Session } from "node:http2"
import type { Socket } from "node:net"
import {
  type AbortReason,
  ClientGoneError,
  type Limits,
  type RequestHandler,
  TimeoutError,
} from "../../src/conn/adapter.ts"
import type { WebSockets } from "../websocket.ts"
import type { NodeExchange } from "./exchange.ts"

/** How many requests may wait behind one that is being answered before no more are read. */
const waitingRequests = 16

/** What all exchanges of a server share. */
export interface House {
  readonly handler: RequestHandler
  readonly limits: Limits
  readonly scheme: "http" | "https"
  readonly websockets: WebSockets
  readonly connections: Set<Connection>
  /** Sockets below TLS: those whose handshake is not done are known nowhere else. */
  readonly rawSockets: Set<Socket>
  readonly sessions: Set<ServerHttp2Session>
  /** True from `stop` on: every answer is then the last of its connection. */
  stopping: boolean
}

/** One connection. It exists so that a request needs no listener of its own to hear that its peer has left. */
export class Connection {
  readonly socket: Socket
  readonly house: House
  /** The exchange begun last, until its answer was handed over and its body is out of the way. */
  current: NodeExchange | undefined
  /** An exchange that is over, but not the body of its request. */
  leaving: NodeExchange | undefined
  /** Set when the connection is gone: why its exchanges have ended. */
  ended: AbortReason | undefined
  /** No further request of this connection is served. */
  closing = false
  /** Node's parser has given up on it. */
  failed = false
  /** It speaks another protocol now, which has its own end. */
  upgraded = false
  /** The head of a request that goes through Node's parser again, see `upgrade.ts`. */
  replayed: string[] | undefined
  /** Why it is being cut, where that was us. */
  #reason: AbortReason | undefined
  /** What waits for the answers before it. Undefined while nothing does. */
  queue: (() => void)[] | undefined
  #advancing = false
  #paused = false
  /** Exchanges that somebody waits for. With pipelining there may be several at once. */
  readonly #watched = new Set<NodeExchange>()

  constructor(house: House, socket: Socket) {
    this.house = house
    this.socket = socket
    house.connections.add(this)
    // Node takes its own listener away while a socket changes hands, and an error without one ends the process.
    socket.on("error", () => {})
    socket.on("end", () => this.#left())
    socket.on("close", () => this.#closed())
  }

  /** True when nothing is under way, so that nothing is lost by closing it. */
  get idle(): boolean {
    return this.current === undefined && this.leaving === undefined && !this.upgraded && this.#watched.size === 0
  }

  watch(exchange: NodeExchange): void {
    this.#watched.add(exchange)
  }

  /** The exchange is over: its answer has left, or never will. */
  forget(exchange: NodeExchange): void {
    this.#watched.delete(exchange)
    if (this.current === exchange) this.current = undefined
  }

  /**
   * Runs something when all requests before it are answered: at once, or else in its turn. Requests of one connection are
   * never served at the same time, for a later one may rely on what an earlier one has done (RFC 9112 §9.3.2).
   */
  inTurn(run: () => void): void {
    const { current } = this
    if (this.queue === undefined && (current === undefined || current.answered)) return run()
    this.queue ??= []
    this.queue.push(run)
    // Node reads on at the end of each request, so a pause holds only behind the bytes that it has in hand.
    if (this.queue.length === waitingRequests) process.nextTick(() => this.#pause())
  }

  /** Goes on with what waits, for an exchange was answered. */
  advance(): void {
    if (this.#advancing) return
    this.#advancing = true
    while (this.queue !== undefined && !this.closing && (this.current === undefined || this.current.answered)) {
      const run = this.queue.shift()
      if (run === undefined) {
        this.queue = undefined
        if (this.#paused) this.socket.resume()
        this.#paused = false
      } else {
        run()
      }
    }
    this.#advancing = false
  }

  #pause(): void {
    if (this.queue === undefined) return
    this.#paused = true
    this.socket.pause()
  }

  drain(): void {
    for (const exchange of [...this.#watched]) exchange.drain()
  }

  /** Ends the connection at once. Exchanges that are not over are told the reason. */
  cut(reason: AbortReason): void {
    this.#reason ??= reason
    this.socket.destroy()
    for (const exchange of this.#unfinished()) exchange.settle(this.#reason)
  }

  /** Nothing moved for as long as a timeout of the socket says: a slow reader is cut, an idle connection closed. */
  timedOut(): void {
    const { socket } = this
    if (socket.writableLength > 0) {
      this.cut(
        new TimeoutError(`the peer took nothing of the answer for idleTimeout (${this.house.limits.idleTimeout} ms)`),
      )
    } else if (this.idle) {
      socket.destroy()
    } else {
      socket.setTimeout(0)
    }
  }

  /** The peer has sent FIN: whoever still has something to write to it need not go on. */
  #left(): void {
    for (const exchange of this.#unfinished()) if (!exchange.answered) exchange.settle(new ClientGoneError())
    if (this.upgraded) return
    // Node does the same, unless a request that waits for its turn was taken out of HTTP.
    this.queue = undefined
    this.socket.end()
  }

  #closed(): void {
    this.closing = true
    this.house.connections.delete(this)
    this.ended = this.#reason ?? new ClientGoneError()
    for (const exchange of this.#unfinished()) exchange.settle(this.ended)
    this.leaving?.broken(this.ended)
    this.queue = undefined
  }

  #unfinished(): NodeExchange[] {
    const all = [...this.#watched]
    if (this.current !== undefined && !this.#watched.has(this.current)) all.push(this.current)
    return all
  }
}
