/**
 * What the connections of one server share: its options, its clock, and the list of them.
 *
 * There is no timer per connection and none per request. The clock ticks while there are connections, and each tick looks
 * at all of them; deadlines are counted in ticks, which also means that a stalled process cuts nobody.
 */
import type { Limits, RequestHandler } from "../../src/conn/adapter.ts"
import { nowHttpDate } from "../../src/http/date.ts"
import type { WebSockets } from "../websocket.ts"
import { look } from "./deadlines.ts"
import type { ElliListener } from "./events.ts"
import type { Link } from "./link.ts"
import { Openings } from "./writer.ts"

const slowestTick = 250
const fastestTick = 10

/** How long a connection that was ended waits for the peer to have read everything, in milliseconds. */
const lingerIdle = 1_000
const lingerTotal = 10_000

export class Core {
  readonly handler: RequestHandler
  readonly limits: Limits
  readonly scheme: "http" | "https"
  readonly websockets: WebSockets
  readonly emit: ElliListener | undefined
  /** The limits in ticks. */
  readonly ticks: Readonly<Record<"head" | "request" | "keepAlive" | "idle" | "lingerIdle" | "lingerTotal", number>>
  /** As much text as the longest head that is accepted, and its empty lines. */
  readonly headWindow: number
  readonly openings: Openings = new Openings()
  tick = 0
  /** The `date` line of now, made once a tick. */
  date = ""
  stopping = false
  size = 0
  readonly #period: number
  #now = ""
  #first: Link | undefined
  #timer: NodeJS.Timeout | undefined
  #emptied: (() => void) | undefined

  constructor(
    handler: RequestHandler,
    limits: Limits,
    scheme: "http" | "https",
    websockets: WebSockets,
    emit: ElliListener | undefined,
  ) {
    this.handler = handler
    this.limits = limits
    this.scheme = scheme
    this.websockets = websockets
    this.emit = emit
    const { headTimeout, requestTimeout, keepAliveTimeout, idleTimeout } = limits
    const shortest = Math.min(headTimeout, requestTimeout, keepAliveTimeout, idleTimeout)
    this.#period = Math.max(fastestTick, Math.min(slowestTick, Math.floor(shortest / 8)))
    this.ticks = {
      head: this.#ticks(headTimeout),
      request: this.#ticks(requestTimeout),
      keepAlive: this.#ticks(keepAliveTimeout),
      idle: this.#ticks(idleTimeout),
      lingerIdle: this.#ticks(lingerIdle),
      lingerTotal: this.#ticks(lingerTotal),
    }
    this.headWindow = limits.requestLineBytes + limits.headerBytes + 32
  }

  add(connection: Link): void {
    this.size++
    connection.following = this.#first
    if (this.#first !== undefined) this.#first.previous = connection
    this.#first = connection
    if (this.#timer !== undefined) return
    this.#stampDate()
    this.#timer = setInterval(() => this.#look(), this.#period).unref()
  }

  remove(connection: Link): void {
    const { previous, following } = connection
    if (previous === undefined && this.#first !== connection) return
    if (previous === undefined) this.#first = following
    else previous.following = following
    if (following !== undefined) following.previous = previous
    connection.previous = undefined
    this.size--
    if (this.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#emptied?.()
  }

  /** Calls `visit` for each connection; it may remove the one it is given. */
  each(visit: (connection: Link) => void): void {
    let connection = this.#first
    while (connection !== undefined) {
      const { following } = connection
      visit(connection)
      connection = following
    }
  }

  /** Resolves when there is no connection left. */
  empty(): Promise<void> {
    if (this.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#emptied = resolve
    })
  }

  /** A limit as ticks that have surely passed no earlier. */
  #ticks(ms: number): number {
    return Math.ceil(ms / this.#period)
  }

  #stampDate(): void {
    const now = nowHttpDate()
    if (now === this.#now) return
    this.#now = now
    this.date = `date: ${now}\r\n`
  }

  #look(): void {
    this.tick++
    this.#stampDate()
    this.each(look)
  }
}
