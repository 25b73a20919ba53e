/**
 * The answering half of an exchange: what may be done with the library's response, and when.
 *
 * In the handler everything is written at once and leaves when it returns. Later each write is one cork, and none is made
 * after the answer or an abort.
 */
import { type Body, type CloseListener, type MaybePromise, type OpenFile, UsageError } from "../../src/conn/adapter.ts"
import { openRegularFile, type RegularFile } from "../file.ts"
import { type AnswerHead, answerHead } from "./answer-head.ts"
import type { NativeResponse } from "./binding.ts"
import { ChunkedWriter } from "./chunked-writer.ts"
import type { Head } from "./head.ts"
import type { House } from "./house.ts"
import type { Intake } from "./intake.ts"
import { SizedWriter } from "./sized-writer.ts"
import type { Answering, Writer } from "./writer.ts"

/** Up to this size a body is handed over whole; together with its head it must fit into what the library collects. */
const wholeBytes = 12_288
/**
 * A client that sends request behind request and reads nothing has its answers piled up by the library, unseen. So larger
 * ones, and some of the others, are handed over in a way that shows it; the library ends the connection when the next
 * request comes while one waits.
 */
const trustedBytes = 4_096
const doubtRate = 1 / 16

export abstract class Answer implements Answering {
  readonly house: House
  readonly head: Head
  sent = false
  inHandler = true
  isOver = false
  /** The library's response while it may be touched. */
  protected response: NativeResponse | undefined
  protected writer: Writer | undefined = undefined
  /** The body of the request; undefined when it has none. */
  protected intake: Intake | undefined = undefined
  /** The connection ends with this answer, by the library's own doing. */
  protected closing = false
  /** The head of an answer that was begun and is to be written with the first part of its body. */
  #opening: AnswerHead | undefined = undefined

  constructor(house: House, head: Head, response: NativeResponse) {
    this.house = house
    this.head = head
    this.response = response
  }

  abstract abort(): void
  abstract onClose(listener: CloseListener): void
  abstract watch(): void
  /** The exchange is over; without a reason, because its answer was handed over. */
  abstract finish(): void
  /** Hears of it when the library can write again, from now on. */
  protected abstract listen(): void

  sendResp(status: number, headers: readonly string[], body: Body): void {
    this.sent = true
    const { response } = this
    if (response === undefined) return
    const head = answerHead(status, headers)
    if (!isShort(body)) this.#sendLong(response, head, body)
    else if (this.inHandler) this.#sendWhole(response, head, body)
    else response.cork(() => this.#sendWhole(response, head, body))
  }

  #sendWhole(response: NativeResponse, head: AnswerHead, body: Body): void {
    this.intake?.resume()
    head.write(response, this.head.fields.closesItself)
    if (this.#isLast(head)) {
      this.closing = true
      response.end(body, true)
    } else if (body.length <= trustedBytes && (body.length === 0 || Math.random() > doubtRate)) response.end(body)
    else if (!this.#endIfTaken(response, body)) return
    this.finish()
  }

  /** Ends with a body that the library gives back where it still holds another answer; that waits here then. */
  #endIfTaken(response: NativeResponse, body: Body): boolean {
    const bytes = typeof body === "string" ? Buffer.byteLength(body) : body.length
    const [, done] = response.tryEnd(body, bytes)
    if (done) return true
    const writer = new SizedWriter(response, this, bytes)
    this.writer = writer
    writer.goOn(toBytes(body).subarray(response.getWriteOffset()))
    if (!this.inHandler) this.listen()
    return false
  }

  #sendLong(response: NativeResponse, head: AnswerHead, body: Body): void {
    const bytes = toBytes(body)
    this.#open(head, new SizedWriter(response, this, bytes.length))
    void this.writer?.write(bytes)
  }

  sendHead(status: number, headers: readonly string[], length: number): void {
    this.sent = true
    const { response } = this
    if (response === undefined) return
    if (length === 0) return this.sendResp(status, headers, "")
    // Older versions never end an answer whose announced length is not what they were given.
    const head = answerHead(status, length === -1 ? headers : [...headers, "content-length", String(length)])
    const write = (): void => {
      this.#writeOpening(response, head)
      response.endWithoutBody()
      this.finish()
    }
    if (this.inHandler) write()
    else response.cork(write)
  }

  sendChunked(status: number, headers: readonly string[], length: number): void {
    this.sent = true
    const { response } = this
    if (response === undefined) return
    if (length === 0) return this.sendResp(status, headers, "")
    const writer = length === -1 ? new ChunkedWriter(response, this) : new SizedWriter(response, this, length)
    this.#open(answerHead(status, headers), writer)
  }

  #open(head: AnswerHead, writer: Writer): void {
    this.#opening = head
    this.writer = writer
    if (!this.inHandler) this.listen()
  }

  /** Writes the head of the answer that was opened. */
  begin(): number {
    const head = this.#opening as AnswerHead
    this.#writeOpening(this.response as NativeResponse, head)
    return head.size
  }

  /** Writes a head behind which the library does not end the connection, unless it was the client who wished that. */
  #writeOpening(response: NativeResponse, head: AnswerHead): void {
    this.intake?.resume()
    this.closing = this.head.fields.closesItself
    head.write(response, this.#isLast(head))
  }

  chunk(data: Body): MaybePromise<boolean> {
    return this.isOver || this.writer === undefined ? false : this.writer.write(data)
  }

  endChunked(): void {
    if (!this.isOver) this.writer?.end()
  }

  openFile(path: string): Promise<OpenFile> {
    return openRegularFile(path)
  }

  async sendFile(
    status: number,
    headers: readonly string[],
    file: OpenFile,
    offset: number,
    length: number,
  ): Promise<void> {
    this.sent = true
    try {
      let left = length
      let piece = length === 0 ? undefined : await readPiece(file, offset, length)
      // The peer may have left meanwhile; the head is written only now, so that it leaves with the first piece.
      this.sendChunked(status, headers, length)
      while (piece !== undefined) {
        const written = this.chunk(piece)
        if (written !== true && !(await written)) return
        left -= piece.length
        piece = left === 0 ? undefined : await readPiece(file, offset + length - left, left)
      }
      await new Promise<void>((resolve) => this.onClose(() => resolve()))
    } catch {
      // The client was promised the file, or has a part of it: only the cut can show that there is no more.
      this.abort()
    } finally {
      file.close()
    }
  }

  /** Whether the connection is to end with this answer. */
  #isLast(head: AnswerHead): boolean {
    const { close, closesItself } = this.head.fields
    return close || closesItself || head.isLast || this.house.stopping || this.intake?.late === true
  }
}

function toBytes(body: Body): Uint8Array {
  return typeof body === "string" ? Buffer.from(body) : body
}

function isShort(body: Body): boolean {
  if (typeof body !== "string") return body.length <= wholeBytes
  return body.length <= wholeBytes / 3 || (body.length <= wholeBytes && Buffer.byteLength(body) <= wholeBytes)
}

async function readPiece(file: OpenFile, offset: number, length: number): Promise<Uint8Array> {
  const piece = await (file as RegularFile).read(offset, length)
  if (piece.length === 0) throw new UsageError("the file has become shorter")
  return piece
}
