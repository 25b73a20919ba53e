/**
 * One HTTP/1 request and its answer, on Node's `IncomingMessage` and `ServerResponse`.
 *
 * An ordinary request makes this one object: no listener, no closure, no promise. They are made when asked for.
 */
import type { IncomingMessage, ServerResponse } from "node:http"
import { type Body, type BodyListener, ClientGoneError, type WebSocketUpgrade } from "../../src/conn/adapter.ts"
import { getHeader } from "../../src/http/headers.ts"
import { bodyAllowed, statusLine } from "../../src/http/status.ts"
import { BodyReader } from "./body.ts"
import type { Connection } from "./connection.ts"
import { endWith } from "./end-with.ts"
import { cutByUs, NodeExchange } from "./exchange.ts"
import { lowerHeaders, rawHeader, type Target } from "./head.ts"
import { leaveBody } from "./leave-body.ts"
import { isTls } from "./peer.ts"
import type { Switch } from "./upgrade.ts"

const nothing = new Uint8Array()

export class Http1Exchange extends NodeExchange {
  readonly out: ServerResponse
  /** Present when the client asked for a websocket. */
  switching: Switch | undefined = undefined
  readonly #req: IncomingMessage
  readonly #raw: readonly string[]
  readonly #authority: string | undefined
  readonly #hasBody: boolean
  #expects: boolean
  #list: readonly string[] | undefined = undefined
  /** No end of this answer may be taken for a begin of the next one. */
  #last = false
  #untilClose = false
  #wasRead = false

  constructor(
    connection: Connection,
    req: IncomingMessage,
    res: ServerResponse,
    raw: readonly string[],
    target: Target,
    hasBody: boolean,
    expects: boolean,
  ) {
    super(connection, req.method as string, target.path, target.query)
    this.out = res
    this.#req = req
    this.#raw = raw
    this.#authority = target.authority
    this.#hasBody = hasBody
    this.#expects = expects
  }

  get open(): boolean {
    return this.connection.socket.writable && !this.over
  }

  getHeader(name: string): string | undefined {
    if (this.#authority !== undefined) return getHeader(this.getHeaders(), name)
    return rawHeader(this.#raw, name)
  }

  getHeaders(): readonly string[] {
    this.#list ??= lowerHeaders(this.#raw, this.#authority)
    return this.#list
  }

  getHttpProtocol(): "HTTP/1.0" | "HTTP/1.1" {
    return this.#req.httpVersionMinor === 0 ? "HTTP/1.0" : "HTTP/1.1"
  }

  sendResp(status: number, headers: readonly string[], body: Body): void {
    this.sent = true
    this.answered = true
    if (!this.open) return
    const length = typeof body === "string" ? Buffer.byteLength(body) : body.byteLength
    const { out } = this
    out.writeHead(status, this.#head(headers, length))
    // Node writes the head with the encoding of the body, and header values are Latin-1.
    endWith(out, typeof body === "string" && length !== body.length ? Buffer.from(body) : body)
    this.#ended()
  }

  sendHead(status: number, headers: readonly string[], length: number): void {
    this.sent = true
    this.answered = true
    if (!this.open) return
    if (length === -1 && this.method !== "HEAD" && bodyAllowed(status)) this.#endWithConnection()
    this.out.writeHead(status, this.#head(headers, length))
    this.out.end()
    this.#ended()
  }

  protected start(status: number, headers: readonly string[], length: number): void {
    if (length === -1 && this.#req.httpVersionMinor === 0) this.#endWithConnection()
    this.out.writeHead(status, this.#head(headers, length))
    this.out.write("", "latin1")
  }

  protected finish(): void {
    this.out.end()
    this.#ended()
  }

  abort(): void {
    const { socket } = this.connection
    // Where the end of the connection is the end of the answer, only a reset tells a cut from it.
    if (this.#untilClose && !isTls(socket)) socket.resetAndDestroy()
    this.connection.cut(cutByUs())
  }

  inform(status: number, headers: readonly string[]): boolean {
    const { out } = this
    const { socket } = this.connection
    // Behind another answer on the same connection it would come too early.
    if (this.sent || this.#req.httpVersionMinor === 0 || out.socket !== socket || !this.open) return false
    if (status === 100) {
      out.writeContinue()
      return true
    }
    let head = `HTTP/1.1 ${statusLine(status)}\r\n`
    for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`
    socket.write(`${head}\r\n`, "latin1")
    return true
  }

  override readBody(length: number, timeout: number, done: BodyListener): void {
    if (this.#expects && !this.sent && this.open) {
      this.#expects = false
      this.out.writeContinue()
    }
    if (this.body !== undefined || !this.#hasBody) super.readBody(length, timeout, done)
    else if (this.#req.complete) this.#readWhole(length, timeout, done)
    // What came with the head is parsed by then: most bodies, and those need neither listeners nor a clock.
    else process.nextTick(() => this.#readWhole(length, timeout, done))
  }

  #readWhole(length: number, timeout: number, done: BodyListener): void {
    const req = this.#req
    const { readableLength } = req
    // Node says `complete` some callbacks after the last byte.
    const isWhole = req.complete || (readableLength > 0 && readableLength === this.#bodyLength())
    if (this.over || this.body !== undefined || !isWhole || readableLength > length) {
      super.readBody(length, timeout, done)
      return
    }
    const data: Buffer | null = req.read()
    this.#wasRead = true
    done(undefined, data ?? nothing, false)
  }

  upgrade(upgrade: WebSocketUpgrade): void {
    const { connection, switching } = this
    if (switching === undefined) {
      // Node has seen no handshake: what was asked for cannot be had.
      upgrade.onOver()
      return this.sendHead(400, ["connection", "close"], 0)
    }
    this.sent = true
    this.answered = true
    if (!this.open) return
    this.switching = undefined
    const { socket } = connection
    this.out.detachSocket(socket)
    connection.upgraded = true
    const taken = connection.house.websockets.accept(socket, switching.release(), this.getHeaders(), upgrade)
    this.settle(taken ? undefined : new ClientGoneError())
  }

  get requestIsComplete(): boolean {
    return !this.#hasBody || this.#wasRead || this.#req.complete || this.body?.complete === true
  }

  broken(error: Error): void {
    this.#last = true
    this.bodyReader()?.fail(error)
  }

  protected observe(): void {
    const { out } = this
    const { socket, ended } = this.connection
    if (out.writableFinished && out.socket === null) this.settle(undefined)
    else if (ended !== undefined) this.settle(ended)
    else {
      out.on("finish", () => {
        // Node says "finish" of an answer that was thrown away, too.
        if (!socket.destroyed) this.settle(undefined)
      })
    }
  }

  protected timeSlowPeer(on: boolean): void {
    this.connection.socket.setTimeout(on ? this.limits.idleTimeout : 0)
  }

  protected bodyReader(): BodyReader | undefined {
    if (!this.#hasBody || this.#wasRead) return undefined
    this.body ??= new BodyReader(this.#req, this.#bodyLength(), this.limits.requestTimeout)
    return this.body
  }

  #bodyLength(): number {
    const text = rawHeader(this.#raw, "content-length")
    return text === undefined ? -1 : Number(text)
  }

  /** The list that is sent: it ends with what frames the answer. */
  #head(headers: readonly string[], length: number): string[] {
    const { connection } = this
    const list = headers.slice()
    let last = false
    for (let i = 0; i < headers.length; i += 2) if (headers[i] === "connection") last = true
    if (length !== -1) list.push("content-length", String(length))
    if (!last && (connection.house.stopping || this.#last || (this.#hasBody && this.#leavesTooMuch()))) {
      list.push("connection", "close")
      last = true
    }
    if (last) connection.closing = true
    return list
  }

  /** Without length and chunks, the answer ends with the connection. */
  #endWithConnection(): void {
    this.#last = true
    this.#untilClose = true
    this.out.removeHeader("transfer-encoding")
  }

  #leavesTooMuch(): boolean {
    if (this.requestIsComplete) return false
    return (this.body?.remaining ?? this.#bodyLength()) > this.limits.drainBytes
  }

  #ended(): void {
    const { connection, out } = this
    const { socket } = out
    const bodyIsOver = this.requestIsComplete
    if (socket !== null && socket.writableLength === 0 && bodyIsOver) {
      // As good as over, and nobody has to be told.
      if (connection.current === this) connection.current = undefined
      if (connection.queue !== undefined) connection.advance()
      return
    }
    this.watch()
    if (connection.queue !== undefined) connection.advance()
    if (socket !== null && socket.writableLength > 0) this.timeSlowPeer(true)
    if (bodyIsOver) return
    const reader = this.bodyReader()
    if (reader !== undefined) leaveBody(this, reader, () => this.#last)
  }
}
