/**
 * How an exchange and the writer of its answer's body speak to each other.
 */
import type { Body, MaybePromise } from "../../src/conn/adapter.ts"
import type { House } from "./house.ts"
import type { Waiting } from "./waiting.ts"

/** What a writer asks of its exchange. */
export interface Answering {
  readonly house: House
  /** In the handler that got the request, where everything is collected and written when it returns. */
  readonly inHandler: boolean
  /** Writes status and headers; how much that was, about. */
  begin(): number
  /** The answer was handed over. */
  finish(): void
  /** The answer cannot be completed: ends the connection, so that this shows. */
  abort(): void
  /** Something waits and has a deadline. */
  watch(): void
}

/** A writer of a body. */
export interface Writer {
  readonly waiting: Waiting
  write(data: Body): MaybePromise<boolean>
  end(): void
  flush(): void
  /** The handler has returned. */
  leave(): void
  /** The library can write again. */
  writable(): void
  /** Nothing more can be written. */
  stop(): void
}
