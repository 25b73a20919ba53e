/** Redirects to where the visitor came from. */

import { localPath } from "../conn/response.ts"
import type { Conn, Sent } from "../conn/states.ts"
import { originAllowed } from "../http/origin.ts"

const wholeUrl = /^https?:\/\//i

/**
 * Redirects to the page of this site that the request came from, by its Referer; to `fallback` where that is missing or
 * malformed, of another scheme, host or port, or could lead a browser away. Only path and query of it count.
 *
 * A GET is not sent back to itself, which would go round for ever. `fallback` is a path as `conn.redirect` takes it; anything
 * else is a `UsageError`, whether it is needed or not. Behind a proxy that ends TLS, `rewriteOn` comes first: without it the
 * scheme is never that of the page. A site whose `referrer-policy` is "no-referrer" always gets the fallback.
 *
 * @example
 * const from = (referer) => conn("POST", "https://a.com/cart", undefined, { headers: { referer } })
 * sentResp(redirectBack(from("https://a.com/books?page=2"), "/")).headers.location //=> "/books?page=2"
 * sentResp(redirectBack(from("https://evil.example/books"), "/")).headers.location //=> "/"
 */
export function redirectBack(conn: Conn<any>, fallback: string): Sent {
  const safe = localPath(fallback)
  return conn.redirect(pageBefore(conn) ?? safe)
}

function pageBefore(conn: Conn<any>): string | undefined {
  const [referer, second] = conn.getReqHeaders("referer")
  if (referer === undefined || second !== undefined) return undefined
  if (!wholeUrl.test(referer) || !URL.canParse(referer)) return undefined
  const { origin, username, password, pathname, search } = new URL(referer)
  if (username !== "" || password !== "" || !originAllowed(origin, true, conn)) return undefined
  const page = pathname + search
  const isSafe = conn.method === "GET" || conn.method === "HEAD"
  if (!isLocal(page) || (isSafe && page === here(conn))) return undefined
  return page
}

/** "//evil.example" is a path of this site, until a browser reads it as a location. */
function isLocal(page: string): boolean {
  try {
    localPath(page)
    return true
  } catch {
    return false
  }
}

/** This request's own page, written as the browser writes it. */
function here({ unsafeRawPath, queryString }: Conn<any>): string | undefined {
  const text = `http://a${unsafeRawPath}?${queryString}`
  if (!URL.canParse(text)) return undefined
  const { pathname, search } = new URL(text)
  return pathname + search
}
