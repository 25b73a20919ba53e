/**
 * What a socket knows of its two ends.
 */
import type { Socket } from "node:net"
import { TLSSocket } from "node:tls"
import type { PeerData, SockData, SslData } from "../../src/conn/adapter.ts"
import { peerAddress } from "../options.ts"

export function peerOf(socket: Socket): PeerData {
  const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate()?.raw : undefined
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
