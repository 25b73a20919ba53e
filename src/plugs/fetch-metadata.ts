/**
 * Which site a request comes from, by what browsers say of it: `Sec-Fetch-Site` (Fetch Metadata, W3C), and `Origin` (RFC
 * 6454) from those that do not send that.
 */

import { ForbiddenError } from "../conn/errors.ts"
import { checkOption, checkOptionNames } from "../conn/options.ts"
import type { AnyConn } from "../conn/states.ts"
import { originAllowed } from "../http/origin.ts"
import type { Plug } from "../plug/plug.ts"

/** Whether a host is one of a list. */
export type HostCheck = (host: string) => boolean

/**
 * The check of a list of hosts; an entry that begins with "." stands for all below it. Raises `InvalidOptionError`, in the
 * name of `plug`, for what no host looks like.
 *
 * @example
 * const allows = compileHosts("a plug", ["a.com", ".b.com"])
 * ["a.com", "www.a.com", "www.b.com", "b.com", "evilb.com"].map(allows) //=> [true, false, true, false, false]
 */
export function compileHosts(plug: string, hosts: readonly string[]): HostCheck {
  const isHost = (host: unknown): boolean => typeof host === "string" && /^\.?[a-z0-9[][a-z0-9._:\-\]]*$/.test(host)
  const sound = Array.isArray(hosts) && hosts.every(isHost)
  checkOption(plug, "allowHosts", sound, 'a list of hosts in lower case, such as "a.com" or ".a.com"', hosts)
  const whole = new Set(hosts.filter((host) => !host.startsWith(".")))
  const ends = hosts.filter((host) => host.startsWith("."))
  return (host) => whole.has(host) || ends.some((end) => host.endsWith(end))
}

/** What cannot change anything, and so needs no protection (RFC 9110 §9.2.1). */
export const isSafe = (method: string): boolean => method === "GET" || method === "HEAD" || method === "OPTIONS"

/**
 * Why a request is not taken for one of this site's own pages, or of `allows`; undefined when it may be one. Without either
 * header no browser of the last years has sent it, and there is nothing to hold against it. Behind a proxy that ends TLS
 * the scheme is right only with `rewriteOn`.
 *
 * @example
 * const from = (headers) => foreignSite(conn("POST", "/", "", { headers }), () => false)
 * from({ "sec-fetch-site": "same-origin" }) //=> undefined
 * from({ "sec-fetch-site": "cross-site" }) //=> "sec-fetch-site is cross-site"
 * from({ origin: "http://www.example.com" }) //=> undefined
 * from({ origin: "null" }) //=> "origin is not http://www.example.com"
 */
export function foreignSite(conn: AnyConn, allows: HostCheck): string | undefined {
  const site = conn.getReqHeader("sec-fetch-site")
  if (site === "same-origin" || site === "none") return undefined
  const origin = conn.getReqHeader("origin")
  if (site === "same-site" || site === "cross-site") {
    return origin !== undefined && hostAllowed(origin, allows) ? undefined : `sec-fetch-site is ${site}`
  }
  const { scheme, host, port } = conn
  if (originAllowed(origin, true, { scheme, host, port }) || hostAllowed(origin!, allows)) return undefined
  const own = port === (scheme === "https" ? 443 : 80) ? host : `${host}:${port}`
  return `origin is not ${scheme}://${own}`
}

function hostAllowed(origin: string, allows: HostCheck): boolean {
  return originAllowed(origin, (url) => allows(url.hostname), { scheme: "", host: "", port: undefined })
}

export interface FetchMetadataOptions {
  /** Hosts of other origins that may send such requests; ".a.com" stands for all below it. */
  allowHosts?: readonly string[]
}

/**
 * Refuses requests of other sites that could change something: all but GET, HEAD and OPTIONS, whatever their body is. It
 * needs no session and no token, and protects whoever has a browser of the last years; `csrfProtection` protects all.
 *
 * Raises `ForbiddenError` (403).
 *
 * @example
 * const foreign = { headers: { "sec-fetch-site": "cross-site" } }
 * call(fetchMetadata(), conn("GET", "/", undefined, foreign)).halted //=> false
 * call(fetchMetadata(), conn("POST", "/", "{}", foreign)) //=> throws ForbiddenError
 */
export function fetchMetadata(options: FetchMetadataOptions = {}): Plug {
  checkOptionNames("fetchMetadata", options, ["allowHosts"])
  const allows = compileHosts("fetchMetadata", options.allowHosts ?? [])
  return (conn) => {
    const foreign = isSafe(conn.method) ? undefined : foreignSite(conn, allows)
    if (foreign === undefined) return conn
    throw new ForbiddenError(`this request came from another site (${foreign}); see allowHosts of fetchMetadata`)
  }
}
