/** The same request in every protocol of the suite, so that cases about semantics are written once. */
import http2 from "node:http2"
import { testExchange } from "plumage/test"
import { readBody, readHead } from "../wire/answer.ts"
import { Inbox } from "../wire/inbox.ts"
import { Answer, type Ending, type Wire } from "../wire.ts"
import { endpoint } from "./app.ts"
import { ca } from "./fixtures.ts"
import type { Protocol, Running } from "./harness.ts"
import { bytesOf } from "./request.ts"

export interface RequestInit {
  /** Flat. */
  readonly headers?: readonly string[]
  /** Sent whole, with its content-length. */
  readonly body?: string | Uint8Array
}

/** A request whose answer is under way. */
export interface OpenRequest {
  /** Bytes of the answer's body that arrived and were not taken; framing removed where the protocol has none of its own. */
  readonly inbox: Inbox
  /** Waits for the status. */
  status(): Promise<number>
  /** The whole answer; fails where it is visibly incomplete. */
  answer(): Promise<Answer>
  /** Leaves: the whole connection ends, orderly or by a reset. */
  leave(how: Ending): void
  destroy(): void
}

type Speak = (running: Running, method: string, path: string, init: RequestInit) => Promise<OpenRequest>

const http1: Speak = async (running, method, path, init) => {
  const wire: Wire = await running.connect()
  wire.send(bytesOf(method, path, init))
  const final = async () => {
    const informs = []
    for (;;) {
      const head = await readHead(wire.inbox, method)
      if (head.status >= 200 || head.status === 101) return { head, informs }
      informs.push(head)
    }
  }
  let head: ReturnType<typeof final> | undefined
  const first = () => (head ??= final())
  return {
    inbox: wire.inbox,
    status: async () => (await first()).head.status,
    answer: async () => {
      const { head, informs } = await first()
      const trailers: string[] = []
      return new Answer(head, await readBody(wire.inbox, head, trailers), trailers, informs)
    },
    leave: (how) => void wire.leave(how),
    destroy: () => wire.destroy(),
  }
}

/** A header block without its pseudo-headers; as it came, where the object that Node makes of it joins lines. */
const flat = (raw: readonly string[]): string[] => raw.filter((_, i) => !raw[i - (i % 2)]!.startsWith(":"))

type Given = http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader

const http2Speak: Speak = async (running, method, path, init) => {
  const session = http2.connect(`https://localhost:${running.port}`, { ca, host: "127.0.0.1" } as object)
  const inbox = new Inbox(5_000)
  session.on("error", () => inbox.end("rst"))
  session.on("close", () => inbox.end("rst"))
  const headers: Record<string, string | string[]> = { ":method": method, ":path": path }
  for (let i = 0; i < (init.headers?.length ?? 0); i += 2) {
    const name = init.headers![i]!
    headers[name] = [...[headers[name] ?? []].flat(), init.headers![i + 1]!]
  }
  const stream = session.request(headers, { endStream: init.body === undefined })
  const informs: Answer["informs"][number][] = []
  let head: Answer["head"] | undefined
  const toHead = (given: Given, raw: readonly string[]): Answer["head"] => ({
    version: "HTTP/2",
    status: Number(given[":status"]),
    reason: "",
    headers: flat(raw),
    framing: "close",
    length: Number(given["content-length"] ?? -1),
  })
  const wake = () => inbox.push(Buffer.alloc(0))
  // Types know nothing of the third argument, the block as it came.
  const on = stream.on.bind(stream) as (
    event: string,
    listener: (given: Given, flags: number, raw: string[]) => void,
  ) => void
  on("headers", (given, _, raw) => informs.push(toHead(given, raw)))
  on("response", (given, _, raw) => {
    head = toHead(given, raw)
    wake()
  })
  stream.on("data", (data: Buffer) => inbox.push(data))
  stream.on("error", () => inbox.end("rst"))
  stream.on("aborted", () => inbox.end("rst"))
  stream.on("end", () =>
    stream.rstCode === 0 ? setImmediate(() => inbox.end(stream.aborted ? "rst" : "fin")) : undefined,
  )
  stream.on("close", () => inbox.end(stream.rstCode === 0 ? "fin" : "rst"))
  if (init.body !== undefined) stream.end(typeof init.body === "string" ? Buffer.from(init.body, "latin1") : init.body)
  const status = () => inbox.until("the head", () => head)
  return {
    inbox,
    status: async () => (await status()).status,
    answer: async () => {
      const head = await status()
      if ((await inbox.ending()) === "rst") throw new Error(`the stream was reset (${stream.rstCode})`)
      const body = inbox.takeAll()
      if (head.length >= 0 && body.length !== head.length && method !== "HEAD" && head.status !== 304) {
        throw new Error(`${body.length} bytes of ${head.length}`)
      }
      session.close()
      return new Answer(head, body, [], informs)
    },
    leave: (how) => {
      if (how === "rst") stream.close(http2.constants.NGHTTP2_CANCEL)
      else session.destroy()
    },
    destroy: () => session.destroy(),
  }
}

const inMemory: Speak = async (running, method, path, init) => {
  const headers: [string, string][] = []
  for (let i = 0; i < (init.headers?.length ?? 0); i += 2) headers.push([init.headers![i]!, init.headers![i + 1]!])
  const body = typeof init.body === "string" ? Buffer.from(init.body, "latin1") : init.body
  const exchange = testExchange(method, path, body, { headers, limits: running.limits })
  const inbox = new Inbox(5_000)
  void endpoint.call(exchange)
  const head = async () => {
    await exchange.until(() => exchange.sent)
    if (!exchange.answer) throw new Error("the connection was cut before an answer")
    return exchange.answer
  }
  void (async () => {
    for (let at = 0; ; at++) {
      await exchange.until(() => at < (exchange.answer?.parts.length ?? 0) || exchange.answer?.ended === true)
      const part = exchange.answer?.parts[at]
      if (part === undefined) return inbox.end(exchange.aborted ? "rst" : "fin")
      inbox.push(Buffer.from(part))
    }
  })()
  return {
    inbox,
    status: async () => (await head()).status,
    answer: async () => {
      const { status, headers, length } = await head()
      if ((await inbox.ending()) === "rst") throw new Error("the answer was cut before its end")
      const shape = { version: exchange.getHttpProtocol(), reason: "", framing: "close", length } as const
      const all = length >= 0 ? [...headers, "content-length", String(length)] : headers
      const informs = exchange.informs.map((inform) => ({ ...shape, ...inform, length: -1 }))
      return new Answer({ ...shape, status, headers: all }, inbox.takeAll(), [], informs)
    },
    leave: () => exchange.disconnect(),
    destroy: () => exchange.disconnect(),
  }
}

export const speak: Readonly<Record<Protocol, Speak>> = { http1, http2: http2Speak, memory: inMemory }
