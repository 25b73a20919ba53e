/** What an answer depends on, said to caches (RFC 9110 §12.5.5), by several plugs that do not know of each other. */

import type { Assigns, Conn } from "../conn/states.ts"
import { list } from "../http/media-type.ts"

/**
 * Adds the name of a request header to `vary`, once, in whatever case it is there. A `vary: *` says all there is to say and
 * stays. Raises `InvalidHeaderError` for what is no header value, `AlreadySentError` once the answer has left.
 *
 * @example
 * addVary(addVary(conn("GET", "/"), "accept"), "Accept").getRespHeader("vary") //=> "accept"
 * addVary(conn("GET", "/").putRespHeader("vary", "Origin"), "accept").getRespHeader("vary") //=> "Origin, accept"
 */
export function addVary<A extends Assigns>(conn: Conn<A>, name: string): Conn<A> {
  const { respHeaders } = conn
  const wanted = name.toLowerCase()
  let first: string | undefined
  for (let i = 0; i < respHeaders.length; i += 2) {
    if (respHeaders[i] !== "vary") continue
    const value = respHeaders[i + 1]!
    first ??= value
    if (value === wanted) return conn
    for (const there of list(value)) if (there === "*" || there.toLowerCase() === wanted) return conn
  }
  if (first === undefined || first === "" || wanted === "*") return conn.putRespHeader("vary", wanted)
  return conn.putRespHeader("vary", `${first}, ${wanted}`)
}
