/**
 * The PROXY protocol on a listener: sockets of trusted proxies are held back until their header has said for whom they
 * speak. It comes before everything else, a TLS handshake included.
 */
import type { Socket } from "node:net"
import { compileNetworks, parseAddress } from "../../src/http/address.ts"
import { refuseUnknown, wrong } from "../options.ts"
import { type Client, type ProxyHeader, parseProxyHeader } from "./proxy-header.ts"

export interface ProxyProtocolOptions {
  /**
   * The proxies (`"10.0.0.0/8"`, `"2001:db8::1"`, `"loopback"`, `"private"`): each of their connections must begin with a
   * header of version 1 or 2, or is closed. From all other peers a header is what it looks like: a bad request.
   */
  trust: readonly string[]
}

/** Whether a peer is a proxy that must send a header. */
export type TrustedProxy = (address: string) => boolean

export function checkProxyProtocol(
  adapter: string,
  options: ProxyProtocolOptions | undefined,
): TrustedProxy | undefined {
  if (options === undefined) return undefined
  refuseUnknown(adapter, "proxyProtocol", options, ["trust"])
  const { trust } = options
  const accepted = "a list of networks that is not empty"
  if (!Array.isArray(trust) || trust.length === 0) throw wrong(adapter, "proxyProtocol.trust", accepted, trust)
  try {
    const inside = compileNetworks(trust)
    return (text) => {
      const address = parseAddress(text, true)
      return address !== undefined && inside(address)
    }
  } catch (cause) {
    throw wrong(adapter, "proxyProtocol.trust", `${accepted} (${(cause as Error).message})`, trust)
  }
}

const nothing = Buffer.alloc(0)

/** What a listener does with a socket. */
export interface Doors {
  /** The header is read; `rest` is what came with it of the client's bytes. Nobody listens to the socket. */
  accept(socket: Socket, client: Client | undefined, rest: Buffer): void
  /** It was closed: what the proxy at this address sent is no header, or came too late. */
  refused(address: string): void
}

/** The sockets whose header is awaited. */
export class ProxyProtocol {
  readonly #trusted: TrustedProxy
  readonly #timeout: number
  readonly #doors: Doors
  readonly #waiting = new Set<Socket>()

  /** `timeout`: milliseconds for a header, from the socket's begin. */
  constructor(trusted: TrustedProxy, timeout: number, doors: Doors) {
    this.#trusted = trusted
    this.#timeout = timeout
    this.#doors = doors
  }

  take(socket: Socket): void {
    const { remoteAddress } = socket
    // A reset may come with the first tick; without a listener it would end the process.
    socket.on("error", () => {})
    // Who has left already cannot be told from a proxy.
    if (remoteAddress === undefined) socket.destroy()
    else if (this.#trusted(remoteAddress)) this.#await(socket, remoteAddress)
    else this.#doors.accept(socket, undefined, nothing)
  }

  /** Closes all that have not said anything yet. */
  stop(): void {
    for (const socket of this.#waiting) socket.destroy()
  }

  #await(socket: Socket, address: string): void {
    let held: Buffer | undefined
    let header: ProxyHeader | undefined
    /** Bytes of the header that are still to come. */
    let missing = 0
    const receive = (bytes: Buffer): void => {
      let rest = bytes
      if (header === undefined) {
        const all = held === undefined ? bytes : Buffer.concat([held, bytes])
        const parsed = parseProxyHeader(all)
        if (parsed === "broken") return refuse()
        if (parsed === "more") {
          // Copied, so that a few bytes do not keep a whole read alive.
          held = Buffer.from(all)
          return
        }
        header = parsed
        missing = Math.max(0, header.length - all.length)
        rest = all.subarray(header.length)
      } else {
        rest = bytes.subarray(missing)
        missing = Math.max(0, missing - bytes.length)
      }
      if (missing > 0) return
      release()
      this.#doors.accept(socket, header.client, rest)
    }
    const release = (): void => {
      clearTimeout(timer)
      this.#waiting.delete(socket)
      socket.off("data", receive).off("end", refuse).off("close", release)
    }
    const refuse = (): void => {
      release()
      socket.destroy()
      this.#doors.refused(address)
    }
    const timer = setTimeout(refuse, this.#timeout).unref()
    this.#waiting.add(socket)
    socket.on("data", receive).on("end", refuse).on("close", release)
  }
}
