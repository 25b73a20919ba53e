/** Where a multipart body ends: its closing boundary (RFC 2046 §5.1.1), in pieces that may be cut anywhere. */

import { Buffer } from "node:buffer"

/**
 * Looks for the closing boundary of a body as it arrives.
 *
 * @example
 * const closing = new ClosingBoundary("b")
 * closing.upTo(Buffer.from("x\r\n--b")).toString() //=> "x\r\n--b"
 * closing.upTo(Buffer.from("--\r\nepilogue")).toString() //=> "--"
 * closing.upTo(Buffer.from("more")).length //=> 0
 */
export class ClosingBoundary {
  readonly #closing: Buffer
  /** The last bytes, which may be its beginning; undefined once it has come. A body may begin with it. */
  #tail: Buffer | undefined = Buffer.from("\r\n")

  constructor(boundary: string) {
    this.#closing = Buffer.from(`\r\n--${boundary}--`)
  }

  /** The next piece, cut where the closing boundary ends. */
  upTo(piece: Buffer): Buffer {
    const tail = this.#tail
    if (tail === undefined) return piece.subarray(0, 0)
    const end = this.#find(tail, piece)
    if (end >= 0) {
      this.#tail = undefined
      return piece.subarray(0, end)
    }
    const longest = this.#closing.length - 1
    const last = piece.length < longest ? Buffer.concat([tail, piece]) : piece
    this.#tail = Buffer.from(last.subarray(Math.max(0, last.length - longest)))
    return piece
  }

  /** Where it ends in the piece, -1 for nowhere. It may have begun in the tail. */
  #find(tail: Buffer, piece: Buffer): number {
    const { length } = this.#closing
    const across = Buffer.concat([tail, piece.subarray(0, length - 1)]).indexOf(this.#closing)
    if (across >= 0) return across - tail.length + length
    const at = piece.indexOf(this.#closing)
    return at < 0 ? -1 : at + length
  }
}
