/** What a connection knows of its request: path, host, headers, parameters and body, each made when first read. */

import { parseAuthority } from "../http/authority.ts"
import * as list from "../http/headers.ts"
import { canonicalPath, isCanonicalPath, splitPath } from "../http/path.ts"
import { decodeQuery, QueryError, type QueryParams } from "../http/query.ts"
import { assertUnsent, checkedName } from "./checks.ts"
import { BadRequestError, InvalidHeaderError, InvalidQueryError, UsageError } from "./errors.ts"
import { checkOption } from "./options.ts"
import type { RequestSide } from "./request-side.ts"

export interface Rewrite {
  method?: string
  scheme?: "http" | "https"
  host?: string
  port?: number
  remoteIp?: string
}
export interface Overrides extends Rewrite {
  headers?: string[]
}
/** What was decoded so far. */
export interface Parsed {
  query: QueryParams | undefined
  body: Readonly<Record<string, unknown>> | undefined
  reqCookies: Record<string, string> | undefined
  cookies: Record<string, unknown> | undefined
  canonicalPath: string | undefined
}
export interface QueryOptions {
  length?: number
  validateUtf8?: boolean
}

/** Bytes of a query string that are decoded unless the caller says otherwise; more is 414. */
export const queryLimit = 1_000_000

export function parsedOf(conn: RequestSide): Parsed {
  conn.parsed ??= {
    query: undefined,
    body: undefined,
    reqCookies: undefined,
    cookies: undefined,
    canonicalPath: undefined,
  }
  return conn.parsed
}

function overridesOf(conn: RequestSide): Overrides {
  assertUnsent(conn)
  conn.overrides ??= {}
  return conn.overrides
}

/** Sets a key of a record that users fill; "__proto__" becomes an ordinary key. */
export function define(record: Record<string, unknown>, key: string, value: unknown): void {
  if (key === "__proto__") {
    Object.defineProperty(record, key, { value, enumerable: true, configurable: true, writable: true })
  } else record[key] = value
}

export function pathInfo(conn: RequestSide): readonly string[] {
  const segments = splitPath(conn.exchange.path)
  if (segments === undefined) throw new BadRequestError("the path is not UTF-8")
  conn.segments = segments
  return segments
}

export function path(conn: RequestSide): string {
  const raw = conn.exchange.path
  if (conn.scriptName.length === 0 && isCanonicalPath(raw)) return raw
  const parsed = parsedOf(conn)
  parsed.canonicalPath ??= canonicalPath([...conn.scriptName, ...conn.pathInfo])
  return parsed.canonicalPath
}

function authority(conn: RequestSide): { host: string; port: number | undefined } {
  const header = conn.getReqHeader("host")
  if (header === undefined || header === "") return { host: "", port: undefined }
  const parsed = parseAuthority(header)
  if (parsed === undefined) throw new BadRequestError("the host header is malformed")
  return parsed
}

export function host(conn: RequestSide): string {
  return authority(conn).host
}

export function port(conn: RequestSide): number {
  return authority(conn).port ?? (conn.scheme === "https" ? 443 : 80)
}

export function url(conn: RequestSide): string {
  const { scheme, port } = conn
  const own = port === (scheme === "https" ? 443 : 80)
  const query = conn.queryString === "" ? "" : `?${conn.queryString}`
  return `${scheme}://${conn.host}${own ? "" : `:${port}`}${conn.path}${query}`
}

export function rewrite(conn: RequestSide, changes: Rewrite): void {
  Object.assign(overridesOf(conn), changes)
}

export function getHeader(conn: RequestSide, name: string): string | undefined {
  const lower = name.toLowerCase()
  const own = conn.overrides?.headers
  return own === undefined ? conn.exchange.getHeader(lower) : list.getHeader(own, lower)
}

export function getHeaders(conn: RequestSide, name: string): string[] {
  return list.getHeaders(conn.reqHeaders, name.toLowerCase())
}

function ownHeaders(conn: RequestSide): string[] {
  const overrides = overridesOf(conn)
  overrides.headers ??= [...conn.exchange.getHeaders()]
  return overrides.headers
}

function checkedRequestName(name: string, value: string): string {
  const lower = checkedName(name, value)
  if (lower === "host") throw new InvalidHeaderError("set the host with conn.rewrite({ host }), not with a header")
  return lower
}

export function putHeader(conn: RequestSide, name: string, value: string): void {
  list.putHeader(ownHeaders(conn), checkedRequestName(name, value), value)
}

/** The pairs of a record or of an iterable of pairs. */
export function pairs(
  headers: Iterable<readonly [string, string]> | Readonly<Record<string, string>>,
): Iterable<readonly [string, string]> {
  return Symbol.iterator in headers ? (headers as Iterable<readonly [string, string]>) : Object.entries(headers)
}

export function prependHeaders(conn: RequestSide, headers: Iterable<readonly [string, string]>): void {
  const added: string[] = []
  for (const [name, value] of headers) added.push(checkedRequestName(name, value), value)
  ownHeaders(conn).unshift(...added)
}

export function mergeHeaders(
  conn: RequestSide,
  headers: Iterable<readonly [string, string]> | Readonly<Record<string, string>>,
): void {
  for (const [name, value] of pairs(headers)) putHeader(conn, name, value)
}

export function deleteHeader(conn: RequestSide, name: string): void {
  list.deleteHeader(ownHeaders(conn), name.toLowerCase())
}

export function fetchQuery(conn: RequestSide, options: QueryOptions): QueryParams {
  const parsed = parsedOf(conn)
  if (parsed.query !== undefined) return parsed.query
  const query = conn.queryString
  const limit = options.length ?? queryLimit
  checkOption("fetchQueryParams", "length", Number.isSafeInteger(limit) && limit >= 0, "a whole number of bytes", limit)
  if (query.length > limit) {
    throw new InvalidQueryError(`the query string is longer than ${limit} bytes`, 414)
  }
  try {
    parsed.query = decodeQuery(query, { validateUtf8: options.validateUtf8 ?? true })
  } catch (error) {
    if (error instanceof QueryError) throw new InvalidQueryError(error.message)
    throw error
  }
  return parsed.query
}

export function bodyParams(conn: RequestSide): Readonly<Record<string, unknown>> {
  const body = conn.parsed?.body
  if (body !== undefined) return body
  throw new UsageError("bodyParams were not fetched: put a body parser before this plug, or use readJson or readBody")
}

export function params(conn: RequestSide): Readonly<Record<string, unknown>> {
  const all: Record<string, unknown> = Object.create(null)
  for (const source of [conn.queryParams, conn.parsed?.body, conn.pathParams]) {
    for (const key in source) all[key] = (source as Record<string, unknown>)[key]
  }
  return all
}
