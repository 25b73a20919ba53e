/**
 * Values that travel through a client and come back as they were, for a limited time: signed (readable by anyone) or
 * sealed (encrypted).
 *
 * A term is JSON with the moment it was signed at (milliseconds) and its greatest age (seconds). The key is derived from
 * the app's secret and a salt that names the purpose, so that a term for one purpose is worth nothing for another.
 */
import type { Buffer } from "node:buffer"
import { deriveKey, type KeyOptions } from "./key-generator.ts"
import { decryptMessage, encryptMessage } from "./message-encryptor.ts"
import { signMessage, verifyMessage } from "./message-verifier.ts"

/** Seconds that a term is believed unless it is said otherwise: a day. */
const defaultMaxAge = 86_400

export interface SignOptions extends Omit<KeyOptions, "length"> {
  /** Seconds that the term is believed (86,400); Infinity for ever, 0 or less not at all. */
  maxAge?: number | undefined
  /** The time, in milliseconds. */
  now?: number | undefined
}
export interface VerifyOptions extends Omit<KeyOptions, "length"> {
  /** Seconds, in place of those that the term was signed with. */
  maxAge?: number | undefined
  now?: number | undefined
}

/** What came back: the value, or why it is not believed. `missing`: there was no term at all. */
export type TermResult =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly reason: "invalid" | "expired" | "missing" }

/**
 * Signs a value that JSON can write; who holds the term can read it. Raises a TypeError for any other value.
 *
 * @example
 * const term = signTerm("a secret of the app", "user", { id: 7 })
 * verifyTerm("a secret of the app", "user", term) //=> { ok: true, value: { id: 7 } }
 * verifyTerm("a secret of the app", "another purpose", term) //=> { ok: false, reason: "invalid" }
 */
export function signTerm(secretKeyBase: string, salt: string, value: unknown, options: SignOptions = {}): string {
  return signMessage(encode(value, options), keyOf(secretKeyBase, salt, options))
}

/**
 * The value of a signed term, if it was signed with this secret and salt and is not too old. One signed in the future is
 * invalid.
 *
 * @example
 * const term = signTerm("a secret of the app", "user", 7, { maxAge: 60, now: 0 })
 * verifyTerm("a secret of the app", "user", term, { now: 60_000 }) //=> { ok: true, value: 7 }
 * verifyTerm("a secret of the app", "user", term, { now: 60_001 }) //=> { ok: false, reason: "expired" }
 * verifyTerm("a secret of the app", "user", undefined) //=> { ok: false, reason: "missing" }
 */
export function verifyTerm(
  secretKeyBase: string,
  salt: string,
  term: string | null | undefined,
  options: VerifyOptions = {},
): TermResult {
  if (term === undefined || term === null) return { ok: false, reason: "missing" }
  return decode(verifyMessage(String(term), keyOf(secretKeyBase, salt, options)), options)
}

/**
 * As `signTerm`, encrypted: who holds the term cannot read it.
 *
 * @example
 * const term = sealTerm("a secret of the app", "user", { id: 7 })
 * openTerm("a secret of the app", "user", term) //=> { ok: true, value: { id: 7 } }
 */
export function sealTerm(secretKeyBase: string, salt: string, value: unknown, options: SignOptions = {}): string {
  return encryptMessage(encode(value, options), keyOf(secretKeyBase, `encrypted ${salt}`, options))
}

/** The value of a sealed term, as `verifyTerm` gives that of a signed one. */
export function openTerm(
  secretKeyBase: string,
  salt: string,
  term: string | null | undefined,
  options: VerifyOptions = {},
): TermResult {
  if (term === undefined || term === null) return { ok: false, reason: "missing" }
  return decode(decryptMessage(String(term), keyOf(secretKeyBase, `encrypted ${salt}`, options)), options)
}

function keyOf(secretKeyBase: string, salt: string, { iterations, digest }: Omit<KeyOptions, "length">): Buffer {
  const options: KeyOptions = {}
  if (iterations !== undefined) options.iterations = iterations
  if (digest !== undefined) options.digest = digest
  return deriveKey(secretKeyBase, salt, options)
}

/** The names are Plug's. An age without end is null, since JSON has no Infinity. */
interface Payload {
  data?: unknown
  signed_at: number
  max_age: number | null
}

function encode(value: unknown, { maxAge = defaultMaxAge, now = Date.now() }: SignOptions): string {
  if (typeof maxAge !== "number" || Number.isNaN(maxAge)) {
    throw new TypeError(`maxAge is a number of seconds, got ${String(maxAge)}`)
  }
  if (value !== undefined && JSON.stringify(value) === undefined) {
    throw new TypeError(`a ${typeof value} cannot be signed: JSON cannot write it`)
  }
  const payload: Payload = {
    data: value,
    signed_at: now,
    max_age: maxAge === Number.POSITIVE_INFINITY ? null : Math.max(maxAge, 0),
  }
  return JSON.stringify(payload)
}

function decode(message: Buffer | undefined, { maxAge, now = Date.now() }: VerifyOptions): TermResult {
  const payload = message === undefined ? undefined : parse(message)
  if (payload === undefined || payload.signed_at > now) return { ok: false, reason: "invalid" }
  const age = maxAge ?? payload.max_age ?? Number.POSITIVE_INFINITY
  // Not "<=" alone, which an age that is no number would pass.
  if (!(age > 0 && now - payload.signed_at <= age * 1000)) return { ok: false, reason: "expired" }
  return { ok: true, value: payload.data }
}

/** What has our signature may still be something else that was signed with the same key. */
function parse(message: Buffer): Payload | undefined {
  let payload: Partial<Payload> | null
  try {
    payload = JSON.parse(message.toString())
  } catch {
    return undefined
  }
  if (typeof payload !== "object" || payload === null || typeof payload.signed_at !== "number") return undefined
  return typeof payload.max_age === "number" || payload.max_age === null ? (payload as Payload) : undefined
}
