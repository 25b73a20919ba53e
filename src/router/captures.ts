import { namesIn, type Segment } from "./segment.ts"

/** What the parameters of a pattern captured, decoded: text, or a list for a glob. */
export type PathParams = Record<string, string | string[]>

/**
 * Makes the function that reads the parameters out of segments which are known to fit, or undefined without parameters.
 *
 * @example
 * captureWith([{ kind: "literal", text: "users" }, { kind: "param", name: "id" }])?.(["users", "7"]) //=> { id: "7" }
 */
export function captureWith(pattern: readonly Segment[]): ((segments: readonly string[]) => PathParams) | undefined {
  const steps = pattern.flatMap(step)
  if (steps.length === 0) return undefined
  return (segments) => {
    const params: PathParams = {}
    for (const read of steps) read(segments, params)
    return params
  }
}

type Step = (segments: readonly string[], params: PathParams) => void

function step(segment: Segment, at: number): Step[] {
  if (segment.kind === "literal") return []
  if (segment.kind === "mixed") {
    const names = namesIn(segment)
    return [
      (segments, params) => {
        const found = segment.regex.exec(segments[at]!)!
        names.forEach((name, index) => {
          params[name] = found[index + 1]!
        })
      },
    ]
  }
  const { name } = segment
  if (name === undefined) return []
  if (segment.kind === "param") return [(segments, params) => void (params[name] = segments[at]!)]
  return [(segments, params) => void (params[name] = segments.slice(at))]
}
