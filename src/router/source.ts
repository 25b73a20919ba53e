/** Where in the program a route was written, for messages and lists. */

/** A place that is only looked up when somebody asks: the engine writes a stack out at its first reading. */
export interface Source {
  readonly stack?: string
}

/** The place that called `below`, which is a function of ours. One frame is kept, so that a large table stays cheap. */
export function sourceOf(below: Function): Source {
  const source: Source = {}
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 1
  Error.captureStackTrace(source, below)
  Error.stackTraceLimit = stackTraceLimit
  return source
}

/** `file:line:column` of a source, undefined where the engine does not know it. */
export function placeOf({ stack }: Source): string | undefined {
  const [, place] = /^\s*at (?:.*\()?(.+:\d+:\d+)\)?$/m.exec(stack ?? "") ?? []
  return place?.replace(/^file:\/\/(?=\/)/, "")
}
