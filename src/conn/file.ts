/** Files as answers: slices as they are asked for, or whole with ranges and conditional requests (RFC 9110 §13, §14). */

import { httpDate, parseHttpDate } from "../http/date.ts"
import { type HeaderReader, ifRangeHolds, matchesEtag, notModified, type Validators } from "../http/etag.ts"
import { mimeFromPath } from "../http/mime.ts"
import { parseRange } from "../http/range.ts"
import { bodyAllowed } from "../http/status.ts"
import type { OpenFile } from "./adapter.ts"
import { assertUnsent } from "./checks.ts"
import type { Connection } from "./conn.ts"
import { HTTPError, UsageError } from "./errors.ts"
import { begin, code, getHeader, listToSend, putHeader } from "./response.ts"
import type { Status } from "./states.ts"

function checkSlice(offset: number, length: number | undefined): void {
  if (!Number.isSafeInteger(offset) || offset < 0) {
    throw new UsageError(`sendFile: offset takes a whole number from 0, got ${offset}`)
  }
  if (length !== undefined && (!Number.isSafeInteger(length) || length <= 0)) {
    throw new UsageError(`sendFile: length takes a whole number from 1, got ${length}`)
  }
}

/** Opens a file, lets `answer` make use of it, and closes it on every path. */
async function withFile(
  conn: Connection,
  path: string,
  answer: (file: OpenFile) => Promise<void>,
): Promise<Connection> {
  if (typeof path !== "string" || path.includes("\0")) throw new UsageError("sendFile: the path is no path")
  assertUnsent(conn)
  const file = await conn.exchange.openFile(path)
  try {
    if (getHeader(conn, "content-type") === undefined) putHeader(conn, "content-type", mimeFromPath(path))
    await answer(file)
  } finally {
    file.close()
  }
  return conn
}

async function sendSlice(
  conn: Connection,
  status: number,
  file: OpenFile,
  offset: number,
  count: number,
): Promise<void> {
  conn.respBody = undefined
  begin(conn, status, "set_file")
  const final = conn.status as number
  const { exchange } = conn
  conn.state = "file"
  if (exchange.method !== "HEAD" && bodyAllowed(final)) conn.streamed = count
  if (exchange.method === "HEAD" || !bodyAllowed(final)) {
    exchange.sendHead(final, listToSend(conn), final === 204 ? -1 : final === 205 ? 0 : count)
  } else if (count === 0) {
    exchange.sendHead(final, listToSend(conn), 0)
  } else {
    await exchange.sendFile(final, listToSend(conn), file, offset, count)
  }
}

export async function sendFile(
  conn: Connection,
  status: Status,
  path: string,
  offset = 0,
  length?: number,
): Promise<Connection> {
  const value = code(status)
  checkSlice(offset, length)
  return withFile(conn, path, (file) => {
    const count = length ?? file.size - offset
    if (count < 0 || offset + count > file.size) {
      throw new UsageError(`sendFile: ${offset}+${count} is outside the file, which has ${file.size} bytes`)
    }
    return sendSlice(conn, value, file, offset, count)
  })
}

export async function serveFile(conn: Connection, path: string): Promise<Connection> {
  return withFile(conn, path, (file) => {
    // Strong by size and time of change, as Plug.Static has it, so that a download can be resumed with If-Range.
    const etag = `"${file.size.toString(16)}-${Math.floor(file.mtime * 1000).toString(16)}"`
    return answerFile(conn, file, etag)
  })
}

/** How a request for a file is answered: with this status, and these bytes of it. */
interface Answer {
  readonly status: number
  readonly offset: number
  readonly count: number
}

/**
 * Answers with an open file, which the caller closes: its validators and `accept-ranges`, then what the preconditions and
 * the range ask for (RFC 9110 §13.2.2, §14). `put` is told the status before the answer leaves, to put headers of its own.
 * Raises an `HTTPError` (412) when If-Match or If-Unmodified-Since does not hold. A status other than 200 that was put
 * before (an error's page) is answered whole.
 */
export async function answerFile(
  conn: Connection,
  file: OpenFile,
  etag: string | undefined,
  put?: (status: number) => void,
): Promise<void> {
  assertUnsent(conn)
  // A time to come is none that a client may be told (RFC 9110 §8.8.2.1).
  const lastModified = Math.min(file.mtime, Date.now())
  const { status, offset, count } = decide(conn, file.size, { etag, lastModified })
  if (etag !== undefined) putHeader(conn, "etag", etag)
  if (status !== 304) {
    putHeader(conn, "accept-ranges", "bytes")
    if (status === 416) putHeader(conn, "content-range", `bytes */${file.size}`)
    if (status === 206) putHeader(conn, "content-range", `bytes ${offset}-${offset + count - 1}/${file.size}`)
  }
  // In a 304 the etag says it all; a date beside it could only say less.
  if (status !== 304 || etag === undefined) putHeader(conn, "last-modified", httpDate(lastModified))
  put?.(status)
  if (status !== 304 && status !== 416) return sendSlice(conn, status, file, offset, count)
  for (const name of ofTheBody) conn.deleteRespHeader(name)
  conn.sendResp(status)
}

/** What describes a body that a 304 and a 416 do not have. */
const ofTheBody = ["content-type", "content-encoding", "content-language", "content-disposition"]

function decide(conn: Connection, size: number, validators: Validators): Answer {
  const whole = { status: conn.status ?? 200, offset: 0, count: size }
  if (whole.status !== 200) return whole
  // A list may come in several lines.
  const read = (name: string): string | undefined =>
    conn.getReqHeader(name) === undefined ? undefined : conn.getReqHeaders(name).join(", ")
  if (hasChanged(validators, read)) throw new HTTPError(412, "the file has changed")
  if (notModified(validators, read)) return { ...whole, status: 304 }
  const range = conn.exchange.method === "GET" ? conn.getReqHeader("range") : undefined
  if (range === undefined || conn.getReqHeaders("range").length !== 1 || !ifRangeHolds(validators, read)) return whole
  const part = parseRange(size, range)
  if (part === undefined) return whole
  if (part === "unsatisfiable") return { ...whole, status: 416 }
  return { status: 206, offset: part.start, count: part.end - part.start + 1 }
}

/** Whether If-Match, or If-Unmodified-Since where there is none, does not hold. */
function hasChanged({ etag, lastModified }: Validators, read: HeaderReader): boolean {
  const tags = read("if-match")
  if (tags !== undefined) return etag === undefined ? tags.trim() !== "*" : !matchesEtag(tags, etag, false)
  const since = parseHttpDate(read("if-unmodified-since") ?? "")
  return since !== undefined && Math.floor(lastModified! / 1000) * 1000 > since
}
