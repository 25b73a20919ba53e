/** A server in memory: one exchange that keeps what was answered, with a peer that a test can make slow or let go. */

import { Buffer } from "node:buffer"
import { constants, open } from "node:fs/promises"
import {
  type AbortReason,
  type Body,
  type BodyListener,
  ClientGoneError,
  type CloseListener,
  DrainingError,
  defaultLimits,
  type Exchange,
  type Limits,
  type MaybePromise,
  type OpenFile,
  type PeerData,
  type SockData,
  type SslData,
  type WebSocketUpgrade,
} from "../conn/adapter.ts"
import { getHeader } from "../http/headers.ts"

export interface TestRequest {
  method: string
  path: string
  query: string
  scheme: "http" | "https"
  /** Flat list, lower-case names. */
  headers: string[]
  body: Uint8Array
  peer: PeerData
  sock: SockData
  ssl: SslData | undefined
  protocol: "HTTP/1.0" | "HTTP/1.1" | "HTTP/2"
  limits: Partial<Limits>
}

/** What was answered so far. */
export interface TestAnswer {
  status: number
  headers: readonly string[]
  /** The parts of the body in the order in which they were written. */
  parts: Uint8Array[]
  /** The content-length that would stand in the head; -1 for none. */
  length: number
  ended: boolean
}

const toBytes = (body: Body): Uint8Array => (typeof body === "string" ? Buffer.from(body) : Uint8Array.from(body))

export class TestExchange implements Exchange {
  readonly method: string
  readonly path: string
  readonly query: string
  readonly scheme: "http" | "https"
  readonly limits: Limits
  sent = false
  answers = 0
  answer: TestAnswer | undefined
  aborted = false
  upgraded: WebSocketUpgrade | undefined
  readonly informs: { status: number; headers: readonly string[] }[] = []
  private readonly request: TestRequest
  private read = 0
  private over: { reason: AbortReason | undefined } | undefined
  private readonly closeListeners: CloseListener[] = []
  private readonly drainListeners: (() => void)[] = []
  private readonly watchers = new Set<() => void>()
  private slow: ((ok: boolean) => void)[] | undefined

  constructor(request: TestRequest) {
    this.request = request
    this.method = request.method
    this.path = request.path
    this.query = request.query
    this.scheme = request.scheme
    this.limits = { ...defaultLimits, ...request.limits }
  }

  getHeader(name: string): string | undefined {
    return getHeader(this.request.headers, name)
  }
  getHeaders(): readonly string[] {
    return this.request.headers
  }

  private begin(status: number, headers: readonly string[], length: number): TestAnswer {
    this.answers++
    this.sent = true
    this.answer = { status, headers: [...headers], parts: [], length, ended: false }
    this.notify()
    return this.answer
  }
  sendResp(status: number, headers: readonly string[], body: Body): void {
    const bytes = toBytes(body)
    const answer = this.begin(status, headers, bytes.length)
    if (bytes.length > 0) answer.parts.push(bytes)
    this.finish(undefined)
  }
  sendHead(status: number, headers: readonly string[], length: number): void {
    this.begin(status, headers, length)
    this.finish(undefined)
  }
  async openFile(path: string): Promise<OpenFile> {
    // Not to wait for a writer where the path is a pipe.
    const handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    let closed = false
    const close = (): void => {
      if (!closed) void handle.close()
      closed = true
    }
    const stat = await handle.stat().catch((error) => {
      close()
      throw error
    })
    if (stat.isFile()) return { size: stat.size, mtime: stat.mtimeMs, close, handle } as OpenFile
    close()
    throw Object.assign(new Error(`EISDIR: not a regular file: ${path}`), { code: "EISDIR" })
  }
  async sendFile(
    status: number,
    headers: readonly string[],
    file: OpenFile,
    offset: number,
    length: number,
  ): Promise<void> {
    const answer = this.begin(status, headers, length)
    const bytes = Buffer.alloc(length)
    const { handle } = file as OpenFile & { handle: Awaited<ReturnType<typeof open>> }
    await handle.read(bytes, 0, length, offset)
    file.close()
    answer.parts.push(bytes)
    this.finish(undefined)
  }
  sendChunked(status: number, headers: readonly string[], length: number): void {
    this.begin(status, headers, length)
  }
  chunk(data: Body): MaybePromise<boolean> {
    if (this.over !== undefined || this.answer === undefined || this.answer.ended) return false
    this.answer.parts.push(toBytes(data))
    this.notify()
    const waiting = this.slow
    return waiting === undefined ? true : new Promise((resolve) => waiting.push(resolve))
  }
  endChunked(): void {
    if (this.answer !== undefined && !this.answer.ended) this.finish(undefined)
  }
  abort(): void {
    this.aborted = true
    this.finish(new ClientGoneError("the connection was cut"))
  }
  inform(status: number, headers: readonly string[]): boolean {
    if (this.request.protocol === "HTTP/1.0") return false
    this.informs.push({ status, headers: [...headers] })
    return true
  }
  readBody(length: number, _timeout: number, done: BodyListener): void {
    if (this.over?.reason !== undefined) return done(this.over.reason, new Uint8Array(), false)
    const data = this.request.body.subarray(this.read, this.read + length)
    this.read += data.length
    done(undefined, data, this.read < this.request.body.length)
  }
  upgrade(upgrade: WebSocketUpgrade): void {
    this.answers++
    this.sent = true
    this.upgraded = upgrade
    this.notify()
  }
  onClose(listener: CloseListener): void {
    const { over } = this
    if (over !== undefined) queueMicrotask(() => listener(over.reason))
    else this.closeListeners.push(listener)
  }
  onDrain(listener: () => void): void {
    this.drainListeners.push(listener)
  }
  getPeerData(): PeerData {
    return this.request.peer
  }
  getSockData(): SockData {
    return this.request.sock
  }
  getSslData(): SslData | undefined {
    return this.request.ssl
  }
  getHttpProtocol(): "HTTP/1.0" | "HTTP/1.1" | "HTTP/2" {
    return this.request.protocol
  }

  private finish(reason: AbortReason | undefined): void {
    if (this.over !== undefined) return
    this.over = { reason }
    if (this.answer !== undefined) this.answer.ended = true
    for (const listener of this.closeListeners.splice(0)) listener(reason)
    this.flow(false)
    this.notify()
  }
  private notify(): void {
    for (const watcher of [...this.watchers]) watcher()
  }

  /** Lets the peer leave. */
  disconnect(): void {
    this.finish(new ClientGoneError())
  }
  /** Tells the exchange that its server is stopping. */
  drain(): void {
    for (const listener of this.drainListeners.splice(0)) listener()
  }
  /** Cuts what is still open, as a server does at the end of its grace. */
  cut(): void {
    this.finish(new DrainingError())
  }
  /** Ends an upgraded exchange, as servers do at any end of a websocket. */
  leave(): void {
    this.finish(undefined)
  }
  /** Makes the peer stop reading: chunks wait until `resume`. */
  pause(): void {
    this.slow ??= []
  }
  resume(): void {
    this.flow(true)
  }
  private flow(ok: boolean): void {
    const waiting = this.slow ?? []
    this.slow = undefined
    for (const resolve of waiting) resolve(ok)
  }
  /** Resolves when a condition on this exchange holds, or it is over. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = (): void => {
        if (!condition() && this.over === undefined) return
        this.watchers.delete(check)
        resolve()
      }
      this.watchers.add(check)
      check()
    })
  }
}
