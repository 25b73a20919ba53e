/** The bytes that a peer has sent and nobody has taken yet, with waits that end at a deadline. */

/** How the peer ended its side: orderly, or by a reset (any error of the socket counts as one). */
export type Ending = "fin" | "rst"

/** The peer did not do what a test waited for; the message says what was there instead. */
export class WireError extends Error {
  override readonly name = "WireError"
}

export class Inbox {
  /** Milliseconds that one wait may last. */
  deadline: number
  /** All bytes that ever arrived. */
  received = 0
  ended: Ending | undefined
  #parts: Buffer[] = []
  #size = 0
  #wake = new Set<() => void>()

  constructor(deadline: number) {
    this.deadline = deadline
  }

  /** Bytes that wait to be taken. */
  get size(): number {
    return this.#size
  }

  push(data: Buffer): void {
    this.#parts.push(data)
    this.#size += data.length
    this.received += data.length
    this.#notify()
  }

  end(how: Ending): void {
    this.ended ??= how
    this.#notify()
  }

  /** Waits until `test` gives something; fails at the deadline, or when the peer has ended before. */
  async until<T>(what: string, test: () => T | undefined, afterEnd = false): Promise<T> {
    const end = performance.now() + this.deadline
    for (;;) {
      const found = test()
      if (found !== undefined) return found
      if (this.ended !== undefined && !afterEnd) throw this.#error(`the peer ended (${this.ended}) before ${what}`)
      const left = end - performance.now()
      if (left <= 0) throw this.#error(`waited ${this.deadline} ms for ${what}`)
      await this.#news(left)
    }
  }

  /** A line without its CRLF. A line that ends in a bare LF is an error. */
  async line(): Promise<string> {
    const at = await this.until("a line", () => {
      const found = this.#all().indexOf(10)
      return found === -1 ? undefined : found
    })
    const bytes = this.#cut(at + 1)
    if (bytes[at - 1] !== 13)
      throw new WireError(`a line ends in a bare LF: ${JSON.stringify(bytes.toString("latin1"))}`)
    return bytes.toString("latin1", 0, at - 1)
  }

  /** Exactly `length` bytes. */
  async take(length: number): Promise<Buffer> {
    await this.until(`${length} bytes`, () => (this.#size >= length ? true : undefined))
    return this.#cut(length)
  }

  /** Whatever is there, at once. */
  takeAll(): Buffer {
    return this.#cut(this.#size)
  }

  /** How the peer ends; bytes that arrive until then stay in the inbox. */
  ending(what = "the end of the connection"): Promise<Ending> {
    return this.until(what, () => this.ended, true)
  }

  #all(): Buffer {
    if (this.#parts.length !== 1) this.#parts = [Buffer.concat(this.#parts)]
    return this.#parts[0]!
  }

  #cut(length: number): Buffer {
    const all = this.#all()
    this.#parts = [all.subarray(length)]
    this.#size = all.length - length
    return all.subarray(0, length)
  }

  #notify(): void {
    for (const wake of this.#wake) wake()
  }

  #news(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        this.#wake.delete(done)
        resolve()
      }
      const timer = setTimeout(done, ms)
      this.#wake.add(done)
    })
  }

  #error(text: string): WireError {
    const all = this.#all()
    const shown = JSON.stringify(all.toString("latin1", 0, 200))
    return new WireError(`${text}; ${all.length} bytes wait: ${shown}`)
  }
}
