/**
 * What all exchanges of one server share: its limits, the exchanges that are open, one clock, one flush a turn.
 */
import type { Limits, RequestHandler } from "../../src/conn/adapter.ts"
import type { UwsExchange } from "./exchange.ts"

/** Something with a deadline. */
export interface Watched {
  look(now: number): void
}

/** Something with bytes to write. */
export interface Flushing {
  flush(): void
}

/** How late a deadline may be noticed, in milliseconds. */
const period = 100

export class House {
  readonly handler: RequestHandler
  readonly limits: Limits
  readonly scheme: "http" | "https"
  readonly address: string
  port = 0
  /** Exchanges whose handler returned before the answer was complete. */
  readonly open: Set<UwsExchange> = new Set()
  /** True from `stop` on: every answer is then the last of its connection. */
  stopping = false
  /** Called when the last open exchange is over. */
  emptied: (() => void) | undefined
  readonly #watched = new Set<Watched>()
  #clock: NodeJS.Timeout | undefined
  #flushing: Flushing[] = []

  constructor(handler: RequestHandler, limits: Limits, scheme: "http" | "https", address: string) {
    this.handler = handler
    this.limits = limits
    this.scheme = scheme
    this.address = address
  }

  forget(exchange: UwsExchange): void {
    if (this.open.delete(exchange) && this.open.size === 0) this.emptied?.()
  }

  watch(watched: Watched): void {
    this.#watched.add(watched)
    this.#clock ??= setInterval(() => this.#look(), period).unref()
  }

  unwatch(watched: Watched): void {
    this.#watched.delete(watched)
  }

  #look(): void {
    // The clock is stopped here and not in `unwatch`: a busy server would start it anew for each request.
    if (this.#watched.size === 0) {
      clearInterval(this.#clock)
      this.#clock = undefined
    }
    const now = performance.now()
    for (const watched of this.#watched) watched.look(now)
  }

  /**
   * Flushes in this turn of the loop, but outside of the library's callbacks: within one, its socket holds the only cork,
   * and every write to another costs a system call for each part of it.
   */
  flushSoon(flushing: Flushing): void {
    if (this.#flushing.push(flushing) === 1) setImmediate(() => this.#flush())
  }

  #flush(): void {
    const flushing = this.#flushing
    this.#flushing = []
    for (const one of flushing) one.flush()
  }
}
