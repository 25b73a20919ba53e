/** Files as answers: slices as they are asked for, or whole with ranges and conditional requests (RFC 9110 §13, §14). */

import { httpDate, parseHttpDate } from "../http/date.ts"
import { ifRangeHolds, matchesEtag, notModified } from "../http/etag.ts"
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
  return withFile(conn, path, async (file) => {
    // Strong by size and time of change, as Plug.Static has it, so that a download can be resumed with If-Range.
    const etag = `"${file.size.toString(16)}-${Math.floor(file.mtime * 1000).toString(16)}"`
    const validators = { etag, lastModified: file.mtime }
    const read = (name: string): string | undefined => conn.getReqHeader(name)
    putHeader(conn, "etag", etag)
    putHeader(conn, "last-modified", httpDate(file.mtime))
    putHeader(conn, "accept-ranges", "bytes")
    const ifMatch = read("if-match")
    const since = parseHttpDate(read("if-unmodified-since") ?? "")
    const changed =
      ifMatch === undefined
        ? since !== undefined && Math.floor(file.mtime / 1000) * 1000 > since
        : !matchesEtag(ifMatch, etag, false)
    if (changed) throw new HTTPError(412, "the file has changed")
    if (notModified(validators, read)) {
      conn.deleteRespHeader("content-type")
      conn.sendResp(304)
      return
    }
    const range = conn.getReqHeaders("range")
    const asked = range.length === 1 && conn.exchange.method === "GET" && ifRangeHolds(validators, read)
    const part = asked ? parseRange(file.size, range[0]!) : undefined
    if (part === undefined) return sendSlice(conn, conn.status ?? 200, file, 0, file.size)
    if (part === "unsatisfiable") {
      conn.deleteRespHeader("content-type")
      putHeader(conn, "content-range", `bytes */${file.size}`)
      conn.sendResp(416)
      return
    }
    putHeader(conn, "content-range", `bytes ${part.start}-${part.end}/${file.size}`)
    return sendSlice(conn, 206, file, part.start, part.end - part.start + 1)
  })
}
