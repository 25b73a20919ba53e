/** Drives one Elli connection with bytes and no socket: what goes in, what comes out, and what the handler saw. */
import { EventEmitter } from "node:events"
import type { Socket } from "node:net"
import { Connection } from "../../../adapters/elli/connection.ts"
import { Core } from "../../../adapters/elli/core.ts"
import type { ElliListener } from "../../../adapters/elli/events.ts"
import { defaultLimits, type Exchange, type Limits } from "../../../src/conn/adapter.ts"

/** As much of a socket as a connection uses. Whatever is written is taken at once. */
export class FakeSocket extends EventEmitter {
  readonly written: Buffer[] = []
  writableLength = 0
  paused = false
  ended = false
  destroyed = false

  get writable(): boolean {
    return !this.ended && !this.destroyed
  }
  get text(): string {
    return Buffer.concat(this.written).toString("latin1")
  }
  write(data: string | Uint8Array, encoding?: unknown): boolean {
    this.written.push(typeof data === "string" ? Buffer.from(data, encoding as BufferEncoding) : Buffer.from(data))
    return true
  }
  cork(): void {}
  uncork(): void {}
  pause(): void {
    this.paused = true
  }
  resume(): void {
    this.paused = false
  }
  end(): void {
    this.ended = true
  }
  destroy(): void {
    if (this.destroyed) return
    this.destroyed = true
    this.emit("close")
  }
  resetAndDestroy(): void {
    this.destroy()
  }
}

/** A request that the handler saw whole, with its body. */
export interface Seen {
  readonly method: string
  readonly target: string
  readonly headers: readonly string[]
  readonly body: string
}

/** Reads the whole body, tells of it, and answers with it. */
export function echo(seen: (request: Seen) => void): (exchange: Exchange) => void {
  return (exchange) => {
    exchange.readBody(1_000_000, 5_000, (error, data) => {
      if (error !== undefined) return exchange.sendResp(400, ["connection", "close"], error.message)
      const body = Buffer.from(data).toString("latin1")
      const { method, path, query } = exchange
      seen({ method, target: query === "" ? path : `${path}?${query}`, headers: exchange.getHeaders(), body })
      exchange.sendResp(200, [], body)
    })
  }
}

export interface Driven {
  readonly socket: FakeSocket
  readonly core: Core
  readonly connection: Connection
  feed(...pieces: (string | Uint8Array)[]): void
}

export function drive(
  call: (exchange: Exchange) => unknown,
  limits: Partial<Limits> = {},
  emit?: ElliListener,
  socket = new FakeSocket(),
): Driven {
  const core = new Core({ call }, { ...defaultLimits, ...limits }, "http", undefined as never, emit)
  const connection = new Connection(core, socket as unknown as Socket)
  return {
    socket,
    core,
    connection,
    feed: (...pieces) => {
      for (const piece of pieces.filter((one) => one.length > 0))
        socket.emit("data", typeof piece === "string" ? Buffer.from(piece, "latin1") : Buffer.from(piece))
    },
  }
}

/** Keeps each exchange for the test to answer. */
export function held(limits = {}): Driven & { exchanges: Exchange[] } {
  const exchanges: Exchange[] = []
  return { ...drive((exchange) => exchanges.push(exchange), limits), exchanges }
}
