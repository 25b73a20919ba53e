/**
 * Who is at the ends of a connection.
 */
import type { Socket } from "node:net"
import type { TLSSocket } from "node:tls"
import type { PeerData, SockData, SslData } from "../../src/conn/adapter.ts"
import { peerAddress } from "../options.ts"

export function peerData(socket: Socket): PeerData {
  const certificate = isTls(socket) ? socket.getPeerX509Certificate()?.raw : undefined
  return { address: peerAddress(socket.remoteAddress), port: socket.remotePort ?? 0, certificate }
}

export function sockData(socket: Socket): SockData {
  return { address: peerAddress(socket.localAddress), port: socket.localPort ?? 0 }
}

/** Undefined without TLS. */
export function sslData(socket: Socket): SslData | undefined {
  if (!isTls(socket)) return undefined
  const { servername } = socket as { servername?: string | false }
  return {
    protocol: socket.getProtocol() ?? undefined,
    cipher: socket.getCipher()?.name,
    serverName: servername || undefined,
  }
}

export function isTls(socket: Socket): socket is TLSSocket {
  return "encrypted" in socket
}
