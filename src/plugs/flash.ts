/** Messages for the next page: "saved", said after a redirect, once. */

import { UsageError } from "../conn/errors.ts"
import type { Conn } from "../conn/states.ts"
import type { Plug } from "../plug/plug.ts"
import type { Session } from "./session.ts"

/** Messages by kind ("info", "error", …), from the request before and from this one. They are text, never HTML. */
export interface Flash {
  get(kind: string): string | undefined
  /** The message is there now, and in the next request when this one is answered with a redirect. */
  put(kind: string, message: string): this
  clear(): this
  all(): Readonly<Record<string, string>>
}

const key = "_flash"

/**
 * Assigns `flash`; it comes after `session`. Messages stay while answers are redirects (3xx), and are gone after the first
 * other answer of a request that has read or put any. A request that does neither leaves them for one that will.
 *
 * @example
 * const kept = new Map([["_flash", { info: "saved" }]])
 * const page = call(flash(), conn("GET", "/").assign("session", kept))
 * page.assigns.flash.put("error", "not sent").all() //=> { info: "saved", error: "not sent" }
 * page.text("shown")
 * kept.has("_flash") //=> false
 */
export function flash(): Plug<{ session: Session }, { readonly flash: Flash }> {
  return (conn) => {
    const { session } = conn.assigns
    if (session === undefined) throw new UsageError("flash needs a session: put session(…) before it")
    const own = new SessionFlash(session)
    conn.registerBeforeSend((conn) => own.save(conn))
    return conn.assign("flash", own as Flash)
  }
}

class SessionFlash implements Flash {
  readonly #session: Session
  /** Undefined until it was read. */
  #messages: Map<string, string> | undefined = undefined

  constructor(session: Session) {
    this.#session = session
  }

  get(kind: string): string | undefined {
    return this.#read().get(kind)
  }
  put(kind: string, message: string): this {
    if (typeof message !== "string") throw new UsageError(`flash: ${kind} takes text, got ${typeof message}`)
    this.#read().set(kind, message)
    return this
  }
  clear(): this {
    this.#read().clear()
    return this
  }
  all(): Readonly<Record<string, string>> {
    return Object.freeze(Object.fromEntries(this.#read()))
  }

  #read(): Map<string, string> {
    if (this.#messages === undefined) {
      const stored: unknown = this.#session.get(key)
      const entries = Object.entries(typeof stored === "object" && stored !== null ? stored : {})
      this.#messages = new Map(entries.filter(([, message]) => typeof message === "string"))
    }
    return this.#messages
  }

  save({ status = 200 }: Conn): void {
    const messages = this.#messages
    if (messages === undefined) return
    const redirects = status >= 300 && status <= 399
    if (messages.size > 0 && redirects) this.#session.put(key, Object.fromEntries(messages))
    else this.#session.delete(key)
  }
}
