/**
 * The opening and closing handshake of websockets, as values (RFC 6455 §4.2, §5.5.1, §7.4).
 */
import { createHash } from "node:crypto"
import { list } from "./media-type.ts"

const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
/** 16 bytes in base64. */
const keyText = /^[+/0-9A-Za-z]{22}==$/

/**
 * The `sec-websocket-accept` that answers a `sec-websocket-key`.
 *
 * @example
 * acceptKey("dGhlIHNhbXBsZSBub25jZQ==") //=> "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
 */
export function acceptKey(key: string): string {
  return createHash("sha1")
    .update(key + guid)
    .digest("base64")
}

/**
 * What is wrong with a request to upgrade, undefined when nothing is: GET, `upgrade: websocket`, `connection: upgrade`,
 * version 13 and a key of 16 bytes.
 *
 * @example
 * invalidHandshake(() => undefined, "POST") //=> "a websocket is opened with GET, not POST"
 */
export function invalidHandshake(getHeader: (name: string) => string | undefined, method: string): string | undefined {
  if (method !== "GET") return `a websocket is opened with GET, not ${method.slice(0, 32)}`
  if (!hasToken(getHeader("upgrade"), "websocket")) return 'the header upgrade must be "websocket"'
  if (!hasToken(getHeader("connection"), "upgrade")) return 'the header connection must have "upgrade"'
  if (getHeader("sec-websocket-version") !== "13") return 'the header sec-websocket-version must be "13"'
  const key = getHeader("sec-websocket-key")
  if (key === undefined || !keyText.test(key)) return "the header sec-websocket-key must be 16 bytes in base64"
  return undefined
}

function hasToken(header: string | undefined, token: string): boolean {
  if (header === undefined) return false
  return list(header).some((item) => item.toLowerCase() === token)
}

/**
 * The first subprotocol of the client's list (its preference) that is offered here; undefined when there is none, or the
 * client asked for none.
 *
 * @example
 * chooseSubprotocol("soap, chat", ["chat", "soap"]) //=> "soap"
 * chooseSubprotocol(undefined, ["chat"]) //=> undefined
 */
export function chooseSubprotocol(header: string | undefined, offered: readonly string[]): string | undefined {
  return header === undefined ? undefined : list(header).find((name) => offered.includes(name))
}

/**
 * Whether a code may be sent in a close frame: 1000 to 1014 but 1004, 1005 and 1006, and 3000 to 4999.
 *
 * @example
 * validCloseCode(1005) //=> false
 */
export function validCloseCode(code: number): boolean {
  if (!Number.isInteger(code)) return false
  return (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006)) || (code >= 3000 && code <= 4999)
}

/** A control frame carries 125 bytes, of which the code takes two. */
const reasonBytes = 123
const encoder = new TextEncoder()

/**
 * The reason of a close frame, cut to 123 bytes of UTF-8 at the end of a character.
 *
 * @example
 * closeReason("é".repeat(100)).length //=> 61
 */
export function closeReason(text: string): string {
  if (text.length <= reasonBytes / 3) return text
  const { read } = encoder.encodeInto(text.slice(0, reasonBytes), new Uint8Array(reasonBytes))
  return text.slice(0, read)
}
