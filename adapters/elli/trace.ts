/**
 * The timings and sizes of one request while it is under way, for the events that tell of them. Made only for a listener.
 */
import { type AbortReason, ClientGoneError } from "../../src/conn/adapter.ts"
import type { Answered, Sizes, Timings } from "./events.ts"
import type { ElliExchange } from "./exchange.ts"

export class Trace {
  readonly timings: Timings
  readonly sizes: Sizes = {}
  #status: number | "handover" = 0
  #headers: readonly string[] = []
  #streams = false

  constructor(accepted: number, requestStart: number, headersStart: number) {
    this.timings = { accepted, requestStart, headersStart, headersEnd: performance.now() }
  }

  /** Notes the moment of a phase, the first time that it comes. */
  mark(phase: keyof Timings): void {
    this.timings[phase] ??= performance.now()
  }

  /** The answer begins. */
  begin(status: number | "handover", headers: readonly string[], headBytes: number): void {
    this.mark("userEnd")
    this.#status = status
    this.#headers = [...headers]
    this.sizes.respHeaders = headBytes
  }

  /** The body leaves in one piece. */
  sending(bytes: number): void {
    this.mark("sendStart")
    this.sizes.respBody = bytes
  }

  /** The head of a streamed answer has left. */
  streaming(): void {
    this.mark("sendStart")
    this.#streams = true
    this.sizes.chunks = 0
  }

  chunk(bytes: number): void {
    if (this.#streams) this.sizes.chunks = (this.sizes.chunks ?? 0) + bytes
  }

  /** What streams is a file. */
  file(bytes: number): void {
    this.#streams = false
    delete this.sizes.chunks
    this.sizes.file = bytes
  }

  /** The exchange is over: tells its events. */
  report(exchange: ElliExchange, reason: AbortReason | undefined): void {
    const { connection } = exchange
    const gone = reason instanceof ClientGoneError
    this.mark("sendEnd")
    this.mark("requestEnd")
    const { fields } = exchange.head
    if (fields.length > 0) this.sizes.reqBody = fields.length
    const answered: Answered = {
      request: exchange,
      headers: this.#headers,
      timings: this.timings,
      sizes: this.sizes,
    }
    if (this.#status === 413) {
      connection.tell({
        type: "bad_request",
        reason: "body_size",
        size: Math.max(fields.length, exchange.intake?.total ?? 0),
      })
    }
    if (this.#streams) {
      const code = this.#status as number
      connection.tell({ type: "chunk_complete", code, closedBy: gone ? "client" : "server", ...answered })
    } else if (reason === undefined) connection.tell({ type: "request_complete", code: this.#status, ...answered })
    else if (gone) {
      const where =
        exchange.intake !== undefined && !exchange.intake.decoder.done ? "receiving_body" : "before_response"
      connection.tell({ type: "client_closed", where })
    }
  }
}
