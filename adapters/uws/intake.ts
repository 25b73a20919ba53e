/**
 * The body of one request on its way to whoever reads it, with a bound on what waits in between.
 *
 * The library's chunks are memory of its own that is gone when its callback returns; here they are copied.
 */
import { type BodyListener, type Limits, RequestTimeoutError } from "../../src/conn/adapter.ts"

/** What an intake asks of its connection. */
export interface Flow {
  /** Bytes that may wait without a reader. */
  readonly ahead: number
  /** Holds the peer back; false where it cannot now. */
  pause(): boolean
  resume(): void
}

const nothing = Buffer.alloc(0)
/** Pieces up to this size are copied together: a peer that sends single bytes must not cost an object for each. */
const smallPiece = 2_048
const tailBytes = 16_384

export class Intake {
  /** The whole body has arrived. */
  done = false
  /** Bytes that arrived, read or not. */
  total = 0
  /** A deadline has passed; the connection has no future. */
  late = false
  readonly #flow: Flow
  readonly #limits: Limits
  #pieces: Buffer[] = []
  #tail: Buffer | undefined
  #tailUsed = 0
  #size = 0
  #paused = false
  #dropping = false
  #error: Error | undefined
  #reader: BodyListener | undefined
  #wanted = 0
  #timeout = 0
  /** Something has arrived, or was asked for, since the clock was last looked at. */
  #moved = false
  #lastMove = 0
  #lastLook = 0
  #wasRead = false
  /** How long somebody has waited for this body, all together. */
  #waited = 0

  constructor(flow: Flow, limits: Limits) {
    this.#flow = flow
    this.#limits = limits
  }

  get isPaused(): boolean {
    return this.#paused
  }

  /** Somebody waits for more of the body. */
  get isRead(): boolean {
    return this.#reader !== undefined
  }

  /** Bytes that wait for a reader. */
  get size(): number {
    return this.#size
  }

  take(chunk: ArrayBuffer, last: boolean): void {
    const bytes = chunk.byteLength
    this.total += bytes
    this.done = last
    if (this.#dropping) return
    if (last && this.#size === 0 && this.#reader !== undefined && bytes <= this.#wanted) {
      // As most bodies come: whole, to somebody who waits.
      const reader = this.#reader
      this.#reader = undefined
      return reader(undefined, copyOf(new Uint8Array(chunk)), false)
    }
    if (bytes > 0) this.#keep(new Uint8Array(chunk))
    if (this.#reader !== undefined) {
      if (last || this.#size > this.#wanted) this.#answer()
      else this.#moved = true
    }
    if (this.#reader !== undefined || last || this.#paused || this.#size <= this.#flow.ahead) return
    this.#paused = this.#flow.pause()
  }

  read(length: number, timeout: number, done: BodyListener): void {
    this.#reader = done
    this.#wanted = length
    if (this.done || this.#error !== undefined || this.#size > length) return this.#answer()
    this.#timeout = timeout
    this.#moved = true
    this.resume()
  }

  /** Lets the peer go on if more may wait than before. */
  goOn(): void {
    if (this.#size <= this.#flow.ahead) this.resume()
  }

  /** Lets the peer go on. */
  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#flow.resume()
  }

  /** Ends the body early: whoever reads is told why, now or later. */
  fail(error: Error): void {
    this.#error ??= error
    this.drop()
    if (this.#reader !== undefined) this.#answer()
  }

  /** Forgets what has arrived and whatever comes. */
  drop(): void {
    this.#dropping = true
    this.#pieces = []
    this.#tail = undefined
    this.#size = 0
  }

  /** Ends what takes too long, counted from the first look while somebody waits. `now` is monotonic. */
  look(now: number): void {
    const isRead = this.#reader !== undefined
    if (isRead && this.#wasRead) this.#waited += now - this.#lastLook
    if (this.#moved || !isRead) this.#lastMove = now
    this.#wasRead = isRead
    this.#lastLook = now
    this.#moved = false
    if (this.done || this.#dropping || !isRead) return
    if (this.#waited <= this.#limits.requestTimeout && now - this.#lastMove <= this.#timeout) return
    // As many bytes as were asked for are an answer, though nobody knows yet whether they are all.
    if (this.#size >= this.#wanted && this.#size > 0) return this.#answer()
    this.late = true
    this.fail(new RequestTimeoutError())
  }

  #keep(chunk: Uint8Array): void {
    const first = this.#size === 0
    this.#size += chunk.length
    if (first || chunk.length > smallPiece) {
      this.#closeTail()
      this.#pieces.push(copyOf(chunk))
      return
    }
    if (this.#tailUsed + chunk.length > tailBytes) this.#closeTail()
    this.#tail ??= Buffer.allocUnsafeSlow(tailBytes)
    this.#tail.set(chunk, this.#tailUsed)
    this.#tailUsed += chunk.length
  }

  #closeTail(): void {
    if (this.#tail !== undefined) this.#pieces.push(this.#tail.subarray(0, this.#tailUsed))
    this.#tail = undefined
    this.#tailUsed = 0
  }

  #answer(): void {
    const reader = this.#reader as BodyListener
    this.#reader = undefined
    if (this.#error !== undefined) return reader(this.#error, nothing, false)
    const data = this.#shift(this.#wanted)
    reader(undefined, data, this.#size > 0 || !this.done)
  }

  #shift(length: number): Buffer {
    this.#closeTail()
    const pieces = this.#pieces
    if (pieces.length === 0) return nothing
    const all = pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces)
    if (all.length <= length) {
      this.#pieces = []
      this.#size = 0
      return all
    }
    this.#pieces = [all.subarray(length)]
    this.#size = all.length - length
    return all.subarray(0, length)
  }
}

/** Quicker than `Buffer.from`, which asks what it is given. */
function copyOf(bytes: Uint8Array): Buffer {
  const copy = Buffer.allocUnsafe(bytes.length)
  copy.set(bytes)
  return copy
}
