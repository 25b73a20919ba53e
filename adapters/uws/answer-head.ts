/**
 * Writes status and header lines, in one call: each call costs a copy across the border.
 */
import { statusLine } from "../../src/http/status.ts"
import type { NativeResponse } from "./binding.ts"

/** The head of an answer but for its framing and its date, which the library adds. */
export class AnswerHead {
  readonly status: number
  readonly headers: readonly string[]
  /** The list says `connection: close`, as an app does that wants its answer to be the last of the connection. */
  readonly isLast: boolean
  /** Without the `connection` line. */
  readonly #text: string
  readonly #isAscii: boolean
  /** The same as bytes, which cross the border at less cost, once it is known that the head is written often. */
  #bytes: ArrayBuffer | undefined = undefined

  constructor(status: number, headers: readonly string[]) {
    this.status = status
    this.headers = headers.slice()
    let text = statusLine(status)
    let isLast = false
    for (let i = 0; i < headers.length; i += 2) {
      const name = headers[i] as string
      if (name === "connection") isLast = true
      else if (name !== "date") text += "\r\n" + name + ": " + headers[i + 1]
    }
    this.isLast = isLast
    this.#text = text
    this.#isAscii = !/[^\x00-\x7f]/.test(text)
  }

  /** About as many bytes as will be written, with what the library adds. */
  get size(): number {
    return this.#text.length + 150
  }

  /** Writes the head; `close` with a `connection: close` of our own. */
  write(response: NativeResponse, close: boolean): void {
    if (!close && this.#bytes !== undefined) response.writeStatus(this.#bytes)
    else {
      const text = close ? this.#text + "\r\nconnection: close" : this.#text
      // Text is written as UTF-8, while a character of a head is a byte.
      response.writeStatus(this.#isAscii ? text : Buffer.from(text, "latin1"))
    }
  }

  isOf(status: number, headers: readonly string[]): boolean {
    const own = this.headers
    if (status !== this.status || headers.length !== own.length) return false
    for (let i = 0; i < headers.length; i++) if (headers[i] !== own[i]) return false
    return true
  }

  /** To be called when the head is written again. */
  keep(): this {
    this.#bytes ??= new Uint8Array(Buffer.from(this.#text, "latin1")).buffer
    return this
  }
}

let last = new AnswerHead(200, [])

/** The head of an answer; the one before if it says the same, as most answers of a server do. */
export function answerHead(status: number, headers: readonly string[]): AnswerHead {
  return last.isOf(status, headers) ? last.keep() : (last = new AnswerHead(status, headers))
}
