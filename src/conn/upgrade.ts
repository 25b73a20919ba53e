/** The way from a request to a websocket: the handshake is checked here, the server only switches (RFC 6455 §4.2). */

import { compileOriginPolicy, type OriginCheck, type OriginPolicy } from "../http/origin.ts"
import { chooseSubprotocol, invalidHandshake } from "../http/websocket.ts"
import type { WebSocketHandler } from "./adapter.ts"
import { assertUnsent } from "./checks.ts"
import type { Connection } from "./conn.ts"
import { BadRequestError, ForbiddenError, InvalidOptionError, UpgradeRequiredError, UsageError } from "./errors.ts"
import { checkOption, checkOptionNames } from "./options.ts"
import { report } from "./report.ts"
import { prepare } from "./response.ts"
import type { UpgradeOptions } from "./states.ts"
import { endWebSocket } from "./stream.ts"

/** Policies are compiled once; those made per request are forgotten with it. */
const compiled = new WeakMap<object, OriginCheck>()
const sameOrigin = compileOriginPolicy(true)

function originCheck(policy: OriginPolicy): OriginCheck {
  if (typeof policy !== "object" && typeof policy !== "function") {
    return policy === true ? sameOrigin : compile(policy)
  }
  let check = compiled.get(policy)
  if (check === undefined) compiled.set(policy, (check = compile(policy)))
  return check
}

/** Raises `InvalidOptionError` for options that no upgrade takes. */
export function checkUpgradeOptions(options: UpgradeOptions): void {
  checkOptionNames("upgrade", options, ["protocols", "checkOrigin", "maxMessageBytes", "compression"])
  const { protocols, checkOrigin, maxMessageBytes: most, compression } = options
  const list = protocols === undefined || (Array.isArray(protocols) && protocols.every((one) => isToken(one)))
  checkOption("upgrade", "protocols", list, "a list of subprotocol names", protocols)
  const counted = most === undefined || (Number.isSafeInteger(most) && most > 0)
  checkOption("upgrade", "maxMessageBytes", counted, "a whole number of bytes from 1", most)
  const flag = compression === undefined || typeof compression === "boolean"
  checkOption("upgrade", "compression", flag, "true or false", compression)
  if (checkOrigin !== undefined) originCheck(checkOrigin)
}

const isToken = (text: unknown): boolean => typeof text === "string" && /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text)

export function upgrade(conn: Connection, protocol: string, handler: WebSocketHandler, options: UpgradeOptions): void {
  if (protocol !== "websocket")
    throw new UsageError(`upgrade() knows "websocket" and no other protocol, got ${protocol}`)
  assertUnsent(conn)
  if (conn.preparing) throw new UsageError("a callback of registerBeforeSend may change the answer, but not upgrade")
  if (typeof handler !== "object" || handler === null) {
    throw new UsageError(`the websocket ${conn.unsafeRawPath} needs a handler, got ${String(handler)}`)
  }
  const { messageBytes } = conn.exchange.limits
  checkUpgradeOptions(options)
  const maxMessageBytes = options.maxMessageBytes ?? messageBytes
  const takes = `at most the server's limits.messageBytes (${messageBytes})`
  checkOption("upgrade", "maxMessageBytes", maxMessageBytes <= messageBytes, takes, maxMessageBytes)
  checkHandshake(conn)
  checkOrigin(conn, options.checkOrigin ?? true)
  const chosen = subprotocol(conn, options.protocols ?? [])
  if (conn.beforeSend !== undefined || conn.respCookies !== undefined) {
    conn.status = 101
    prepare(conn, "set_upgrade")
  }
  conn.state = "upgraded"
  conn.exchange.upgrade({
    handler,
    protocol: chosen,
    headers: headersOf(conn),
    messageBytes: maxMessageBytes,
    compression: options.compression ?? false,
    onError: (error) => report(conn, error),
    onOver: () => endWebSocket(conn),
  })
}

function compile(policy: OriginPolicy): OriginCheck {
  try {
    return compileOriginPolicy(policy)
  } catch (cause) {
    throw new InvalidOptionError(`upgrade: checkOrigin: ${(cause as Error).message}`, { cause })
  }
}

function checkHandshake(conn: Connection): void {
  const wanted = conn.getReqHeader("upgrade")
  if (wanted === undefined || wanted.toLowerCase() !== "websocket") {
    throw new UpgradeRequiredError("this resource is a websocket")
  }
  const wrong = invalidHandshake((name) => conn.getReqHeader(name), conn.exchange.method) ?? unfitRequest(conn)
  if (wrong === undefined) return
  const version = conn.getReqHeader("sec-websocket-version")
  if (version !== undefined && version !== "13") throw new UpgradeRequiredError(wrong)
  throw new BadRequestError(wrong)
}

/** What only some servers would take, and each in its own way: another protocol (RFC 6455 §4.1), bytes before the frames. */
function unfitRequest({ exchange }: Connection): string | undefined {
  const protocol = exchange.getHttpProtocol()
  if (protocol !== "HTTP/1.1") return `a websocket is opened over HTTP/1.1, not ${protocol}`
  const hasBody = Number(exchange.getHeader("content-length") ?? 0) !== 0 || exchange.getHeader("transfer-encoding")
  return hasBody ? "the handshake of a websocket has no body" : undefined
}

function checkOrigin(conn: Connection, policy: OriginPolicy): void {
  const origin = conn.getReqHeader("origin")
  const { scheme, host, port } = conn
  if (originCheck(policy)(origin, { scheme, host, port })) return
  throw new ForbiddenError(`origin ${origin?.slice(0, 200)} may not connect; allow it with upgrade's checkOrigin`)
}

function subprotocol(conn: Connection, spoken: readonly string[]): string {
  if (spoken.length === 0) return ""
  const asked = conn.getReqHeaders("sec-websocket-protocol").join(",")
  const chosen = chooseSubprotocol(asked, spoken)
  if (chosen === undefined)
    throw new BadRequestError(`this websocket speaks ${spoken.join(", ")}; the client asked for none of them`)
  return chosen
}

/** The headers that were put, without those that belong to an answer with a body. */
function headersOf(conn: Connection): string[] {
  const own: string[] = []
  const all = conn.headers ?? []
  for (let i = 0; i < all.length; i += 2) {
    const name = all[i]!
    if (name !== "cache-control" && name !== "connection" && !name.startsWith("content-")) own.push(name, all[i + 1]!)
  }
  return own
}
