/** A plug for forms: a parameter that must be there, its blank fields null, after Phoenix's `scrub_params`. */

import { inner } from "../conn/conn.ts"
import { BadRequestError } from "../conn/errors.ts"
import { checkOption } from "../conn/options.ts"
import { parsedOf } from "../conn/request.ts"
import type { Conn } from "../conn/states.ts"

type Params = Readonly<Record<string, unknown>>

/**
 * Requires a parameter, and makes null of every text in it that is only white space: forms send "" for what was left empty.
 * In maps and lists it goes all the way down; uploads, other values and other parameters stay as they are.
 *
 * Null and not undefined, so that a field that was emptied can be told from one that was not sent. `params`, `bodyParams` and
 * `queryParams` all show it (the last has nulls then that its type does not name), so it belongs after the parsers and before
 * `validate`. A parameter that is missing, null or itself blank is a `BadRequestError` (400) that names it.
 *
 * @example
 * const form = { user: { name: " ", tags: ["a", ""] }, page: "" }
 * call(scrubParams("user"), conn("POST", "/").putBodyParams(form)).params //=> { user: { name: null, tags: ["a", null] }, page: "" }
 * call(scrubParams("page"), conn("GET", "/?page=")) //=> throws BadRequestError
 */
export function scrubParams(key: string): (conn: Conn) => Conn {
  checkOption("scrubParams", "key", typeof key === "string" && key !== "", "the name of a parameter", key)
  return (conn) => {
    const parsed = parsedOf(inner(conn))
    parsed.query = scrubKey(conn.queryParams as Params, key) as typeof parsed.query
    if (parsed.body !== undefined) parsed.body = scrubKey(parsed.body, key)
    const value = conn.params[key] ?? ""
    if (typeof value !== "string" || notBlank.test(value)) return conn
    throw new BadRequestError(`the parameter ${key} is missing or blank`)
  }
}

function scrubKey(params: Params, key: string): Params {
  return Object.hasOwn(params, key) ? replaced(params, key, scrub(params[key])) : params
}

const notBlank = /\S/

/** The value itself where nothing in it is blank. */
function scrub(value: unknown): unknown {
  if (typeof value === "string") return notBlank.test(value) ? value : null
  if (Array.isArray(value)) {
    const items = value.map(scrub)
    return items.some((item, i) => item !== value[i]) ? items : value
  }
  if (!isMap(value)) return value
  let map = value
  for (const key of Object.keys(value)) map = replaced(map, key, scrub(value[key]), map !== value)
  return map
}

/** The map with another value for a key that it has: a copy, unless it is one already or the value is the same. */
function replaced(map: Params, key: string, value: unknown, isCopy = false): Params {
  if (Object.is(map[key], value)) return map
  const isBare = Object.getPrototypeOf(map) === null
  const copy: Record<string, unknown> = isCopy ? map : isBare ? { __proto__: null, ...map } : { ...map }
  copy[key] = value
  return copy
}

function isMap(value: unknown): value is Params {
  if (typeof value !== "object" || value === null) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}
