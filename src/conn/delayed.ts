/** An answer that waits: for a session to be stored, before the client is told that it was. */

import type { Body, Exchange, MaybePromise, OpenFile, WebSocketUpgrade } from "./adapter.ts"
import { Delegate } from "./delegate.ts"

/** Something that was kept: it goes on to the exchange below, or is dropped. */
type Kept = (open: boolean) => void

/**
 * Keeps what is sent until `ready` is settled, then sends it in order. When `ready` rejects nothing of it is sent: chunks
 * answer false, files are closed, and `failed` may answer with the error on the exchange below. When the client leaves
 * meanwhile, what is kept is dropped at once, however long `ready` takes.
 */
export class DelayedExchange extends Delegate {
  /** Resolved when what was waited for is settled, and what was kept by then has been sent or dropped. */
  readonly settled: Promise<void>
  /** What waits, in order; undefined once it is known what becomes of it. */
  #kept: Kept[] | undefined = []
  #open = false
  #begun = false
  #recalled = false

  constructor(inner: Exchange, ready: Promise<unknown>, failed: (error: unknown) => void) {
    super(inner)
    this.settled = ready
      .then(() => this.#settle(true))
      .catch((error) => {
        this.#settle(false)
        if (!this.#recalled) failed(error)
      })
    inner.onClose(() => this.#settle(false))
  }

  /** Takes back what is kept: nothing of it will be sent, and `failed` is not called. False when it is too late for that. */
  recall(): boolean {
    if (this.#kept === undefined) return false
    this.#recalled = true
    this.#settle(false)
    return true
  }

  override get sent(): boolean {
    return this.#begun || this.inner.sent
  }
  override sendResp(status: number, headers: readonly string[], body: Body): void {
    this.#answer(() => this.inner.sendResp(status, headers, body))
  }
  override sendHead(status: number, headers: readonly string[], length: number): void {
    this.#answer(() => this.inner.sendHead(status, headers, length))
  }
  override sendChunked(status: number, headers: readonly string[], length: number): void {
    this.#answer(() => this.inner.sendChunked(status, headers, length))
  }
  override upgrade(upgrade: WebSocketUpgrade): void {
    this.#answer(() => this.inner.upgrade(upgrade))
  }
  override sendFile(
    status: number,
    headers: readonly string[],
    file: OpenFile,
    offset: number,
    length: number,
  ): Promise<void> {
    this.#begun = true
    const send = (open: boolean): MaybePromise<void> => {
      if (open) return this.inner.sendFile(status, headers, file, offset, length)
      file.close()
    }
    return new Promise((resolve) => this.#later((open) => resolve(send(open))))
  }
  override chunk(data: Body): MaybePromise<boolean> {
    if (this.#kept === undefined) return this.#open && this.inner.chunk(data)
    return new Promise((resolve) => this.#later((open) => resolve(open && this.inner.chunk(data))))
  }
  override endChunked(): void {
    this.#later((open) => {
      if (open) this.inner.endChunked()
    })
  }

  #answer(send: () => void): void {
    this.#begun = true
    this.#later((open) => {
      if (open) send()
    })
  }

  #later(kept: Kept): void {
    if (this.#kept === undefined) kept(this.#open)
    else this.#kept.push(kept)
  }

  /** Sends or drops all that was kept in one go, so that nothing that follows can overtake it. */
  #settle(open: boolean): void {
    const kept = this.#kept ?? []
    if (this.#kept !== undefined) this.#open = open
    this.#kept = undefined
    for (let one = kept.shift(); one !== undefined; one = kept.shift()) {
      try {
        one(this.#open)
      } catch (error) {
        this.#open = false
        for (const other of kept) other(false)
        throw error
      }
    }
  }
}
