/** The types of instrumentation: the events of Plumage, and what instrumenters are. */

import type { AnyConn } from "../conn/states.ts"

/** The events of Plumage itself, and what is known when they happen. Yours may have any other name. */
export interface InstrumentEvents {
  /** All of a controller: its plugs, the action and the fallback. `conn` is as it was before them. */
  phoenix_controller_call: { readonly conn: AnyConn }
  /** A template is rendered; it is not sent yet. */
  phoenix_controller_render: {
    readonly template: string
    readonly format: string
    readonly view?: unknown
    readonly conn?: AnyConn
  }
  /** A channel's `join`. */
  phoenix_channel_join: { readonly socket: object; readonly params: unknown }
  /** A message to a channel, until what it came to is handled. */
  phoenix_channel_receive: {
    readonly socket: object
    readonly params: unknown
    readonly event: string
    readonly ref: string | null
  }
}

/** What is known of an event when it happens. */
export type RuntimeMetadata<E extends string> = E extends keyof InstrumentEvents ? InstrumentEvents[E] : object

/**
 * Where in the program an event is. Macros know that by themselves; here the caller says it, or nothing is known: finding
 * it out would take a stack trace for each event. Make it once, beside the function: `{ module: import.meta.url, function: "show/2" }`.
 */
export interface CompileMetadata {
  readonly module?: string | undefined
  /** Its name and the number of its parameters: `show/2`. */
  readonly function?: string | undefined
  readonly file?: string | undefined
  readonly line?: number | undefined
}

/**
 * Is called before the event with what is known of it, and after it with how long it took, in whole nanoseconds, and what
 * its own call before has returned. Written with `...[phase, first, second]: InstrumentTold<"phoenix_controller_call">`, the
 * phase narrows the types of the others.
 */
export interface InstrumentCallback<R = any> {
  (phase: "start", compile: CompileMetadata, runtime: R): unknown
  (phase: "stop", timeDiff: number, startResult: unknown): unknown
}

/** What a callback is called with. */
export type InstrumentTold<E extends string> =
  | [phase: "start", compile: CompileMetadata, runtime: RuntimeMetadata<E>]
  | [phase: "stop", timeDiff: number, startResult: unknown]

type OwnEvents = { readonly [E in keyof InstrumentEvents]?: InstrumentCallback<InstrumentEvents[E]> }
interface AnyEvents extends OwnEvents {
  /** The type of a callback's parameters, where it has no other; what is no function is the instrumenter's own. */
  readonly [event: string]: InstrumentCallback | object | string | number | boolean | null | undefined
}

/** An object, an instance of a class or a module whose functions have the names of the events that they want. */
export type Instrumenter = (OwnEvents & object) | AnyEvents
