/** A response of the library in memory, which knows the rules of its lifetime and records who breaks them. */
import type { NativeRequest, NativeResponse, Text } from "../../../adapters/uws/binding.ts"

/** What the library collects under a cork. */
const corkBytes = 16_384

const bytesOf = (text: Text): Buffer =>
  typeof text === "string" ? Buffer.from(text) : Buffer.from(text instanceof ArrayBuffer ? new Uint8Array(text) : text)

export class FakeResponse implements NativeResponse {
  /** What was done against the rules. */
  readonly broken: string[] = []
  /** Everything that was written, in the form `name:bytes`. */
  readonly calls: string[] = []
  /** The bytes of the body. */
  body = Buffer.alloc(0)
  head = ""
  corks = 0
  inHandler = true
  /** How much the peer takes before it is full. */
  room = Number.POSITIVE_INFINITY
  state: "open" | "ended" | "aborted" | "closed" = "open"
  paused = false
  #depth = 0
  #corked = 0
  #inWritable = false
  #inCallback = false
  #held = 0
  #offset = 0
  #aborted: (() => void) | undefined
  #writable: ((offset: number) => boolean) | undefined
  #data: ((chunk: ArrayBuffer, last: boolean) => void) | undefined

  #touch(what: string): void {
    if (this.state !== "open") {
      this.broken.push(`${what} after the response was ${this.state}`)
      throw new Error("uWS.HttpResponse must not be accessed")
    }
  }
  #write(what: string, text: Text = ""): Buffer {
    this.#touch(what)
    if (!this.inHandler && this.#depth === 0 && !(this.#inWritable && what === "tryEnd")) {
      this.broken.push(`${what} outside of a cork`)
    }
    const bytes = bytesOf(text)
    this.calls.push(`${what}:${bytes.length}`)
    return bytes
  }
  /** Puts bytes into the connection, or what holds them until it has room; false when it has none. */
  #put(count: number): boolean {
    this.#corked += count
    this.#flush()
    const fits = this.#held === 0 && this.room >= count
    if (fits) this.room -= count
    else this.#held += count
    return fits
  }
  #end(): void {
    this.state = "ended"
    this.#writable = this.#aborted = undefined
  }

  writeStatus(status: Text): this {
    const bytes = this.#write("writeStatus", status)
    this.head += bytes.toString("latin1")
    this.#corked += bytes.length
    return this
  }
  writeHeader(name: Text, value: Text): this {
    this.head += `\r\n${this.#write("writeHeader", name)}: ${bytesOf(value)}`
    return this
  }
  write(chunk: Text): boolean {
    const bytes = this.#write("write", chunk)
    if (bytes.length === 0) this.broken.push("an empty chunk")
    this.body = Buffer.concat([this.body, bytes])
    const whole = this.#put(bytes.length + 12)
    if (this.#corked > corkBytes) this.broken.push(`${this.#corked} bytes in one cork`)
    return whole
  }
  end(body: Text = "", _close?: boolean): this {
    this.body = Buffer.concat([this.body, this.#write("end", body)])
    this.#end()
    return this
  }
  endWithoutBody(): this {
    this.#write("endWithoutBody")
    this.#end()
    return this
  }
  tryEnd(rest: Text, total: number): [boolean, boolean] {
    const bytes = this.#write("tryEnd", rest)
    if (bytes.length === 0) this.broken.push("nothing for tryEnd")
    const taken = this.#held > 0 ? 0 : Math.min(bytes.length, this.room)
    this.room -= taken
    this.#offset += taken
    this.body = Buffer.concat([this.body, bytes.subarray(0, taken)])
    const done = this.#offset === total
    if (this.#offset > total) this.broken.push("more than was announced")
    if (done) this.#end()
    return [taken === bytes.length, done]
  }
  getWriteOffset(): number {
    this.#touch("getWriteOffset")
    return this.#offset
  }
  cork(write: () => void): this {
    this.#touch("cork")
    if (this.#depth > 0) this.broken.push("a cork in a cork")
    if (!this.inHandler) this.#corked = 0
    this.corks++
    this.#depth++
    write()
    this.#depth--
    this.#flush()
    return this
  }
  #flush(): void {
    const flushed = Math.min(this.#held, this.room)
    this.#held -= flushed
    this.room -= flushed
  }
  pause(): this {
    this.#touch("pause")
    this.paused = true
    return this
  }
  resume(): this {
    this.#touch("resume")
    this.paused = false
    return this
  }
  close(): this {
    this.#touch("close")
    if (this.inHandler || this.#inCallback || this.#inWritable || this.#depth > 0)
      this.broken.push("close in a callback")
    this.state = "closed"
    this.#aborted?.()
    return this
  }
  onAborted(listener: () => void): this {
    this.#touch("onAborted")
    this.#aborted = listener
    return this
  }
  onWritable(listener: (offset: number) => boolean): this {
    this.#touch("onWritable")
    this.#writable = listener
    return this
  }
  onData(listener: (chunk: ArrayBuffer, last: boolean) => void): this {
    this.#touch("onData")
    this.#data = listener
    return this
  }
  getRemoteAddress(): ArrayBuffer {
    this.#touch("getRemoteAddress")
    return new Uint8Array([127, 0, 0, 1]).buffer
  }
  upgrade(): void {
    this.#write("upgrade")
    this.#end()
  }

  /** The handler returned: what must be registered by then is. */
  leaveHandler(): void {
    this.inHandler = false
    if (this.state === "open" && this.#aborted === undefined) this.broken.push("neither answered nor listening")
  }
  /** The peer leaves. */
  leave(): void {
    if (this.state === "closed" || this.state === "aborted") return
    this.state = this.state === "ended" ? "ended" : "aborted"
    const listener = this.#aborted
    this.#aborted = this.#writable = this.#data = undefined
    listener?.()
  }
  /** The peer takes so many bytes. */
  drain(bytes: number): void {
    this.room = bytes
    if (this.state !== "open" || this.#writable === undefined) return
    this.#inWritable = true
    this.#writable(this.#offset)
    this.#inWritable = false
  }
  /** A part of the request's body arrives; its memory is gone when the listener returns. */
  receive(bytes: Uint8Array, last: boolean): void {
    if (this.state === "closed" || this.state === "aborted") return
    const memory = new Uint8Array(bytes)
    this.#inCallback = true
    this.#data?.(memory.buffer, last)
    this.#inCallback = false
    memory.fill(0xdb)
    if (last) this.#data = undefined
  }
}

/** A request with these header lines. */
export function fakeRequest(
  headers: readonly string[] = ["host", "a"],
  target = "/",
  raw?: Readonly<Record<string, string>>,
): NativeRequest {
  const [path, query] = target.split(/\?(.*)/s)
  return {
    getUrl: () => path as string,
    getQuery: () => query,
    getCaseSensitiveMethod: () => "GET",
    getHeader: (name) => raw?.[name] ?? headers[headers.indexOf(name) + 1] ?? "",
    setYield: () => {},
    forEach(visit) {
      for (let i = 0; i < headers.length; i += 2) visit(headers[i] as string, headers[i + 1] as string)
    },
  }
}
