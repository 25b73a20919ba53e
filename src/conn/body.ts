/** The body of a request, read within bounds: whole, in parts, as text or as JSON. */

import { Buffer, isUtf8 } from "node:buffer"
import { parseMediaType } from "../http/media-type.ts"
import type { Connection } from "./conn.ts"
import { BadRequestError, RequestTooLargeError, UnsupportedMediaTypeError } from "./errors.ts"
import { checkOption } from "./options.ts"
import type { RequestSide } from "./request-side.ts"
import type { ReadBodyOptions } from "./states.ts"

/** Milliseconds without a byte until a read fails. */
const readTimeout = 15_000

function checkReadOptions({ length = 0, timeout = readTimeout }: ReadBodyOptions): void {
  checkOption("readBody", "length", Number.isSafeInteger(length) && length >= 0, "a whole number of bytes", length)
  const holds = Number.isInteger(timeout) && timeout > 0 && timeout < 2 ** 31
  checkOption("readBody", "timeout", holds, "a whole number of milliseconds from 1", timeout)
}

function declaredTooLong(conn: RequestSide, length: number): boolean {
  const declared = conn.exchange.getHeader("content-length")
  return declared !== undefined && Number(declared) > length
}

/** Reads the body whole, or up to `length` bytes where `partial`; the one place that asks the server for it. */
function read<T>(
  conn: RequestSide,
  options: ReadBodyOptions | undefined,
  partial: boolean,
  take: (data: Uint8Array, more: boolean) => T,
): Promise<T> {
  const length = options?.length ?? conn.exchange.limits.bodyBytes
  return new Promise((resolve, reject) => {
    if (options !== undefined) checkReadOptions(options)
    if (!partial && declaredTooLong(conn, length)) return reject(tooLarge(length))
    conn.exchange.readBody(length, options?.timeout ?? readTimeout, (error, data, more) => {
      // Who reads on behind an answer of ours that a deadline brought made no mistake.
      if (error !== undefined) reject((conn as Connection).cutReason ?? error)
      else if (more && !partial) reject(tooLarge(length))
      else {
        try {
          resolve(take(data, more))
        } catch (failure) {
          reject(failure)
        }
      }
    })
  })
}

function tooLarge(length: number): RequestTooLargeError {
  return new RequestTooLargeError(`the request body is longer than ${length} bytes`)
}

export function readBody(conn: RequestSide, options: ReadBodyOptions | undefined): Promise<Uint8Array> {
  return read(conn, options, false, (data) => data)
}

export function readBodyPart(
  conn: RequestSide,
  options: ReadBodyOptions | undefined,
): Promise<{ data: Uint8Array; more: boolean }> {
  return read(conn, options, true, (data, more) => ({ data, more }))
}

function decodeText(data: Uint8Array): string {
  if (!isUtf8(data)) throw new BadRequestError("the request body is not UTF-8")
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString()
}

export function readText(conn: RequestSide, options: ReadBodyOptions | undefined): Promise<string> {
  return read(conn, options, false, decodeText)
}

export function readJson(conn: RequestSide, options: ReadBodyOptions | undefined): Promise<unknown> {
  const header = conn.getReqHeader("content-type")
  if (header !== "application/json" && !isJsonType(header)) {
    return Promise.reject(new UnsupportedMediaTypeError("the request body must be application/json"))
  }
  return read(conn, options, false, decodeJson)
}

function isJsonType(header: string | undefined): boolean {
  const type = header === undefined ? undefined : parseMediaType(header)
  return (
    type !== undefined && type.type === "application" && (type.subtype === "json" || type.subtype.endsWith("+json"))
  )
}

function decodeJson(data: Uint8Array): unknown {
  const text = decodeText(data)
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new BadRequestError("the request body is not valid JSON", { cause })
  }
}
