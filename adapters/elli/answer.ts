/**
 * The answer of an exchange: its head, its body in one piece, in chunks or from a file, and how it ends early.
 */
import {
  type Body,
  ClientGoneError,
  type CloseListener,
  type MaybePromise,
  type OpenFile,
} from "../../src/conn/adapter.ts"
import { openRegularFile, type RegularFile } from "../file.ts"
import type { Connection } from "./connection.ts"
import type { ElliExchange } from "./exchange.ts"
import type { Intake } from "./intake.ts"
import type { Head } from "./parser.ts"
import type { Trace } from "./trace.ts"
import { bytesOf, interim, joined, joinedBytes, lengthEnd, toBytes } from "./writer.ts"

/** What a streamed answer still owes where that is no number of bytes. */
const CHUNKS = -1
const UNTIL_CLOSE = -2

export abstract class Answer {
  readonly connection: Connection
  readonly head: Head
  sent = false
  /** All of the answer was given to the outbox. */
  answered = false
  keepAlive: boolean
  /** The client waits for `100 Continue`. */
  expects: boolean
  /** The body, where it came with the head. */
  ready: Buffer | undefined
  /** The body, where it comes later or in chunks. */
  intake: Intake | undefined
  trace: Trace | undefined
  protected isOver = false
  #left = 0

  constructor(connection: Connection, head: Head) {
    this.connection = connection
    this.head = head
    this.keepAlive = head.fields.keepAlive
    this.expects = head.fields.expects
    this.ready = undefined
    this.intake = undefined
    this.trace = undefined
  }

  abstract onClose(listener: CloseListener): void

  sendResp(status: number, headers: readonly string[], body: Body): void {
    if (this.sent) return
    const length = bytesOf(body)
    const text = this.#begin(status, headers, lengthEnd(length))
    if (this.isOver) return
    this.trace?.sending(length)
    const { outbox } = this.connection
    if (length <= joinedBytes) outbox.write(text + joined(body, length))
    else {
      outbox.write(text)
      outbox.send(toBytes(body))
    }
    this.#end()
  }

  sendHead(status: number, headers: readonly string[], length: number): void {
    if (this.sent) return
    const text = this.#begin(status, headers, length < 0 ? "\r\n" : lengthEnd(length))
    if (this.isOver) return
    this.trace?.sending(0)
    this.connection.outbox.write(text)
    this.#end()
  }

  sendChunked(status: number, headers: readonly string[], length: number): void {
    if (this.sent) return
    this.#left = length >= 0 ? length : this.head.fields.minor === 1 ? CHUNKS : UNTIL_CLOSE
    if (this.#left === UNTIL_CLOSE) this.keepAlive = false
    const end =
      this.#left >= 0 ? lengthEnd(length) : this.#left === CHUNKS ? "transfer-encoding: chunked\r\n\r\n" : "\r\n"
    const text = this.#begin(status, headers, end)
    if (this.isOver) return
    this.connection.outbox.write(text)
    this.trace?.streaming()
  }

  chunk(data: Body): MaybePromise<boolean> {
    const { outbox } = this.connection
    if (!this.sent || this.answered || this.isOver || !outbox.open) return false
    const length = bytesOf(data)
    if (this.#left >= 0 && (this.#left -= length) < 0) {
      this.abort()
      return false
    }
    const before = this.#left === CHUNKS ? length.toString(16) + "\r\n" : ""
    const after = this.#left === CHUNKS ? "\r\n" : ""
    this.trace?.chunk(before.length + length + after.length)
    if (length <= joinedBytes) outbox.write(before + joined(data, length) + after)
    else {
      outbox.write(before)
      outbox.send(toBytes(data))
      outbox.write(after)
    }
    return outbox.waiting < this.connection.core.limits.highWaterMark || outbox.drained()
  }

  endChunked(): void {
    if (!this.sent || this.answered || this.isOver) return
    // What was announced and did not come can only be shown by a broken connection.
    if (this.#left > 0) return this.abort()
    if (this.#left === CHUNKS) this.connection.outbox.write("0\r\n\r\n")
    this.#end()
  }

  async openFile(path: string): Promise<OpenFile> {
    try {
      return await openRegularFile(path)
    } catch (error) {
      this.connection.tell({ type: "file_error", error: error as Error })
      throw error
    }
  }

  async sendFile(
    status: number,
    headers: readonly string[],
    file: OpenFile,
    offset: number,
    length: number,
  ): Promise<void> {
    if (this.sent) return file.close()
    this.sendChunked(status, headers, length)
    this.trace?.file(length)
    try {
      while (this.#left > 0 && !this.isOver) {
        const bytes = await (file as RegularFile).read(offset, this.#left)
        if (bytes.length === 0) throw new Error("the file became shorter while it was sent")
        offset += bytes.length
        const open = this.chunk(bytes)
        if (open !== true) await open
      }
      this.endChunked()
    } catch (error) {
      this.connection.tell({ type: "file_error", error: error as Error })
      this.abort()
    } finally {
      file.close()
    }
    if (!this.isOver) await new Promise<void>((resolve) => this.onClose(() => resolve()))
  }

  abort(): void {
    this.sent = true
    if (!this.isOver) this.connection.cut(new ClientGoneError("the answer was broken off"), this.#left === UNTIL_CLOSE)
  }

  inform(status: number, headers: readonly string[]): boolean {
    if (this.head.fields.minor === 0 || this.sent || this.isOver) return false
    this.connection.outbox.write(interim(status, headers))
    this.connection.outbox.flush()
    return true
  }

  /** The head of the answer, which ends with `end`; decides whether the connection goes on after it. */
  #begin(status: number, headers: readonly string[], end: string): string {
    const { core } = this.connection
    const opening = core.openings.of(status, headers, core.date)
    this.sent = true
    // A body that was not asked for with 100, or that is too long to be drained, ends the connection.
    const unread = this.intake === undefined ? 0 : this.intake.decoder.left
    if (this.expects || unread > core.limits.drainBytes || core.stopping || opening.closes) this.keepAlive = false
    const go = this.keepAlive
      ? this.head.fields.minor === 1
        ? ""
        : "connection: keep-alive\r\n"
      : "connection: close\r\n"
    const text = go === "" ? opening.text + end : opening.text + go + end
    this.trace?.begin(status, headers, text.length)
    return text
  }

  #end(): void {
    this.answered = true
    this.connection.answered(this as unknown as ElliExchange)
  }
}
