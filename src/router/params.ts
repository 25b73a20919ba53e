/** What a path pattern captures, as types; the grammar is path-to-regexp's (`:id`, `*rest`, `{/:optional}`). */

import type { Flat } from "../plug/plug.ts"

/** What ends a parameter name: the characters that a path may hold and an identifier may not. */
type End = "." | "-" | "@" | "~" | "!" | "(" | ")" | "+" | "," | ";" | "=" | "&" | "'" | "%"

/** The text of `S` up to the first character that ends a parameter name. */
type Name<S extends string> = S extends `${infer N}${End}${string}` ? Name<N> : S

/** Parameters of one path segment: ":id", "*rest", "v:version", "users". */
type Segment<S extends string> = S extends `${string}:${infer N}`
  ? { [K in Name<N>]: string } & (N extends `${string}:${string}` ? Segment<N> : {})
  : S extends `${string}*${infer N}`
    ? { [K in Name<N>]: string[] }
    : {}

type Segments<S extends string> = S extends `${infer Head}/${infer Tail}` ? Segment<Head> & Segments<Tail> : Segment<S>

/** `{/:year}` groups make every parameter inside them optional. */
type Parse<P extends string> = P extends `${infer Before}{${infer Group}}${infer After}`
  ? Segments<Before> & Partial<Segments<Group>> & Parse<After>
  : Segments<P>

/** The parameters that a path pattern captures: `Params<"/users/:id">` is `{ id: string }`. */
export type Params<P extends string> = P extends `${string}${":" | "*"}${string}` ? Flat<Parse<P>> : {}

/** Joins a scope's prefix and a route's path: `"/" + "/users"` is `"/users"`. */
export type Join<A extends string, B extends string> = A extends "/" | "" ? B : B extends "/" | "" ? A : `${A}${B}`

/** `Join` for values. */
export function join(prefix: string, path: string): string {
  if (prefix === "/" || prefix === "") return path
  return path === "/" || path === "" ? prefix : prefix + path
}
