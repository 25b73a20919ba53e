/**
 * Who the peer of a connection is; the library knows it only while there is a response.
 */
import type { PeerData } from "../../src/conn/adapter.ts"
import type { NativeResponse } from "./binding.ts"

/** What the library says of a peer, to be put into words when somebody asks. */
export class PeerSeen {
  readonly #bytes: Uint8Array
  readonly #port: number

  constructor(response: NativeResponse) {
    this.#bytes = new Uint8Array(response.getRemoteAddress())
    this.#port = response.getRemotePort?.() ?? 0
  }

  /** The port is 0 where the binary does not tell it. */
  get data(): PeerData {
    return { address: addressText(this.#bytes), port: this.#port, certificate: undefined }
  }
}

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
  // The platform's URLs shorten it.
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1)
}

/** `::ffff:0:0/96`, as which a socket for both sees an IPv4 peer. */
function isMapped(bytes: Uint8Array): boolean {
  return bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255
}
