/** Errors that reach the endpoint: who is told, and what the client sees. */

import type { Connection } from "../conn/conn.ts"
import { AlreadySentError, CutError, HTTPError, TimeoutError, TransportError } from "../conn/errors.ts"
import { report } from "../conn/report.ts"
import { cacheControl } from "../conn/response.ts"
import type { Conn } from "../conn/states.ts"
import { cut, failStream } from "../conn/stream.ts"
import { acceptedType } from "../http/accept.ts"
import { putHeader } from "../http/headers.ts"
import { escapeHtml } from "../http/html.ts"
import { reasonPhrase } from "../http/status.ts"

/** Writes an error with its stack to stderr. */
export function logError(error: unknown, conn: Conn): void {
  console.error(`${conn.method} ${JSON.stringify(conn.unsafeRawPath)} failed:`, error)
}

/** Answers with an error in an application's own way. */
export type RenderErrors = ((conn: Conn, error: unknown) => unknown) | undefined

/** Turns an error into an answer, or into a visible end where one had begun. Never throws. */
export function failWith(render: RenderErrors, conn: Connection, error: unknown): void {
  try {
    const { exchange } = conn
    // Whoever is told of an answer that came too late was told that its time was up.
    if (error instanceof AlreadySentError && conn.cutReason instanceof TimeoutError) return
    conn.error ??= error
    if (exchange.sent) {
      if (conn.state === "chunked") failStream(conn, error)
      else if (!(error instanceof TransportError)) report(conn, error)
      return
    }
    if (error instanceof TransportError) return exchange.abort()
    const shown = error instanceof HTTPError ? error : undefined
    if (shown === undefined) report(conn, error)
    if (render === undefined || !rendered(render, conn, shown, error)) answer(conn, shown)
  } catch (failure) {
    lastResort(conn, failure)
  }
}

/** Headers that spoke of the answer that did not come. */
const stale = [
  "content-length",
  "content-encoding",
  "content-range",
  "content-disposition",
  "etag",
  "last-modified",
  "accept-ranges",
  "expires",
]

/** True when the application has answered. What it fails with is reported, and the plain page is sent. */
function rendered(
  render: NonNullable<RenderErrors>,
  conn: Connection,
  shown: HTTPError | undefined,
  error: unknown,
): boolean {
  try {
    begin(conn, shown)
    const result = render(conn as unknown as Conn, error)
    if (result instanceof Promise) {
      const done = (failure?: unknown): void => {
        if (failure !== undefined) report(conn, failure)
        if (!conn.exchange.sent) answer(conn, shown)
      }
      result.then(() => done(), done)
      return true
    }
    if (conn.state === "set") conn.sendResp()
  } catch (failure) {
    report(conn, failure)
  }
  return conn.exchange.sent
}

/** The answer begun anew, with the status and headers of the error. */
function begin(conn: Connection, shown: HTTPError | undefined): void {
  // Whatever state the failure left, nothing was sent; the answer is begun anew.
  conn.state = "unset"
  conn.preparing = false
  // An answer that may be kept is one thing, its failure another.
  conn.putRespHeader("cache-control", cacheControl)
  for (const name of stale) while (conn.getRespHeader(name) !== undefined) conn.deleteRespHeader(name)
  const headers = shown?.headers ?? []
  for (let i = 0; i < headers.length; i += 2) {
    // RFC 9110 §15.5.22 wants it with 426; otherwise it is refused as all framing is.
    if (headers[i] === "upgrade" && shown?.status === 426) putHeader(conn.respHeaders, "upgrade", headers[i + 1]!)
    else conn.putRespHeader(headers[i]!, headers[i + 1]!)
  }
  conn.status = shown?.status ?? 500
}

function answer(conn: Connection, shown: HTTPError | undefined): void {
  begin(conn, shown)
  const status = shown?.status ?? 500
  const [type, body] = page(conn, status, shown)
  conn.putRespHeader("content-type", type)
  conn.sendResp(status, body)
}

/** The error in the format that the client accepts; of an error that is not the client's only status and phrase. */
function page(conn: Connection, status: number, shown: HTTPError | undefined): [type: string, body: string] {
  const phrase = reasonPhrase(status)
  const message = shown?.message ?? phrase
  const format = acceptedType(conn.getReqHeader("accept") ?? "*/*", ["text/plain", "text/html", "application/json"])
  if (format === "application/json") {
    const error = { status, code: shown?.code ?? "ERR_INTERNAL", message }
    return ["application/json; charset=utf-8", JSON.stringify({ error })]
  }
  if (format === "text/html") {
    const title = escapeHtml(`${status} ${phrase}`)
    const body = `<!doctype html>\n<title>${title}</title>\n<h1>${title}</h1>\n<p>${escapeHtml(message)}</p>\n`
    return ["text/html; charset=utf-8", body]
  }
  return [
    "text/plain; charset=utf-8",
    message === phrase ? `${status} ${phrase}\n` : `${status} ${phrase}\n${message}\n`,
  ]
}

/** An error while the error was answered: the barest answer, and whoever is told is told of this one. */
function lastResort(conn: Connection, failure: unknown): void {
  report(conn, failure)
  if (conn.exchange.sent) return cut(conn, new CutError())
  conn.state = "sent"
  conn.exchange.sendHead(500, ["connection", "close"], 0)
}
