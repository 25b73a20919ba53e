/**
 * Writes an answer whose length is announced (RFC 9112 §6.2).
 *
 * The library takes of it what the connection's buffer has room for, and keeps nothing.
 */
import type { Body, MaybePromise } from "../../src/conn/adapter.ts"
import type { NativeResponse } from "./binding.ts"
import { Waiting } from "./waiting.ts"
import type { Answering, Writer } from "./writer.ts"

export class SizedWriter implements Writer {
  readonly waiting: Waiting = new Waiting()
  readonly #response: NativeResponse
  readonly #answering: Answering
  readonly #total: number
  /** Bytes that are still to be given to this writer. */
  #left: number
  #begun = false
  #over = false

  /** `total` is at least 1: the library has other ways for nothing. */
  constructor(response: NativeResponse, answering: Answering, total: number) {
    this.#response = response
    this.#answering = answering
    this.#total = total
    this.#left = total
  }

  /** Goes on behind a part that the library has taken without us; `rest` is all that is left. */
  goOn(rest: Uint8Array): void {
    this.#begun = true
    this.#left = 0
    this.waiting.push(rest)
    this.#block()
  }

  write(data: Body): MaybePromise<boolean> {
    if (this.#over || this.#left === 0) return false
    const bytes = typeof data === "string" ? Buffer.from(data) : data
    if (bytes.length > this.#left) {
      // More than was announced would be taken for the next answer.
      this.#answering.abort()
      return false
    }
    this.#left -= bytes.length
    const { waiting } = this
    waiting.push(bytes)
    if (this.#answering.inHandler) this.#feed()
    else this.flush()
    if (waiting.size > this.#answering.house.limits.highWaterMark) return waiting.drained()
    if (bytes === data) waiting.own()
    return true
  }

  end(): void {
    if (!this.#over && this.#left > 0) this.#answering.abort()
  }

  flush(): void {
    if (!this.#over && !this.waiting.blocked && !this.waiting.isEmpty) this.#response.cork(this.#feed)
  }

  leave(): void {}

  writable(): void {
    const { waiting } = this
    if (this.#over) return
    waiting.progress()
    waiting.blocked = false
    // The library writes what it holds itself when it is corked, and not before.
    if (waiting.isEmpty) this.#response.cork(() => {})
    else if (this.#begun) this.#feed()
  }

  stop(): void {
    this.#over = true
    this.waiting.drop()
  }

  readonly #feed = (): void => {
    const { waiting } = this
    const response = this.#response
    if (!this.#begun) {
      this.#begun = true
      this.#answering.begin()
    }
    while (!waiting.isEmpty && !waiting.blocked) {
      const bytes = waiting.first as Uint8Array
      const before = response.getWriteOffset()
      const [whole, done] = response.tryEnd(bytes, this.#total)
      if (done) return this.#finish()
      if (whole) waiting.shift()
      else {
        const taken = response.getWriteOffset() - before
        if (taken < bytes.length) waiting.shift(bytes.subarray(taken))
        else waiting.shift()
        this.#block()
      }
    }
    if (!waiting.blocked) waiting.release(true)
  }

  #block(): void {
    this.waiting.block()
    this.#answering.watch()
  }

  #finish(): void {
    this.#over = true
    this.waiting.release(true)
    this.#answering.finish()
  }
}
