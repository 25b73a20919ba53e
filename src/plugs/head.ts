/** HEAD requests routed as GET; their answers still go without a body. */

import type { Conn } from "../conn/states.ts"

/**
 * Makes the method of a HEAD request "GET", so that routes need not name both. To the client it stays HEAD: the headers of
 * the answer are GET's, its length among them, and no body follows (RFC 9110 §9.3.2). Belongs before the router.
 *
 * @example
 * call(head(), conn("HEAD", "/")).method //=> "GET"
 * sentResp(call(head(), conn("HEAD", "/")).text("hello")).body //=> ""
 */
export function head(): (conn: Conn) => Conn {
  return (conn) => (conn.method === "HEAD" ? conn.rewrite({ method: "GET" }) : conn)
}
