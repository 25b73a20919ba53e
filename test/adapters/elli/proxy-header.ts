/** Writes PROXY headers, for tests of those who read them. */
import { BlockList, SocketAddress } from "node:net"

export type Family = "ipv4" | "ipv6"
export interface Sent {
  readonly family: Family
  readonly source: string
  readonly destination: string
  readonly port: number
}

export function version1({ family, source, destination, port }: Sent): Buffer {
  return Buffer.from(`PROXY ${family === "ipv4" ? "TCP4" : "TCP6"} ${source} ${destination} ${port} 443\r\n`)
}

export function version2({ family, source, destination, port }: Sent, extra: Uint8Array = Buffer.alloc(0)): Buffer {
  const block = [bytesOf(source, family), bytesOf(destination, family), uint16(port), uint16(443), extra]
  const size = block.reduce((sum, part) => sum + part.length, 0)
  const head = [
    0x0d,
    0x0a,
    0x0d,
    0x0a,
    0,
    0x0d,
    0x0a,
    0x51,
    0x55,
    0x49,
    0x54,
    0x0a,
    0x21,
    family === "ipv4" ? 0x11 : 0x21,
  ]
  return Buffer.concat([Buffer.from(head), uint16(size), ...block])
}

function uint16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 255])
}

/** Asks the platform for the bits of an address, one by one. */
function bytesOf(text: string, family: Family): Buffer {
  const bytes = Buffer.alloc(family === "ipv4" ? 4 : 16)
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    bytes[bit >> 3]! |= 128 >> (bit & 7)
    if (!isIn(text, textOf(bytes), bit + 1, family)) bytes[bit >> 3]! ^= 128 >> (bit & 7)
  }
  return bytes
}

function isIn(text: string, net: string, prefix: number, family: Family): boolean {
  const list = new BlockList()
  list.addSubnet(new SocketAddress({ address: net, family }), prefix)
  return list.check(text, family)
}

function textOf(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join(".")
  return (bytes.toString("hex").match(/..../g) as string[]).join(":")
}
