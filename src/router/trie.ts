import type { Hosts } from "./hosts.ts"
import type { Segment } from "./segment.ts"

/** One alternative of one route, as the trie holds it. */
export interface Entry {
  /** Its place in declared order, unique; the smallest that fits wins. */
  readonly rank: number
  readonly hosts: Hosts | undefined
}

/** The entries of one place that are for some hosts only. */
interface Hosted<E extends Entry> {
  /** The earliest for each host named in full. */
  readonly exact: Map<string, E>
  readonly prefixes: { readonly prefix: string; readonly entry: E }[]
}

/** Where the entries are that share their first segments. */
export interface Node<E extends Entry> {
  /** The smallest rank here and below: a branch that cannot beat what was found is not entered. */
  least: number
  /** The only literal below and its node; with a second one they move to `literals`, since a comparison is cheaper. */
  text: string | undefined
  next: Node<E> | undefined
  literals: Map<string, Node<E>> | undefined
  param: Node<E> | undefined
  mixed: { readonly regex: RegExp; readonly node: Node<E> }[] | undefined
  /** The earliest entry that ends here and is for every host: nothing later can win. */
  end: E | undefined
  /** Entries that end here, are for some hosts and come before `end`. */
  hostedEnd: Hosted<E> | undefined
  /** The same two for entries whose glob starts here. */
  glob: E | undefined
  hostedGlob: Hosted<E> | undefined
}

/** Later than every entry: the rank of having found nothing. */
export const NOWHERE: number = 2 ** 30 - 1

export function emptyNode<E extends Entry>(): Node<E> {
  return {
    least: NOWHERE,
    text: undefined,
    next: undefined,
    literals: undefined,
    param: undefined,
    mixed: undefined,
    end: undefined,
    hostedEnd: undefined,
    glob: undefined,
    hostedGlob: undefined,
  }
}

/** Adds an entry under its segments. Entries come in the order of their ranks. */
export function insert<E extends Entry>(root: Node<E>, segments: readonly Segment[], entry: E): void {
  let node = root
  node.least = Math.min(node.least, entry.rank)
  for (const segment of segments) {
    if (segment.kind === "glob") {
      if (node.glob !== undefined) return
      if (entry.hosts === undefined) node.glob = entry
      else addHosted((node.hostedGlob ??= { exact: new Map(), prefixes: [] }), entry.hosts, entry)
      return
    }
    node = child(node, segment)
    node.least = Math.min(node.least, entry.rank)
  }
  if (node.end !== undefined) return
  if (entry.hosts === undefined) node.end = entry
  else addHosted((node.hostedEnd ??= { exact: new Map(), prefixes: [] }), entry.hosts, entry)
}

function addHosted<E extends Entry>(hosted: Hosted<E>, hosts: Hosts, entry: E): void {
  for (const host of hosts.exact) if (!hosted.exact.has(host)) hosted.exact.set(host, entry)
  for (const prefix of hosts.prefixes) hosted.prefixes.push({ prefix, entry })
}

function child<E extends Entry>(node: Node<E>, segment: Exclude<Segment, { kind: "glob" }>): Node<E> {
  if (segment.kind === "param") return (node.param ??= emptyNode())
  if (segment.kind === "mixed") {
    node.mixed ??= []
    const known = node.mixed.find((one) => one.regex.source === segment.regex.source)
    if (known !== undefined) return known.node
    const made = { regex: segment.regex, node: emptyNode<E>() }
    node.mixed.push(made)
    return made.node
  }
  const known =
    node.literals === undefined ? (node.text === segment.text ? node.next : undefined) : node.literals.get(segment.text)
  if (known !== undefined) return known
  const made = emptyNode<E>()
  if (node.next === undefined && node.literals === undefined) {
    node.text = segment.text
    node.next = made
    return made
  }
  if (node.literals === undefined) {
    node.literals = new Map([[node.text!, node.next!]])
    node.text = node.next = undefined
  }
  node.literals.set(segment.text, made)
  return made
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
    if (node.glob !== undefined && node.glob.rank < best.rank) best = node.glob
    if (node.hostedGlob !== undefined) best = earliest(node.hostedGlob, host, best)
    if (at === segments.length) {
      if (node.end !== undefined && node.end.rank < best.rank) best = node.end
      return node.hostedEnd === undefined ? best : earliest(node.hostedEnd, host, best)
    }
    const text = segments[at++]!
    const { mixed, param, literals } = node
    if (mixed !== undefined) {
      for (const branch of mixed) {
        if (branch.node.least < best.rank && branch.regex.test(text))
          best = search(branch.node, segments, at, host, best)
      }
    }
    const literal = literals === undefined ? (node.text === text ? node.next : undefined) : literals.get(text)
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

function earliest<E extends Entry>(hosted: Hosted<E>, host: string | undefined, best: E): E {
  if (host === undefined) {
    for (const entry of hosted.exact.values()) if (entry.rank < best.rank) best = entry
  } else {
    const entry = hosted.exact.get(host)
    if (entry !== undefined && entry.rank < best.rank) best = entry
  }
  for (const { prefix, entry } of hosted.prefixes) {
    if (entry.rank >= best.rank) return best
    if (host === undefined || host.startsWith(prefix)) return entry
  }
  return best
}
