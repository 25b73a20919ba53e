/** What a command is, and what it writes to. */

import type { ParseArgsConfig } from "node:util"

export interface Output {
  /** A person is watching: colours and alignment are for them. */
  readonly isTerminal: boolean
  write(line: string): unknown
  fail(line: string): unknown
}

export interface Asked {
  readonly values: Readonly<Record<string, unknown>>
  readonly positionals: readonly string[]
}

export interface Command {
  /** As it is typed: `routes [FILE] [--json]`. */
  readonly usage: string
  /** Its first line stands in the list of commands. */
  readonly about: string
  readonly options: NonNullable<ParseArgsConfig["options"]>
  run(asked: Asked, output: Output): Promise<void> | void
}

/** What a user can repair: told without a stack. 2 is the exit code of what was asked wrongly. */
export class CommandError extends Error {
  readonly exitCode: 1 | 2
  constructor(message: string, exitCode: 1 | 2 = 1, options?: { cause?: unknown }) {
    super(message, options)
    this.exitCode = exitCode
  }
}

/** A whole number from an option or argument. Raises `CommandError`. */
export function wholeNumber(name: string, text: unknown, from: number, to: number, usual: number): number {
  if (text === undefined) return usual
  const value = typeof text === "string" && /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (value >= from && value <= to) return value
  throw new CommandError(`${name} takes a whole number from ${from} to ${to}, got ${JSON.stringify(text)}`, 2)
}
