/** Tells U+FFFD that was sent from one that a lenient decoder has put for bytes that are not UTF-8. */

import { Buffer } from "node:buffer"

const encoded = Buffer.from("\ufffd")

/**
 * Counts the U+FFFD of a body as it arrives, against those of the text that was made of it.
 *
 * @example
 * const count = new ReplacementCount()
 * count.sent(Buffer.from("a\ufffd"))
 * count.explains("a\ufffd") //=> true
 * count.explains("b\ufffd") //=> false
 */
export class ReplacementCount {
  /** Sent and not yet seen in a text. */
  #left = 0
  /** The last two bytes: one may lie across two pieces. */
  #tail: Buffer = Buffer.alloc(0)

  sent(piece: Buffer): void {
    if (Buffer.concat([this.#tail, piece.subarray(0, 2)]).includes(encoded)) this.#left++
    for (let at = piece.indexOf(encoded); at >= 0; at = piece.indexOf(encoded, at + 3)) this.#left++
    this.#tail = Buffer.concat([this.#tail, piece.subarray(-2)]).subarray(-2)
  }

  /** Whether every U+FFFD of a text was sent. */
  explains(text: string): boolean {
    for (let at = text.indexOf("\ufffd"); at >= 0; at = text.indexOf("\ufffd", at + 1)) this.#left--
    return this.#left >= 0
  }
}
