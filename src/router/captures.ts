import { namesIn, type Segment } from "./segment.ts"

/** What the parameters of a pattern captured, decoded: text, or a list for a glob. */
export type PathParams = Record<string, string | string[]>

/** How to read the parameters out of segments that are known to fit. */
export interface Captures {
  /** The only parameter, when it is a whole segment, and that segment's place: most are so, and need no call. */
  readonly only: string | undefined
  readonly at: number
  /** Reads all parameters, into a new object. */
  readonly read: (segments: readonly string[]) => PathParams
}

/**
 * Finds out what a list of segments captures; undefined when that is nothing.
 *
 * @example
 * capturesOf([{ kind: "literal", text: "users" }, { kind: "param", name: "id" }])?.read(["users", "7"]) //=> { id: "7" }
 * capturesOf([{ kind: "literal", text: "users" }]) //=> undefined
 */
export function capturesOf(pattern: readonly Segment[]): Captures | undefined {
  const steps: Step[] = []
  pattern.forEach((segment, at) => {
    const step = stepOf(segment, at)
    if (step !== undefined) steps.push(step)
  })
  if (steps.length === 0) return undefined
  const at = pattern.findIndex((segment) => segment.kind === "param")
  const found = pattern[at]
  const only = steps.length === 1 && found?.kind === "param" ? found.name : undefined
  const read = (segments: readonly string[]): PathParams => {
    const params: PathParams = {}
    for (const step of steps) step(segments, params)
    return params
  }
  return { only, at, read }
}

type Step = (segments: readonly string[], params: PathParams) => void

function stepOf(segment: Segment, at: number): Step | undefined {
  if (segment.kind === "literal") return undefined
  if (segment.kind === "mixed") {
    const names = namesIn(segment)
    return (segments, params) => {
      const found = segment.regex.exec(segments[at]!)!
      for (let i = 0; i < names.length; i++) params[names[i]!] = found[i + 1]!
    }
  }
  const { name } = segment
  if (name === undefined) return undefined
  if (segment.kind === "glob") {
    return (segments, params) => {
      params[name] = segments.slice(at)
    }
  }
  return (segments, params) => {
    params[name] = segments[at]!
  }
}
