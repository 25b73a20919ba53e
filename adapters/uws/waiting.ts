/**
 * What the writers of streams have in common: data that waits for a slow reader, and those who wait for it to drain.
 */
import type { Body } from "../../src/conn/adapter.ts"
import type { NativeResponse } from "./binding.ts"

/** Strings above this size become bytes, which can be cut anywhere. */
const longText = 4_096
/** The library closes a connection 10 s after a write that failed; so often it is told that there is time. */
const refreshTime = 4_000

export class Waiting {
  /** The library could not write all; it says when it can again. */
  blocked = false
  /** Bytes (of strings: characters) that wait here. */
  size = 0
  readonly #queue: Body[] = []
  #at = 0
  #full: Promise<boolean> | undefined
  #settle: ((open: boolean) => void) | undefined
  #since = 0
  #refreshed = 0

  get isEmpty(): boolean {
    return this.#at === this.#queue.length
  }

  /** The first that waits; undefined when nothing does. */
  get first(): Body | undefined {
    return this.#queue[this.#at]
  }

  push(data: Body): void {
    this.#queue.push(typeof data === "string" && data.length > longText ? Buffer.from(data) : data)
    this.size += (this.#queue[this.#queue.length - 1] as Body).length
  }

  /** Takes the first away, or what is left of it. */
  shift(rest?: Uint8Array): void {
    if (rest !== undefined) return this.replaceFirst(rest)
    this.size -= (this.first as Body).length
    if (++this.#at === this.#queue.length) {
      this.#queue.length = 0
      this.#at = 0
    } else if (this.#at >= 1_024) {
      this.#queue.splice(0, this.#at)
      this.#at = 0
    } else this.#queue[this.#at - 1] = ""
  }

  /** Puts another form of the first in its place. */
  replaceFirst(data: Uint8Array): void {
    this.size += data.length - (this.first as Body).length
    this.#queue[this.#at] = data
  }

  /** The caller of `chunk` goes on with its own data; what waits of it here becomes a copy. */
  own(): void {
    const at = this.#queue.length - 1
    const last = this.#queue[at]
    if (typeof last === "object" && at >= this.#at) this.#queue[at] = new Uint8Array(last)
  }

  /** Resolves true when all was written, false when nothing more will be. One promise for all who wait. */
  drained(): Promise<boolean> {
    this.#full ??= new Promise((resolve) => {
      this.#settle = resolve
    })
    return this.#full
  }

  release(open: boolean): void {
    const settle = this.#settle
    this.#full = undefined
    this.#settle = undefined
    settle?.(open)
  }

  block(): void {
    this.blocked = true
    this.progress()
  }

  /** The peer has taken something. */
  progress(): void {
    this.#since = this.#refreshed = performance.now()
  }

  drop(): void {
    this.#queue.length = 0
    this.#at = 0
    this.size = 0
    this.release(false)
  }

  /** Keeps the library from its own deadline; true when the peer has taken nothing for `idle` ms. */
  look(now: number, idle: number, response: NativeResponse): boolean {
    if (!this.blocked) return false
    if (now - this.#since > idle) return true
    if (now - this.#refreshed > refreshTime) {
      this.#refreshed = now
      response.pause()
      response.resume()
    }
    return false
  }
}
