/** An answer that waits: for a session to be stored, before the client is told that it was. */

import type { Body, Exchange, MaybePromise, OpenFile, WebSocketUpgrade } from "./adapter.ts"
import { Delegate } from "./delegate.ts"

/**
 * Keeps what is sent until `ready` is settled, then sends it in order. When `ready` rejects nothing of it is sent: chunks
 * answer false, files are closed, and `failed` may answer with the error on the exchange below.
 */
export class DelayedExchange extends Delegate {
  #ready: Promise<boolean>
  #open = false
  #begun = false

  constructor(inner: Exchange, ready: Promise<unknown>, failed: (error: unknown) => void) {
    super(inner)
    this.#ready = ready.then(
      () => {
        this.#open = true
        return true
      },
      (error) => {
        failed(error)
        return false
      },
    )
  }

  /** Resolved when what was waited for is settled, and what was kept by then has been sent. */
  get settled(): Promise<void> {
    return this.#ready.then(() => undefined)
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
  override async sendFile(
    status: number,
    headers: readonly string[],
    file: OpenFile,
    offset: number,
    length: number,
  ): Promise<void> {
    this.#begun = true
    if (await this.#ready) return this.inner.sendFile(status, headers, file, offset, length)
    file.close()
  }
  override chunk(data: Body): MaybePromise<boolean> {
    if (this.#open) return this.inner.chunk(data)
    return this.#ready.then((open) => open && this.inner.chunk(data))
  }
  override endChunked(): void {
    if (this.#open) this.inner.endChunked()
    else this.#later(() => this.inner.endChunked())
  }

  #answer(send: () => void): void {
    this.#begun = true
    if (this.#open) send()
    else this.#later(send)
  }

  #later(send: () => void): void {
    void this.#ready.then((open) => {
      if (open) send()
    })
  }
}
