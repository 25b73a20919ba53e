/**
 * The options of the uws adapter: those of every server, less what uWebSockets.js has fixed.
 */
import { type Limits, MissingCapabilityError } from "../../src/conn/adapter.ts"
import { type CheckedOptions, checkOptions, type ServerOptions } from "../options.ts"

/** Those of every server. A limit that the native library has fixed cannot be given, see the README. */
export interface UwsOptions extends ServerOptions {}

/** Between the start of a connection, or its last answer, and the end of the next head: 10 s, to the next tick of 4 s. */
const fixedTimeout = 10_000

/** A head's size, request line and all. Newer binaries read the environment once, when they are loaded. */
const headBytes = Math.max(4_096, Number(process.env.UWS_HTTP_MAX_HEADERS_SIZE) || 0)

/** What the native parser holds; its line for the request and an empty one at the end are taken off. */
const headerCounts = { older: 48, newer: 98 }

/** Checks the options. `InvalidOptionError` for a wrong value, `MissingCapabilityError` for what uws cannot have. */
export function checkUwsOptions(options: UwsOptions): CheckedOptions {
  const checked = checkOptions("uws", options)
  if (checked.tls?.caFile !== undefined) throw lacks("tls.caFile", "it cannot demand a certificate of its clients")
  if (checked.tls?.ciphers === "strong")
    throw lacks('tls.ciphers "strong"', "it speaks TLS 1.2 as well; choose compatible")
  const given = options.limits ?? {}
  for (const name of ["headTimeout", "keepAliveTimeout"] as const) {
    const value = given[name]
    if (value === undefined || value === fixedTimeout) continue
    throw lacks(
      `limits.${name}`,
      `it closes a connection that has sent no request for ${fixedTimeout} ms; leave the option out`,
    )
  }
  for (const name of ["requestLineBytes", "headerBytes"] as const) {
    if ((given[name] ?? 0) > headBytes) {
      throw lacks(
        `limits.${name} above ${headBytes}`,
        "UWS_HTTP_MAX_HEADERS_SIZE in the environment raises it in newer binaries",
      )
    }
  }
  const { limits } = checked
  const effective = {
    ...limits,
    headTimeout: fixedTimeout,
    keepAliveTimeout: fixedTimeout,
    requestLineBytes: Math.min(limits.requestLineBytes, headBytes),
    headerBytes: Math.min(limits.headerBytes, headBytes),
  }
  return { ...checked, limits: effective }
}

/** The limits as the binary that was loaded keeps them. `MissingCapabilityError` for more headers than it reads. */
export function limitsOf(limits: Limits, asked: number | undefined, isNewer: boolean): Limits {
  const most = isNewer ? headerCounts.newer : headerCounts.older
  if ((asked ?? 0) > most) throw lacks(`limits.headerCount above ${most}`, "its parser holds no more")
  return { ...limits, headerCount: Math.min(limits.headerCount, most) }
}

function lacks(option: string, why: string): MissingCapabilityError {
  return new MissingCapabilityError(`uws: uWebSockets.js does not have ${option}: ${why}`)
}
