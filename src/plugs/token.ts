/** Values that a client keeps for us, such as who it is: signed or encrypted, for one purpose and a limited time. */

import { UsageError } from "../conn/errors.ts"
import { checkOption, checkOptionNames } from "../conn/options.ts"
import {
  openTerm,
  type SignOptions,
  sealTerm,
  signTerm,
  type TermResult,
  type VerifyOptions,
  verifyTerm,
} from "../crypto/signed-term.ts"

/** Where the secrets are: a connection, anything else that has them with the newest first, or one secret. */
export type TokenSource = string | { readonly secretKeyBases: readonly string[] }
export type { SignOptions, TermResult, VerifyOptions } from "../crypto/signed-term.ts"

/** What `Token` does. `salt` names the purpose: a token for one is worth nothing for another. */
export interface TokenFunctions {
  /** Signs a value that JSON can write, a TypeError otherwise. Who holds the token can read the value. */
  sign(source: TokenSource, salt: string, value: unknown, options?: SignOptions): string
  /** The value of a signed token, or why it is not believed. Takes whatever a client may send. */
  verify(source: TokenSource, salt: string, token: unknown, options?: VerifyOptions): TermResult
  /** As `sign`; who holds the token cannot read the value. */
  encrypt(source: TokenSource, salt: string, value: unknown, options?: SignOptions): string
  /** The value of an encrypted token, as `verify` gives that of a signed one. */
  decrypt(source: TokenSource, salt: string, token: unknown, options?: VerifyOptions): TermResult
}

/** Characters; what is shorter can be found by trying. */
const shortest = 20

/**
 * Tokens, after Phoenix.Token: for a user's id in a websocket's parameters, a link in a mail, an API.
 *
 * The newest secret signs, all of the source verify. A token is believed for `maxAge` seconds from when it was signed: a
 * day unless it was signed or is verified with another, Infinity for ever, 0 or less never. Nothing revokes a token before;
 * put something into it that you can look up.
 *
 * Raises `UsageError` for a source without secrets, a secret under 20 characters or an empty salt, and `InvalidOptionError`.
 *
 * @example
 * const secret = "a secret of at least 20 characters"
 * const token = Token.sign(secret, "user", { id: 7 }, { maxAge: 3600 })
 * Token.verify(secret, "user", token) //=> { ok: true, value: { id: 7 } }
 * Token.verify(secret, "password reset", token) //=> { ok: false, reason: "invalid" }
 * Token.verify(secret, "user", undefined) //=> { ok: false, reason: "missing" }
 * Token.decrypt(secret, "user", Token.encrypt(secret, "user", 7)) //=> { ok: true, value: 7 }
 */
export const Token: TokenFunctions = Object.freeze({
  sign: making("Token.sign", signTerm),
  verify: reading("Token.verify", verifyTerm),
  encrypt: making("Token.encrypt", sealTerm),
  decrypt: reading("Token.decrypt", openTerm),
})

function making(name: string, make: typeof signTerm): TokenFunctions["sign"] {
  return (source, salt, value, options) => {
    const [newest] = secretsOf(name, source, salt)
    if (options !== undefined) checkOptions(name, options)
    return make(newest!, salt, value, options)
  }
}

function reading(name: string, read: typeof verifyTerm): TokenFunctions["verify"] {
  return (source, salt, token, options) => {
    const secrets = secretsOf(name, source, salt)
    if (options !== undefined) checkOptions(name, options)
    if (token === undefined || token === null) return { ok: false, reason: "missing" }
    if (typeof token === "string") {
      for (const secret of secrets) {
        const result = read(secret, salt, token, options)
        if (result.ok || result.reason !== "invalid") return result
      }
    }
    return { ok: false, reason: "invalid" }
  }
}

/** Never shows a secret: what it raises is logged. */
function secretsOf(name: string, source: TokenSource, salt: string): readonly string[] {
  if (typeof salt !== "string" || salt === "") {
    throw new UsageError(`${name}: the salt is a text that names the purpose of the token, got ${typeof salt}`)
  }
  const secrets = typeof source === "string" ? [source] : source?.secretKeyBases
  if (!Array.isArray(secrets) || secrets.length === 0) {
    throw new UsageError(`${name}: there is no secret; give the endpoint a secretKeyBase, or pass a secret itself`)
  }
  for (const secret of secrets) {
    if (typeof secret !== "string" || secret.length < shortest) {
      const got = typeof secret === "string" ? `one of ${secret.length}` : typeof secret
      throw new UsageError(`${name}: a secret has at least ${shortest} random characters, got ${got}`)
    }
  }
  return secrets
}

function checkOptions(name: string, options: SignOptions | VerifyOptions): void {
  checkOptionNames(name, options, ["maxAge", "now", "iterations", "digest"])
  for (const key of ["maxAge", "now"] as const) {
    const value = options[key]
    const sound = value === undefined || (typeof value === "number" && !Number.isNaN(value))
    checkOption(name, key, sound, key === "now" ? "milliseconds" : "seconds, or Infinity", value)
  }
}
