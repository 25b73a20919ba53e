/**
 * The address of a peer, of which the library gives the bytes.
 */
import { isIPv6 } from "node:net"

/**
 * The text of 4 or 16 bytes; IPv4 in IPv4 form, IPv6 as RFC 5952 has it, "" for anything else.
 *
 * @example
 * addressText(new Uint8Array([127, 0, 0, 1])) //=> "127.0.0.1"
 */
export function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".")
  if (bytes.length !== 16) return ""
  if (isMapped(bytes)) return bytes.subarray(12).join(".")
  const groups: string[] = []
  for (let i = 0; i < 16; i += 2) groups.push((((bytes[i] as number) << 8) | (bytes[i + 1] as number)).toString(16))
  const text = groups.join(":")
  // The platform's URLs shorten it.
  return isIPv6(text) ? new URL(`http://[${text}]`).hostname.slice(1, -1) : ""
}

/** `::ffff:0:0/96`, as which a socket for both sees an IPv4 peer. */
function isMapped(bytes: Uint8Array): boolean {
  return bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255
}
