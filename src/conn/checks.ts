/** What is checked before a request or an answer is changed. */

import { invalidHeaderName, invalidHeaderValue } from "../http/headers.ts"
import { AlreadySentError, InvalidHeaderError } from "./errors.ts"
import type { RequestSide } from "./request-side.ts"

/** True while the answer can still be changed. */
export function isUnsent(conn: RequestSide): boolean {
  const { state } = conn
  return state === "unset" || state.startsWith("set")
}

export function assertUnsent(conn: RequestSide): void {
  if (!isUnsent(conn))
    throw new AlreadySentError(`the response to ${conn.method} ${conn.unsafeRawPath} was already sent`)
}

/** Checks a header that a plug wants to set, on either side, and gives its name in lower case. */
export function checkedName(name: string, value: unknown): string {
  const lower = String(name).toLowerCase()
  const badName = invalidHeaderName(lower)
  if (badName !== undefined) throw new InvalidHeaderError(badName)
  checkValue(lower, value)
  return lower
}

/** Checks the value of a header whose name is sound. */
export function checkValue(name: string, value: unknown): void {
  if (typeof value !== "string") {
    throw new InvalidHeaderError(`the value of header ${name} must be a string, got ${typeof value}`)
  }
  const problem = invalidHeaderValue(value)
  if (problem !== undefined) throw new InvalidHeaderError(`header ${name}: ${problem}`)
}
