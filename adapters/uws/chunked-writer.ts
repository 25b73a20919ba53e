/**
 * Writes an answer of unknown length (RFC 9112 §7.1).
 *
 * What is written within one turn of the loop leaves together: the library makes a system call for each part of a chunk
 * when it is called while another connection's handler runs, and one for all of them otherwise.
 */
import type { Body, MaybePromise } from "../../src/conn/adapter.ts"
import type { NativeResponse } from "./binding.ts"
import { Waiting } from "./waiting.ts"
import type { Answering, Writer } from "./writer.ts"

/**
 * What is written at a time. It must fit into what the library collects (16 kB), with its framing: older versions lose
 * what does not, where the connection's buffer happens to be full.
 */
const corkBytes = 15_000
const framingBytes = 16
/** After the peer was slow, this much shows whether it has caught up; what it has not is kept here, not in the library. */
const probeBytes = 1_024

export class ChunkedWriter implements Writer {
  readonly waiting: Waiting = new Waiting()
  readonly #response: NativeResponse
  readonly #answering: Answering
  #begun = false
  #ending = false
  #over = false
  #scheduled = false
  #probing = false

  constructor(response: NativeResponse, answering: Answering) {
    this.#response = response
    this.#answering = answering
  }

  write(data: Body): MaybePromise<boolean> {
    if (this.#ending || this.#over) return false
    const { waiting } = this
    waiting.push(data)
    if (!waiting.blocked && !this.#answering.inHandler) {
      if (waiting.size >= corkBytes) this.flush()
      else this.#schedule()
    }
    if (waiting.size > this.#answering.house.limits.highWaterMark) return waiting.drained()
    waiting.own()
    return true
  }

  end(): void {
    if (this.#ending || this.#over) return
    this.#ending = true
    if (this.#answering.inHandler) {
      if (this.waiting.size * 3 < corkBytes / 2) this.#writeSome()
    } else if (!this.waiting.blocked) this.flush()
  }

  flush(): void {
    this.#scheduled = false
    const { waiting } = this
    while (!this.#over && !waiting.blocked && (!waiting.isEmpty || this.#ending)) {
      this.#response.cork(this.#writeSome)
    }
    if (!this.#over && !waiting.blocked) waiting.release(true)
  }

  leave(): void {
    // Once: the library still collects for this connection, and is to be left room.
    if (this.#over || (this.waiting.isEmpty && !this.#ending)) return
    this.#response.cork(this.#writeSome)
    if (!this.#over) this.#schedule()
  }

  writable(): void {
    const { waiting } = this
    if (this.#over) return
    waiting.progress()
    if (waiting.blocked) {
      waiting.blocked = false
      this.#probing = true
    }
    // The library writes what it holds itself when it is corked, and not before.
    if (waiting.isEmpty && !this.#ending) this.#response.cork(() => {})
    this.flush()
  }

  stop(): void {
    this.#over = true
    this.waiting.drop()
  }

  #block(): void {
    this.waiting.block()
    this.#answering.watch()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#answering.house.flushSoon(this)
  }

  /** Writes as much as fits; to be called within a cork. */
  readonly #writeSome = (): void => {
    const { waiting } = this
    let room = corkBytes
    if (!this.#begun) {
      this.#begun = true
      room -= this.#answering.begin()
    }
    const full = room
    while (!waiting.isEmpty && !waiting.blocked && (room > framingBytes || room === full)) {
      const piece = this.#take(this.#probing ? probeBytes : Math.max(room, probeBytes), room === full)
      if (piece === undefined) break
      room -= framingBytes + (typeof piece === "string" ? 3 * piece.length : piece.length)
      this.#probing = false
      if (!this.#response.write(piece)) this.#block()
    }
    if (!this.#ending || !waiting.isEmpty) return
    this.#over = true
    waiting.release(true)
    this.#response.end()
    this.#answering.finish()
  }

  /** The next piece of at most `room` bytes; neighbouring strings are one. Undefined when it needs more, unless `must`. */
  #take(room: number, must: boolean): Body | undefined {
    const { waiting } = this
    let first = waiting.first as Body
    if (typeof first === "string") {
      if (first.length * 3 <= room) {
        waiting.shift()
        for (let next = waiting.first; typeof next === "string" && (first.length + next.length) * 3 <= room; ) {
          first += next
          waiting.shift()
          next = waiting.first
        }
        return first
      }
      if (!must) return undefined
      first = Buffer.from(first)
      waiting.replaceFirst(first)
    }
    if (first.length <= room) {
      waiting.shift()
      return first
    }
    waiting.shift(first.subarray(room))
    return first.subarray(0, room)
  }
}
