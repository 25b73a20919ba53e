/** A name for every request, by which its log lines are found again across servers. */

import { Buffer } from "node:buffer"
import { randomFillSync } from "node:crypto"
import { checkOption, checkOptionNames } from "../conn/options.ts"
import type { Conn } from "../conn/states.ts"
import { invalidHeaderName } from "../http/headers.ts"

export interface RequestIdOptions<K extends string = "requestId"> {
  /** The header that is read and answered, in any case; "x-request-id". */
  header?: string
  /** Makes an id where the client sent none that can be kept; 20 random URL-safe characters. */
  generate?: (conn: Conn) => string
  /** The key of `assigns` that gets the id; "requestId". */
  assign?: K
}

/** What may be kept: short enough to be logged, and nothing that could mean something to a log, a shell or a page. */
const sound = /^[A-Za-z0-9_.=+/-]{20,200}$/
/** Headers with a meaning of their own to servers. */
const framing = ["connection", "content-length", "keep-alive", "transfer-encoding", "upgrade", "set-cookie"]

/**
 * Assigns the id of the request as `requestId` and answers it in a header. The client's own is kept when it has 20 to 200
 * characters of `A-Z a-z 0-9 _ . = + / -`; any other is replaced by one that nobody can guess. Belongs first in the
 * endpoint.
 *
 * Raises `InvalidOptionError` for options that it does not take.
 *
 * @example
 * call(requestId(), conn("GET", "/")).assigns.requestId.length //=> 20
 * const headers = { "x-request-id": "a-client-wrote-this-id" }
 * call(requestId(), conn("GET", "/", undefined, { headers })).getRespHeader("x-request-id") //=> "a-client-wrote-this-id"
 */
export function requestId<const K extends string>(
  options: RequestIdOptions<K> & { readonly assign: K },
): (conn: Conn) => Conn<{ readonly [P in K]: string }>
// Not a default of K, which a pipeline would infer away.
export function requestId(options?: RequestIdOptions): (conn: Conn) => Conn<{ readonly requestId: string }>
export function requestId(options: RequestIdOptions<string> = {}): (conn: Conn) => Conn {
  checkOptionNames("requestId", options, ["header", "generate", "assign"])
  const { header = "x-request-id", generate = randomId, assign = "requestId" } = options
  const name = String(header).toLowerCase()
  const named = invalidHeaderName(name) === undefined && !framing.includes(name)
  checkOption("requestId", "header", typeof header === "string" && named, "the name of a header of its own", header)
  checkOption("requestId", "generate", typeof generate === "function", "a function that gives a string", generate)
  checkOption("requestId", "assign", typeof assign === "string" && assign !== "", "the name of an assign", assign)
  return (conn) => {
    const sent = conn.getReqHeader(name)
    const id = sent !== undefined && sound.test(sent) ? sent : generate(conn)
    return conn.putRespHeader(name, id).assign(assign, id)
  }
}

/** 120 bits, which are 20 characters and far from ever meeting twice. */
const idBytes = 15
/** Randomness is asked for in one go for many ids; each call costs more than the bytes. */
const pool = Buffer.allocUnsafeSlow(idBytes * 256)
let used = pool.length

function randomId(): string {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  used += idBytes
  return pool.toString("base64url", used - idBytes, used)
}
