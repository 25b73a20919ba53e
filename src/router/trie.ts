import type { Hosts } from "./hosts.ts"
import type { Segment } from "./segment.ts"

/** One alternative of one route, as the trie holds it. */
export interface Entry {
  /** Its place in declared order, unique; the smallest that fits wins. */
  readonly rank: number
  readonly hosts: Hosts | undefined
}

/** Entries that end at one place, earliest first. Nothing follows one that is for every host: it could never win. */
interface Leaf<E extends Entry> {
  /** The earliest for each host named in full. */
  exact: Map<string, E> | undefined
  /** Those for every host and those with prefixes. */
  readonly open: E[]
}

/** Where the entries are that share their first segments. */
export interface Node<E extends Entry> {
  /** The smallest rank here and below: a branch that cannot beat what was found is not entered. */
  least: number
  literals: Map<string, Node<E>> | undefined
  param: Node<E> | undefined
  mixed: { readonly regex: RegExp; readonly node: Node<E> }[] | undefined
  /** Entries that end here. */
  leaf: Leaf<E> | undefined
  /** Entries whose glob starts here. */
  glob: Leaf<E> | undefined
}

/** Later than every entry: the result of a search that found nothing. */
export const NOWHERE = 2 ** 30 - 1

export function emptyNode<E extends Entry>(): Node<E> {
  return { least: NOWHERE, literals: undefined, param: undefined, mixed: undefined, leaf: undefined, glob: undefined }
}

/** Adds an entry under its segments. Entries come in order of their ranks. */
export function insert<E extends Entry>(root: Node<E>, segments: readonly Segment[], entry: E): void {
  let node = root
  node.least = Math.min(node.least, entry.rank)
  for (const segment of segments) {
    if (segment.kind === "glob") {
      node.glob ??= { exact: undefined, open: [] }
      addToLeaf(node.glob, entry)
      return
    }
    node = child(node, segment)
    node.least = Math.min(node.least, entry.rank)
  }
  node.leaf ??= { exact: undefined, open: [] }
  addToLeaf(node.leaf, entry)
}

function child<E extends Entry>(node: Node<E>, segment: Exclude<Segment, { kind: "glob" }>): Node<E> {
  if (segment.kind === "param") return (node.param ??= emptyNode())
  if (segment.kind === "literal") {
    node.literals ??= new Map()
    const known = node.literals.get(segment.text)
    if (known !== undefined) return known
    const made = emptyNode<E>()
    node.literals.set(segment.text, made)
    return made
  }
  node.mixed ??= []
  const known = node.mixed.find((one) => one.regex.source === segment.regex.source)
  if (known !== undefined) return known.node
  const made = { regex: segment.regex, node: emptyNode<E>() }
  node.mixed.push(made)
  return made.node
}

function addToLeaf<E extends Entry>(leaf: Leaf<E>, entry: E): void {
  if (leaf.open.at(-1)?.hosts === undefined && leaf.open.length > 0) return
  if (entry.hosts === undefined || entry.hosts.prefixes.length > 0) leaf.open.push(entry)
  for (const host of entry.hosts?.exact ?? []) {
    leaf.exact ??= new Map()
    if (!leaf.exact.has(host)) leaf.exact.set(host, entry)
  }
}

/**
 * The entry of smallest rank that fits, or `best` when none is earlier.
 *
 * A node is entered at most once, whatever the path, so a search costs at most the trie's size; as a rule it enters one
 * or two nodes a segment. Nothing is allocated. `host` is in lower case; undefined fits every host.
 */
export function search<E extends Entry>(
  node: Node<E>,
  segments: readonly string[],
  at: number,
  host: string | undefined,
  best: E,
): E {
  while (node.least < best.rank) {
    if (node.glob !== undefined) best = earliest(node.glob, host, best)
    if (at === segments.length) return node.leaf === undefined ? best : earliest(node.leaf, host, best)
    const text = segments[at++]!
    const mixed = node.mixed
    if (mixed !== undefined) {
      for (const branch of mixed) {
        if (branch.node.least < best.rank && branch.regex.test(text))
          best = search(branch.node, segments, at, host, best)
      }
    }
    const literal = node.literals === undefined ? undefined : node.literals.get(text)
    const param = node.param
    if (literal === undefined) {
      if (param === undefined) return best
      node = param
    } else if (param === undefined) {
      node = literal
    } else {
      const literalFirst = literal.least < param.least
      best = search(literalFirst ? literal : param, segments, at, host, best)
      node = literalFirst ? param : literal
    }
  }
  return best
}

function earliest<E extends Entry>(leaf: Leaf<E>, host: string | undefined, best: E): E {
  if (leaf.exact !== undefined) {
    if (host === undefined) {
      for (const entry of leaf.exact.values()) if (entry.rank < best.rank) best = entry
    } else {
      const entry = leaf.exact.get(host)
      if (entry !== undefined && entry.rank < best.rank) best = entry
    }
  }
  for (const entry of leaf.open) {
    if (entry.rank >= best.rank) return best
    if (entry.hosts === undefined || host === undefined) return entry
    for (const prefix of entry.hosts.prefixes) if (host.startsWith(prefix)) return entry
  }
  return best
}
