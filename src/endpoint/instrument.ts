/** Instrumentation: what happens is measured, and whoever wants to know of it is told before and after. */

import { type TracingChannel, tracingChannel } from "node:diagnostics_channel"
import { UsageError } from "../conn/errors.ts"
import { checkOption, checkOptionNames } from "../conn/options.ts"
import { type Callback, callbacksOf, logFailure, measure, type OnError } from "./instrument-callbacks.ts"
import type { CompileMetadata, InstrumentEvents, Instrumenter, RuntimeMetadata } from "./instrument-events.ts"

export type { InstrumentFailure } from "./instrument-callbacks.ts"
export type {
  CompileMetadata,
  InstrumentCallback,
  InstrumentEvents,
  Instrumenter,
  InstrumentTold,
  RuntimeMetadata,
} from "./instrument-events.ts"

export interface InstrumentationOptions {
  /** Told of instrumenters that fail; writes to stderr. What it returns is the start result of one that failed at start. */
  onError?: OnError
}

/** What subscribers of an event's tracing channel get: one object for all that happens in one run. */
export interface InstrumentMessage {
  readonly event: string
  readonly compile: CompileMetadata
  readonly runtime: object
  /** What the function, or its promise, gave: from `end` or `asyncStart` on. */
  result?: unknown
  /** What it raised, from `error` on. */
  error?: unknown
}

export interface Instrumentation {
  /** Runs a function as an event, and gives what it gives. */
  instrument<const E extends string, T>(
    event: E,
    runtime: RuntimeMetadata<E>,
    fun: () => T,
    compile?: CompileMetadata,
  ): T
  instrument<const E extends string, T>(
    event: E extends keyof InstrumentEvents ? never : E,
    fun: () => T,
    compile?: CompileMetadata,
  ): T
  /** Whether anybody would hear of an event now: where gathering its metadata costs something, ask first. */
  has(event: string): boolean
}

/** Who is told of one event. */
interface Listeners {
  readonly callbacks: readonly Callback[]
  readonly channel: Channel
}
type Channel = TracingChannel<InstrumentMessage, InstrumentMessage>

/** Names of events that no instrumenter wants and whose channel is kept; those of a program are few. */
const maxNames = 1024
const nothing: object = Object.freeze({})

/**
 * Makes the instrumentation of an endpoint, as `instrumenters` do it in Phoenix 1.1 to 1.4. Which functions the
 * instrumenters have is looked up once, here.
 *
 * `instrument(event, runtime, fun)` calls all callbacks of the event in order with `"start"`, then `fun`, then all callbacks
 * in the same order with `"stop"`, and gives what `fun` gave or raises what it raised. The time is that of `fun` alone.
 * Callbacks run in the same tick and are not waited for: slow instrumenters slow the request. One that throws or rejects
 * is told to `onError`, is still called with `"stop"`, and changes nothing else. When `fun` gives a promise, stop is when
 * that settles, and whoever waits for it goes on after the callbacks: what is returned is a promise of the same. (Not a
 * thenable: to wait for one may be to start it.) Of an answer that streams, stop is when the action returns.
 *
 * Each event is a tracing channel of `node:diagnostics_channel` too: `tracingChannel("plumage:" + event)`, whose
 * subscribers get an `InstrumentMessage`, around the callbacks. Bridges to OpenTelemetry subscribe, or bind an
 * AsyncLocalStorage to `start`, without any instrumenter. A subscriber that throws changes neither the result nor the other
 * subscribers, but Node raises its error as an uncaught exception a tick later, which ends a process that has no handler
 * for it (Node 20 to 24); `attachTelemetry("tracing:plumage:my_event:start", …)` listens without that danger.
 *
 * Without anybody who listens nothing is allocated: the cost is a look into a map and `hasSubscribers`. Raises
 * `InvalidOptionError` for what is no list of objects, and `UsageError` for an event without name, metadata that are no
 * object, or what is no function.
 *
 * @example
 * const seen = []
 * const metrics = {
 *   render_view(phase, ...told) {
 *     seen.push(phase)
 *     return phase === "start" ? told[1].view : seen.push(told[1])
 *   },
 * }
 * const instrumentation = defineInstrumentation([metrics])
 * instrumentation.instrument("render_view", { view: "index.html" }, () => 42) //=> 42
 * seen //=> ["start", "stop", "index.html"]
 * ["render_view", "other"].map(instrumentation.has) //=> [true, false]
 */
export function defineInstrumentation(
  instrumenters: readonly Instrumenter[] = [],
  options: InstrumentationOptions = {},
): Instrumentation {
  checkOptionNames("defineInstrumentation", options, ["onError"])
  const { onError = logFailure } = options
  checkOption("defineInstrumentation", "onError", typeof onError === "function", "a function", onError)
  checkOption("defineInstrumentation", "instrumenters", Array.isArray(instrumenters), "a list", instrumenters)
  const events = new Map<string, Listeners>()
  for (const [event, callbacks] of callbacksOf(instrumenters)) events.set(event, listenersOf(event, callbacks))
  const limit = events.size + maxNames
  const find = (event: string): Listeners => {
    const known = events.get(event)
    if (known !== undefined) return known
    const listeners = listenersOf(event, [])
    if (events.size < limit) events.set(event, listeners)
    return listeners
  }
  return {
    instrument: (event: string, runtime: unknown, fun?: unknown, compile?: unknown): any => {
      if (typeof runtime === "function") return run(event, nothing, runtime as () => unknown, fun as CompileMetadata)
      return run(event, runtime as object, fun as () => unknown, compile as CompileMetadata)
    },
    has: (event) => isHeard(find(event)),
  }

  function run(event: string, runtime: object, fun: () => unknown, compile: CompileMetadata = nothing): unknown {
    checkCall(event, runtime, fun)
    const listeners = find(event)
    return isHeard(listeners) ? announce(listeners, onError, { event, compile, runtime }, fun) : fun()
  }
}

const isHeard = ({ callbacks, channel }: Listeners): boolean => callbacks.length > 0 || channel.hasSubscribers

const listenersOf = (event: string, callbacks: readonly Callback[]): Listeners => ({
  callbacks,
  channel: tracingChannel(`plumage:${event}`),
})

function checkCall(event: unknown, runtime: unknown, fun: unknown): void {
  const isEvent = typeof event === "string" && event !== ""
  if (isEvent && typeof runtime === "object" && runtime !== null && typeof fun === "function") return
  const given = [event, runtime, fun].map((one) => (one === null ? "null" : typeof one)).join(", ")
  throw new UsageError(`instrument takes the name of an event, an object or nothing, and a function; got ${given}`)
}

function announce(listeners: Listeners, onError: OnError, message: InstrumentMessage, fun: () => unknown): unknown {
  const { callbacks, channel } = listeners
  const measured =
    callbacks.length === 0 ? fun : () => measure(callbacks, onError, message.compile, message.runtime, fun)
  return channel.hasSubscribers ? trace(channel, message, measured) : measured()
}

/** What `traceSync` and `tracePromise` of a tracing channel do, for a function of which nobody knows which it wants. */
function trace(channel: Channel, message: InstrumentMessage, fun: () => unknown): unknown {
  const { start, end, asyncStart, asyncEnd, error: failed } = channel
  const settled = (): void => {
    asyncStart.publish(message)
    asyncEnd.publish(message)
  }
  const fail = (error: unknown): void => {
    message.error = error
    failed.publish(message)
  }
  return start.runStores(message, () => {
    try {
      const value = fun()
      if (!(value instanceof Promise)) return (message.result = value)
      return value.then(
        (result) => {
          message.result = result
          settled()
          return result
        },
        (error) => {
          fail(error)
          settled()
          throw error
        },
      )
    } catch (error) {
      fail(error)
      throw error
    } finally {
      end.publish(message)
    }
  })
}

/** What knows its instrumentation: a conn, whose endpoint has put it there. */
export interface Instrumented {
  readonly private: Readonly<Record<string, unknown>>
}

/**
 * Instruments a function with what the endpoint of a conn has, for code that does not know which endpoint that is: the
 * instrumentation in `conn.private.plumage_instrumentation`. Where there is none, `fun` runs and nobody is told. Takes an
 * instrumentation itself, too.
 *
 * @example
 * const seen = []
 * const log = { render_view: (phase) => seen.push(phase) }
 * const instrumented = conn("GET", "/").putPrivate("plumage_instrumentation", defineInstrumentation([log]))
 * instrument(instrumented, "render_view", { view: "a" }, () => 1) //=> 1
 * instrument(conn("GET", "/"), "render_view", () => 2) //=> 2
 * seen //=> ["start", "stop"]
 */
export function instrument<const E extends string, T>(
  on: Instrumented | Instrumentation,
  event: E,
  runtime: RuntimeMetadata<E>,
  fun: () => T,
  compile?: CompileMetadata,
): T
export function instrument<const E extends string, T>(
  on: Instrumented | Instrumentation,
  event: E extends keyof InstrumentEvents ? never : E,
  fun: () => T,
  compile?: CompileMetadata,
): T
export function instrument(
  on: Instrumented | Instrumentation,
  event: string,
  runtime: unknown,
  fun?: unknown,
  compile?: unknown,
): unknown {
  const found = ("instrument" in on ? on : on.private["plumage_instrumentation"]) as AnyInstrument | undefined
  if (found !== undefined) return found.instrument(event, runtime, fun, compile)
  if (typeof runtime === "function") return runtime()
  checkCall(event, runtime, fun)
  return (fun as () => unknown)()
}
interface AnyInstrument {
  instrument(event: string, runtime: unknown, fun: unknown, compile: unknown): unknown
}
