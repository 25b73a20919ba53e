/**
 * The Forwarded header (RFC 7239): what proxies say of the hops that a request took before it came here.
 *
 * Only its grammar is here. Whether to believe any of it is for `rewriteOn` to decide.
 */

import { type Address, parseAddress } from "./address.ts"

/** What one proxy says of the request that it received. Values are unquoted and otherwise as they were sent. */
export interface ForwardedElement {
  /** Who sent it to the proxy: a node, see `parseNode`. */
  readonly for: string | undefined
  /** Where the proxy received it: a node. */
  readonly by: string | undefined
  /** The Host header that the proxy received. */
  readonly host: string | undefined
  /** The scheme by which it was sent to the proxy. */
  readonly proto: string | undefined
}

/** A token, then "=", then a token or a quoted string; all of it anchored where it is tried. */
const pair =
  /([!#$%&'*+\-.^_`|~0-9A-Za-z]+)=(?:([!#$%&'*+\-.^_`|~0-9A-Za-z]+)|"((?:[^"\\\0-\x08\x0a-\x1f\x7f]|\\[^\0-\x08\x0a-\x1f\x7f])*)")/y
const known: ReadonlySet<string> = new Set(["for", "by", "host", "proto"])

/**
 * The elements of one header line, the nearest proxy's last; undefined when any of it is malformed.
 *
 * Parameter names are compared without regard to case, unknown ones are dropped, and one that is given twice in an element
 * is malformed (§4). Whitespace is accepted around "," and ";", nowhere else. Empty elements are dropped. Takes time
 * proportional to its length. Lines are to be parsed one by one: a quote that is open at the end of one must not reach into
 * the next, which another proxy wrote.
 *
 * @example
 * parseForwarded('for="[2001:db8::17]:4711";proto=https, for=_x')?.map((one) => one.for) //=> ["[2001:db8::17]:4711", "_x"]
 * parseForwarded('for=192.0.2.1;host="a') //=> undefined
 */
export function parseForwarded(line: string): ForwardedElement[] | undefined {
  const elements: ForwardedElement[] = []
  let element: Record<string, string> | undefined
  let seen: Set<string> | undefined
  const close = (): void => {
    if (element !== undefined) {
      const { for: client, by, host, proto } = element
      elements.push({ for: client, by, host, proto })
    }
    element = seen = undefined
  }
  let at = 0
  for (;;) {
    at = skipSpace(line, at)
    pair.lastIndex = at
    const found = pair.exec(line)
    if (found !== null) {
      const name = found[1]!.toLowerCase()
      seen ??= new Set()
      if (seen.has(name)) return undefined
      seen.add(name)
      element ??= Object.create(null) as Record<string, string>
      if (known.has(name)) element[name] = found[2] ?? unquoted(found[3]!)
      at = skipSpace(line, pair.lastIndex)
    }
    if (at === line.length) break
    const separator = line[at]
    if (separator === ",") close()
    else if (separator !== ";") return undefined
    at++
  }
  close()
  return elements
}

function skipSpace(text: string, from: number): number {
  let at = from
  while (text[at] === " " || text[at] === "\t") at++
  return at
}

function unquoted(quoted: string): string {
  return quoted.includes("\\") ? quoted.replace(/\\(.)/gs, "$1") : quoted
}

/** A node of §6. */
export interface ForwardedNode {
  /** Undefined for "unknown" and for a name that hides it ("_hidden"). */
  readonly address: Address | undefined
  /** Undefined where there is none, or one that hides it. */
  readonly port: number | undefined
}

const node = /^(?:(\d[\d.]*)|\[([0-9A-Fa-f:.]+)\]|unknown|_[A-Za-z0-9._-]+)(?::(?:(\d{1,5})|_[A-Za-z0-9._-]+))?$/i

/**
 * The node that a `for` or `by` names, undefined when it is malformed. An IPv6 address stands in brackets.
 *
 * @example
 * parseNode("192.0.2.43:47011")?.port //=> 47011
 * parseNode("_gazonk") //=> { address: undefined, port: undefined }
 * parseNode("2001:db8::1") //=> undefined
 */
export function parseNode(text: string): ForwardedNode | undefined {
  const found = node.exec(text)
  if (found === null) return undefined
  const [, dotted, literal, digits] = found
  const port = digits === undefined ? undefined : Number(digits)
  if (port !== undefined && port > 65_535) return undefined
  if (dotted === undefined && literal === undefined) return { address: undefined, port }
  // An IPv4 address in brackets is none, and neither is IPv6 without them.
  if (literal !== undefined && !literal.includes(":")) return undefined
  const address = parseAddress(dotted ?? literal!)
  return address === undefined ? undefined : { address, port }
}
