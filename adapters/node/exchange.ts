/**
 * What the exchanges of HTTP/1 and HTTP/2 have in common: streamed answers, files, the body, and who waits for the end.
 */
import {
  type AbortReason,
  type Body,
  type BodyListener,
  ClientGoneError,
  type CloseListener,
  type Exchange,
  type Limits,
  type MaybePromise,
  type OpenFile,
  type PeerData,
  type SockData,
  type SslData,
  type WebSocketUpgrade,
} from "../../src/conn/adapter.ts"
import { openRegularFile, type RegularFile } from "../file.ts"
import type { BodyReader } from "./body.ts"
import type { Connection } from "./connection.ts"
import { peerData, sockData, sslData } from "./peer.ts"

const nothing = new Uint8Array()

/** What an answer is written to: a `ServerResponse`, or an HTTP/2 stream. */
interface Out {
  readonly writableLength: number
  write(data: Body, written?: (error?: Error | null) => void): boolean
}

export abstract class NodeExchange implements Exchange {
  readonly connection: Connection
  readonly method: string
  readonly path: string
  readonly query: string
  sent = false
  /** True when the whole answer was given to Node, which may still have to send it. */
  answered = false
  protected body: BodyReader | undefined = undefined
  #watched = false
  #over: { readonly reason: AbortReason | undefined } | undefined = undefined
  #closeListeners: CloseListener[] | undefined = undefined
  #drainListeners: (() => void)[] | undefined = undefined
  #writers: Set<(ok: boolean) => void> | undefined = undefined
  /** Bytes of an announced length that are still to be written. */
  #left = Number.POSITIVE_INFINITY

  constructor(connection: Connection, method: string, path: string, query: string) {
    this.connection = connection
    this.method = method
    this.path = path
    this.query = query
  }

  protected abstract readonly out: Out
  /** False when there is nobody left to write to. */
  protected abstract readonly open: boolean
  /** Arranges that `settle` is called at the end of the answer, or calls it. The end of the connection is seen to. */
  protected abstract observe(): void
  /** Writes a head whose body follows in pieces; it leaves at once, or with what is written in the same turn. */
  protected abstract start(status: number, headers: readonly string[], length: number): void
  /** Ends the answer that was started. */
  protected abstract finish(): void
  /** Turns the clock for a peer that takes nothing on or off. */
  protected abstract timeSlowPeer(on: boolean): void
  /** Undefined when the request has no body; else a reader for it, made once. */
  protected abstract bodyReader(): BodyReader | undefined

  abstract getHeader(name: string): string | undefined
  abstract getHeaders(): readonly string[]
  abstract sendResp(status: number, headers: readonly string[], body: Body): void
  abstract sendHead(status: number, headers: readonly string[], length: number): void
  abstract inform(status: number, headers: readonly string[]): boolean
  abstract upgrade(upgrade: WebSocketUpgrade): void
  abstract abort(): void
  /** False while some of the request has still to arrive. */
  abstract readonly requestIsComplete: boolean
  /** The body cannot be read any further: who reads it is told, and the connection has no future. */
  abstract broken(error: Error): void
  abstract getHttpProtocol(): "HTTP/1.0" | "HTTP/1.1" | "HTTP/2"

  get scheme(): "http" | "https" {
    return this.connection.house.scheme
  }
  get limits(): Limits {
    return this.connection.house.limits
  }
  get over(): boolean {
    return this.#over !== undefined
  }

  openFile(path: string): Promise<OpenFile> {
    return openRegularFile(path)
  }

  async sendFile(
    status: number,
    headers: readonly string[],
    file: OpenFile,
    offset: number,
    length: number,
  ): Promise<void> {
    this.sent = true
    try {
      // The first piece is read before the head is written, so that the two leave together.
      let piece = length === 0 ? nothing : await readPiece(file, offset, length)
      if (!this.open) return
      this.sendChunked(status, headers, length)
      let left = length
      while (left > 0) {
        const written = this.chunk(piece)
        if (written !== true && !(await written)) return
        left -= piece.length
        if (left > 0) piece = await readPiece(file, offset + length - left, left)
      }
      this.endChunked()
      await new Promise<void>((resolve) => this.onClose(() => resolve()))
    } catch {
      // The head is out, or the client was promised one: that the file failed can only be shown by the cut.
      this.abort()
    } finally {
      file.close()
    }
  }

  sendChunked(status: number, headers: readonly string[], length: number): void {
    this.sent = true
    if (length !== -1) this.#left = length
    if (this.open) this.start(status, headers, length)
  }

  chunk(data: Body): MaybePromise<boolean> {
    if (this.answered || !this.open) return false
    const size = typeof data === "string" ? Buffer.byteLength(data) : data.byteLength
    if (size > this.#left) {
      // More than was announced would be taken for the next answer.
      this.abort()
      return false
    }
    this.#left -= size
    const { out } = this
    if (out.writableLength + size >= this.limits.highWaterMark) return this.#writeSlowly(data)
    out.write(data)
    return true
  }

  #writeSlowly(data: Body): Promise<boolean> {
    this.watch()
    this.timeSlowPeer(true)
    return new Promise((resolve) => {
      this.#writers ??= new Set()
      this.#writers.add(resolve)
      this.out.write(data, (error) => {
        if (!this.#writers?.delete(resolve)) return
        if (this.#writers.size === 0 && !this.answered) this.timeSlowPeer(false)
        resolve(!error)
      })
    })
  }

  endChunked(): void {
    if (this.answered) return
    this.answered = true
    if (!this.open) return
    if (this.#left > 0 && this.#left !== Number.POSITIVE_INFINITY) this.abort()
    else this.finish()
  }

  readBody(length: number, timeout: number, done: BodyListener): void {
    const reason = this.#over?.reason
    if (reason !== undefined) return done(reason, nothing, false)
    const reader = this.bodyReader()
    if (reader === undefined) done(undefined, nothing, false)
    else reader.read(length, timeout, done)
  }

  onClose(listener: CloseListener): void {
    if (this.#over === undefined) {
      this.watch()
      if (this.#over === undefined) {
        if (this.#closeListeners === undefined) {
          this.#closeListeners = []
          // Who hears of the end may want to say who it was; a socket remembers only what was asked of it while it was open.
          void this.connection.socket.remoteAddress
        }
        this.#closeListeners.push(listener)
        // A peer that leaves is seen only by who reads.
        if (!this.answered) this.bodyReader()?.readAhead()
        return
      }
    }
    const { reason } = this.#over as { reason: AbortReason | undefined }
    queueMicrotask(() => guarded(() => listener(reason)))
  }

  onDrain(listener: () => void): void {
    if (this.connection.house.stopping) return queueMicrotask(() => guarded(listener))
    this.watch()
    this.#drainListeners ??= []
    this.#drainListeners.push(listener)
  }

  /** Tells those who wait for it that the server stops. */
  drain(): void {
    const listeners = this.#drainListeners ?? []
    this.#drainListeners = undefined
    for (const listener of listeners) guarded(listener)
  }

  watch(): void {
    if (this.#watched || this.#over !== undefined) return
    this.#watched = true
    this.connection.watch(this)
    this.observe()
  }

  /** Ends the exchange, once: with nothing when the last byte was handed over, else with the reason. */
  settle(reason: AbortReason | undefined): void {
    if (this.#over !== undefined) return
    this.#over = { reason }
    this.connection.forget(this)
    if (reason !== undefined) this.body?.fail(reason)
    const writers = this.#writers ?? []
    const listeners = this.#closeListeners ?? []
    this.#writers = undefined
    this.#closeListeners = undefined
    this.#drainListeners = undefined
    for (const resolve of writers) resolve(false)
    for (const listener of listeners) guarded(() => listener(reason))
  }

  getPeerData(): PeerData {
    return peerData(this.connection.socket)
  }
  getSockData(): SockData {
    return sockData(this.connection.socket)
  }
  getSslData(): SslData | undefined {
    return sslData(this.connection.socket)
  }
}

/** The reason of an exchange that we end ourselves. */
export function cutByUs(): ClientGoneError {
  return new ClientGoneError("the connection was cut")
}

async function readPiece(file: OpenFile, offset: number, length: number): Promise<Uint8Array> {
  const piece = await (file as RegularFile).read(offset, length)
  if (piece.length === 0) throw new Error("the file has become shorter")
  return piece
}

/** Calls a listener. One that throws may not end the process, nor keep the others from being told. */
function guarded(listener: () => void): void {
  try {
    listener()
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : String(error))
  }
}
