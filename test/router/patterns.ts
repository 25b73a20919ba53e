import * as fc from "fast-check"
import { match as libraryMatch } from "path-to-regexp"

/** Patterns as text, with parameters p0, p1, … and at most six groups, none of which holds a glob. */
export const patterns: fc.Arbitrary<string> = fc
  .tuple(
    fc.array(
      fc.record({
        shape: fc.constantFrom(
          "lit",
          "lit",
          "lit",
          "param",
          "param",
          "pre",
          "post",
          "two",
          "long",
          "group",
          "nested",
          "inner",
        ),
        text: fc.constantFrom("a", "b", "v", "users", "é"),
      }),
      { maxLength: 4 },
    ),
    fc.constantFrom("", "", "", "/*"),
  )
  .map(([parts, glob]) => {
    let count = 0
    const name = (): string => `:p${count++}`
    const path = parts.map(({ shape, text }) => {
      switch (shape) {
        case "lit":
          return `/${text}`
        case "param":
          return `/${name()}`
        case "pre":
          return `/${text}-${name()}`
        case "post":
          return `/${name()}.${text}`
        case "two":
          return `/${name()}-${name()}`
        case "long":
          return `/${name()}--${name()}.${name()}`
        case "group":
          return `{/${name()}}`
        case "nested":
          return `{/${text}{/${name()}}}`
        default:
          return `/${name()}{.${name()}}`
      }
    })
    return path.join("") + (glob === "" ? "" : `${glob}p${count}`) || "/"
  })
  .filter((pattern) => pattern.split("{").length <= 7)

/** Decoded segments without "/", so that a path can be handed to the library as it is. */
export const segmentLists: fc.Arbitrary<string[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom("a", "b", "v", "users", "é", "a-1", "v-", "1.a", "x-y.z", "x--y.z") },
    { weight: 1, arbitrary: fc.stringMatching(/^[-.ax]{1,8}$/) },
    {
      weight: 1,
      arbitrary: fc.string({ unit: "binary", minLength: 1, maxLength: 4 }).filter((one) => !one.includes("/")),
    },
  ),
  { maxLength: 6 },
)

/**
 * What path-to-regexp itself says about one pattern; undefined is no match.
 *
 * The differences from ours are put in words here: a glob takes no segment too, and then it is a list without
 * entries; a path without segments is what a pattern without its groups fits.
 */
export function libraryParams(pattern: string, segments: readonly string[]): Record<string, unknown> | undefined {
  const glob = /\/\*(\w+)$/.exec(pattern)
  const looser = glob === null ? pattern : `${pattern.slice(0, glob.index)}{/*${glob[1]}}`
  const path = segments.length === 0 && pattern !== "/" ? "" : "/" + segments.join("/")
  const found = libraryMatch(looser, { decode: false, sensitive: true, trailing: false })(path)
  if (found === false) return undefined
  const params: Record<string, unknown> = { ...found.params }
  if (glob !== null) params[glob[1]!] = typeof params[glob[1]!] === "string" ? String(params[glob[1]!]).split("/") : []
  return params
}
