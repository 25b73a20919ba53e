/**
 * One HTTP/2 request and its answer (RFC 9113 §8), on a stream of `node:http2`.
 */
import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from "node:http2"
import {
  type AbortReason,
  type Body,
  ClientGoneError,
  TimeoutError,
  type WebSocketUpgrade,
} from "../../src/conn/adapter.ts"
import { getHeader } from "../../src/http/headers.ts"
import { BodyReader } from "./body.ts"
import type { Connection } from "./connection.ts"
import { cutByUs, NodeExchange } from "./exchange.ts"
import type { Target } from "./head.ts"

const { NGHTTP2_NO_ERROR } = constants

export class Http2Exchange extends NodeExchange {
  readonly out: ServerHttp2Stream
  readonly #list: readonly string[]
  #reason: AbortReason | undefined
  #timed = false

  constructor(
    connection: Connection,
    stream: ServerHttp2Stream,
    method: string,
    target: Target,
    list: readonly string[],
  ) {
    super(connection, method, target.path, target.query)
    this.out = stream
    this.#list = list
  }

  get open(): boolean {
    return !this.over && !this.out.destroyed && !this.out.closed
  }
  get requestIsComplete(): boolean {
    return this.out.endAfterHeaders || this.out.readableEnded || this.body?.complete === true
  }

  getHeader(name: string): string | undefined {
    return getHeader(this.#list, name)
  }
  getHeaders(): readonly string[] {
    return this.#list
  }
  getHttpProtocol(): "HTTP/2" {
    return "HTTP/2"
  }

  sendResp(status: number, headers: readonly string[], body: Body): void {
    this.sent = true
    this.answered = true
    if (!this.open) return
    const length = typeof body === "string" ? Buffer.byteLength(body) : body.byteLength
    this.#respond(status, headers, length, length === 0)
    if (length > 0) this.out.end(body)
    this.#ended()
  }

  sendHead(status: number, headers: readonly string[], length: number): void {
    this.sent = true
    this.answered = true
    if (!this.open) return
    this.#respond(status, headers, length, true)
    this.#ended()
  }

  protected start(status: number, headers: readonly string[], length: number): void {
    this.#respond(status, headers, length, false)
  }

  protected finish(): void {
    this.out.end()
    this.#ended()
  }

  abort(): void {
    this.#cut(cutByUs())
  }

  inform(status: number, headers: readonly string[]): boolean {
    if (this.sent || !this.open) return false
    this.out.additionalHeaders(record(status, headers, -1))
    return true
  }

  upgrade(upgrade: WebSocketUpgrade): void {
    // Nothing in HTTP/2 looks like the handshake of RFC 6455, unless the client makes it up.
    upgrade.onOver()
    this.sendHead(400, [], 0)
  }

  broken(error: Error): void {
    this.body?.fail(error)
  }

  protected observe(): void {
    const { out } = this
    const { ended } = this.connection
    if (ended !== undefined) this.settle(ended)
    else if (out.closed || out.destroyed) this.#closed()
    // A stream that the peer resets counts as finished in Node, so only its code tells.
    else out.on("aborted", () => this.#closed()).on("close", () => this.#closed())
  }

  protected timeSlowPeer(on: boolean): void {
    const { out } = this
    const { idleTimeout } = this.limits
    if (out.destroyed) return
    out.setTimeout(on ? idleTimeout : 0)
    if (!on || this.#timed) return
    this.#timed = true
    const message = `the peer took nothing of the answer for idleTimeout (${idleTimeout} ms)`
    out.on("timeout", () => this.#cut(new TimeoutError(message)))
  }

  protected bodyReader(): BodyReader | undefined {
    if (this.out.endAfterHeaders) return undefined
    const text = this.getHeader("content-length")
    this.body ??= new BodyReader(this.out, text === undefined ? -1 : Number(text), this.limits.requestTimeout)
    return this.body
  }

  #respond(status: number, headers: readonly string[], length: number, endStream: boolean): void {
    this.out.respond(record(status, headers, length), { endStream })
  }

  #ended(): void {
    const { limits, out } = this
    if (out.writableLength > 0) {
      this.watch()
      this.timeSlowPeer(true)
    }
    if (this.requestIsComplete) return
    // The rest of a body that nobody wants; the client may be told to stop only when it has the answer (RFC 9113 §8.1).
    this.bodyReader()?.drop(
      limits.drainBytes,
      limits.requestTimeout,
      () => false,
      (complete) => {
        if (complete) return
        // Resets with NO_ERROR. `close` would keep the stream, and with it the session, until somebody has read it.
        if (out.writableFinished) out.destroy()
        else out.on("finish", () => out.destroy())
      },
    )
  }

  #cut(reason: AbortReason): void {
    this.#reason ??= reason
    // `close` would end the stream before it resets it, and the answer might be taken for whole.
    this.out.destroy(reason)
    this.settle(reason)
  }

  #closed(): void {
    const { out } = this
    const complete = this.answered && out.rstCode === NGHTTP2_NO_ERROR && !out.aborted
    this.settle(complete ? undefined : (this.#reason ?? this.connection.ended ?? new ClientGoneError()))
  }
}

/** Headers as Node takes them. The connection is none of an answer's business in HTTP/2 (RFC 9113 §8.2.2). */
function record(status: number, headers: readonly string[], length: number): OutgoingHttpHeaders {
  const all: Record<string, string | string[] | number> = Object.create(null)
  all[":status"] = status
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    const value = headers[i + 1] as string
    const before = all[name]
    if (name === "connection") continue
    all[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [String(before)]), value]
  }
  if (length !== -1) all["content-length"] = String(length)
  return all
}
