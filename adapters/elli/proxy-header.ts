/**
 * The header of the PROXY protocol, versions 1 and 2: what a TCP proxy sends before the client's own bytes.
 */
import type { PeerData } from "../../src/conn/adapter.ts"
import { type Address, formatAddress, parseAddress } from "../../src/http/address.ts"

/** Whom the proxy speaks for. */
export type Client = Pick<PeerData, "address" | "port">

export interface ProxyHeader {
  /** Bytes of the whole header; of version 2 the last of them may still be to come. */
  readonly length: number
  /** Undefined where the proxy speaks for itself (LOCAL) or cannot say for whom (UNKNOWN, UNIX sockets). */
  readonly client: Client | undefined
}

/** A line of version 1 with its end; no sound one is longer. */
const lineBytes = 107
const line = /^PROXY (?:UNKNOWN(?: .*)?|(TCP[46]) ([\d.:A-Fa-f]+) ([\d.:A-Fa-f]+) (0|[1-9]\d{0,4}) (0|[1-9]\d{0,4}))$/s
const begin = Buffer.from("PROXY ")
const signature = Buffer.from("\r\n\r\n\0\r\nQUIT\n")
/** The signature, version and command, family and protocol, and the length of the rest. */
const fixedBytes = 16
const unix = 3
/** Bytes of two addresses and two ports, by family; none are told of an unspecified one. */
const blockBytes: readonly number[] = [0, 12, 36, 216]

/**
 * Reads the header at the begin of `bytes`: "more" when it cannot be told yet, "broken" when it is none.
 *
 * Of version 2 only the addresses are needed; what extends them (TLVs, a checksum among them) is skipped by its length and
 * not looked at. So 107 bytes are always enough.
 *
 * @example
 * parseProxyHeader(Buffer.from("PROXY TCP4 203.0.113.9 10.0.0.1 4711 443\r\n")).client //=> { address: "203.0.113.9", port: 4711 }
 * parseProxyHeader(Buffer.from("PROXY UNKNOWN\r\nGET /")) //=> { length: 15, client: undefined }
 * parseProxyHeader(Buffer.from("PROX")) //=> "more"
 * parseProxyHeader(Buffer.from("GET / HTTP/1.1\r\n")) //=> "broken"
 */
export function parseProxyHeader(bytes: Buffer): ProxyHeader | "more" | "broken" {
  if (startsAs(begin, bytes)) return bytes.length < begin.length ? "more" : parseLine(bytes)
  if (startsAs(signature, bytes)) return bytes.length < fixedBytes ? "more" : parseBinary(bytes)
  return "broken"
}

/** As far as there are bytes, they are those of `start`. */
function startsAs(start: Buffer, bytes: Buffer): boolean {
  const length = Math.min(start.length, bytes.length)
  return bytes.compare(start, 0, length, 0, length) === 0
}

function parseLine(bytes: Buffer): ProxyHeader | "more" | "broken" {
  const text = bytes.toString("latin1", 0, lineBytes)
  const end = text.indexOf("\r\n")
  if (end < 0) return text.length < lineBytes ? "more" : "broken"
  const found = line.exec(text.slice(0, end))
  if (found === null) return "broken"
  const [, family, source = "", destination = "", sourcePort, destinationPort] = found
  const length = end + 2
  if (family === undefined) return { length, client: undefined }
  const port = Number(sourcePort)
  const address = parseAddress(source)
  const areOne = [source, destination].every((one) => one.includes(":") === (family === "TCP6"))
  if (!areOne || address === undefined || parseAddress(destination) === undefined) return "broken"
  if (port > 65_535 || Number(destinationPort) > 65_535) return "broken"
  return { length, client: { address: formatAddress(address), port } }
}

function parseBinary(bytes: Buffer): ProxyHeader | "more" | "broken" {
  const [version, command] = halves(bytes[12]!)
  const [family, protocol] = halves(bytes[13]!)
  const rest = bytes.readUInt16BE(14)
  const length = fixedBytes + rest
  if (version !== 2 || command > 1) return "broken"
  // LOCAL: whatever follows is ignored, its family too.
  if (command === 0) return { length, client: undefined }
  if (family > unix || protocol > 2) return "broken"
  if (family === 0 || protocol === 0) return { length, client: undefined }
  const block = blockBytes[family]!
  if (rest < block) return "broken"
  if (family === unix) return { length, client: undefined }
  if (bytes.length < fixedBytes + block) return "more"
  const address = addressAt(bytes, family === 1 ? 4 : 16)
  return { length, client: { address: formatAddress(address), port: bytes.readUInt16BE(fixedBytes + block - 4) } }
}

function halves(byte: number): [high: number, low: number] {
  return [byte >> 4, byte & 15]
}

function addressAt(bytes: Buffer, size: number): Address {
  const groups = size === 4 ? [0, 0, 0, 0, 0, 0xffff] : []
  for (let at = 0; at < size; at += 2) groups.push(bytes.readUInt16BE(fixedBytes + at))
  return groups
}
