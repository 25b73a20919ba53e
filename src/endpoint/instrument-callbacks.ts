/** The callbacks of instrumenters: which there are for an event, and their calls around a function, that can do no harm. */

import { InvalidOptionError } from "../conn/errors.ts"
import type { CompileMetadata, InstrumentCallback, Instrumenter } from "./instrument-events.ts"

/** One function of one instrumenter. */
export interface Callback {
  readonly call: InstrumentCallback
  readonly instrumenter: Instrumenter
  readonly event: string
  readonly name: string
}

/** Which call of which instrumenter has failed. */
export interface InstrumentFailure {
  readonly instrumenter: Instrumenter
  readonly event: string
  readonly phase: "start" | "stop"
  /** For the log: its class, or its place in the list, and the event. */
  readonly name: string
}

/** Told of instrumenters that fail; what it returns is the start result of one that failed at start. */
export type OnError = (error: unknown, failure: InstrumentFailure) => unknown

/** The functions of all instrumenters by event, in the instrumenters' order. */
export function callbacksOf(instrumenters: readonly Instrumenter[]): Map<string, Callback[]> {
  const events = new Map<string, Callback[]>()
  for (const [at, instrumenter] of instrumenters.entries()) {
    if (typeof instrumenter !== "object" || instrumenter === null) {
      const takes = "an object whose functions have the names of events"
      throw new InvalidOptionError(
        `defineInstrumentation: instrumenters[${at}] takes ${takes}, got ${typeof instrumenter}`,
      )
    }
    for (const [event, call] of functionsOf(instrumenter)) {
      const name = `${nameOf(instrumenter) ?? `instrumenters[${at}]`}.${event}`
      const callbacks = events.get(event) ?? []
      events.set(event, callbacks)
      callbacks.push({ instrumenter, call, event, name })
    }
  }
  return events
}

/** Own functions, and methods of its classes. Own getters are read: bundlers make modules of them. */
function functionsOf(instrumenter: object): Map<string, InstrumentCallback> {
  const functions = new Map<string, InstrumentCallback>()
  const seen = new Set(["constructor"])
  for (let from = instrumenter; from !== null && from !== Object.prototype; from = Object.getPrototypeOf(from)) {
    for (const [name, { get, value }] of Object.entries(Object.getOwnPropertyDescriptors(from))) {
      const found: unknown = from === instrumenter && get !== undefined ? get.call(from) : value
      if (typeof found === "function" && !seen.has(name)) functions.set(name, found as InstrumentCallback)
      seen.add(name)
    }
  }
  return functions
}

/** The name of its class. */
function nameOf(instrumenter: object): string | undefined {
  const made: unknown = Object.getPrototypeOf(instrumenter)?.constructor
  return typeof made === "function" && made !== Object ? made.name : undefined
}

/** Runs a function between the starts and the stops of an event. */
export function measure(
  callbacks: readonly Callback[],
  onError: OnError,
  compile: CompileMetadata,
  runtime: object,
  fun: () => unknown,
): unknown {
  const results = callbacks.map((callback) => tell(callback, onError, "start", compile, runtime))
  const stop = (timeDiff: number): void => {
    callbacks.forEach((callback, at) => void tell(callback, onError, "stop", timeDiff, results[at]))
  }
  const began = performance.now()
  // Milliseconds with a fraction down to the nanosecond.
  const passed = (): number => Math.round((performance.now() - began) * 1e6)
  let value: unknown
  try {
    value = fun()
  } catch (error) {
    stop(passed())
    throw error
  }
  if (!(value instanceof Promise)) {
    stop(passed())
    return value
  }
  // A second promise: of the first alone nobody would hear that its rejection is handled nowhere.
  return value.then(
    (result) => {
      stop(passed())
      return result
    },
    (error) => {
      stop(passed())
      throw error
    },
  )
}

/** Calls a callback; what it throws, or rejects with, goes no further than to `onError`. */
function tell(callback: Callback, onError: OnError, phase: "start" | "stop", first: unknown, second: unknown): unknown {
  try {
    const result = (callback.call as (...told: unknown[]) => unknown).call(callback.instrumenter, phase, first, second)
    if (result instanceof Promise) result.catch((error) => void failed(callback, onError, phase, error))
    return result
  } catch (error) {
    return failed(callback, onError, phase, error)
  }
}

function failed(callback: Callback, onError: OnError, phase: "start" | "stop", error: unknown): unknown {
  const { instrumenter, event, name } = callback
  try {
    const result = onError(error, { instrumenter, event, phase, name })
    if (result instanceof Promise) result.catch((failure) => log("onError of the instrumentation failed:", failure))
    return result
  } catch (failure) {
    return log("onError of the instrumentation failed:", failure)
  }
}

export const logFailure: OnError = (error, { name, phase }) => log(`Instrumenter ${name} failed at ${phase}:`, error)

/** To stderr; getters that throw or an inspect of its own may keep what was thrown from being printed. */
function log(line: string, error: unknown): void {
  try {
    console.error(line, error)
  } catch {
    console.error(line, `a thrown ${typeof error} that cannot be printed`)
  }
}
