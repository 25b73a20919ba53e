/** Answers that are saved as files, after Phoenix's `send_download`. */

import type { Body, MaybePromise } from "../conn/adapter.ts"
import { isUnsent } from "../conn/checks.ts"
import { inner } from "../conn/conn.ts"
import { checkOption, checkOptionNames } from "../conn/options.ts"
import type { Conn, Sent } from "../conn/states.ts"
import { asciiFilename, contentDisposition, type Disposition } from "../http/content-disposition.ts"
import { safeFilename } from "../http/filename.ts"
import { parseContentType } from "../http/media-type.ts"
import { mimeFromPath } from "../http/mime.ts"

/** A file of the server. The path is taken as it is: check what a client had a say in. */
export interface DownloadFile {
  readonly path: string
}
/** What is in memory, and the name that it has as a file. */
export interface DownloadData {
  readonly data: Body
  readonly filename: string
}

export interface DownloadOptions {
  /** The name under which it is saved; may be anybody's. That of the source when left out. */
  filename?: string | undefined
  /** That of the name's extension when left out, and `application/octet-stream` where nobody knows it. */
  contentType?: string | undefined
  /** Said of the content type; none. */
  charset?: string | undefined
  /** "attachment" (the default) is saved, "inline" is shown where the browser can. */
  disposition?: Disposition | undefined
  /** False sends the name in ASCII alone, without `filename*`; true. */
  encode?: boolean | undefined
}
export interface FileDownloadOptions extends DownloadOptions {
  /** The byte to begin at; 0. */
  offset?: number | undefined
  /** How many bytes to send; all that follow. */
  length?: number | undefined
}

const where = "sendDownload"
const optionNames = ["filename", "contentType", "charset", "disposition", "encode"]
const sliceNames = ["offset", "length"]
const charsetName = /^[A-Za-z0-9][A-Za-z0-9._:+-]*$/

/**
 * Sends a file, or data as a file, for the browser to save; with the status that was put, or 200.
 *
 * The name may come from a client: of a path its last piece counts, and what could end the header, hide or mislead is "_" (see
 * `safeFilename`); it is cut at 200 bytes. Browsers are told not to guess the type. A file is sent as `conn.serveFile` does,
 * with validators and ranges; an `offset` or `length` sends that slice and offers no ranges. Data is sent at once.
 *
 * "inline" shows what it is in the name of this site, and type and name are often what a client once said. So a type that
 * scripts run in (HTML, SVG, XML) comes with `content-security-policy: sandbox`, beside a policy that is there: it is shown and
 * runs nothing. Pages of one's own are for `conn.serveFile`.
 *
 * Rejects with the system's error where there is no such file, and has put no headers then.
 *
 * @example
 * const sent = sentResp(sendDownload(conn("GET", "/"), { data: "a,b", filename: "../Übersicht.csv" }))
 * sent.headers["content-type"] //=> "text/csv"
 * sent.headers["content-disposition"] //=> `attachment; filename="_bersicht.csv"; filename*=UTF-8''%C3%9Cbersicht.csv`
 */
export function sendDownload(conn: Conn<any>, source: DownloadFile, options?: FileDownloadOptions): Promise<Sent>
export function sendDownload(conn: Conn<any>, source: DownloadData, options?: DownloadOptions): Sent
export function sendDownload(
  conn: Conn<any>,
  source: DownloadFile | DownloadData,
  options: FileDownloadOptions = {},
): MaybePromise<Sent> {
  checkDownload(source, options)
  const before = inner(conn).headers?.slice()
  const { filename, offset, length } = options
  const isFile = "path" in source
  putHeaders(conn, safeFilename(filename ?? (isFile ? source.path : source.filename)), options)
  const status = conn.status ?? 200
  if (!isFile) return conn.sendResp(status, source.data)
  const isWhole = offset === undefined && length === undefined
  const sent = isWhole ? conn.serveFile(source.path) : conn.sendFile(status, source.path, offset, length)
  return sent.catch((error: unknown) => {
    // Whoever answers instead has another body.
    if (isUnsent(inner(conn))) inner(conn).headers = before
    throw error
  })
}

function putHeaders(conn: Conn<any>, name: string, options: DownloadOptions): void {
  const { contentType, charset, disposition = "attachment", encode = true } = options
  const type = contentType ?? mimeFromPath(name)
  conn
    .putRespContentType(type, charset)
    .putRespHeader("content-disposition", contentDisposition(disposition, encode ? name : asciiFilename(name)))
    .putRespHeader("x-content-type-options", "nosniff")
  if (disposition === "inline" && runsScripts(type)) {
    // In front of a policy that is there: each of them counts.
    conn.prependRespHeaders([["content-security-policy", "sandbox"]])
  }
}

/** One type: of several with commas between them browsers take the last. */
function isType(text: unknown): boolean {
  return typeof text === "string" && !text.includes(",") && parseContentType(text) !== undefined
}

function runsScripts(contentType: string): boolean {
  const { type, subtype } = parseContentType(contentType)!
  return /html|(?:^|\+)xml$/.test(subtype) || type === "multipart" || type === "message"
}

function checkDownload(source: DownloadFile | DownloadData, options: FileDownloadOptions): void {
  checkOptionNames(`${where}: its source`, source, ["path", "data", "filename"])
  const isFile = "path" in source
  checkOption(
    where,
    "source",
    isFile !== "data" in source,
    "either a path, or data with a filename",
    Object.keys(source),
  )
  checkOptionNames(where, options, isFile ? [...optionNames, ...sliceNames] : optionNames)
  const { contentType, charset, disposition = "attachment", encode = true } = options
  const filename = options.filename ?? (isFile ? source.path : source.filename)
  checkOption(where, "filename", typeof filename === "string", "text", typeof filename)
  checkOption(
    where,
    "contentType",
    contentType === undefined || isType(contentType),
    'a media type such as "text/csv"',
    contentType,
  )
  const isCharset = charset === undefined || (typeof charset === "string" && charsetName.test(charset))
  checkOption(where, "charset", isCharset, 'a name such as "utf-8"', charset)
  const known = disposition === "attachment" || disposition === "inline"
  checkOption(where, "disposition", known, '"attachment" or "inline"', disposition)
  checkOption(where, "encode", typeof encode === "boolean", "true or false", encode)
}
