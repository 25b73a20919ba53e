/** Compressed answers: bodies, streams and event streams, in the coding that the client likes best. */

import { Buffer } from "node:buffer"
import { inner } from "../conn/conn.ts"
import { checkOption, checkOptionNames } from "../conn/options.ts"
import type { Assigns, Conn } from "../conn/states.ts"
import { acceptedEncoding } from "../http/accept.ts"
import { bodyAllowed } from "../http/status.ts"
import type { Plug } from "../plug/plug.ts"
import { CompressedExchange, CompressingExchange } from "./compress-exchange.ts"
import { type Coding, type Encoder, encoderOf, levelsOf } from "./content-codings.ts"
import { addVary } from "./vary.ts"

export interface CompressOptions {
  /** Those to offer, best first; `zstd` (where this Node has it, from 22.15 on), `br` and `gzip` when left out. */
  encodings?: readonly Coding[]
  /** The level of each coding; 3 for zstd, 4 for br, 6 for gzip and deflate. */
  level?: Partial<Readonly<Record<Coding, number>>>
  /** Bytes; a shorter body goes as it is. 1,024. */
  threshold?: number
  /** Which media types (in lower case, without parameters) are worth it; text, JSON, XML, scripts and the like. */
  types?: (type: string) => boolean
  /** Lets each chunk of a stream arrive when it is written, at some cost in size; true. */
  flush?: boolean
  /** Compresses event streams, event by event, though they say `no-transform`; false. */
  eventStreams?: boolean
  /** Streams that are compressed at a time, since each holds up to 1 MB for its compressor; more go as they are. 1,000. */
  maxStreams?: number
}

const names = ["encodings", "level", "threshold", "types", "flush", "eventStreams", "maxStreams"]

/** Bytes up to which a body is compressed at once, in a millisecond or less; longer ones wait for another thread. */
const syncBytes = 65_536

const eventStream = "text/event-stream"
const compressible =
  /^(?:text\/.+|font\/(?:ttf|otf|collection)|image\/(?:bmp|svg\+xml|x-icon|vnd\.microsoft\.icon)|application\/(?:json|jsonl|x-ndjson|javascript|x-javascript|xml|wasm|graphql|yaml|toml|sql|rtf|x-www-form-urlencoded|vnd\.ms-fontobject)|.+\+(?:json|xml|yaml|text))$/

/**
 * Compresses what is sent (RFC 9110 §8.4), where the client accepts it and it is worth it: bodies of at least `threshold`
 * bytes, and streams, chunk by chunk at the client's pace.
 *
 * It comes first in the row, so that it sees what all others have made of an answer. Left as they are: what has a
 * `content-encoding`, a range, a digest of its bytes or `cache-control: no-transform`; images, video, archives and other types
 * that are compressed already; files (`serveStatic` serves those that were compressed beforehand). Answers that could have
 * been compressed say `vary: accept-encoding`; a compressed one has a weak ETag and no `accept-ranges`, as its bytes may
 * differ each time. HEAD gets the headers of GET. Bodies above 64 kB are compressed on another thread, and the answer waits
 * for it. Event streams are left alone, since proxies that see one compressed may hold events back, and each open one
 * costs a compressor's memory: see `eventStreams`.
 *
 * Over TLS the length of an answer tells what is in it: where a secret and text from a request stand in one body, do not
 * compress it (BREACH). Raises `InvalidOptionError` for `zstd` where Node has it not.
 *
 * @example
 * const request = conn("GET", "/", undefined, { headers: { "accept-encoding": "gzip, br;q=0.5" } })
 * const sent = sentResp(compress()(request).text("so it goes ".repeat(200)))
 * sent.headers["content-encoding"] //=> "gzip"
 * sent.bytes.length < 100 //=> true
 */
export function compress(options: CompressOptions = {}): Plug {
  checkOptions(options)
  const { threshold = 1_024, types = (type) => compressible.test(type), flush = true } = options
  const { eventStreams = false, maxStreams = 1_000, level = {} } = options
  const encodings = options.encodings ?? usual()
  const encoders = new Map<string | undefined, Encoder>(
    encodings.map((coding) => [coding, encoderOf(coding, level[coding] ?? levelsOf(coding)!.usual)]),
  )
  let streams = 0

  /** Whether the answer's headers let its body be compressed. */
  const fits = (conn: Conn): boolean => {
    const { respHeaders } = conn
    let type = ""
    let fixed = false
    for (let i = 0; i < respHeaders.length; i += 2) {
      const name = respHeaders[i]!
      if (untouchable.has(name)) return false
      if (name === "content-type") type = essence(respHeaders[i + 1]!)
      else if (name === "cache-control") fixed = noTransform.test(respHeaders[i + 1]!)
    }
    return type === eventStream ? eventStreams : !fixed && types(type)
  }

  const beforeSend = (conn: Conn): unknown => {
    const { state, respBody } = conn
    const status = conn.status as number
    if (status === 304) return notModified(conn)
    if (state === "set_file" || status === 205 || status === 206 || !bodyAllowed(status)) return
    const size = respBody === undefined ? -1 : bytesOf(respBody)
    if ((size !== -1 && size < threshold) || !fits(conn)) return
    addVary(conn, "accept-encoding")
    const encoder = encoders.get(acceptedEncoding(conn.getReqHeaders("accept-encoding").join(), encodings))
    if (encoder === undefined) return
    const behind = inner(conn)
    const head = behind.exchange.method === "HEAD"
    if (respBody === undefined) {
      if (streams >= maxStreams) return
      if (!head) {
        streams++
        behind.exchange = new CompressingExchange(behind, encoder, flush || isEventStream(conn), () => streams--)
      }
      return announce(conn, encoder)
    }
    if (size <= syncBytes) {
      const bytes = encoder.sync(respBody)
      if (bytes.byteLength >= size) return
      conn.resp(status, bytes)
      return announce(conn, encoder)
    }
    const compressed = new CompressedExchange(behind, encoder, respBody)
    behind.exchange = compressed
    announce(conn, encoder)
    if (!head) return compressed.compress()
  }
  return (conn) => conn.registerBeforeSend(beforeSend)
}

function usual(): Coding[] {
  return levelsOf("zstd") === undefined ? ["br", "gzip"] : ["zstd", "br", "gzip"]
}

function checkOptions(options: CompressOptions): void {
  const check = (name: keyof CompressOptions, holds: boolean, takes: string): void =>
    checkOption("compress", name, options[name] === undefined || holds, takes, options[name])
  checkOptionNames("compress", options, names)
  const { encodings, level, threshold, types, flush, eventStreams, maxStreams } = options
  const known = (coding: string): boolean => codings.has(coding) && levelsOf(coding as Coding) !== undefined
  const offered = Array.isArray(encodings) && encodings.length > 0 && encodings.every(known)
  check("encodings", offered, `a list of br, gzip, deflate and (with Node from 22.15 on) zstd`)
  checkOption(
    "compress",
    "level",
    level === undefined || isLevels(level),
    "a level for each coding, within its range",
    level,
  )
  check("threshold", Number.isSafeInteger(threshold) && threshold! >= 0, "a whole number of bytes")
  check("types", typeof types === "function", "a function of a media type")
  check("flush", typeof flush === "boolean", "true or false")
  check("eventStreams", typeof eventStreams === "boolean", "true or false")
  check("maxStreams", Number.isSafeInteger(maxStreams) && maxStreams! >= 0, "a whole number")
}

const codings: ReadonlySet<string> = new Set<Coding>(["zstd", "br", "gzip", "deflate"])

function isLevels(level: object): boolean {
  if (typeof level !== "object" || level === null) return false
  return Object.entries(level).every(([coding, value]) => {
    if (!codings.has(coding)) return false
    // A level for zstd is no mistake where an older Node has it not.
    const { from, to } = levelsOf(coding as Coding) ?? { from: 1, to: 22 }
    return Number.isInteger(value) && value >= from && value <= to
  })
}

/** Headers of an answer whose bytes are to stay as they are. */
const untouchable: ReadonlySet<string> = new Set([
  "content-encoding",
  "content-range",
  "content-digest",
  "repr-digest",
  "digest",
  "content-md5",
])
const noTransform = /(?:^|[\s,])no-transform(?:[\s,]|$)/i

/** A media type in lower case, without its parameters. */
function essence(type: string): string {
  const semicolon = type.indexOf(";")
  return (semicolon === -1 ? type : type.slice(0, semicolon)).trim().toLowerCase()
}

const isEventStream = (conn: Conn): boolean => essence(conn.getRespHeader("content-type") ?? "") === eventStream

const bytesOf = (body: string | Uint8Array): number =>
  typeof body === "string" ? Buffer.byteLength(body) : body.byteLength

/** Says what becomes of the answer: its coding, and no promises about bytes that are not sent. */
function announce(conn: Conn<Assigns>, { coding }: Encoder): void {
  conn.putRespHeader("content-encoding", coding)
  conn.deleteRespHeader("content-length")
  conn.deleteRespHeader("accept-ranges")
  const etag = conn.getRespHeader("etag")
  if (etag?.startsWith('"')) conn.putRespHeader("etag", `W/${etag}`)
}

/** A 304 names what the client has, so that a cache finds it again: compressed, where its tag says so (RFC 9110 §15.4.5). */
function notModified(conn: Conn): void {
  const etag = conn.getRespHeader("etag")
  if (etag?.startsWith('"') && conn.getReqHeader("if-none-match")?.includes(`W/${etag}`)) {
    conn.putRespHeader("etag", `W/${etag}`)
    addVary(conn, "accept-encoding")
  }
}
