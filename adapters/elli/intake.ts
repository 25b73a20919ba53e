/**
 * The body of one request on its way from the connection to whoever reads it, with a bound on what waits in between.
 */
import { type BodyListener, RequestTimeoutError } from "../../src/conn/adapter.ts"
import { type BodyDecoder, ChunkedBody, SizedBody } from "./body.ts"
import type { ElliExchange } from "./exchange.ts"

/** What an intake asks of its connection. */
export interface Source {
  /** Sends `100 Continue` where the client still waits for it. */
  invite(): void
  /** Says that there is room again. */
  resume(): void
  /** The client took too long; the connection cannot be used after this exchange. */
  late(): void
}

const nothing = Buffer.alloc(0)
/** Pieces up to this size are copied together: a peer that sends single bytes must not cost an object for each. */
const smallPiece = 2_048
const tailBytes = 16_384

export class Intake {
  readonly decoder: BodyDecoder
  /** Bytes that were taken in and not yet read. */
  size = 0
  /** All bytes of the body so far. */
  total = 0
  /** Nobody will read: what arrives is dropped. */
  dropping = false
  readonly #source: Source
  #pieces: Buffer[] = []
  #tail: Buffer | undefined
  #tailUsed = 0
  #error: Error | undefined
  #reader: BodyListener | undefined
  #wanted = 0
  #timer: NodeJS.Timeout | undefined

  constructor(source: Source, decoder: BodyDecoder) {
    this.#source = source
    this.decoder = decoder
  }

  /** Somebody waits for more of the body. */
  get wanted(): boolean {
    return this.#reader !== undefined
  }

  /** How many buffers hold what waits. */
  get pieces(): number {
    return this.#pieces.length + (this.#tail === undefined ? 0 : 1)
  }

  /** Takes what belongs to the body and returns where it ends in `bytes`. */
  take(bytes: Buffer, at: number): number {
    const end = this.decoder.take(bytes, at)
    const { piece } = this.decoder
    if (piece !== undefined) {
      this.total += piece.length
      if (!this.dropping) this.#keep(piece)
    }
    return end
  }

  /** Answers the reader if there is enough; to be called after `take`, when the connection is in order again. */
  settle(): void {
    if (this.#reader === undefined) return
    if (this.decoder.done || this.#error !== undefined || this.size > this.#wanted) this.#answer()
    else this.#timer?.refresh()
  }

  read(length: number, timeout: number, done: BodyListener): void {
    this.#reader = done
    this.#wanted = length
    if (this.decoder.done || this.#error !== undefined || this.size > length) return this.#answer()
    this.#source.invite()
    this.#timer = setTimeout(() => this.#late(), timeout).unref()
    this.#source.resume()
  }

  /** Ends the body early: whoever reads it is told why, now or later. */
  fail(error: Error): void {
    this.#error ??= error
    this.drop()
    if (this.#reader !== undefined) this.#answer()
  }

  /** Forgets what was taken in and whatever comes. */
  drop(): void {
    this.dropping = true
    this.#pieces = []
    this.#tail = undefined
    this.size = 0
  }

  #late(): void {
    // As many bytes as were asked for are an answer, though nobody knows yet whether they are all.
    if (this.size >= this.#wanted && this.size > 0) return this.#answer()
    this.#source.late()
    this.#answer(new RequestTimeoutError())
  }

  #answer(error = this.#error): void {
    const reader = this.#reader as BodyListener
    this.#reader = undefined
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (error !== undefined) return reader(error, nothing, false)
    const data = this.#collect(this.#wanted)
    reader(undefined, data, this.size > 0 || !this.decoder.done)
  }

  #keep(piece: Buffer): void {
    this.size += piece.length
    if (piece.length > smallPiece) {
      this.#closeTail()
      this.#pieces.push(piece)
      return
    }
    if (this.#tail !== undefined && this.#tailUsed + piece.length > this.#tail.length) this.#closeTail()
    // The first small piece of a body is most often its only one.
    const room = this.#pieces.length === 0 && this.#tail === undefined ? smallPiece : tailBytes
    this.#tail ??= Buffer.allocUnsafeSlow(room)
    this.#tailUsed += piece.copy(this.#tail, this.#tailUsed)
  }

  #closeTail(): void {
    if (this.#tail !== undefined) this.#pieces.push(this.#tail.subarray(0, this.#tailUsed))
    this.#tail = undefined
    this.#tailUsed = 0
  }

  /** Up to `length` bytes of what was taken in. */
  #collect(length: number): Buffer {
    this.#closeTail()
    const pieces = this.#pieces
    const whole = pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces)
    const rest = whole.length > length ? whole.subarray(length) : undefined
    this.#pieces = rest === undefined ? [] : [rest]
    this.size = rest?.length ?? 0
    return rest === undefined ? whole : whole.subarray(0, length)
  }
}

/**
 * Takes of a body what arrived with its head, and gives the exchange the whole body or an intake for it. Returns where it
 * ends in `bytes`; -1 when its framing is broken, so that there is no request.
 */
export function beginBody(exchange: ElliExchange, bytes: Buffer, at: number): number {
  const { connection, trace } = exchange
  const { length } = exchange.head.fields
  trace?.mark("bodyStart")
  if (length > 0 && bytes.length - at >= length) {
    trace?.mark("bodyEnd")
    exchange.expects = false
    exchange.ready = bytes.subarray(at, at + length)
    return at + length
  }
  const decoder = length < 0 ? new ChunkedBody(connection.core.limits) : new SizedBody(length)
  const intake = new Intake(connection, decoder)
  const end = intake.take(bytes, at)
  if (decoder.broken) return -1
  exchange.intake = intake
  if (end > at) exchange.expects = false
  if (decoder.done) trace?.mark("bodyEnd")
  else connection.intake = intake
  return end
}
