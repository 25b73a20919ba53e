/**
 * Writes the bytes of answers (RFC 9112 §4 to §7) as Latin-1 text, one character a byte, so that many parts of an answer,
 * and many answers, leave in one write.
 */
import { UsageError } from "../../src/conn/adapter.ts"
import { invalidHeaderName, invalidHeaderValue } from "../../src/http/headers.ts"
import { reasonPhrase, statusLine } from "../../src/http/status.ts"

/** Bodies up to this size are joined with their head; joining copies, which for larger ones costs more than a write. */
export const joinedBytes = 16_384

const statusLines: (string | undefined)[] = new Array(1_000)

function firstLine(status: number): string {
  const line = statusLines[status]
  if (line !== undefined) return line
  statusLines[status] = `HTTP/1.1 ${statusLine(status)}\r\n`
  return statusLines[status] as string
}

/** One field line. Raises for what would end the line early; the text becomes bytes, so a character beyond one could. */
function field(name: string, value: string): string {
  const wrong = invalidHeaderName(name) ?? invalidHeaderValue(value)
  if (wrong !== undefined) throw new UsageError(`the header ${JSON.stringify(name)} cannot be sent: ${wrong}`)
  return name + ": " + value + "\r\n"
}

/** The first line of an answer and its fields, as they go out whatever its body is. */
export interface Opening {
  readonly text: string
  /** The app wants the connection to end; the only `connection` that an answer may carry is `close`. */
  readonly closes: boolean
}

/** One opening that was written, kept for the next answer that has the same. */
class KeptOpening implements Opening {
  readonly status: number
  readonly headers: readonly string[]
  readonly date: string
  text: string
  closes = false
  #flat = false

  constructor(status: number, headers: readonly string[], date: string) {
    this.status = status
    this.headers = headers.slice()
    this.date = date
    let text = firstLine(status)
    let dateLine = date
    for (let i = 0; i < headers.length; i += 2) {
      const name = headers[i] as string
      const value = headers[i + 1] as string
      if (name === "connection") {
        this.closes = true
        continue
      }
      if (name === "date") dateLine = ""
      text += field(name, value)
    }
    this.text = text + dateLine
  }

  fits(status: number, headers: readonly string[], date: string): boolean {
    const kept = this.headers
    if (status !== this.status || kept.length !== headers.length || date !== this.date) return false
    for (let i = 0; i < kept.length; i++) if (kept[i] !== headers[i]) return false
    return true
  }

  /** Joins the parts for good, which only pays where they are used again. */
  flatten(): void {
    if (this.#flat) return
    this.#flat = true
    this.text = Buffer.from(this.text, "latin1").toString("latin1")
  }
}

const slots = 16
/** Longer openings are not kept: they are seldom the same twice. */
const longestKept = 1_024

/** The openings of one server: most of its answers begin like one of the last few, which need not be written again. */
export class Openings {
  readonly #kept: (KeptOpening | undefined)[] = new Array(slots).fill(undefined)

  /** `date` is the ready `date` line, left out where the list has one of its own. */
  of(status: number, headers: readonly string[], date: string): Opening {
    const last = headers.length === 0 ? 0 : (headers[headers.length - 1] as string).length
    const slot = (status + headers.length * 3 + last * 5) & (slots - 1)
    const kept = this.#kept[slot]
    if (kept?.fits(status, headers, date)) {
      kept.flatten()
      return kept
    }
    const opening = new KeptOpening(status, headers, date)
    if (opening.text.length <= longestKept) this.#kept[slot] = opening
    return opening
  }
}

const lengthEnds: (string | undefined)[] = new Array(2_048).fill(undefined)

/** The end of a head with a body of `length` bytes. */
export function lengthEnd(length: number): string {
  const kept = lengthEnds[length]
  if (kept !== undefined) return kept
  const made = "content-length: " + length + "\r\n\r\n"
  if (length < lengthEnds.length) lengthEnds[length] = made
  return made
}

/** An informational answer (RFC 9110 §15.2): no body, no date, another answer follows. */
export function interim(status: number, headers: readonly string[]): string {
  let text = firstLine(status)
  for (let i = 0; i < headers.length; i += 2) text += field(headers[i] as string, headers[i + 1] as string)
  return text + "\r\n"
}

/** The whole answer to a request that never became one; HEAD gets the head alone (RFC 9110 §9.3.2). */
export function refusal(status: number, date: string, isHead: boolean): string {
  const body = `${status} ${reasonPhrase(status)}\n`
  const fields = `content-type: text/plain; charset=utf-8\r\nconnection: close\r\n${date}${lengthEnd(body.length)}`
  return firstLine(status) + fields + (isHead ? "" : body)
}

/** A small body as Latin-1 text; for one that is all ASCII that is the body itself. */
export function joined(body: string | Uint8Array, length: number): string {
  if (typeof body === "string") return length === body.length ? body : Buffer.from(body).toString("latin1")
  return Buffer.from(body.buffer, body.byteOffset, length).toString("latin1")
}

/** The size of a body in bytes. */
export function bytesOf(body: string | Uint8Array): number {
  return typeof body === "string" ? Buffer.byteLength(body) : body.byteLength
}

/** A body as bytes. */
export function toBytes(body: string | Uint8Array): Uint8Array {
  return typeof body === "string" ? Buffer.from(body) : body
}
