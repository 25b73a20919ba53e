/** What stands between a connection and its server where the answer is compressed on its way: bit by bit, or beforehand. */

import { Buffer } from "node:buffer"
import type { Body, MaybePromise } from "../conn/adapter.ts"
import type { Connection } from "../conn/conn.ts"
import { Delegate } from "../conn/delegate.ts"
import { getHeader } from "../http/headers.ts"
import type { CodingStream, Encoder } from "./content-codings.ts"

/** An answer whose whole body was compressed while it waited, or, for HEAD, whose length nobody has looked for. */
export class CompressedExchange extends Delegate {
  #conn: Connection
  #encoder: Encoder
  #body: Body
  #bytes: Uint8Array | undefined = undefined

  constructor(conn: Connection, encoder: Encoder, body: Body) {
    super(conn.exchange)
    this.#conn = conn
    this.#encoder = encoder
    this.#body = body
  }

  /** Compresses the body; the answer waits for it. */
  async compress(): Promise<void> {
    this.#bytes = await this.#encoder.async(this.#body)
  }

  override sendResp(status: number, headers: readonly string[], body: Body): void {
    // An error's page may be sent in its place, as it is.
    if (!this.#isCompressed(headers)) return this.inner.sendResp(status, headers, body)
    const known = body === this.#body ? this.#bytes : undefined
    const bytes = known ?? this.#encoder.sync(body)
    this.#conn.sentBody = bytes
    this.inner.sendResp(status, headers, bytes)
  }
  override sendHead(status: number, headers: readonly string[], length: number): void {
    this.inner.sendHead(status, headers, this.#isCompressed(headers) ? -1 : length)
  }

  #isCompressed(headers: readonly string[]): boolean {
    return getHeader(headers, "content-encoding") === this.#encoder.coding
  }
}

/** An answer whose chunks are compressed: at the pace of the client, flushed one by one where they are to arrive at once. */
export class CompressingExchange extends Delegate {
  #conn: Connection
  #encoder: Encoder
  #flush: boolean
  #stream: CodingStream | undefined = undefined
  /** Chunks that were given and have not come out yet, and who waits for that. */
  #pending = 0
  #waiting: ((room: boolean) => void)[] = []
  #bytes = 0
  #over = false
  #ended = false
  #aborting = false

  /** `over` is called once, when the exchange is over. */
  constructor(conn: Connection, encoder: Encoder, flush: boolean, over: () => void) {
    super(conn.exchange)
    this.#conn = conn
    this.#encoder = encoder
    this.#flush = flush
    this.inner.onClose(() => {
      this.#over = true
      this.#free()
      over()
    })
  }

  override sendChunked(status: number, headers: readonly string[], length: number): void {
    this.inner.sendChunked(status, headers, length)
    // An error's page may be sent in its place, as it is; and who has left needs no compressor.
    if (this.#over || getHeader(headers, "content-encoding") !== this.#encoder.coding) return
    const stream = this.#encoder.stream(this.#flush)
    this.#stream = stream
    stream.on("data", (bytes: Uint8Array) => this.#pass(stream, bytes))
    stream.on("end", () => this.inner.endChunked())
    stream.on("error", () => this.inner.abort())
  }
  override chunk(data: Body): MaybePromise<boolean> {
    const stream = this.#stream
    if (stream === undefined) return this.inner.chunk(data)
    if (this.#over || this.#ended || this.#aborting) return false
    this.#pending++
    // Another thread reads it later, when its owner may have filled it anew.
    const kept = typeof data === "string" ? data : Buffer.from(data)
    if (stream.write(kept, () => this.#written())) return true
    return new Promise((resolve) => this.#waiting.push(resolve))
  }
  override endChunked(): void {
    if (this.#stream === undefined) return this.inner.endChunked()
    if (this.#over || this.#ended || this.#aborting) return
    this.#ended = true
    this.#stream.end()
  }
  /** What was written before may be the reason why: it leaves for the socket first, whether the client takes it or not. */
  override abort(): void {
    if (this.#stream === undefined || this.#pending === 0 || this.#over) return this.inner.abort()
    this.#aborting = true
    this.#stream.resume()
  }

  #pass(stream: CodingStream, bytes: Uint8Array): void {
    this.#bytes += bytes.byteLength
    this.#conn.streamed = this.#bytes
    const taken = this.inner.chunk(bytes)
    if (typeof taken === "boolean" || this.#aborting) return
    stream.pause()
    void taken.then((room) => {
      if (room) stream.resume()
    })
  }
  #written(): void {
    this.#pending--
    if (this.#pending > 0) return
    this.#release(true)
    if (this.#aborting) setImmediate(() => this.inner.abort())
  }
  #release(room: boolean): void {
    for (const resolve of this.#waiting.splice(0)) resolve(room)
  }
  #free(): void {
    this.#stream?.destroy()
    this.#release(false)
  }
}
