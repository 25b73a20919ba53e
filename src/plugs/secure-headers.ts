/** Headers that make browsers careful: with types, frames, referrers, windows of others, and what a page may do. */

import { checkValue } from "../conn/checks.ts"
import { checkOption, checkOptionNames } from "../conn/options.ts"
import type { Conn } from "../conn/states.ts"
import { type CspAssigns, type CspDirectives, compilePolicy } from "./content-security-policy.ts"

type ReferrerPolicy =
  | `${"" | "strict-"}origin${"" | "-when-cross-origin"}`
  | "no-referrer"
  | "no-referrer-when-downgrade"
  | "same-origin"
  | "unsafe-url"

/** Who may use a feature: nobody (`[]`), this site (`"self"`), origins, or everybody (`"*"`). */
export type PermissionsPolicy = Readonly<Record<string, readonly string[] | "*">>

/** Each header may be given another value, or false for none. */
export interface SecureHeadersOptions<
  D extends CspDirectives = CspDirectives,
  R extends CspDirectives = CspDirectives,
> {
  /** What a page may load and run; `base-uri 'self'; frame-ancestors 'self'`. Given, it replaces these. */
  contentSecurityPolicy?: D | false
  /** A policy that is only reported on; none. */
  contentSecurityPolicyReportOnly?: R | false
  /** Keeps windows of other origins apart; "same-origin". Pages that log in by a popup want "same-origin-allow-popups". */
  crossOriginOpenerPolicy?: "same-origin" | "same-origin-allow-popups" | "noopener-allow-popups" | "unsafe-none" | false
  /** Who may embed what is served here; "same-origin". Public images and fonts want "cross-origin". */
  crossOriginResourcePolicy?: "same-origin" | "same-site" | "cross-origin" | false
  /** What a page may embed without being asked; none. With "require-corp" a page is cross-origin isolated. */
  crossOriginEmbedderPolicy?: "require-corp" | "credentialless" | "unsafe-none" | false
  /** Who may frame a page, for browsers without `frame-ancestors`; "SAMEORIGIN". */
  frameOptions?: "SAMEORIGIN" | "DENY" | false
  /** What a page and its frames may use of the device; none. */
  permissionsPolicy?: PermissionsPolicy | false
  /** What readers of PDF may take along; "none". */
  permittedCrossDomainPolicies?: "none" | "master-only" | "by-content-type" | "all" | false
  /** How much of a page's address others are told; "strict-origin-when-cross-origin". */
  referrerPolicy?: ReferrerPolicy | false
  /** Keeps browsers from guessing types; "nosniff". */
  contentTypeOptions?: "nosniff" | false
}

const where = "secureHeaders"
/** Options whose value is the header's, the header, what it may be, and what it is when left out. */
const plainHeaders: readonly [
  option: keyof SecureHeadersOptions,
  header: string,
  values: string,
  usual: string | false,
][] = [
  ["contentTypeOptions", "x-content-type-options", "nosniff", "nosniff"],
  ["frameOptions", "x-frame-options", "SAMEORIGIN DENY", "SAMEORIGIN"],
  [
    "referrerPolicy",
    "referrer-policy",
    "no-referrer no-referrer-when-downgrade same-origin origin strict-origin origin-when-cross-origin strict-origin-when-cross-origin unsafe-url",
    "strict-origin-when-cross-origin",
  ],
  [
    "crossOriginOpenerPolicy",
    "cross-origin-opener-policy",
    "same-origin same-origin-allow-popups noopener-allow-popups unsafe-none",
    "same-origin",
  ],
  ["crossOriginResourcePolicy", "cross-origin-resource-policy", "same-origin same-site cross-origin", "same-origin"],
  ["crossOriginEmbedderPolicy", "cross-origin-embedder-policy", "require-corp credentialless unsafe-none", false],
  ["permittedCrossDomainPolicies", "x-permitted-cross-domain-policies", "none master-only by-content-type all", "none"],
]
const usualPolicy: CspDirectives = { "base-uri": ["'self'"], "frame-ancestors": ["'self'"] }

/**
 * Puts the headers that browsers protect pages by; `put_secure_browser_headers` of Phoenix, with what has come since.
 *
 * What is given in the options is put over what is there; the defaults leave a header that an earlier plug has put. All is
 * written once, at start; only a `nonce()` in a policy costs a request something, and assigns `cspNonce`. HSTS is the
 * affair of whoever speaks TLS (`hsts`). `x-xss-protection` is not put, since it opened holes of its own, nor
 * `x-download-options`, which only Internet Explorer has read.
 *
 * Raises `InvalidOptionError` at start for a value that browsers would ignore.
 *
 * @example
 * const plug = secureHeaders({ frameOptions: "DENY", permissionsPolicy: { camera: [], geolocation: ["self"] } })
 * const { headers } = sentResp(plug(conn("GET", "/")).text("hello"))
 * [headers["x-frame-options"], headers["permissions-policy"]] //=> ["DENY", "camera=(), geolocation=(self)"]
 * headers["content-security-policy"] //=> "base-uri 'self'; frame-ancestors 'self'"
 */
export function secureHeaders<const D extends CspDirectives = {}, const R extends CspDirectives = {}>(
  options: SecureHeadersOptions<D, R> = {},
): (conn: Conn) => Conn<CspAssigns<D> & CspAssigns<R>> {
  const names = plainHeaders.map(([option]) => option)
  const others = ["permissionsPolicy", "contentSecurityPolicy", "contentSecurityPolicyReportOnly"]
  checkOptionNames(where, options, [...names, ...others])
  const given: [name: string, value: string][] = []
  const usual: [name: string, value: string][] = []
  for (const [option, header, values, fallback] of plainHeaders) {
    const value = options[option] as string | false | undefined
    if (value === undefined && fallback !== false) usual.push([header, fallback])
    const holds = value === undefined || value === false || values.split(" ").includes(value)
    checkOption(where, option, holds, `${values.split(" ").join(", ")} or false`, value)
    if (typeof value === "string") given.push([header, value])
  }
  const { permissionsPolicy, contentSecurityPolicy: policy, contentSecurityPolicyReportOnly: reported } = options
  if (permissionsPolicy) given.push(["permissions-policy", writePermissions(permissionsPolicy)])
  const policies: ((conn: Conn) => void)[] = []
  if (policy) policies.push(compilePolicy(policy, false))
  if (reported) policies.push(compilePolicy(reported, true))
  const usualPut = policy === undefined ? compilePolicy(usualPolicy, false) : undefined
  return (conn) => {
    for (const [name, value] of usual) if (conn.getRespHeader(name) === undefined) conn.putRespHeader(name, value)
    for (const [name, value] of given) conn.putRespHeader(name, value)
    if (usualPut !== undefined && conn.getRespHeader("content-security-policy") === undefined) usualPut(conn)
    for (const put of policies) put(conn)
    return conn as Conn<CspAssigns<D> & CspAssigns<R>>
  }
}

/** The policy as a dictionary of structured fields (RFC 9651): `camera=(), fullscreen=(self "https://a.com")`. */
function writePermissions(policy: PermissionsPolicy): string {
  const option = "permissionsPolicy"
  checkOption(where, option, typeof policy === "object" && Object.keys(policy).length > 0, "an object", policy)
  const written = Object.entries(policy).map(([feature, allowed]) => {
    checkOption(where, option, /^[a-z][a-z0-9-]*$/.test(feature), "features in lower case", feature)
    if (allowed === "*") return `${feature}=*`
    checkOption(where, option, Array.isArray(allowed), 'lists of origins and "self", or "*"', allowed)
    const list = allowed.map((one) => {
      const isOrigin = typeof one === "string" && /^[a-z][a-z0-9+.-]*:\/\/(?:\*\.)?[\w.[\]:-]+$/.test(one)
      const takes = '"self", "src" and origins ("https://a.com")'
      checkOption(where, option, one === "self" || one === "src" || isOrigin, takes, one)
      return isOrigin ? `"${one}"` : one
    })
    return `${feature}=(${list.join(" ")})`
  })
  const value = written.join(", ")
  checkValue("permissions-policy", value)
  return value
}
