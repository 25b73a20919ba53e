/** Error pages of an application's own: one function for each format, given what the client may know and nothing else. */

import type { MaybePromise } from "../conn/adapter.ts"
import { HTTPError } from "../conn/errors.ts"
import { checkOption, checkOptionNames } from "../conn/options.ts"
import { encodeJson } from "../conn/response.ts"
import type { Conn } from "../conn/states.ts"
import { acceptedType } from "../http/accept.ts"
import { reasonPhrase } from "../http/status.ts"
import type { Html } from "./html.ts"

/** What the client may know of an error. */
export interface ShownError {
  readonly status: number
  /** "Not Found"; of a status that has no name, that of its class. */
  readonly phrase: string
  /** The message of an `HTTPError`; the phrase for anything else. It may hold what the client sent: escape it. */
  readonly message: string
  /** The stable code of an `HTTPError`, such as "ERR_NO_ROUTE"; "ERR_INTERNAL" for anything else. */
  readonly code: string
  /** The error, where it is an `HTTPError`: for the `issues` of a `ValidationError`. */
  readonly error: HTTPError | undefined
}

/** How an error looks in each format. What gives undefined (a status without a page of its own) leaves the plain page. */
export interface ErrorFormats {
  /** A text, or what the `html` template gives, which escapes what stands in it. */
  html?: (shown: ShownError, conn: Conn) => MaybePromise<string | Html | undefined>
  /** A value for JSON. */
  json?: (shown: ShownError, conn: Conn) => unknown
  text?: (shown: ShownError, conn: Conn) => MaybePromise<string | undefined>
}

type Format = keyof ErrorFormats

const where = "errorPage"
const types: Readonly<Record<Format, string>> = { html: "text/html", json: "application/json", text: "text/plain" }

/**
 * Makes a `renderErrors` from a function for each format.
 *
 * The format is the one that `accepts` has assigned, else what the client prefers of those given here; one that takes none
 * of them gets the first, since a 406 in place of an error would hide it. A function that fails, or takes longer than 10
 * seconds, is told to `onError` and leaves the plain page.
 *
 * @example
 * const pages = errorPage({ json: ({ code, message }) => ({ errors: { code, detail: message } }) })
 * const asked = conn("GET", "/").putStatus(404)
 * pages(asked, new HTTPError(404, "there is no such user"))
 * sentResp(asked).body //=> '{"errors":{"code":"ERR_HTTP","detail":"there is no such user"}}'
 * const failed = conn("GET", "/").putStatus(500)
 * pages(failed, new Error("the password is 123"))
 * sentResp(failed).body //=> '{"errors":{"code":"ERR_INTERNAL","detail":"Internal Server Error"}}'
 */
export function errorPage(formats: ErrorFormats): (conn: Conn, error: unknown) => unknown {
  checkOptionNames(where, formats, Object.keys(types))
  const names = (Object.keys(formats) as Format[]).filter((name) => formats[name] !== undefined)
  for (const name of names) checkOption(where, name, typeof formats[name] === "function", "a function", formats[name])
  checkOption(where, "formats", names.length > 0, "at least one of html, json and text", formats)
  const available = names.map((name) => types[name])

  return (conn, error) => {
    const format = formatOf(conn, names, available)
    const send = (page: unknown): unknown => {
      if (page === undefined) return
      const body = format === "json" ? encodeJson(page) : textOf(page)
      return conn.putRespContentType(types[format]).sendResp(conn.status ?? 500, body)
    }
    const page: unknown = formats[format]!(shownOf(conn, error), conn)
    return page instanceof Promise ? page.then(send) : send(page)
  }
}

/** The text of `html`; of anything else that is none, nothing is made up. */
function textOf(page: unknown): string {
  const isHtml = typeof page === "object" && page !== null && page.toString !== Object.prototype.toString
  return isHtml ? String(page) : (page as string)
}

function formatOf(conn: Conn, names: readonly Format[], available: readonly string[]): Format {
  const { format } = conn.assigns as { format?: unknown }
  const assigned = names.find((name) => name === format)
  if (assigned !== undefined) return assigned
  const preferred = acceptedType(conn.getReqHeaders("accept").join(", "), available)
  return names[preferred === undefined ? 0 : available.indexOf(preferred)]!
}

function shownOf(conn: Conn, error: unknown): ShownError {
  const status = conn.status ?? 500
  const phrase = reasonPhrase(status)
  if (!(error instanceof HTTPError)) return { status, phrase, message: phrase, code: "ERR_INTERNAL", error: undefined }
  return { status, phrase, message: error.message, code: error.code, error }
}
