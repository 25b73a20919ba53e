/** The address of the request that is being answered, for links to it and with other parameters. */

import { BadRequestError, UsageError } from "../conn/errors.ts"
import type { AnyConn } from "../conn/states.ts"
import { encodeAll } from "../http/percent.ts"
import { encodeQuery, type QueryParams } from "../http/query.ts"

/** The parameters of a query: these and no others, or what a function makes of the current ones. */
export type NewParams = object | ((current: Readonly<QueryParams>) => object)

/** Where an address begins: with what the program says, or with what the client says. */
export type UrlStart =
  /** The site's own: `https://example.com`, perhaps with a path that a proxy takes away. */
  | { readonly base: string | URL }
  /** The host that the client named. Never for mails and caches: the client may name any. */
  | { readonly trustHost: true }

const printable = /^[\x21-\x7e]*$/
const everyUnprintable = /[^\x21-\x7e]+/g

/**
 * The path of the request in canonical form, forwards included, with its query: as it was sent, or made of `params`. No
 * parameters make no query. A function gets the current ones: `(params) => ({ ...params, page: 2 })`.
 *
 * Raises `UsageError` for what a query cannot carry, `BadRequestError` (400) where the client's own query is what cannot be
 * written again, and what `conn.path` and `conn.queryParams` raise.
 *
 * @example
 * const one = conn("GET", "/posts//7/?q=a+b&page=1")
 * currentPath(one) //=> "/posts/7?q=a+b&page=1"
 * currentPath(one, {}) //=> "/posts/7"
 * currentPath(one, (params) => ({ ...params, page: 2 })) //=> "/posts/7?q=a+b&page=2"
 */
export function currentPath(conn: AnyConn<any>, params?: NewParams): string {
  const query = params === undefined ? sentQuery(conn) : madeQuery(conn, params)
  return query === "" ? conn.path : `${conn.path}?${query}`
}

/**
 * The whole address of the request: `start`, then `currentPath`. The Host header takes no part in it unless `trustHost` says
 * so, since whoever sends the request could make links of ours lead elsewhere.
 *
 * Raises `UsageError` for a base that is no http or https URL, or has a query, a fragment or a user; with `trustHost`
 * `BadRequestError` (400) where the client named no host.
 *
 * @example
 * const one = conn("GET", "http://evil.example/posts?page=2")
 * currentUrl(one, { base: "https://example.com" }) //=> "https://example.com/posts?page=2"
 * currentUrl(one, { base: "https://example.com" }, { page: 3 }) //=> "https://example.com/posts?page=3"
 * currentUrl(one, { trustHost: true }, {}) //=> "http://evil.example/posts"
 */
export function currentUrl(conn: AnyConn<any>, start: UrlStart, params?: NewParams): string {
  const origin = "base" in start ? baseOf(start.base) : originOf(conn, start)
  return origin + currentPath(conn, params)
}

/** As it was sent, but for what a header or an attribute could not take. */
function sentQuery({ queryString }: AnyConn<any>): string {
  if (printable.test(queryString)) return queryString
  return queryString.replace(everyUnprintable, encodeAll)
}

function madeQuery(conn: AnyConn<any>, params: NewParams): string {
  const given = typeof params === "function" ? params(conn.queryParams) : params
  try {
    return encodeQuery(given)
  } catch (cause) {
    // A function hands on what the client sent, and a query can say things that cannot be written again.
    if (typeof params === "function" && !canEncode(conn.queryParams)) {
      throw new BadRequestError("the query of this request cannot be written again", { cause })
    }
    throw new UsageError(`a query takes no such parameters: ${(cause as Error).message}`, { cause })
  }
}

function canEncode(params: QueryParams): boolean {
  try {
    encodeQuery(params)
    return true
  } catch {
    return false
  }
}

function baseOf(base: string | URL): string {
  const url = URL.canParse(base) ? new URL(base) : undefined
  const isWeb = url?.protocol === "https:" || url?.protocol === "http:"
  if (!isWeb || /[?#]/.test(url.href) || url.username !== "" || url.password !== "") {
    throw new UsageError("currentUrl: base takes the http or https URL of this site, without query, fragment or user")
  }
  return url.origin + url.pathname.replace(/\/+$/, "")
}

function originOf(conn: AnyConn<any>, start: { readonly trustHost: true }): string {
  if (start.trustHost !== true) throw new UsageError("currentUrl takes a base, or trustHost: true")
  const { scheme, host, port } = conn
  const text = `${scheme}://${host}:${port}`
  if (host === "" || !URL.canParse(text))
    throw new BadRequestError("the request names no host that an address can have")
  return new URL(text).origin
}
