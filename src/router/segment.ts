/** One segment of a path pattern: what a decoded segment of a request's path has to be to fit. */
export type Segment = Literal | Param | Mixed | Glob

/** Exactly this text, case-sensitive. */
export interface Literal {
  readonly kind: "literal"
  readonly text: string
}

/** Any segment, captured whole. */
export interface Param {
  readonly kind: "param"
  readonly name: string
}

/** Text and parameters in one segment, such as `v:major` or `:name.:ext`; no parameter is empty. */
export interface Mixed {
  readonly kind: "mixed"
  readonly parts: readonly (Literal | Param)[]
  /** Anchored; the nth group is the nth parameter. */
  readonly regex: RegExp
}

/** All remaining segments, none included; always the last segment. Without a name it captures nothing. */
export interface Glob {
  readonly kind: "glob"
  readonly name: string | undefined
}

/** Escapes what a regular expression would read as syntax. */
const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")

/**
 * The segment of text and parameters in turn.
 *
 * Semantics are those of path-to-regexp: the first parameter takes as much as it can, and a later one does not hold the
 * text before it (or is exactly that text). That exclusion also keeps the expression linear in the segment's length.
 * Between two parameters there has to be text.
 *
 * @example
 * mixed([{ kind: "literal", text: "v" }, { kind: "param", name: "major" }]).regex.exec("v12")?.[1] //=> "12"
 */
export function mixed(parts: readonly (Literal | Param)[]): Mixed {
  let source = ""
  let between: string | undefined
  for (const part of parts) {
    if (part.kind === "literal") {
      source += escaped(part.text)
      if (between !== undefined) between += part.text
      continue
    }
    source += between === undefined ? "(.+)" : `((?:(?!${escaped(between)}).)+|${escaped(between)})`
    between = ""
  }
  return { kind: "mixed", parts, regex: new RegExp(`^${source}$`, "s") }
}

/**
 * The parameters of one segment, in order.
 *
 * @example
 * namesIn({ kind: "param", name: "id" }) //=> ["id"]
 */
export function namesIn(segment: Segment): string[] {
  if (segment.kind === "mixed") return segment.parts.flatMap(namesIn)
  return segment.kind === "literal" || segment.name === undefined ? [] : [segment.name]
}
