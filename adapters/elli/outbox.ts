/**
 * What a connection still has to send: text that gathers while a read is served, and bytes that wait for a slow peer.
 *
 * Bytes go to the socket in pieces, the next when the last was taken, so that progress can be seen however much there is.
 */
import type { Socket } from "node:net"

/** A piece of a large body; a peer that takes less than this within `idleTimeout` is cut. */
const pieceBytes = 65_536

export class Outbox {
  /** The socket has not taken everything yet. */
  blocked = false
  /** The tick at which the peer last took something. */
  moved = 0
  /** While true, text gathers and leaves with `flush`. */
  gathering = false
  readonly #socket: Socket
  readonly #clock: { readonly tick: number }
  /** Called whenever the socket has taken everything after it had not. */
  readonly #emptied: () => void
  #text = ""
  #queue: Uint8Array[] | undefined
  #queued = 0
  #drain: Promise<boolean> | undefined
  #settleDrain: ((open: boolean) => void) | undefined
  #closed = false

  constructor(socket: Socket, clock: { readonly tick: number }, emptied: () => void) {
    this.#socket = socket
    this.#clock = clock
    this.#emptied = emptied
  }

  /** The socket still takes bytes. A reset shows here before its close event, which has to wait for whoever is writing. */
  get open(): boolean {
    return !this.#closed && this.#socket.writable
  }

  /** Bytes that wait here or in the socket. */
  get waiting(): number {
    return this.#text.length + this.#queued + this.#socket.writableLength
  }

  /** Sends text, each character one byte. */
  write(text: string): void {
    if (this.#queue !== undefined) return this.send(Buffer.from(text, "latin1"))
    this.#text += text
    if (!this.gathering || this.#text.length > pieceBytes) this.flush()
  }

  /** Sends bytes after whatever waits. */
  send(bytes: Uint8Array): void {
    if (this.#closed) return
    if (this.#queue === undefined && bytes.length <= pieceBytes) {
      this.#socket.cork()
      this.#writeText()
      this.#socket.write(bytes, this.#taken)
      this.#socket.uncork()
      return this.#look()
    }
    this.flush()
    this.#queue ??= []
    this.#queue.push(bytes)
    this.#queued += bytes.length
    if (!this.blocked) this.#pump()
  }

  /** Hands the gathered text to the socket. */
  flush(): void {
    if (this.#text === "") return
    this.#writeText()
    this.#look()
  }

  /** Resolves true when everything has been taken, false when the peer has left. */
  drained(): MaybeDrained {
    if (!this.blocked || !this.open) return this.open
    this.#drain ??= new Promise((resolve) => {
      this.#settleDrain = resolve
    })
    return this.#drain
  }

  /** Nothing more will be taken. */
  close(): void {
    this.#closed = true
    this.blocked = false
    this.#text = ""
    this.#queue = undefined
    this.#queued = 0
    this.#settle(false)
  }

  #writeText(): void {
    const text = this.#text
    this.#text = ""
    if (text !== "" && !this.#closed) this.#socket.write(text, "latin1", this.#taken)
  }

  #look(): void {
    if (this.blocked || this.#closed || this.#socket.writableLength === 0) return
    this.blocked = true
    this.moved = this.#clock.tick
  }

  #pump(): void {
    const queue = this.#queue as Uint8Array[]
    while (queue.length > 0) {
      const first = queue[0] as Uint8Array
      const piece = first.length > pieceBytes ? first.subarray(0, pieceBytes) : first
      if (piece === first) queue.shift()
      else queue[0] = first.subarray(pieceBytes)
      this.#queued -= piece.length
      this.#socket.write(piece, this.#taken)
      this.#look()
      if (this.blocked) return
    }
    this.#queue = undefined
  }

  readonly #taken = (error?: Error | null): void => {
    // What failed was not taken; the socket's close, which follows, tells those who wait.
    if (error || !this.blocked || this.#closed) return
    this.moved = this.#clock.tick
    if (this.#socket.writableLength !== 0) return
    this.blocked = false
    if (this.#queue !== undefined) this.#pump()
    if (this.blocked) return
    this.#settle(true)
    this.#emptied()
  }

  #settle(open: boolean): void {
    const settle = this.#settleDrain
    this.#drain = undefined
    this.#settleDrain = undefined
    settle?.(open)
  }
}

type MaybeDrained = boolean | Promise<boolean>
