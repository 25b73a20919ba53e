/**
 * A raw client for tests: sends any bytes, cut anywhere, reads answers strictly, leaves by FIN or RST, over TCP or TLS.
 *
 * Every wait has a deadline (5 s) and fails with what had arrived until then. When the peer ends, so does our side.
 */
import net from "node:net"
import tls from "node:tls"
import { type Answer, type Head, readAnswer, readChunk, readHead } from "./wire/answer.ts"
import { type Ending, Inbox, WireError } from "./wire/inbox.ts"

export { Answer, type Head, valuesOf } from "./wire/answer.ts"
export { type Ending, WireError } from "./wire/inbox.ts"

export interface WireOptions {
  readonly port: number
  readonly host?: string
  /** The certificate to trust; with it the connection is TLS. */
  readonly ca?: string | undefined
  readonly deadline?: number
}

export class Wire {
  readonly inbox: Inbox
  /** What bytes go through: the TCP socket, or the TLS one above it. */
  readonly socket: net.Socket
  readonly #tcp: net.Socket

  private constructor(tcp: net.Socket, socket: net.Socket, deadline: number) {
    this.#tcp = tcp
    this.socket = socket
    this.inbox = new Inbox(deadline)
    tcp.setNoDelay(true)
    tcp.on("error", () => this.inbox.end("rst"))
    socket.on("error", () => this.inbox.end("rst"))
    socket.on("data", (data: Buffer) => this.inbox.push(data))
    socket.on("end", () => this.inbox.end("fin"))
    socket.on("close", (failed: boolean) => this.inbox.end(failed ? "rst" : "fin"))
  }

  static async connect(options: WireOptions): Promise<Wire> {
    const { port, host = "127.0.0.1", ca, deadline = 5_000 } = options
    const tcp = net.connect({ port, host })
    const socket = ca === undefined ? tcp : tls.connect({ socket: tcp, servername: "localhost", ca })
    const wire = new Wire(tcp, socket, deadline)
    await new Promise<void>((resolve, reject) => {
      socket.once(ca === undefined ? "connect" : "secureConnect", resolve)
      socket.once("error", reject)
      tcp.once("error", reject)
      socket.once("close", () => reject(new WireError("closed before it was connected")))
    })
    return wire
  }

  /** Sends text as Latin-1, or bytes. A peer that is gone is no error here. */
  send(data: string | Uint8Array): this {
    if (this.socket.writable) this.socket.write(typeof data === "string" ? Buffer.from(data, "latin1") : data)
    return this
  }

  /** Sends and waits until the system has taken the bytes; false when the peer does not take them before it ends. */
  async sent(data: string | Uint8Array): Promise<boolean> {
    if (!this.socket.writable) return false
    return new Promise((resolve) => {
      // A socket that closes calls back for every write that was still pending.
      const done = (error?: Error | null) => resolve(!error && !this.socket.destroyed)
      this.socket.write(typeof data === "string" ? Buffer.from(data, "latin1") : data, done)
    })
  }

  /** Sends each piece so that a server in this process reads it alone. */
  async sendPieces(pieces: Iterable<Uint8Array>): Promise<void> {
    for (const piece of pieces) {
      // The server needs a turn of the event loop to accept the connection, and one to read each piece.
      for (let turns = 0; turns < 3; turns++) await new Promise(setImmediate)
      if (piece.length) await this.sent(piece)
    }
  }

  /** Ends our side; the peer's may go on. */
  fin(): this {
    this.socket.end()
    return this
  }

  /** Ends the connection with a reset, and with nothing before it. */
  rst(): this {
    // Not `resetAndDestroy`: it ends an open socket first, so that the peer sees a FIN; below TLS it ends the process.
    Object.assign(this.#tcp, { resetAndClosing: true })
    this.#tcp.destroy()
    return this
  }

  leave(how: Ending): this {
    return how === "fin" ? this.fin() : this.rst()
  }

  /** Stops reading, so that the peer's bytes fill the buffers of the system. */
  pause(): this {
    this.socket.pause()
    return this
  }

  resume(): this {
    this.socket.resume()
    return this
  }

  /** The next final answer. */
  answer(method = "GET"): Promise<Answer> {
    return readAnswer(this.inbox, method)
  }

  /** The next head alone, for answers that stream. */
  head(method = "GET"): Promise<Head> {
    return readHead(this.inbox, method)
  }

  /** The next chunk of a chunked answer, undefined at its end. */
  chunk(): Promise<Buffer | undefined> {
    return readChunk(this.inbox)
  }

  /** Waits until `text` has arrived, and takes everything that came with it. */
  async through(text: string): Promise<string> {
    let seen = ""
    await this.inbox.until(JSON.stringify(text), () => {
      seen += this.inbox.takeAll().toString("latin1")
      return seen.includes(text) ? true : undefined
    })
    return seen
  }

  /** How the peer ends the connection. Bytes that arrive until then stay to be read. */
  ending(): Promise<Ending> {
    return this.inbox.ending()
  }

  /** Everything that arrives until the peer ends. */
  async rest(): Promise<Buffer> {
    await this.ending()
    return this.inbox.takeAll()
  }

  /** Lets go of everything at once. */
  destroy(): void {
    this.socket.destroy()
    this.#tcp.destroy()
  }
}
