/**
 * The options that every server takes, checked at start.
 *
 * A wrong option never waits for the first request: it raises `InvalidOptionError` when the adapter is made, and the
 * message names the adapter, the option, what it takes and what it was given.
 */
import { readFileSync } from "node:fs"
import { createSecureContext } from "node:tls"
import { defaultLimits, InvalidOptionError, type Limits } from "../src/conn/adapter.ts"
import { type TlsCiphers, type TlsPreset, tlsPresets } from "./tls-presets.ts"

export interface TlsOptions {
  /** The private key, PEM. */
  keyFile: string
  /** The certificate and its chain, PEM. */
  certFile: string
  /** What opens the key, where it is encrypted. */
  passphrase?: string
  /** With it, clients must show a certificate that one of these authorities (PEM) has signed. */
  caFile?: string
  /**
   * "strong": TLS 1.3 alone. "compatible": TLS 1.2 as well, with forward secrecy and authenticated encryption alone (RFC 9325).
   * Node's own choice when left out.
   */
  ciphers?: TlsCiphers
}

export interface ServerOptions {
  /** 4000; 0 takes any free port. */
  port?: number
  /** An address or name of this machine. Without it: all interfaces, IPv6 and IPv4 where there are both. */
  host?: string
  tls?: TlsOptions
  /** Those that differ from `defaultLimits`. */
  limits?: Partial<Limits>
  /** permessage-deflate for the websockets that ask for it; off by default, for it costs memory per connection. */
  compression?: boolean
}

/** The tls option with its files read. */
export interface CheckedTls extends TlsOptions {
  readonly key: Buffer
  readonly cert: Buffer
  readonly ca: Buffer | undefined
  readonly preset: TlsPreset
}

/** Options that hold, with every default filled in. */
export interface CheckedOptions {
  readonly port: number
  readonly host: string | undefined
  readonly tls: CheckedTls | undefined
  readonly limits: Limits
  readonly compression: boolean
}

const optionNames = ["port", "host", "tls", "limits", "compression"]
const tlsNames = ["keyFile", "certFile", "passphrase", "caFile", "ciphers"]
/** Timers and 32-bit lengths hold no more. */
const largest = 2_147_483_647

/**
 * Checks the options of a server and fills in the defaults; reads the tls files. `extraNames` are options of the adapter's
 * own, which it checks itself. Errors: `InvalidOptionError`.
 *
 * @example
 * checkOptions("node", {}).port //=> 4000
 * checkOptions("node", { limits: { headerCount: 20 } }).limits.headerCount //=> 20
 */
export function checkOptions(
  adapter: string,
  options: ServerOptions,
  extraNames: readonly string[] = [],
): CheckedOptions {
  refuseUnknown(adapter, "", options, [...optionNames, ...extraNames])
  const { port = 4000, host, tls, limits = {}, compression = false } = options
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw wrong(adapter, "port", "an integer from 0 (any free port) to 65535", port)
  }
  if (host !== undefined && (typeof host !== "string" || host === "")) {
    throw wrong(adapter, "host", "an address or a name", host)
  }
  if (typeof compression !== "boolean") throw wrong(adapter, "compression", "true or false", compression)
  return {
    port,
    host,
    tls: tls === undefined ? undefined : checkTls(adapter, tls),
    limits: checkLimits(adapter, limits),
    compression,
  }
}

/** The error for an option with a value that it does not take; for the options that an adapter checks itself. */
export function wrong(adapter: string, option: string, accepted: string, given: unknown): InvalidOptionError {
  return new InvalidOptionError(`${adapter}: ${option} takes ${accepted}, got ${show(given)}`)
}

function checkLimits(adapter: string, limits: Partial<Limits>): Limits {
  refuseUnknown(adapter, "limits", limits, Object.keys(defaultLimits))
  const checked: Record<string, number> = { ...defaultLimits }
  for (const [name, value] of Object.entries(limits)) {
    if (value === undefined) continue
    if (!Number.isInteger(value) || value < 1 || value > largest) {
      const unit = name.endsWith("Timeout") ? " of milliseconds" : name === "headerCount" ? "" : " of bytes"
      throw wrong(adapter, `limits.${name}`, `a positive integer${unit} (at most ${largest})`, value)
    }
    checked[name] = value
  }
  return checked as unknown as Limits
}

function checkTls(adapter: string, tls: TlsOptions): CheckedTls {
  refuseUnknown(adapter, "tls", tls, tlsNames)
  if (tls.passphrase !== undefined && typeof tls.passphrase !== "string") {
    throw new InvalidOptionError(`${adapter}: tls.passphrase takes a string, got ${typeof tls.passphrase}`)
  }
  const { ciphers = "usual" } = tls
  if (ciphers === "usual" ? tls.ciphers !== undefined : !Object.hasOwn(tlsPresets, ciphers)) {
    throw wrong(adapter, "tls.ciphers", '"strong" or "compatible"', tls.ciphers)
  }
  const key = readFileOf(adapter, "tls.keyFile", tls.keyFile)
  const cert = readFileOf(adapter, "tls.certFile", tls.certFile)
  const ca = tls.caFile === undefined ? undefined : readFileOf(adapter, "tls.caFile", tls.caFile)
  try {
    createSecureContext({ key, cert, ca, passphrase: tls.passphrase })
  } catch (cause) {
    const files = `tls.keyFile ${show(tls.keyFile)} and tls.certFile ${show(tls.certFile)}`
    throw new InvalidOptionError(`${adapter}: ${files} do not work together: ${(cause as Error).message}`, { cause })
  }
  return { ...tls, key, cert, ca, preset: tlsPresets[ciphers] }
}

function readFileOf(adapter: string, option: string, path: unknown): Buffer {
  if (typeof path !== "string" || path === "") throw wrong(adapter, option, "the path of a PEM file", path)
  try {
    return readFileSync(path)
  } catch (cause) {
    const message = `${adapter}: ${option} takes the path of a PEM file, ${show(path)} cannot be read: ${(cause as Error).message}`
    throw new InvalidOptionError(message, { cause })
  }
}

/** Raises `InvalidOptionError` unless what is given is an object with no other names than these; `option` is "" for all options. */
export function refuseUnknown(adapter: string, option: string, given: unknown, names: readonly string[]): void {
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw wrong(adapter, option === "" ? "the adapter" : option, `an object with ${names.join(", ")}`, given)
  }
  for (const name of Object.keys(given)) {
    if (!names.includes(name)) {
      const full = option === "" ? name : `${option}.${name}`
      throw new InvalidOptionError(`${adapter}: there is no option ${show(full)}; it takes ${names.join(", ")}`)
    }
  }
}

function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 200))
  return typeof value === "object" && value !== null ? (Array.isArray(value) ? "an array" : "an object") : String(value)
}

/**
 * The address to show for a server that listens; wildcards become `localhost`.
 *
 * @example
 * serverUrl("http", undefined, 4000) //=> "http://localhost:4000"
 * serverUrl("https", "::1", 443) //=> "https://[::1]:443"
 */
export function serverUrl(scheme: "http" | "https", host: string | undefined, port: number): string {
  const wildcard = host === undefined || host === "::" || host === "0.0.0.0"
  const name = wildcard ? "localhost" : host.includes(":") ? `[${host}]` : host
  return `${scheme}://${name}:${port}`
}

/**
 * The text of a peer's address, IPv4 in IPv4 form; "" when the socket no longer knows it.
 *
 * @example
 * peerAddress("::ffff:127.0.0.1") //=> "127.0.0.1"
 * peerAddress("::1") //=> "::1"
 */
export function peerAddress(text: string | undefined): string {
  if (text === undefined) return ""
  return text.startsWith("::ffff:") && text.includes(".") ? text.slice(7) : text
}
