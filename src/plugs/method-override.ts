/** PUT, PATCH and DELETE for HTML forms, which can only send GET and POST. */

import { inner } from "../conn/conn.ts"
import type { Conn } from "../conn/states.ts"

const methods: ReadonlySet<string> = new Set(["PUT", "PATCH", "DELETE"])
const longest = 6

/**
 * Makes a POST whose body has a `_method` of "put", "patch" or "delete", in any case, a request of that method. The query
 * does not count, so that no link decides on a method, and neither does anything that is no text. Belongs after the body
 * parsers, without which it does nothing, and before the router.
 *
 * @example
 * call(methodOverride(), conn("POST", "/users/7").putBodyParams({ _method: "delete" })).method //=> "DELETE"
 */
export function methodOverride(): (conn: Conn) => Conn {
  return (conn) => {
    if (conn.method !== "POST") return conn
    // Not `bodyParams`, which raises where no parser has run.
    const body = inner(conn).parsed?.body
    if (body === undefined || !Object.hasOwn(body, "_method")) return conn
    const wanted = body["_method"]
    if (typeof wanted !== "string" || wanted.length > longest) return conn
    const method = wanted.toUpperCase()
    return methods.has(method) ? conn.rewrite({ method }) : conn
  }
}
