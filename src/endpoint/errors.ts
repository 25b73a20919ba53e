/** Errors that reach the endpoint: who is told, and what the client sees. */

import type { Connection } from "../conn/conn.ts"
import {
  AlreadySentError,
  CutError,
  HTTPError,
  TimeoutError,
  TransportError,
  UsageError,
  ValidationError,
} from "../conn/errors.ts"
import { report } from "../conn/report.ts"
import { cacheControl } from "../conn/response.ts"
import type { Conn } from "../conn/states.ts"
import { close, cut, failStream } from "../conn/stream.ts"
import { acceptedType } from "../http/accept.ts"
import { putHeader } from "../http/headers.ts"
import { escapeHtml } from "../http/html.ts"
import { reasonPhrase } from "../http/status.ts"

/** Writes an error with its stack to stderr; of a value that cannot be printed (a getter of it throws) only that. */
export function logError(error: unknown, conn: Conn): void {
  const line = `${conn.method} ${JSON.stringify(conn.unsafeRawPath)} failed:`
  try {
    console.error(line, error)
  } catch {
    console.error(line, `a thrown ${typeof error} that cannot be printed`)
  }
}

/** Answers with an error in an application's own way. */
export type RenderErrors = ((conn: Conn, error: unknown) => unknown) | undefined

/** Milliseconds until an async `renderErrors` has answered; then the plain page is sent. */
const renderTimeout = 10_000

/** `instanceof` for what was thrown, which may be a Proxy that objects even to that. */
function is<T>(error: unknown, kind: abstract new (...given: never) => T): error is T {
  try {
    return error instanceof kind
  } catch {
    return false
  }
}

/** Turns an error into an answer, or into a visible end where one had begun. Never throws. */
export function failWith(render: RenderErrors, conn: Connection, error: unknown): void {
  try {
    const { exchange } = conn
    // Whoever is told of an answer that came too late was told that its time was up.
    if (isTooLate(conn, error)) return
    if (exchange.sent) {
      conn.error ??= error
      if (conn.state === "chunked") failStream(conn, error)
      else if (!is(error, TransportError)) report(conn, error)
      return
    }
    conn.error = error
    if (is(error, TransportError)) return exchange.abort()
    const shown = is(error, HTTPError) ? error : undefined
    // A 503 is the client's to know; why the store was down is ours.
    if (shown === undefined || (shown.status >= 500 && shown.cause !== undefined)) report(conn, error)
    if (render === undefined || hasFailedTwice(conn)) answer(conn, shown)
    else renderWith(render, conn, shown, error)
  } catch (failure) {
    lastResort(conn, failure)
  }
}

function isTooLate(conn: Connection, error: unknown): boolean {
  if (!(conn.cutReason instanceof TimeoutError) || !conn.exchange.sent) return false
  return is(error, AlreadySentError) || is(error, HTTPError)
}

const renders = new WeakMap<Connection, number>()

/** An answer may fail, and the answer to that; the third time it is the application's own page that fails. */
function hasFailedTwice(conn: Connection): boolean {
  const before = renders.get(conn) ?? 0
  renders.set(conn, before + 1)
  return before >= 2
}

/** Headers that spoke of the answer that did not come. */
const stale = [
  "content-type",
  "content-length",
  "content-encoding",
  "content-language",
  "content-location",
  "content-range",
  "content-disposition",
  "content-digest",
  "repr-digest",
  "location",
  "etag",
  "last-modified",
  "accept-ranges",
  "expires",
]

/** What came of an application's own way to answer: nothing to tell, or what it failed with. */
type Outcome = { readonly failure: unknown } | undefined

/** Lets the application answer, sync or async. Whatever it fails with is reported, and the plain page is sent. */
function renderWith(
  render: NonNullable<RenderErrors>,
  conn: Connection,
  shown: HTTPError | undefined,
  error: unknown,
): void {
  // Where the handler is still at work (its time was up, its chunks were kept back), the answer cannot wait.
  const alone = conn.cutReason === undefined && conn.state !== "chunked"
  const { closed } = conn
  begin(conn, shown)
  conn.closed = conn.held = conn.events = conn.headOnly = false
  const headers = [...conn.respHeaders]
  let over = false
  let release = (): void => undefined
  const end = (outcome: Outcome): void => {
    if (over) return
    over = true
    clearTimeout(timer)
    settle(conn, shown, headers, outcome)
    // Whoever still writes chunks of the answer that failed learns that nobody wants them.
    conn.closed ||= closed
    release()
  }
  let timer: NodeJS.Timeout | undefined
  try {
    const result = render(conn as unknown as Conn, error)
    if (!isThenable(result)) return end(undefined)
    Promise.resolve(result).then(
      () => end(undefined),
      (failure) => end({ failure }),
    )
    if (alone || conn.exchange.sent) {
      // What was answered may wait in its turn, for a session to be stored.
      const { delay } = conn
      const done: Promise<void> = new Promise<void>((resolve) => {
        release = resolve
      }).then(() => (conn.delay === done ? delay : conn.delay))
      conn.delay = done
      timer = setTimeout(() => conn.exchange.sent || end({ failure: tooSlow() }), renderTimeout).unref()
    } else end(undefined)
  } catch (failure) {
    end({ failure })
  }
}

function isThenable(value: unknown): boolean {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === "function"
}

function tooSlow(): UsageError {
  return new UsageError(`renderErrors has not answered within ${renderTimeout} ms; the plain page was sent`)
}

/** Completes what the application has begun; where that is nothing, or failed before a byte had left, the plain page. */
function settle(conn: Connection, shown: HTTPError | undefined, headers: string[], outcome: Outcome): void {
  try {
    try {
      if (outcome === undefined && conn.state === "set") conn.sendResp()
    } catch (failure) {
      outcome = { failure }
    }
    if (conn.exchange.sent) return complete(conn, outcome)
    if (outcome !== undefined) {
      if (is(outcome.failure, TransportError)) return conn.exchange.abort()
      report(conn, outcome.failure)
    }
    conn.headers = headers
    answer(conn, shown)
  } catch (failure) {
    lastResort(conn, failure)
  }
}

function complete(conn: Connection, outcome: Outcome): void {
  if (conn.state === "chunked") {
    if (outcome !== undefined) failStream(conn, outcome.failure)
    else if (!conn.held && !conn.headOnly) {
      close(conn)
    }
  } else if (outcome !== undefined && !isTooLate(conn, outcome.failure) && !is(outcome.failure, TransportError)) {
    report(conn, outcome.failure)
  }
}

/** The status to answer with; one that is no error's is not trusted. */
function statusOf(shown: HTTPError | undefined): number {
  const status = shown?.status
  return Number.isInteger(status) && status! >= 400 && status! <= 599 ? status! : 500
}

/** The answer begun anew, with the status and headers of the error. */
function begin(conn: Connection, shown: HTTPError | undefined): void {
  // Whatever state the failure left, nothing was sent; the answer is begun anew.
  conn.state = "unset"
  conn.preparing = false
  conn.respBody = undefined
  // An answer that may be kept is one thing, its failure another.
  conn.putRespHeader("cache-control", cacheControl)
  for (const name of stale) while (conn.getRespHeader(name) !== undefined) conn.deleteRespHeader(name)
  const headers = shown?.headers ?? []
  for (let i = 0; i < headers.length; i += 2) {
    // RFC 9110 §15.5.22 wants it with 426; otherwise it is refused as all framing is.
    if (headers[i] === "upgrade" && shown?.status === 426) putHeader(conn.respHeaders, "upgrade", headers[i + 1]!)
    else conn.putRespHeader(headers[i]!, headers[i + 1]!)
  }
  conn.status = statusOf(shown)
}

function answer(conn: Connection, shown: HTTPError | undefined): void {
  begin(conn, shown)
  const status = statusOf(shown)
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
    const issues = is(shown, ValidationError) ? { issues: shown.issues } : undefined
    const error = { status, code: shown?.code ?? "ERR_INTERNAL", message, ...issues }
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
  try {
    conn.exchange.sendHead(500, ["connection", "close"], 0)
  } catch {
    conn.exchange.abort()
  }
}
