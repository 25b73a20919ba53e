/** Who may see the debugger's page: whoever sits at this machine, and nobody who only looks like it. */

import { InvalidOptionError } from "../conn/errors.ts"
import { checkOption } from "../conn/options.ts"
import type { Conn } from "../conn/states.ts"
import { type Address, compileNetworks, parseAddress } from "../http/address.ts"
import { parseAuthority } from "../http/authority.ts"
import { getHeaders } from "../http/headers.ts"
import { attempt, clean } from "./debug-mask.ts"

export interface DebugAccess {
  /** Peers that may see it beside those on this machine: networks such as `"192.168.1.0/24"` (RFC 4632), `"private"`. */
  allowPeers?: readonly string[]
  /** Host names under which it is shown beside `localhost`, `*.localhost`, `*.test` and addresses of allowed peers. */
  allowHosts?: readonly string[]
}

/** Headers of proxies that name no address to look at, or hide it. */
const veils = ["forwarded", "via", "cf-connecting-ip", "true-client-ip", "fly-client-ip", "x-client-ip"]

/** Reads the options once and gives the check. What it refuses is said once on stderr, with what to do. */
export function allowed(where: string, { allowPeers = [], allowHosts = [] }: DebugAccess): (conn: Conn) => boolean {
  const hosts = allowHosts
  const isList = Array.isArray(hosts) && hosts.every((host) => typeof host === "string" && host !== "")
  checkOption(where, "allowHosts", isList, "a list of host names", allowHosts)
  const isNear = networks(where, allowPeers)
  const names: ReadonlySet<string> = new Set(hosts.map((host) => host.toLowerCase()))
  const isOurs = (host: string): boolean => {
    const lower = host.toLowerCase()
    if (names.has(lower) || lower === "localhost" || /\.(?:localhost|test)$/.test(lower)) return true
    return isNear(lower.replace(/^\[(.*)\]$/, "$1"))
  }
  const told = new Set<string>()
  return (conn) => {
    const refusal = refusalOf(conn, isNear, isOurs)
    if (refusal === undefined) return true
    const [kind, message] = refusal
    if (!told.has(kind)) console.warn(`debugErrors shows nothing to ${message} (said once)`)
    told.add(kind)
    return false
  }
}

function networks(where: string, allowPeers: readonly string[]): (text: string) => boolean {
  checkOption(where, "allowPeers", Array.isArray(allowPeers), "a list of networks", allowPeers)
  let inside: (address: Address) => boolean
  try {
    inside = compileNetworks(["loopback", ...allowPeers])
  } catch (cause) {
    throw new InvalidOptionError(`${where}: allowPeers: ${(cause as Error).message}`, { cause })
  }
  return (text) => {
    const address = parseAddress(text, true)
    return address !== undefined && inside(address)
  }
}

type Refusal = readonly [kind: string, message: string]

/** Why the page is not shown; undefined when it is. */
function refusalOf(
  conn: Conn,
  isNear: (address: string) => boolean,
  isOurs: (host: string) => boolean,
): Refusal | undefined {
  const { address } = conn.getPeerData()
  const shown = (text: string): string => JSON.stringify(clean(text, 200))
  if (!isNear(address) || !isNear(conn.remoteIp)) {
    return ["peer", `${shown(isNear(address) ? conn.remoteIp : address)}, which is not this machine: see allowPeers`]
  }
  // As they came: a plug may have removed them.
  const headers = conn.exchange.getHeaders()
  const hops = [...getHeaders(headers, "x-forwarded-for"), ...getHeaders(headers, "x-real-ip")]
  const far = hops
    .join(",")
    .split(",")
    .find((hop) => hops.length > 0 && !isNear(hop.trim()))
  const veil = veils.find((name) => getHeaders(headers, name).length > 0)
  if (far !== undefined || veil !== undefined)
    return ["proxy", `a request that came through a proxy (${shown(far ?? veil!)})`]
  const host = attempt(() => parseAuthority(getHeaders(headers, "host")[0] ?? "")?.host, undefined) ?? ""
  if (!isOurs(host) || !isOurs(conn.host)) return ["host", `a request for the host ${shown(host)}: see allowHosts`]
  const [origin] = getHeaders(headers, "origin")
  // What a browser goes to no script reads; and of a page with `referrer-policy: no-referrer` its own form has no origin.
  const isOwn = ["same-origin", "none"].includes(getHeaders(headers, "sec-fetch-site")[0] ?? "")
  if (origin === undefined || isOwn || getHeaders(headers, "sec-fetch-mode")[0] === "navigate") return undefined
  const from = URL.canParse(origin) ? new URL(origin).hostname : ""
  return isOurs(from) ? undefined : ["origin", `a script of ${shown(origin)}: see allowHosts`]
}
