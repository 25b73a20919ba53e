/**
 * The check of a request's Origin (RFC 6454), which keeps other sites from speaking through a visitor's browser.
 */

/**
 * Which origins may connect. `true` or `"conn"`: those with the request's own scheme, host and port. A list: these, where
 * `//host` leaves out what does not matter and `*.` stands for the host itself and everything below it. A function: those
 * for which it returns true. `false`: all.
 */
export type OriginPolicy = boolean | "conn" | readonly string[] | ((origin: URL) => boolean)

/** What a request was sent to. Without a port, the one of the scheme. */
export interface RequestOrigin {
  readonly scheme: string
  readonly host: string
  readonly port: number | undefined
}

export type OriginCheck = (origin: string | undefined, request: RequestOrigin) => boolean

/** An origin as it is compared. Undefined in a pattern: whatever it is. */
interface Parts {
  readonly scheme: string | undefined
  readonly host: string
  readonly port: number | undefined
}

const serialized = /^[a-z][a-z0-9+.-]*:\/\/[^/?#@\\\s]+$/i
const pattern = /^(?:([a-z][a-z0-9+.-]*):)?\/\/(\*\.)?(\[[0-9a-f:.]+\]|[^/?#@\\\s:*[\]]+)(?::(\d{1,5}))?$/i
const ports: ReadonlyMap<string, number> = new Map([
  ["http", 80],
  ["https", 443],
  ["ws", 80],
  ["wss", 443],
])

/**
 * Checks one origin. `compileOriginPolicy` does the same with the policy read once.
 *
 * Without an Origin there is no browser to protect, and the request passes. "null", "file://" and whatever has no host are
 * refused by every policy but `false`.
 *
 * @example
 * originAllowed("https://a.com", true, { scheme: "https", host: "a.com", port: 443 }) //=> true
 * originAllowed("https://evila.com", ["//*.a.com"], { scheme: "https", host: "b.com", port: 443 }) //=> false
 */
export function originAllowed(origin: string | undefined, policy: OriginPolicy, request: RequestOrigin): boolean {
  return compileOriginPolicy(policy)(origin, request)
}

/**
 * The check of a policy. Raises a TypeError for a list entry that no origin could match by what it looks like.
 *
 * @example
 * const check = compileOriginPolicy(["https://a.com", "//*.b.com"])
 * check("https://www.b.com:8443", { scheme: "https", host: "a.com", port: 443 }) //=> true
 */
export function compileOriginPolicy(policy: OriginPolicy): OriginCheck {
  if (policy === false) return () => true
  if (policy === true || policy === "conn") return isSameOrigin
  if (typeof policy === "function") {
    return (origin, _request) => {
      if (origin === undefined) return true
      const url = parse(origin)
      // Exactly true: a promise, which a careless async function returns, must not pass.
      return url !== undefined && policy(url) === true
    }
  }
  if (!Array.isArray(policy)) throw new TypeError('an origin policy is a boolean, "conn", a list or a function')
  const checks = policy.map(compileEntry)
  return (origin, _request) => {
    if (origin === undefined) return true
    const url = parse(origin)
    if (url === undefined) return false
    const parts = partsOf(url)
    return checks.some((matches) => matches(parts))
  }
}

function parse(origin: string): URL | undefined {
  if (!serialized.test(origin) || !URL.canParse(origin)) return undefined
  const url = new URL(origin)
  return url.hostname === "" ? undefined : url
}

function partsOf(url: URL): Parts {
  const scheme = url.protocol.slice(0, -1)
  return { scheme, host: url.hostname.toLowerCase(), port: url.port === "" ? ports.get(scheme) : Number(url.port) }
}

function isSameOrigin(origin: string | undefined, { scheme, host, port }: RequestOrigin): boolean {
  if (origin === undefined) return true
  const url = parse(origin)
  const own = parse(`${scheme}://${host}`)
  if (url === undefined || own === undefined) return false
  const theirs = partsOf(url)
  return theirs.scheme === scheme && theirs.host === partsOf(own).host && theirs.port === (port ?? ports.get(scheme))
}

function compileEntry(entry: string): (origin: Parts) => boolean {
  const found = typeof entry === "string" ? pattern.exec(entry) : null
  // Read as an address of the web, so that case, punycode and IPv6 are written as browsers write them.
  const address = found === null ? undefined : parse(`http://${found[3]}`)
  if (found === null || address === undefined || Number(found[4] ?? 0) > 65_535) {
    const shown = typeof entry === "string" ? JSON.stringify(entry.slice(0, 200)) : typeof entry
    throw new TypeError(`an allowed origin looks like "https://a.com", "//a.com" or "//*.a.com", got ${shown}`)
  }
  const host = address.hostname
  const below = found[2] === undefined ? undefined : `.${host}`
  const scheme = found[1]?.toLowerCase()
  const implied = scheme === undefined ? undefined : ports.get(scheme)
  const port = found[4] === undefined ? implied : Number(found[4])
  return (origin) =>
    (origin.host === host || (below !== undefined && origin.host.endsWith(below))) &&
    (scheme === undefined || origin.scheme === scheme) &&
    (port === undefined || origin.port === port)
}
