/**
 * https alone: redirects what comes by plain http, and tells browsers to come by https at once.
 */

import { Buffer } from "node:buffer"
import { BadRequestError } from "../conn/errors.ts"
import { checkOption, checkOptionNames } from "../conn/options.ts"
import type { Conn, Halted } from "../conn/states.ts"
import { parseAuthority } from "../http/authority.ts"
import { canonicalPath, splitPath } from "../http/path.ts"
import { type HstsOptions, hsts } from "./hsts.ts"
import { type RewriteOnOptions, rewriteOn } from "./rewrite-on.ts"

/** What is let through by plain http. */
export interface SslExclusions {
  /** Without port; `localhost`, `127.0.0.1` and `[::1]` when left out. */
  hosts?: readonly string[]
  /** Whole paths (`/health`), compared as the router sees them. */
  paths?: readonly string[]
  /** Whatever else; exactly true excludes. */
  conn?: (conn: Conn) => boolean
}

export interface ForceSslOptions {
  /**
   * Where https is served: a host, with a port where it is not 443; several, of which the request's own is kept and the
   * first stands in for all others; or a function. The request's own host when left out.
   */
  host?: string | readonly string[] | ((conn: Conn) => string)
  /** true (the default): a year. false: no header. */
  hsts?: boolean | HstsOptions
  exclude?: SslExclusions
  /** Runs `rewriteOn` first, for a proxy that ends TLS. */
  rewriteOn?: RewriteOnOptions
  /** Told of every redirect; the text is printable ASCII. */
  log?: (message: string, conn: Conn) => void
}

const where = "forceSsl"
const loopback: readonly string[] = ["localhost", "127.0.0.1", "[::1]"]

/**
 * Redirects plain http to https and halts; puts `strict-transport-security` into answers to https (see `hsts`).
 *
 * The status is 301 for GET and HEAD, else 307, which keeps method and body; path and query stay as they were sent. What
 * is excluded is not touched at all. Without `host` the redirect goes to the host that the request names, which is a host
 * of RFC 3986 or a 400, and never to its port: a link cannot choose it, but who sends a forged Host is sent there, and a
 * cache that does not look at Host would keep it. Give `host` where such a cache stands before the server.
 *
 * Errors at start: `InvalidOptionError`. Per request: `BadRequestError` for a host that is malformed or, of an HTTP/1.0
 * client, missing.
 *
 * @example
 * const plug = forceSsl({ host: ["example.com", "www.example.com"] })
 * const to = (url) => sentResp(plug(conn("GET", url))).headers.location
 * to("http://www.example.com/a//b?c") //=> "https://www.example.com/a//b?c"
 * to("http://evil.example/") //=> "https://example.com/"
 */
export function forceSsl(options: ForceSslOptions = {}): (conn: Conn) => Conn | Halted {
  checkOptionNames(where, options, ["host", "hsts", "exclude", "rewriteOn", "log"])
  const { hsts: strict = true, exclude = {}, log } = options
  checkOption(where, "hsts", typeof strict === "boolean" || isObject(strict), "true, false or its options", strict)
  checkOption(where, "log", log === undefined || typeof log === "function", "a function", log)
  const rewrite = options.rewriteOn === undefined ? undefined : rewriteOn(options.rewriteOn)
  const putHsts = strict === false ? undefined : hsts(strict === true ? {} : strict)
  const hostOf = compileHost(options.host)
  const excluded = compileExclusions(exclude)
  return (conn) => {
    rewrite?.(conn)
    if (excluded(conn)) return conn
    if (conn.scheme === "https") return putHsts === undefined ? conn : putHsts(conn)
    const { method } = conn
    const status = method === "GET" || method === "HEAD" ? 301 : 307
    const location = `https://${hostOf(conn)}${targetOf(conn)}`
    log?.(`forceSsl redirects ${visible(method)} to ${location} with ${status}`, conn)
    return conn.putRespHeader("location", location).sendResp(status).halt()
  }
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null
}

const hostTakes = 'a host ("example.com", "example.com:8443"), a list of them, or a function'

function compileHost(host: unknown): (conn: Conn) => string {
  if (host === undefined) return ownHost
  if (typeof host === "function") {
    return (conn) => {
      const given: unknown = host(conn)
      checkOption(where, "host", isHost(given), "a function that gives a host", given)
      return given as string
    }
  }
  const hosts = Array.isArray(host) ? host : [host]
  checkOption(where, "host", hosts.length > 0 && hosts.every(isHost), hostTakes, host)
  const byName = new Map<string, string>()
  for (const one of hosts as string[]) byName.set(parseAuthority(one)!.host.toLowerCase(), one)
  const first = hosts[0] as string
  return hosts.length === 1 ? () => first : (conn) => byName.get(conn.host.toLowerCase()) ?? first
}

function isHost(value: unknown): boolean {
  return typeof value === "string" && parseAuthority(value) !== undefined
}

function ownHost(conn: Conn): string {
  const { host } = conn
  if (host === "") throw new BadRequestError("the request names no host to redirect to")
  return host
}

function compileExclusions(exclude: SslExclusions): (conn: Conn) => boolean {
  checkOptionNames(`${where}: exclude`, exclude, ["hosts", "paths", "conn"])
  const { hosts = loopback, paths = [], conn: test } = exclude
  const areHosts = Array.isArray(hosts) && hosts.every((host) => isHost(host) && !parseAuthority(host)!.port)
  checkOption(where, "exclude.hosts", areHosts, "a list of hosts without ports", hosts)
  const arePaths = Array.isArray(paths) && paths.every((path) => typeof path === "string" && path.startsWith("/"))
  checkOption(where, "exclude.paths", arePaths && paths.every(splitPath), 'a list of paths that begin with "/"', paths)
  checkOption(where, "exclude.conn", test === undefined || typeof test === "function", "a function", test)
  const ofHosts = new Set(hosts.map((host) => host.toLowerCase()))
  const ofPaths = new Set(paths.map((path) => canonicalPath(splitPath(path)!)))
  return (conn) =>
    (ofHosts.size > 0 && ofHosts.has(conn.host.toLowerCase())) ||
    (ofPaths.size > 0 && ofPaths.has(conn.path)) ||
    test?.(conn) === true
}

/** Path and query as they were sent; "*" of an OPTIONS has no place behind a host. */
function targetOf(conn: Conn): string {
  const { unsafeRawPath: path, queryString: query } = conn
  return visible(`${path.startsWith("/") ? path : "/"}${query === "" ? "" : `?${query}`}`)
}

const printable = /^[!-~]*$/

/** Bytes that no URL has are percent-encoded, one by one. */
function visible(text: string): string {
  if (printable.test(text)) return text
  const hex = (byte: number): string => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`
  return text.replace(/[^!-~]/gu, (one) =>
    one <= "\xff" ? hex(one.charCodeAt(0)) : [...Buffer.from(one)].map(hex).join(""),
  )
}
