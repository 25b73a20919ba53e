/**
 * Behind proxies: the client's address, and scheme, host and port as it used them, from the headers of proxies that are
 * trusted.
 */

import { BadRequestError, InvalidOptionError } from "../conn/errors.ts"
import { checkOption, checkOptionNames } from "../conn/options.ts"
import type { Conn } from "../conn/states.ts"
import { type Address, compileNetworks, formatAddress, parseAddress } from "../http/address.ts"
import { type Authority, parseAuthority } from "../http/authority.ts"
import { type ForwardedElement, type ForwardedNode, parseForwarded, parseNode } from "../http/forwarded.ts"

/** The header that says each of these; what is left out is not rewritten. Names are compared without regard to case. */
export interface ForwardedHeaders {
  for?: string
  host?: string
  port?: string
  proto?: string
}

export interface RewriteOnOptions {
  /**
   * Who is believed: networks (`"10.0.0.0/8"`, `"2001:db8::1"`, `"loopback"`, `"link-local"`, `"private"`), or how many
   * proxies stand between the client and this server.
   */
  trust: readonly string[] | number
  /**
   * What the proxies set: some of `x-forwarded-for`, `x-forwarded-host`, `x-forwarded-port` and `x-forwarded-proto`; or
   * `"forwarded"` (RFC 7239); or a header of any name for each (`{ for: "cf-connecting-ip" }`).
   */
  headers: "forwarded" | readonly string[] | ForwardedHeaders
}

type Part = keyof ForwardedHeaders
type Rewrite = { scheme?: "http" | "https"; host?: string; port?: number; remoteIp?: string }
/** Whether to look beyond the node that is `hop` proxies behind the peer. */
type GoesOn = (address: Address | undefined, hop: number) => boolean
type Find = (conn: Conn, goesOn: GoesOn, fewest: number) => Found
/** What was found at the chosen hop, as text. */
interface Found {
  readonly client: Address | undefined
  readonly proto: string | undefined
  readonly host: string | undefined
  readonly port: string | undefined
}

const where = "rewriteOn"
const most = 100
const parts: readonly Part[] = ["for", "host", "port", "proto"]
const usual: ReadonlyMap<string, Part> = new Map(parts.map((part) => [`x-forwarded-${part}`, part]))
const token = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/
const digits = /^\d{1,5}$/
const schemes: ReadonlyMap<string, "http" | "https"> = new Map([
  ["http", "http"],
  ["https", "https"],
  ["ws", "http"],
  ["wss", "https"],
])

/**
 * Takes `remoteIp`, `scheme`, `host` and `port` from what trusted proxies say of the request.
 *
 * One decision governs all four. If the peer of the socket is not trusted, no header is even looked at. Else the chain of
 * addresses is read from its right end, where the nearest proxy wrote, and the client is the first address that is not
 * trusted (or the last there is); scheme, host and port are the values of that hop, or the leftmost where a header has
 * fewer. A node that hides its address ("unknown", "_x") leaves the client at the proxy that named it so. With a number
 * of hops any peer is believed: only for servers that nobody but the proxies can reach.
 *
 * List only headers that your proxies set on every request: what they merely pass on is the client's to choose.
 * What is read and malformed (an address, a host that RFC 3986 does not have, a port not from 1 to 65535, a scheme but
 * http, https, ws, wss) is a 400: passing over it would give the client the proxy's own address. `Forwarded` is malformed
 * as a whole. Request headers and `getPeerData` stay as they are.
 *
 * Errors at start: `InvalidOptionError`; `trust: true` is one, as are networks that hold everybody. Per request:
 * `BadRequestError`.
 *
 * @example
 * const plug = rewriteOn({ trust: ["10.0.0.0/8"], headers: ["x-forwarded-for", "x-forwarded-proto"] })
 * const headers = { "x-forwarded-for": "6.6.6.6, 203.0.113.9, 10.0.0.2", "x-forwarded-proto": "https" }
 * const from = (remoteIp) => plug(conn("GET", "/", undefined, { remoteIp, headers }))
 * from("10.0.0.1").remoteIp //=> "203.0.113.9"
 * from("10.0.0.1").requestUrl() //=> "https://www.example.com/"
 * from("192.0.2.1").requestUrl() //=> "http://www.example.com/"
 */
export function rewriteOn(options: RewriteOnOptions): (conn: Conn) => Conn {
  checkOptionNames(where, options, ["trust", "headers"])
  const { trusts, goesOn, hops } = compileTrust(options.trust)
  const find = compileHeaders(options.headers)
  return (conn) => {
    if (!trusts(conn.getPeerData().address)) return conn
    const changes = changesOf(conn, find(conn, goesOn, hops))
    return changes === undefined ? conn : conn.rewrite(changes)
  }
}

function compileTrust(trust: unknown): { trusts: (peer: string) => boolean; goesOn: GoesOn; hops: number } {
  if (trust === true) {
    throw new InvalidOptionError(
      `${where}: trust is never true, for then any client says who it is; name the networks of your proxies, or their number`,
    )
  }
  if (typeof trust === "number") {
    const holds = Number.isInteger(trust) && trust >= 1 && trust <= most
    checkOption(where, "trust", holds, `a number of proxies from 1 to ${most}`, trust)
    return { trusts: () => true, goesOn: (_address, hop) => hop + 1 < trust, hops: trust }
  }
  const isList = Array.isArray(trust) && trust.length > 0
  checkOption(where, "trust", isList, "a list of networks that is not empty, or a number of proxies", trust)
  const inside = networks(trust as string[])
  let [lastPeer, lastAnswer] = ["", false]
  return {
    trusts: (peer) => {
      // Proxies are few and send runs of requests.
      if (peer === lastPeer) return lastAnswer
      const address = parseAddress(peer, true)
      lastAnswer = address !== undefined && inside(address)
      lastPeer = peer
      return lastAnswer
    },
    goesOn: (address) => address !== undefined && inside(address),
    hops: 1,
  }
}

function networks(list: readonly string[]): (address: Address) => boolean {
  try {
    return compileNetworks(list)
  } catch (cause) {
    throw new InvalidOptionError(`${where}: trust: ${(cause as Error).message}`, { cause })
  }
}

function compileHeaders(headers: unknown): Find {
  if (headers === "forwarded") return findForwarded
  const names: ForwardedHeaders = {}
  const takes = `"forwarded", some of ${[...usual.keys()].join(", ")}, or a header name for each of ${parts.join(", ")}`
  if (Array.isArray(headers)) {
    for (const header of headers) {
      const part = usual.get(String(header).toLowerCase())
      checkOption(where, "headers", part !== undefined, takes, header)
      names[part!] = String(header).toLowerCase()
    }
  } else {
    checkOption(where, "headers", typeof headers === "object" && headers !== null, takes, headers)
    checkOptionNames(`${where}: headers`, headers as object, parts)
    for (const [part, header] of Object.entries(headers as object)) {
      const name = String(header).toLowerCase()
      checkOption(where, `headers.${part}`, typeof header === "string" && token.test(name), "a header's name", header)
      names[part as Part] = name
    }
  }
  checkOption(where, "headers", Object.keys(names).length > 0, takes, headers)
  return (conn, goesOn, hops) => findNamed(conn, names, goesOn, hops)
}

function malformed(header: string): BadRequestError {
  return new BadRequestError(`the ${header} header of a trusted proxy is malformed`)
}

/** The header's lines as one, undefined when there is none. */
function joined(conn: Conn, name: string | undefined): string | undefined {
  if (name === undefined) return undefined
  const lines = conn.getReqHeaders(name)
  return lines.length > 1 ? lines.join(",") : lines[0]
}

function findNamed(conn: Conn, names: ForwardedHeaders, goesOn: GoesOn, hops: number): Found {
  let client: Address | undefined
  // Without a chain it is known only by a number how many values were written by proxies.
  let hop = names.for === undefined ? hops - 1 : 0
  const chain = joined(conn, names.for)
  if (chain !== undefined) {
    walkBack(chain, (item, at) => {
      const node = nodeOf(item)
      if (node === undefined) throw malformed(names.for!)
      hop = at
      client = node.address ?? client
      return goesOn(node.address, at)
    })
  }
  const value = (name: string | undefined): string | undefined => itemAt(joined(conn, name), hop)
  return { client, proto: value(names.proto), host: value(names.host), port: value(names.port) }
}

/** As proxies write it: an address, IPv6 without brackets too, or any other node of RFC 7239. */
function nodeOf(item: string): ForwardedNode | undefined {
  const address = parseAddress(item)
  return address === undefined ? parseNode(item) : { address, port: undefined }
}

/** Shows the items of a comma list from the right, without empty ones, as long as `visit` says so. */
function walkBack(text: string, visit: (item: string, at: number) => boolean): void {
  let end = text.length
  for (let at = 0; end >= 0; ) {
    const comma = end === 0 ? -1 : text.lastIndexOf(",", end - 1)
    const item = text.slice(comma + 1, end).trim()
    if (item !== "" && !visit(item, at++)) return
    end = comma
  }
}

/** The item that is so many from the right, the leftmost where there are fewer. */
function itemAt(text: string | undefined, hop: number): string | undefined {
  let found: string | undefined
  if (text !== undefined) {
    walkBack(text, (item, at) => {
      found = item
      return at < hop
    })
  }
  return found
}

function findForwarded(conn: Conn, goesOn: GoesOn): Found {
  // Each line is parsed, so that no quote of the client's reaches into what a proxy wrote.
  const lines = conn.getReqHeaders("forwarded").map((line) => {
    const elements = parseForwarded(line)
    if (elements === undefined) throw malformed("forwarded")
    return elements
  })
  let client: Address | undefined
  let chosen: ForwardedElement | undefined
  let hop = 0
  search: for (const elements of lines.reverse()) {
    for (let i = elements.length - 1; i >= 0; i--) {
      chosen = elements[i]!
      const node = chosen.for === undefined ? hidden : parseNode(chosen.for)
      if (node === undefined) throw malformed("forwarded")
      client = node.address ?? client
      if (!goesOn(node.address, hop++)) break search
    }
  }
  return { client, proto: chosen?.proto, host: chosen?.host, port: undefined }
}

const hidden: ForwardedNode = { address: undefined, port: undefined }

function changesOf(conn: Conn, { client, proto, host, port }: Found): Rewrite | undefined {
  const changes: Rewrite = {}
  if (client !== undefined) changes.remoteIp = formatAddress(client)
  const authority = host === undefined ? undefined : authorityOf(host)
  if (authority !== undefined) changes.host = authority.host
  const scheme = proto === undefined ? conn.scheme : schemes.get(proto.toLowerCase())
  if (scheme === undefined) throw new BadRequestError("the forwarded scheme is not http or https")
  if (scheme !== conn.scheme) changes.scheme = scheme
  if (port !== undefined) changes.port = portOf(port)
  else if (authority !== undefined) changes.port = authority.port ?? defaultPort(scheme)
  // The port was the old scheme's own, so it is the new one's.
  else if (scheme !== conn.scheme && conn.port === defaultPort(conn.scheme)) changes.port = defaultPort(scheme)
  for (const _ in changes) return changes
  return undefined
}

function authorityOf(host: string): Authority {
  const authority = parseAuthority(host)
  if (authority === undefined || authority.port === 0) throw new BadRequestError("the forwarded host is malformed")
  return authority
}

function portOf(text: string): number {
  const port = digits.test(text) ? Number(text) : 0
  if (port < 1 || port > 65_535) throw new BadRequestError("the forwarded port is not from 1 to 65535")
  return port
}

function defaultPort(scheme: "http" | "https"): number {
  return scheme === "https" ? 443 : 80
}
