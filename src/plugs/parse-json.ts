/** The parser of JSON bodies (RFC 8259), after Plug.Parsers.JSON. */

import { Buffer, isUtf8 } from "node:buffer"
import { ParseError } from "../conn/errors.ts"
import { checkOption } from "../conn/options.ts"
import type { Conn } from "../conn/states.ts"
import type { MediaType } from "../http/media-type.ts"
import {
  type BodyParams,
  type ConfigurableParser,
  checkCoding,
  checkParserOptions,
  hasBody,
  isFlag,
  type ParserOptions,
  readOptions,
} from "./body-parser.ts"

export interface JsonOptions extends Pick<ParserOptions, "length" | "timeout" | "maxDepth"> {
  /** Whether objects, too, are put under "_json", so that every body has one shape; false. */
  nestAllJson?: boolean
}

/** Levels of lists and objects; what people send has a handful. */
const defaultDepth = 64
/** From this size on the depth is counted before anything is made: a list in a list costs far more than its two bytes. */
const long = 65_536

/**
 * Reads application/json and application/*+json, always as UTF-8. An object gives the parameters, any other value is put
 * under "_json", an empty body gives none.
 *
 * `length` is the server's `limits.bodyBytes` (8,000,000) unless given, `maxDepth` 64 levels. What is no JSON, nests deeper
 * or is not UTF-8 is a `ParseError` (400), whose message shows nothing of the body. No object in the result has a
 * prototype, so that `__proto__` is a key like any other.
 *
 * @example
 * const list = conn("POST", "/", "[1,2]", { headers: { "content-type": "application/json" } })
 * await json().parse(list, { type: "application", subtype: "json", params: {} }) //=> { _json: [1, 2] }
 */
export function json(options: JsonOptions = {}): ConfigurableParser {
  checkParserOptions("json", options, ["length", "timeout", "maxDepth", "nestAllJson"])
  checkOption("json", "nestAllJson", isFlag(options.nestAllJson), "true or false", options.nestAllJson)
  return make(options)
}

function make(options: JsonOptions): ConfigurableParser {
  const { maxDepth = defaultDepth, nestAllJson = false } = options
  return {
    name: "json",
    withDefaults: (defaults) => make({ ...defaults, ...options }),
    parse(conn, mediaType) {
      if (!isJson(mediaType)) return undefined
      checkCoding(conn)
      return hasBody(conn) ? readParams(conn, options, maxDepth, nestAllJson) : Object.create(null)
    },
  }
}

function isJson({ type, subtype }: MediaType): boolean {
  return type === "application" && (subtype === "json" || subtype.endsWith("+json"))
}

async function readParams(conn: Conn, options: JsonOptions, maxDepth: number, nestAll: boolean): Promise<BodyParams> {
  const length = options.length ?? conn.exchange.limits.bodyBytes
  const data = await conn.readBody(readOptions(length, options.timeout))
  const params: Record<string, unknown> = Object.create(null)
  if (data.length === 0) return params
  const value = parseJson(data, maxDepth)
  if (!nestAll && typeof value === "object" && value !== null && !Array.isArray(value)) return value as BodyParams
  params["_json"] = value
  return params
}

/**
 * The value of a JSON text in UTF-8, its objects without prototypes. Raises `ParseError` for what is no such text, and for
 * one that nests deeper than `maxDepth` levels of lists and objects.
 *
 * @example
 * parseJson(new TextEncoder().encode('{"a":[1]}'), 2) //=> { a: [1] }
 * parseJson(new TextEncoder().encode('{"a":[1]}'), 1) //=> throws ParseError
 */
export function parseJson(data: Uint8Array, maxDepth: number): unknown {
  if (!isUtf8(data)) throw new ParseError("the JSON body is not UTF-8")
  if (data.length > long && depthOf(data) > maxDepth) throw tooDeep(maxDepth)
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString())
  } catch (cause) {
    throw new ParseError("the request body is not valid JSON", { cause })
  }
  takePrototypes(value, maxDepth)
  return value
}

function tooDeep(maxDepth: number): ParseError {
  return new ParseError(`the JSON body nests deeper than ${maxDepth} levels`)
}

/** How deep brackets nest outside strings; exact for what is valid JSON. */
function depthOf(data: Uint8Array): number {
  let depth = 0
  let deepest = 0
  let quoted = false
  for (let i = 0; i < data.length; i++) {
    const byte = data[i]!
    if (byte === 0x22) quoted = !quoted
    else if (quoted) {
      if (byte === 0x5c) i++
    } else if ((byte | 0x20) === 0x7b) {
      if (++depth > deepest) deepest = depth
    } else if ((byte | 0x20) === 0x7d) depth--
  }
  return deepest
}

/** Level by level, without recursion: deep values are refused, never followed down the stack. */
function takePrototypes(root: unknown, maxDepth: number): void {
  let level = isContainer(root) ? [root] : []
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > maxDepth) throw tooDeep(maxDepth)
    const inner: object[] = []
    for (const container of level) {
      if (Array.isArray(container)) {
        for (const item of container) if (isContainer(item)) inner.push(item)
        continue
      }
      Object.setPrototypeOf(container, null)
      for (const key in container) {
        const item = (container as Record<string, unknown>)[key]
        if (isContainer(item)) inner.push(item)
      }
    }
    level = inner
  }
}

function isContainer(value: unknown): value is object {
  return typeof value === "object" && value !== null
}
