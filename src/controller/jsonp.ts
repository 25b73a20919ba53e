/** JSON for scripts of other sites (JSONP), after Phoenix's `allow_jsonp`. */

import { Buffer } from "node:buffer"
import type { Body } from "../conn/adapter.ts"
import { BadRequestError } from "../conn/errors.ts"
import { checkOption, checkOptionNames } from "../conn/options.ts"
import type { Conn } from "../conn/states.ts"
import { parseContentType } from "../http/media-type.ts"

export interface JsonpOptions {
  /** The parameter of the query that names the function to call; "callback". */
  callback?: string
}

const functionName = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/
const lineSeparators = /[\u2028\u2029]/g
/** In an object literal this key, however it is escaped, would set a prototype; and twice it is no program. */
const prototypeKey = /__proto__|\\u00[567]/

/**
 * Lets pages of other sites read JSON answers by a script element: `?callback=show` gets a script that calls `show` with the
 * value, where there is such a function. Only GET and HEAD, only answers of application/json that are sent whole.
 *
 * Every page that a visitor opens can then read what is answered to the visitor's cookies: for public data alone. `cors` is the
 * better way, which says who may read and lets pages see errors; this is for clients that know nothing else. After
 * `csrfProtection` it has no effect but a 403 for other sites, which is what that plug is for.
 *
 * A name has letters, digits and "_", at most 128 of them, and begins with no digit; any other is a `BadRequestError` (400).
 *
 * @example
 * const asked = call(allowJsonp(), conn("GET", "/?callback=show"))
 * sentResp(asked.json({ id: 7 })).body.slice(5) //=> "typeof show === 'function' && show({\"id\":7});"
 */
export function allowJsonp(options: JsonpOptions = {}): (conn: Conn) => Conn {
  checkOptionNames("allowJsonp", options, ["callback"])
  const { callback = "callback" } = options
  checkOption("allowJsonp", "callback", typeof callback === "string" && callback !== "", "a name", callback)
  return (conn) => {
    if (conn.method !== "GET" && conn.method !== "HEAD") return conn
    const name = conn.queryString === "" ? undefined : conn.queryParams[callback]
    if (name === undefined || name === "") return conn
    if (typeof name !== "string" || !functionName.test(name)) {
      throw new BadRequestError(`${callback} takes the name of a function: letters, digits and _`)
    }
    return conn.registerBeforeSend((conn) => wrap(conn, name))
  }
}

function wrap(conn: Conn, name: string): void {
  const { respBody, state } = conn
  const type = parseContentType(conn.getRespHeader("content-type") ?? "")
  if (state !== "set" || type?.type !== "application" || type.subtype !== "json") return
  if (respBody === undefined || respBody.length === 0) return
  conn
    .putRespContentType("text/javascript")
    .putRespHeader("x-content-type-options", "nosniff")
    .resp(conn.status!, `/**/ typeof ${name} === 'function' && ${name}(${expressionOf(respBody)});`)
}

/** A JSON text as an expression of JavaScript with the same value. */
function expressionOf(body: Body): string {
  const json = typeof body === "string" ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString()
  const text = prototypeKey.test(json) ? `JSON.parse(${JSON.stringify(json)})` : json
  return text.replace(lineSeparators, (character) => (character === "\u2028" ? "\\u2028" : "\\u2029"))
}
