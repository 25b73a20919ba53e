/**
 * A websocket of the library, in the form in which `websocket-link.ts` drives the websockets of every server.
 */
import type { Body } from "../../src/conn/adapter.ts"
import { validCloseCode } from "../../src/http/websocket.ts"
import type { Peer } from "../websocket-link.ts"
import type { NativeWebSocket } from "./binding.ts"

const open = 1
const closed = 3
/** Shorter messages are not worth compressing. */
const compressedBytes = 1_024

export class UwsPeer implements Peer {
  readyState: number = open
  bufferedAmount = 0
  /** What the peer has sent: a sign of life. */
  bytesRead = 0
  readonly #ws: NativeWebSocket<unknown>
  readonly #compress: boolean
  #sent: (() => void) | undefined

  constructor(ws: NativeWebSocket<unknown>, compress: boolean) {
    this.#ws = ws
    this.#compress = compress
  }

  send(data: Body, sent: () => void): void {
    this.#sent = sent
    const isText = typeof data === "string"
    const status = this.#ws.send(data, !isText, this.#compress && data.length >= compressedBytes)
    this.bufferedAmount = status === 1 ? 0 : this.#ws.getBufferedAmount()
  }

  ping(data: Body = ""): void {
    this.#ws.ping(data)
  }

  close(code: number, reason: string): void {
    if (!validCloseCode(code) || Buffer.byteLength(reason) > 123)
      throw new RangeError("no such code, or too long a reason")
    this.gone()
    this.#ws.end(code, reason)
  }

  terminate(): void {
    if (this.readyState !== open) return
    this.gone()
    this.#ws.close()
  }

  /** The library cannot hold a websocket back; what comes too fast ends it (1013). */
  pause(): void {}
  resume(): void {}

  /** The library has written something of what waited. */
  drained(): void {
    if (this.readyState !== open) return
    this.bufferedAmount = this.#ws.getBufferedAmount()
    if (this.bufferedAmount === 0) this.#sent?.()
  }

  /** Nothing native may be touched any more. */
  gone(): void {
    this.readyState = closed
    this.bufferedAmount = 0
  }
}
