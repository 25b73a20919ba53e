/** Content Security Policy (CSP Level 3): what a page may load and run, written as directives and checked at start. */

import { randomBytes } from "node:crypto"
import { checkOption, checkOptionNames } from "../conn/options.ts"
import type { Conn } from "../conn/states.ts"

/** Stands in a directive for the nonce of the request. */
export interface Nonce {
  readonly nonce: true
}

/** A source: a keyword or hash in single quotes (`'self'`), a scheme (`data:`), a host (`https://*.a.com`), or `nonce()`. */
export type CspSource = string | Nonce

type FetchDirective =
  | `${"default" | "child" | "connect" | "font" | "frame" | "img" | "manifest" | "media" | "object" | "worker"}-src`
  | `${"script" | "style"}-src${"" | "-elem" | "-attr"}`
type SourceDirective = FetchDirective | "base-uri" | "form-action" | "frame-ancestors"
type NameDirective = "sandbox" | "report-to" | "report-uri" | "require-trusted-types-for" | "trusted-types"

/** Directives and their sources. An empty list allows nothing (`'none'`); true is for those that take no value. */
export type CspDirectives = { readonly [D in SourceDirective]?: readonly CspSource[] } & {
  readonly [D in NameDirective]?: readonly string[]
} & { readonly "upgrade-insecure-requests"?: boolean }

// Only what certainly has a nonce promises one: a list that is known by its places, and has a nonce in one of them.
type Lacks<V> = V extends readonly unknown[]
  ? [Extract<V[number], Nonce>] extends [never]
    ? true
    : number extends V["length"]
      ? true
      : never
  : true
/** What a policy assigns: `cspNonce` where one of its directives holds `nonce()`. */
export type CspAssigns<D> = true extends { [K in keyof D]-?: [Lacks<D[K]>] extends [never] ? true : never }[keyof D]
  ? { readonly cspNonce: string }
  : {}

const mark: Nonce = Object.freeze({ nonce: true })

/**
 * A source that is `'nonce-…'` with 128 fresh random bits per request, the same in all policies of one answer. Templates
 * find them in `conn.assigns.cspNonce`: `<script nonce="${conn.assigns.cspNonce}">`.
 */
export function nonce(): Nonce {
  return mark
}

const where = "contentSecurityPolicy"
const fetchDirectives = ["default", "child", "connect", "font", "frame", "img", "manifest", "media", "object", "worker"]
const sourceDirectives: readonly string[] = [
  ...fetchDirectives.map((name) => `${name}-src`),
  ...["script", "style"].flatMap((name) => [`${name}-src`, `${name}-src-elem`, `${name}-src-attr`]),
  ...["base-uri", "form-action", "frame-ancestors"],
]
const nameDirectives: readonly string[] = [
  ...["sandbox", "report-to", "report-uri", "require-trusted-types-for", "trusted-types"],
]
const flags: readonly string[] = ["upgrade-insecure-requests"]
const keywords: readonly string[] = [
  ...["self", "none", "unsafe-inline", "unsafe-eval", "unsafe-hashes", "wasm-unsafe-eval", "strict-dynamic"],
  ...["report-sample", "inline-speculation-rules"],
]
const keyword = new RegExp(`^'(?:${keywords.join("|")})'$`)
const hash = /^'sha(?:256-[\w+/-]{43}=|384-[\w+/-]{64}|512-[\w+/-]{86}==)'$/
const scheme = /^[a-z][a-z0-9+.-]*:$/i
const host =
  /^(?:[a-z][a-z0-9+.-]*:\/\/)?(?:\*|(?:\*\.)?[\w-]+(?:\.[\w-]+)*)(?::(?:\d{1,5}|\*))?(?:\/[!$&()*+\-./:=@\w~%]*)?$/i
/** What two directives take that is no free name. */
const forms: Readonly<Record<string, readonly [form: RegExp, takes: string]>> = {
  sandbox: [/^allow-[a-z-]+$/, 'flags such as "allow-scripts"'],
  "require-trusted-types-for": [/^'script'$/, `"'script'"`],
}
/** What names and reports may be written with: neither ";" nor "," nor space, which would end them. */
const word = /^[!#$%&'()*+\-./:=?@\w~]+$/

/**
 * Puts a Content Security Policy on every answer; assigns `cspNonce` where the policy has a `nonce()`, and only then.
 *
 * With `reportOnly` browsers report and forbid nothing; both kinds may be put, in two plugs. A page with a nonce is for one
 * answer: kept by a cache or answered with 304, its scripts no longer have the nonce of the header.
 *
 * Raises `InvalidOptionError` at start for a directive that is none, a keyword without its quotes (`self`), a fixed nonce,
 * and whatever could end a directive or the header.
 *
 * @example
 * const plug = contentSecurityPolicy({ "default-src": ["'self'"], "img-src": ["'self'", "data:"], "object-src": [] })
 * plug(conn("GET", "/")).getRespHeader("content-security-policy") //=> "default-src 'self'; img-src 'self' data:; object-src 'none'"
 * const page = contentSecurityPolicy({ "script-src": [nonce()] })(conn("GET", "/"))
 * page.getRespHeader("content-security-policy") === `script-src 'nonce-${page.assigns.cspNonce}'` //=> true
 */
export function contentSecurityPolicy<const D extends CspDirectives>(
  directives: D,
  options: { reportOnly?: boolean } = {},
): (conn: Conn) => Conn<CspAssigns<D>> {
  checkOptionNames(where, options, ["reportOnly"])
  const { reportOnly = false } = options
  checkOption(where, "reportOnly", typeof reportOnly === "boolean", "true or false", reportOnly)
  const put = compilePolicy(directives, reportOnly)
  return (conn) => {
    put(conn)
    return conn as Conn<CspAssigns<D>>
  }
}

/** What puts the header of a policy. Everything but a nonce is written once, here. */
export function compilePolicy(directives: CspDirectives, reportOnly: boolean): (conn: Conn) => void {
  checkOptionNames(where, directives, [...sourceDirectives, ...nameDirectives, ...flags])
  const name = reportOnly ? "content-security-policy-report-only" : "content-security-policy"
  const written = Object.entries(directives).flatMap(([directive, value]) => writeDirective(directive, value))
  checkOption(where, "directives", written.length > 0, "at least one directive", directives)
  // Split where a nonce belongs: its quotes are in no other source.
  const parts = written.join("; ").split("'nonce'")
  if (parts.length === 1) return (conn) => void conn.putRespHeader(name, parts[0]!)
  return (conn) => void conn.putRespHeader(name, parts.join(`'nonce-${nonceOf(conn)}'`))
}

/** The nonce of this request, made by whoever asks first. */
function nonceOf(conn: Conn): string {
  const known = conn.private["plumage_csp_nonce"] as string | undefined
  if (known !== undefined) return known
  // URL-safe, so that nothing in it needs escaping in HTML.
  const fresh = randomBytes(16).toString("base64url")
  conn.putPrivate("plumage_csp_nonce", fresh).assign("cspNonce", fresh)
  return fresh
}

function writeDirective(directive: string, value: unknown): string[] {
  if (value === undefined) return []
  if (flags.includes(directive)) {
    checkOption(where, directive, typeof value === "boolean", "true or false", value)
    return value ? [directive] : []
  }
  checkOption(where, directive, Array.isArray(value), "a list", value)
  const isNames = nameDirectives.includes(directive)
  const sources = (value as readonly unknown[]).map((one) =>
    isNames ? nameIn(directive, one) : source(directive, one),
  )
  if (sources.length === 0 && !isNames) return [`${directive} 'none'`]
  const alone = !sources.includes("'none'") || sources.length === 1
  checkOption(where, directive, alone, "'none' only alone", value)
  const full = sources.length > 0 || directive === "sandbox"
  checkOption(where, directive, full, "at least one name", value)
  return [[directive, ...sources].join(" ")]
}

function nameIn(directive: string, name: unknown): string {
  const [form, takes] = forms[directive] ?? [word, 'names without spaces, ";" and ","']
  checkOption(where, directive, typeof name === "string" && form.test(name), takes, name)
  return name as string
}

function source(directive: string, value: unknown): string {
  if (value === mark) {
    const takes = "nonce() only where scripts or styles are meant"
    checkOption(where, directive, /^(?:default|script|style)-src(?:-elem)?$/.test(directive), takes, "nonce()")
    return "'nonce'"
  }
  const text = typeof value === "string" ? value : ""
  const bare = keywords.includes(text) || /^(?:nonce|sha\d+)-/.test(text)
  checkOption(where, directive, !bare, `keywords and hashes in single quotes: "'${text}'"`, value)
  const isScheme = /^(?:data|blob|https?|wss?|filesystem|mediastream)$/i.test(text)
  checkOption(where, directive, !isScheme, `schemes with their colon: "${text}:"`, value)
  const isFixed = text.startsWith("'nonce-")
  checkOption(
    where,
    directive,
    !isFixed,
    "nonce() for a nonce; one that is always the same protects nothing",
    "'nonce-…'",
  )
  const holds = keyword.test(text) || hash.test(text) || scheme.test(text) || host.test(text)
  const takes = `"'self'" and other keywords, hashes ("'sha256-…'"), schemes ("data:"), hosts ("https://*.a.com") and nonce()`
  checkOption(where, directive, holds, takes, value)
  return text
}
