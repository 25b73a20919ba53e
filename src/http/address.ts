/**
 * IP addresses as values: their text, and the networks (CIDR, RFC 4632 and RFC 4291 §2.3) that they lie in.
 */

/** Eight groups of 16 bits. An IPv4 address is its IPv4-mapped form, so that `::ffff:10.0.0.1` and `10.0.0.1` are one. */
export type Address = readonly number[]

const group = /^[0-9A-Fa-f]{1,4}$/
const prefixLength = /^(?:0|[1-9]\d{0,2})$/

/**
 * The address that a text stands for, undefined when it is none.
 *
 * IPv4 is four decimal numbers without leading zeros; IPv6 is RFC 4291 §2.2 without a zone, unless `zoned` lets one be
 * there and ignores it (what a socket says of a link-local peer).
 *
 * @example
 * parseAddress("10.0.0.1") //=> [0, 0, 0, 0, 0, 0xffff, 0x0a00, 1]
 * parseAddress("256.0.0.1") //=> undefined
 * parseAddress("010.0.0.1") //=> undefined
 */
export function parseAddress(text: string, zoned = false): Address | undefined {
  if (text.length > 64) return undefined
  if (!text.includes(":")) return mapped(parseIPv4(text))
  const percent = zoned ? text.indexOf("%") : -1
  return parseIPv6(percent < 0 ? text : text.slice(0, percent))
}

/** Four bytes as one number; -1 when the text is no IPv4 address. */
function parseIPv4(text: string): number {
  if (text.length > 15) return -1
  let address = 0
  let byte = -1
  let dots = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 0x2e) {
      if (byte < 0 || ++dots > 3) return -1
      address = address * 256 + byte
      byte = -1
      continue
    }
    // A second digit after "0" would be octal to some.
    if (code < 0x30 || code > 0x39 || byte === 0) return -1
    byte = byte < 0 ? code - 0x30 : byte * 10 + code - 0x30
    if (byte > 255) return -1
  }
  return dots === 3 && byte >= 0 ? address * 256 + byte : -1
}

function mapped(address: number): Address | undefined {
  return address < 0 ? undefined : [0, 0, 0, 0, 0, 0xffff, Math.floor(address / 65_536), address % 65_536]
}

function parseIPv6(text: string): Address | undefined {
  const halves = text.split("::")
  if (halves.length > 2) return undefined
  const head = parseGroups(halves[0]!, halves.length === 1)
  const tail = parseGroups(halves[1] ?? "", true)
  if (head === undefined || tail === undefined) return undefined
  const missing = 8 - head.length - tail.length
  // "::" stands for one group or more.
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined
  return [...head, ...new Array<number>(missing).fill(0), ...tail]
}

/** The groups of a part of an IPv6 address; at its end two of them may be written as IPv4. */
function parseGroups(text: string, isEnd: boolean): number[] | undefined {
  if (text === "") return []
  const groups: number[] = []
  const parts = text.split(":")
  for (const [index, part] of parts.entries()) {
    if (group.test(part)) groups.push(Number.parseInt(part, 16))
    else {
      const last = isEnd && index === parts.length - 1 ? parseIPv4(part) : -1
      if (last < 0) return undefined
      groups.push(Math.floor(last / 65_536), last % 65_536)
    }
  }
  return groups
}

/** Its last two groups are an IPv4 address. */
function isMapped(address: Address): boolean {
  for (let i = 0; i < 5; i++) if (address[i] !== 0) return false
  return address[5] === 0xffff
}

/**
 * The one text of an address: IPv4 where it is one, else as RFC 5952 writes IPv6.
 *
 * @example
 * formatAddress([0, 0, 0, 0, 0, 0xffff, 0x0a00, 1]) //=> "10.0.0.1"
 * formatAddress([0x2001, 0xdb8, 0, 0, 1, 0, 0, 1]) //=> "2001:db8::1:0:0:1"
 */
export function formatAddress(address: Address): string {
  if (isMapped(address)) {
    const [high, low] = [address[6]!, address[7]!]
    return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`
  }
  let start = -1
  let length = 1
  for (let i = 0; i < 8; i++) {
    let end = i
    while (end < 8 && address[end] === 0) end++
    if (end - i > length) [start, length] = [i, end - i]
    i = Math.max(i, end)
  }
  const hex = address.map((one) => one.toString(16))
  return start < 0 ? hex.join(":") : `${hex.slice(0, start).join(":")}::${hex.slice(start + length).join(":")}`
}

interface Network {
  readonly address: Address
  /** Bits of the 128 that count. */
  readonly prefix: number
  readonly isIPv4: boolean
}

/** Networks that have a name. */
const named: Readonly<Record<string, readonly string[]>> = {
  loopback: ["127.0.0.0/8", "::1"],
  "link-local": ["169.254.0.0/16", "fe80::/10"],
  private: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"],
}

/**
 * Whether an address lies in one of these networks: `10.0.0.0/8`, `2001:db8::/32`, a single address, or the names
 * `loopback`, `link-local` and `private` (RFC 1918, RFC 4193).
 *
 * An IPv6 network holds no IPv4 address unless it is written as one (`::ffff:0:0/104`). Raises a TypeError for what is no
 * network, for one with bits beyond its prefix (`10.0.0.1/8`), and for those that hold everybody (`0.0.0.0/0`).
 *
 * @example
 * const inside = compileNetworks(["10.0.0.0/8", "loopback"])
 * inside(parseAddress("::ffff:10.1.2.3")) //=> true
 * inside(parseAddress("11.0.0.1")) //=> false
 * compileNetworks(["0.0.0.0/0"]) //=> throws TypeError
 */
export function compileNetworks(texts: readonly string[]): (address: Address) => boolean {
  const networks = texts.flatMap((text) => (Object.hasOwn(named, text) ? named[text]! : [text])).map(parseNetwork)
  return (address) => {
    const isIPv4 = isMapped(address)
    for (const network of networks) if (network.isIPv4 === isIPv4 && holds(network, address)) return true
    return false
  }
}

function parseNetwork(text: string): Network {
  const slash = typeof text === "string" ? text.indexOf("/") : 0
  const base = slash < 0 ? text : String(text).slice(0, slash)
  const address = parseAddress(base)
  const digits = slash < 0 ? "" : String(text).slice(slash + 1)
  const isDotted = !base.includes(":")
  const widest = isDotted ? 32 : 128
  if (address === undefined || (slash >= 0 && (!prefixLength.test(digits) || Number(digits) > widest))) {
    const shown = JSON.stringify(typeof text === "string" ? text.slice(0, 100) : String(text))
    throw new TypeError(`a network looks like "10.0.0.0/8", "2001:db8::/32", "192.0.2.7" or "loopback", got ${shown}`)
  }
  const prefix = slash < 0 ? 128 : Number(digits) + 128 - widest
  const isIPv4 = isMapped(address) && prefix >= 96
  if (prefix === (isIPv4 ? 96 : 0)) throw new TypeError(`the network ${text} holds everybody`)
  const first = address.map((one, at) => one & maskOf(prefix, at))
  if (first.some((one, at) => one !== address[at])) {
    const [shown, length] = [formatAddress(first), isIPv4 ? prefix - 96 : prefix]
    throw new TypeError(
      `the network ${text} has bits beyond its prefix; write ${shown}/${length}, or the address alone`,
    )
  }
  return { address, prefix, isIPv4 }
}

/** The bits of a group that belong to a prefix. */
function maskOf(prefix: number, at: number): number {
  const bits = Math.max(0, Math.min(16, prefix - at * 16))
  return 0xffff & (0xffff << (16 - bits))
}

function holds({ address, prefix }: Network, other: Address): boolean {
  for (let at = 0; at * 16 < prefix; at++) {
    if (((address[at]! ^ other[at]!) & maskOf(prefix, at)) !== 0) return false
  }
  return true
}
