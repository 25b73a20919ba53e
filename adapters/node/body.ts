/**
 * Reads the body of a request in the pieces that are asked for, or throws away what nobody wants.
 */
import type { Readable } from "node:stream"
import { BadRequestError, type BodyListener, RequestTimeoutError, UsageError } from "../../src/conn/adapter.ts"

/** How much is read ahead of a reader while somebody wants to know whether the peer is still there. */
const aheadBytes = 2_097_152
const nothing = new Uint8Array()

/** The body of one request. It is made when the body is first wanted, or is to be thrown away. */
export class BodyReader {
  readonly #source: Readable
  /** From the content-length; -1 where the length shows only at the end. */
  readonly #length: number
  readonly #deadline: number
  #chunks: Buffer[] = []
  #waiting = 0
  #received = 0
  #ended = false
  #error: Error | undefined
  #ahead = 0
  #dropping = false
  #dropLimit = 0
  #wanted = 0
  #timeout = 0
  #lastData = 0
  #done: BodyListener | undefined
  #dropped: ((complete: boolean) => void) | undefined
  #timer: NodeJS.Timeout | undefined

  /** `source` gives the body; all of it must have arrived `requestTimeout` ms from now. */
  constructor(source: Readable, length: number, requestTimeout: number) {
    this.#source = source
    this.#length = length
    this.#deadline = performance.now() + requestTimeout
    source.on("data", (chunk: Buffer) => this.#take(chunk))
    source.on("end", () => this.#end())
  }

  /** True when all of it has arrived. */
  get complete(): boolean {
    return this.#ended
  }

  /** What is known to be still to come; 0 where the length is not known. */
  get remaining(): number {
    return Math.max(0, this.#length - this.#received)
  }

  read(length: number, timeout: number, done: BodyListener): void {
    if (this.#done !== undefined) throw new TypeError("readBody was called while another read was under way")
    this.#wanted = length
    this.#timeout = timeout
    this.#done = done
    if (this.#settle()) return
    this.#lastData = performance.now()
    this.#wait()
    this.#source.resume()
  }

  /** Reads on without a reader, up to a bound: a peer that leaves is seen only by who reads. */
  readAhead(): void {
    this.#ahead = aheadBytes
    if (this.#waiting < this.#ahead) this.#source.resume()
  }

  /** Ends the body: the read under way and each that follows gets the error. */
  fail(error: Error): void {
    this.#error ??= error
    this.#settle()
    this.#dropped?.(false)
  }

  /**
   * Throws the rest away: up to `bytes`, for at most `time` ms, and for less when the peer has stopped sending while
   * `isLast` says that nothing will follow. Calls `finished` once, with true when the body has come to its end.
   */
  drop(bytes: number, time: number, isLast: () => boolean, finished: (complete: boolean) => void): void {
    const source = this.#source
    const broken = this.#error !== undefined
    this.fail(new UsageError("the body is gone: the answer was sent before it was read"))
    this.#dropping = true
    this.#chunks = []
    this.#waiting = 0
    if (this.#ended || broken || source.destroyed) return finished(this.#ended)
    this.#dropLimit = this.#received + bytes
    const deadline = performance.now() + time
    let seen = this.#received
    const period = Math.min(1_000, time)
    const clock = setInterval(() => {
      const stalled = this.#received === seen && isLast()
      seen = this.#received
      if (stalled || performance.now() >= deadline) this.#dropped?.(false)
    }, period)
    this.#dropped = (complete) => {
      this.#dropped = undefined
      clearInterval(clock)
      if (!complete) source.pause()
      finished(complete)
    }
    source.on("close", () => this.#dropped?.(false))
    source.resume()
  }

  #take(chunk: Buffer): void {
    this.#received += chunk.length
    if (this.#dropping) {
      if (this.#received > this.#dropLimit) this.#dropped?.(false)
      return
    }
    // Whoever reads on gets the error, and nothing else.
    if (this.#error !== undefined) return
    this.#chunks.push(chunk)
    this.#waiting += chunk.length
    this.#lastData = performance.now()
    if (this.#received === this.#length) this.#ended = true
    this.#settle()
    if (this.#done === undefined && this.#waiting >= this.#ahead && !this.#ended) this.#source.pause()
  }

  #end(): void {
    this.#ended = true
    this.#settle()
    this.#dropped?.(true)
  }

  /** Answers the read under way, if its answer is known. At just `length` bytes it is not: more may follow or not. */
  #settle(): boolean {
    const done = this.#done
    if (done === undefined) return true
    if (this.#error !== undefined) {
      this.#answered()
      done(this.#error, nothing, false)
    } else if (this.#waiting > this.#wanted) {
      this.#answered()
      done(undefined, this.#shift(this.#wanted), true)
    } else if (this.#ended) {
      this.#answered()
      done(undefined, this.#shift(this.#waiting), false)
    } else {
      return false
    }
    return true
  }

  #answered(): void {
    this.#done = undefined
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #shift(length: number): Uint8Array {
    if (length === 0) return nothing
    const first = this.#chunks[0] as Buffer
    if (first.length === length) {
      this.#chunks.shift()
      this.#waiting -= length
      return first
    }
    const all = this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks)
    this.#chunks = length === all.length ? [] : [all.subarray(length)]
    this.#waiting = all.length - length
    // A copy where it would keep the rest alive, and for a reader to whom the bytes belong for good.
    return length === all.length ? all : Buffer.from(all.subarray(0, length))
  }

  #wait(): void {
    const now = performance.now()
    const until = Math.min(this.#lastData + this.#timeout, this.#deadline)
    if (until > now) {
      this.#timer = setTimeout(() => this.#wait(), until - now)
      return
    }
    const done = this.#done
    this.#answered()
    done?.(new RequestTimeoutError(), nothing, false)
  }
}

/** The error of a body whose framing is broken. */
export function brokenBody(cause: unknown): BadRequestError {
  return new BadRequestError("the request body is malformed", { cause })
}
