/** The bytes of a body exactly as they arrived, kept beside what a parser made of them: for the signatures of webhooks. */

import { Buffer } from "node:buffer"
import type { BodyListener, Exchange } from "../conn/adapter.ts"
import { inner } from "../conn/conn.ts"
import { Delegate } from "../conn/delegate.ts"
import { UsageError } from "../conn/errors.ts"
import type { AnyConn, Conn } from "../conn/states.ts"
import { hasBody } from "./body-parser.ts"

const key = "plumage_raw_body"

/** Keeps a copy of what is read, up to a limit. */
class KeptBody extends Delegate {
  readonly limit: number
  parts: Uint8Array[] = []
  bytes = 0
  complete = false

  constructor(exchange: Exchange, limit: number) {
    super(exchange)
    this.limit = limit
  }

  override readBody(length: number, timeout: number, done: BodyListener): void {
    this.inner.readBody(length, timeout, (error, data, more) => {
      if (error === undefined) this.keep(data, more)
      done(error, data, more)
    })
  }

  private keep(data: Uint8Array, more: boolean): void {
    this.bytes += data.length
    // A copy, since the reader owns the data and may change it.
    if (this.bytes > this.limit) this.parts = []
    else if (data.length > 0) this.parts.push(Uint8Array.from(data))
    if (!more) this.complete = true
  }
}

/** Has everything kept that is read of the body from now on, up to `limit` bytes. */
export function keepRawBody(conn: Conn, limit: number): void {
  const connection = inner(conn)
  const kept = new KeptBody(connection.exchange, limit)
  kept.complete = !hasBody(conn)
  connection.exchange = kept
  conn.putPrivate(key, kept)
}

/**
 * The body as it arrived, byte for byte: what the sender of a webhook has signed. A copy, the caller's for good.
 *
 * `parsers({ rawBody: true })` keeps it. Raises `UsageError` when it was not kept, when it is longer than the `length` of
 * `parsers`, and when nobody has read it to its end: that of a type that was passed is still to be read with `readBody`.
 *
 * @example
 * const hook = conn("POST", "/", "x", { headers: { "content-type": "text/plain" } })
 * keepRawBody(hook, 100)
 * await hook.readBody()
 * rawBodyOf(hook) //=> Uint8Array.of(0x78)
 * rawBodyOf(conn("POST", "/")) //=> throws UsageError
 */
export function rawBodyOf(conn: AnyConn): Uint8Array {
  const kept = conn.private[key]
  if (!(kept instanceof KeptBody)) {
    throw new UsageError("the raw body was not kept: put parsers({ rawBody: true }) before this plug")
  }
  if (kept.bytes > kept.limit) {
    throw new UsageError(
      `the raw body is longer than the ${kept.limit} bytes that are kept; raise the length of parsers`,
    )
  }
  if (!kept.complete)
    throw new UsageError("the raw body was not read to its end: no parser took it; call readBody first")
  return Uint8Array.from(Buffer.concat(kept.parts))
}
