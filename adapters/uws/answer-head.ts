/**
 * Writes status and header lines, in one call: each call costs a copy across the border.
 */
import { statusLine } from "../../src/http/status.ts"
import type { NativeResponse, Text } from "./binding.ts"

/** The head of an answer but for its framing and its date, which the library adds. */
export class AnswerHead {
  readonly status: number
  readonly headers: readonly string[]
  /** The list says `connection: close`, as an app does that wants its answer to be the last of the connection. */
  readonly isLast: boolean
  /** The text without its `connection` line, and with one. */
  readonly text: Text
  readonly closingText: Text

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
    this.text = toBytes(text)
    this.closingText = toBytes(text + "\r\nconnection: close")
  }

  /** Writes the head; `close` with a `connection: close` of our own. */
  write(response: NativeResponse, close: boolean): void {
    response.writeStatus(close ? this.closingText : this.text)
  }

  isOf(status: number, headers: readonly string[]): boolean {
    const own = this.headers
    if (status !== this.status || headers.length !== own.length) return false
    for (let i = 0; i < headers.length; i++) if (headers[i] !== own[i]) return false
    return true
  }
}

/** Text is written as UTF-8, while a character of a head is a byte. */
function toBytes(text: string): Text {
  return /[^\x00-\x7f]/.test(text) ? Buffer.from(text, "latin1") : text
}

let last = new AnswerHead(200, [])

/** The head of an answer; the one before if it says the same, as most answers of a server do. */
export function answerHead(status: number, headers: readonly string[]): AnswerHead {
  return last.isOf(status, headers) ? last : (last = new AnswerHead(status, headers))
}
