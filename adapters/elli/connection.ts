/**
 * One connection: requests in, one after the other, answers out in the same order (RFC 9112 §9).
 *
 * Whatever arrives with one read is served in one go, and what is answered meanwhile leaves in one write. While an answer
 * is awaited, what arrives beyond it waits up to a bound; then the socket is not read.
 */
import type { Socket } from "node:net"
import { BadRequestError, ClientGoneError, type WebSocketUpgrade } from "../../src/conn/adapter.ts"
import type { Core } from "./core.ts"
import { ElliExchange } from "./exchange.ts"
import type { Fields } from "./fields.ts"
import { beginBody, type Intake } from "./intake.ts"
import { Link } from "./link.ts"
import { parseHead } from "./parser.ts"
import type { Client } from "./proxy-header.ts"
import { Trace } from "./trace.ts"

export class Connection extends Link {
  /** The field lines of the last request. */
  #fields: Fields | undefined
  /** While true, answers gather in the outbox and the loop goes on with the next request by itself. */
  #serving = false
  /** How much of a body had arrived when the rest of it began to be drained. */
  #drainedFrom = 0
  #upgrade: WebSocketUpgrade | undefined
  readonly #accepted: number
  #started = 0

  constructor(core: Core, socket: Socket, client?: Client) {
    super(core, socket, client)
    this.#accepted = core.emit === undefined ? 0 : performance.now()
    socket.on("data", this.#receive)
  }

  readonly #receive = (bytes: Buffer): void => {
    if (this.state !== "open" || this.deaf) {
      this.lastSign = this.core.tick
      return
    }
    const { intake } = this
    if (intake !== undefined) {
      const at = intake.take(bytes, 0)
      if (at < bytes.length) this.rest = bytes.subarray(at)
      this.#took(intake)
    } else if (this.exchange !== undefined || this.outbox.blocked) {
      this.rest = this.rest === undefined ? bytes : Buffer.concat([this.rest, bytes])
    } else this.#serve(bytes)
    if (this.rest !== undefined || this.intake !== undefined) this.balance()
  }

  /** Serves the requests in what arrived, up to the first that is not answered at once. */
  #serve(arrived: Buffer): void {
    const { core, outbox } = this
    const { emit } = core
    let bytes = arrived
    if (this.rest === undefined) {
      this.since = core.tick
      if (emit !== undefined) this.#started = performance.now()
    } else {
      bytes = Buffer.concat([this.rest, arrived])
      this.rest = undefined
    }
    this.#serving = outbox.gathering = true
    let at = 0
    let base = 0
    let text = bytes.toString("latin1", 0, Math.min(bytes.length, core.headWindow))
    while (at < bytes.length) {
      const start = emit === undefined ? 0 : performance.now()
      const head = parseHead(text, at - base, core.limits, this.#fields)
      if (typeof head === "number") {
        if (head !== 0) this.refuse(head, text.startsWith("HEAD ", at - base))
        else if (base + text.length < bytes.length) {
          base = at
          text = bytes.toString("latin1", at, Math.min(bytes.length, at + core.headWindow))
          continue
        } else this.rest = Buffer.from(bytes.subarray(at))
        break
      }
      const exchange = new ElliExchange(this, head)
      if (emit !== undefined) exchange.trace = new Trace(this.#accepted, at === 0 ? this.#started : start, start)
      at = base + head.end
      this.#fields = head.fields
      this.served = true
      if (head.fields.length !== 0) {
        at = beginBody(exchange, bytes, at)
        if (at < 0) {
          this.refuse(400, head.method === "HEAD")
          break
        }
      }
      this.exchange = exchange
      exchange.trace?.mark("userStart")
      try {
        core.handler.call(exchange)
      } catch (thrown) {
        exchange.failed(thrown)
      }
      if (this.exchange !== undefined) {
        if (at < bytes.length && this.state === "open") this.rest = bytes.subarray(at)
        break
      }
      if (this.state !== "open" || this.intake !== undefined) break
    }
    this.#serving = outbox.gathering = false
    outbox.flush()
    if (this.#upgrade !== undefined) this.#handOver(this.#upgrade)
  }

  /** After more of a body has arrived. */
  #took(intake: Intake): void {
    const { exchange } = this
    const { broken, done } = intake.decoder
    if (broken || done) this.intake = undefined
    if (broken) this.spoil()
    if (exchange !== undefined) {
      exchange.expects = false
      if (broken) return intake.fail(new BadRequestError("the framing of the request body is broken"))
      if (done) exchange.trace?.mark("bodyEnd")
      intake.settle()
    } else if (broken || intake.total - this.#drainedFrom > this.core.limits.drainBytes) this.end()
    else if (done) this.#proceed()
  }

  /** The whole answer was given to the outbox. */
  answered(exchange: ElliExchange): void {
    // What nobody watches may leave with the answers after it.
    if (!this.#serving || exchange.watched || exchange.trace !== undefined) this.outbox.flush()
    if (!this.outbox.blocked) this.#finish(exchange)
  }

  #finish(exchange: ElliExchange): void {
    this.exchange = undefined
    exchange.over(undefined)
    if (!exchange.keepAlive || this.core.stopping || this.deaf) return this.end()
    if (this.intake !== undefined) {
      this.intake.drop()
      this.#drainedFrom = this.intake.total
      this.balance()
    } else if (!this.#serving) this.#proceed()
  }

  /** Goes on with what waited behind the last exchange. */
  #proceed(): void {
    if (this.state !== "open" || this.exchange !== undefined || this.outbox.blocked) return
    this.since = this.core.tick
    const { rest } = this
    if (rest !== undefined) {
      this.rest = undefined
      this.#serve(rest)
    }
    this.balance()
  }

  emptied(): void {
    const { exchange } = this
    if (exchange === undefined) this.#proceed()
    else if (exchange.answered) this.#finish(exchange)
  }

  /** Gives the connection to a websocket, once what was read with the request is known. */
  handOver(upgrade: WebSocketUpgrade): void {
    this.#upgrade = upgrade
    if (!this.#serving) this.#handOver(upgrade)
  }

  #handOver(upgrade: WebSocketUpgrade): void {
    const { socket, exchange } = this
    if (exchange === undefined || this.state !== "open") return
    // Frames cannot follow a body that has not ended.
    if (this.intake !== undefined) return this.cut(new ClientGoneError("the body of the handshake has not ended"))
    const early = this.rest ?? Buffer.alloc(0)
    // Paused, so that the socket keeps what arrives until the websocket listens.
    socket.pause()
    socket.off("data", this.#receive)
    this.release()
    const accepted = this.core.websockets.accept(socket, early, exchange.getHeaders(), upgrade)
    if (accepted) socket.resume()
    exchange.over(accepted ? undefined : new ClientGoneError())
  }
}
