/** Sessions that their cookie carries, signed or encrypted: nothing is kept here, and any process can read them. */

import { UsageError } from "../conn/errors.ts"
import { checkOption, checkOptionNames } from "../conn/options.ts"
import type { AnyConn } from "../conn/states.ts"
import { openTerm, type SignOptions, sealTerm, signTerm, verifyTerm } from "../crypto/signed-term.ts"
import type { SessionCookie, SessionData } from "./session-store.ts"

export interface CookieStoreOptions {
  /** Any text of your own. With the secret and the cookie's name it makes the key. */
  signingSalt: string
  /** Given, the session is encrypted; otherwise whoever has the cookie can read it. */
  encryptionSalt?: string
  /** Seconds that a session is believed after it was written (86,400), whatever the browser keeps. */
  maxAge?: number
  /** The endpoint's unless given. The first writes, all read: put a new one in front, and drop the old after `maxAge`. */
  secretKeyBases?: readonly string[]
  /** The time in milliseconds; for tests. */
  now?: () => number
}

const secretChars = 64

/**
 * A session store without a store. Good for a few hundred bytes: with its attributes the cookie has 4096 at most, and
 * more raises `CookieOverflowError`.
 *
 * What was written cannot be taken back: after `renew` or `drop` the browser has another cookie or none, but a copy of the
 * old one is believed until `maxAge` is over. Where a logout must hold against a stolen cookie, keep sessions in a store.
 *
 * Raises `UsageError` where the endpoint has no secret of 64 characters.
 *
 * @example
 * const store = cookieStore({ signingSalt: "a salt", secretKeyBases: ["0123456789abcdef".repeat(4)] })
 * const value = store.seal({ user: 7 }, conn("GET", "/"), "app")
 * store.open(value, conn("GET", "/"), "app") //=> { user: 7 }
 * store.open(value, conn("GET", "/"), "another") //=> undefined
 */
export function cookieStore(options: CookieStoreOptions): SessionCookie {
  const names = ["signingSalt", "encryptionSalt", "maxAge", "secretKeyBases", "now"]
  checkOptionNames("cookieStore", options, names)
  const { signingSalt, encryptionSalt, maxAge = 86_400, secretKeyBases, now = Date.now } = options
  const isText = (value: unknown): boolean => typeof value === "string" && value !== ""
  checkOption("cookieStore", "signingSalt", isText(signingSalt), "text", signingSalt)
  const isSalt = encryptionSalt === undefined || isText(encryptionSalt)
  checkOption("cookieStore", "encryptionSalt", isSalt, "text", encryptionSalt)
  checkOption("cookieStore", "maxAge", Number.isSafeInteger(maxAge) && maxAge > 0, "a whole number of seconds", maxAge)
  checkOption("cookieStore", "now", typeof now === "function", "a function", now)
  if (secretKeyBases !== undefined) {
    const sound = Array.isArray(secretKeyBases) && secretKeyBases.length > 0 && secretKeyBases.every(isLong)
    // Not shown: they are secrets, however bad.
    checkOption(
      "cookieStore",
      "secretKeyBases",
      sound,
      `secrets of ${secretChars} characters or more`,
      "something else",
    )
  }
  const [write, read] = encryptionSalt === undefined ? [signTerm, verifyTerm] : [sealTerm, openTerm]
  const saltOf = (key: string): string => JSON.stringify(["session", key, signingSalt, encryptionSalt])
  const secretsOf = (conn: AnyConn): readonly string[] => secretKeyBases ?? checkedSecrets(conn)
  return {
    seal(data, conn, key) {
      const term: SignOptions = { maxAge, now: now() }
      return write(secretsOf(conn)[0]!, saltOf(key), data, term)
    },
    open(value, conn, key) {
      const salt = saltOf(key)
      for (const secret of secretsOf(conn)) {
        const result = read(secret, salt, value, { maxAge, now: now() })
        if (result.ok) return result.value as SessionData
      }
      return undefined
    },
  }
}

const isLong = (secret: unknown): boolean => typeof secret === "string" && secret.length >= secretChars

function checkedSecrets({ secretKeyBases }: AnyConn): readonly string[] {
  if (secretKeyBases.length === 0) {
    throw new UsageError("cookieStore needs a secret: defineEndpoint({ secretKeyBase }), or its option secretKeyBases")
  }
  if (!secretKeyBases.every(isLong)) {
    throw new UsageError(`cookieStore needs secrets of ${secretChars} characters or more`)
  }
  return secretKeyBases
}
