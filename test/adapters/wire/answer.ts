/** Reads answers off the wire with the strictness of RFC 9112: what a lenient client would forgive is an error here. */
import { type Inbox, WireError } from "./inbox.ts"

export type Framing = "none" | "length" | "chunked" | "close"

export interface Head {
  readonly version: string
  readonly status: number
  readonly reason: string
  /** Flat, names as they were sent. */
  readonly headers: readonly string[]
  readonly framing: Framing
  /** What `content-length` says, -1 without one. */
  readonly length: number
}

const STATUS_LINE = /^(HTTP\/1\.[01]) ([1-9][0-9][0-9]) ([\t\x20-\x7e\x80-\xff]*)$/
const FIELD = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/
const CHUNK_SIZE = /^[0-9a-fA-F]{1,13}$/

/** One value of a flat list, by name in any case. */
export function valuesOf(headers: readonly string[], name: string): string[] {
  const values: string[] = []
  for (let i = 0; i < headers.length; i += 2) if (headers[i]!.toLowerCase() === name) values.push(headers[i + 1]!)
  return values
}

/** A complete answer. */
export class Answer {
  readonly head: Head
  readonly body: Buffer
  readonly trailers: readonly string[]
  /** The informational answers that came before. */
  readonly informs: readonly Head[]

  constructor(head: Head, body: Buffer, trailers: readonly string[], informs: readonly Head[]) {
    this.head = head
    this.body = body
    this.trailers = trailers
    this.informs = informs
  }

  get status(): number {
    return this.head.status
  }
  get text(): string {
    return this.body.toString("utf8")
  }
  header(name: string): string | undefined {
    return valuesOf(this.head.headers, name)[0]
  }
  all(name: string): string[] {
    return valuesOf(this.head.headers, name)
  }
  json<T = unknown>(): T {
    return JSON.parse(this.text) as T
  }
}

async function readFields(inbox: Inbox): Promise<string[]> {
  const headers: string[] = []
  for (;;) {
    const line = await inbox.line()
    if (line === "") return headers
    const field = FIELD.exec(line)
    if (!field) throw new WireError(`not a header line: ${JSON.stringify(line)}`)
    headers.push(field[1]!, field[2]!.trimEnd())
  }
}

/** The framing that RFC 9112 §6.3 gives an answer; what a server must not send is an error. */
function framingOf(method: string, version: string, status: number, headers: string[]): [Framing, number] {
  const lengths = valuesOf(headers, "content-length")
  const codings = valuesOf(headers, "transfer-encoding")
  if (lengths.length > 1) throw new WireError(`two content-length headers: ${lengths.join(" and ")}`)
  if (lengths.length && !/^[0-9]+$/.test(lengths[0]!)) throw new WireError(`bad content-length: ${lengths[0]}`)
  if (lengths.length && codings.length) throw new WireError("both content-length and transfer-encoding")
  if (codings.length && version !== "HTTP/1.1") throw new WireError("transfer-encoding in an HTTP/1.0 answer")
  if (status < 200 || status === 204) {
    if (lengths.length || codings.length) throw new WireError(`a body's framing in a ${status} answer`)
    return ["none", -1]
  }
  const length = lengths.length ? Number(lengths[0]) : -1
  if (codings.length && codings.join(",").toLowerCase() !== "chunked") throw new WireError(`codings: ${codings.join()}`)
  if (method === "HEAD" || status === 304) return ["none", length]
  if (method === "CONNECT" && status < 300) throw new WireError("a tunnel was opened")
  if (codings.length) return ["chunked", -1]
  return length >= 0 ? ["length", length] : ["close", -1]
}

/** The next head, an informational one too. `method` is the request's: a HEAD has no body. */
export async function readHead(inbox: Inbox, method: string): Promise<Head> {
  const line = await inbox.line()
  const match = STATUS_LINE.exec(line)
  if (!match) throw new WireError(`not a status line: ${JSON.stringify(line)}`)
  const [, version, digits, reason] = match as unknown as [string, string, string, string]
  const status = Number(digits)
  const headers = await readFields(inbox)
  const [framing, length] = framingOf(method, version, status, headers)
  return { version, status, reason, headers, framing, length }
}

/** Inboxes whose last chunk has been read, but not yet the CRLF behind it: some servers send that with the next one. */
const owed = new WeakSet<Inbox>()

/** The next chunk of a chunked body; `undefined` at the last one, whose trailers go into `trailers`. */
export async function readChunk(inbox: Inbox, trailers: string[] = []): Promise<Buffer | undefined> {
  if (owed.delete(inbox) && (await inbox.line()) !== "") throw new WireError("a chunk does not end in CRLF")
  const line = await inbox.line()
  if (!CHUNK_SIZE.test(line)) throw new WireError(`not a chunk size: ${JSON.stringify(line)}`)
  const size = Number.parseInt(line, 16)
  if (size === 0) {
    trailers.push(...(await readFields(inbox)))
    return undefined
  }
  owed.add(inbox)
  return inbox.take(size)
}

/** The whole body that a head announces. */
export async function readBody(inbox: Inbox, head: Head, trailers: string[] = []): Promise<Buffer> {
  if (head.framing === "none") return Buffer.alloc(0)
  if (head.framing === "length") return inbox.take(head.length)
  if (head.framing === "close") {
    const how = await inbox.ending("the end of a body that ends with the connection")
    if (how === "rst") throw new WireError("a body that ends with the connection ended in a reset")
    return inbox.takeAll()
  }
  const chunks: Buffer[] = []
  for (;;) {
    const chunk = await readChunk(inbox, trailers)
    if (!chunk) return Buffer.concat(chunks)
    chunks.push(chunk)
  }
}

/** The next final answer with its body, and the informational ones before it. 101 is final. */
export async function readAnswer(inbox: Inbox, method = "GET"): Promise<Answer> {
  const informs: Head[] = []
  for (;;) {
    const head = await readHead(inbox, method)
    if (head.status < 200 && head.status !== 101) {
      informs.push(head)
      continue
    }
    const trailers: string[] = []
    const body = await readBody(inbox, head, trailers)
    return new Answer(head, body, trailers, informs)
  }
}
