/**
 * What a socket knows of its two ends.
 */
import type { Socket } from "node:net"
import { TLSSocket } from "node:tls"
import type { PeerData, SockData, SslData } from "../../src/conn/adapter.ts"
import { peerAddress } from "../options.ts"
import type { Client } from "./proxy-header.ts"

/** The peer, or the client that it speaks for. */
export function peerOf(socket: Socket, client: Client | undefined): PeerData {
  const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate()?.raw : undefined
  if (client !== undefined) return { address: client.address, port: client.port, certificate }
  return { address: peerAddress(socket.remoteAddress), port: socket.remotePort ?? 0, certificate }
}

export function sockOf(socket: Socket): SockData {
  return { address: peerAddress(socket.localAddress), port: socket.localPort ?? 0 }
}

export function sslOf(socket: Socket): SslData | undefined {
  if (!(socket instanceof TLSSocket)) return undefined
  const name = (socket as TLSSocket & { servername?: string | false }).servername
  return {
    protocol: socket.getProtocol() ?? undefined,
    cipher: socket.getCipher()?.name,
    serverName: name === false || name === "" ? undefined : name,
  }
}
