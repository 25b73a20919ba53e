/** An exchange that hands everything on to another, for those that change only a part of it: a compressor, a delay. */

import type {
  Body,
  BodyListener,
  CloseListener,
  Exchange,
  Limits,
  MaybePromise,
  OpenFile,
  PeerData,
  SockData,
  SslData,
  WebSocketUpgrade,
} from "./adapter.ts"

/** The server's own exchange, whatever stands before it. */
export function serverSide(exchange: Exchange): Exchange {
  let own = exchange
  while (own instanceof Delegate) own = own.inner
  return own
}

/** What stands between a connection and its server: `conn.exchange = new Compressor(conn.exchange)`. */
export class Delegate implements Exchange {
  readonly inner: Exchange

  constructor(inner: Exchange) {
    this.inner = inner
  }

  get method(): string {
    return this.inner.method
  }
  get path(): string {
    return this.inner.path
  }
  get query(): string {
    return this.inner.query
  }
  get scheme(): "http" | "https" {
    return this.inner.scheme
  }
  get sent(): boolean {
    return this.inner.sent
  }
  get limits(): Limits {
    return this.inner.limits
  }
  getHeader(name: string): string | undefined {
    return this.inner.getHeader(name)
  }
  getHeaders(): readonly string[] {
    return this.inner.getHeaders()
  }
  sendResp(status: number, headers: readonly string[], body: Body): void {
    this.inner.sendResp(status, headers, body)
  }
  sendHead(status: number, headers: readonly string[], length: number): void {
    this.inner.sendHead(status, headers, length)
  }
  openFile(path: string): Promise<OpenFile> {
    return this.inner.openFile(path)
  }
  sendFile(status: number, headers: readonly string[], file: OpenFile, offset: number, length: number): Promise<void> {
    return this.inner.sendFile(status, headers, file, offset, length)
  }
  sendChunked(status: number, headers: readonly string[], length: number): void {
    this.inner.sendChunked(status, headers, length)
  }
  chunk(data: Body): MaybePromise<boolean> {
    return this.inner.chunk(data)
  }
  endChunked(): void {
    this.inner.endChunked()
  }
  abort(): void {
    this.inner.abort()
  }
  inform(status: number, headers: readonly string[]): boolean {
    return this.inner.inform(status, headers)
  }
  readBody(length: number, timeout: number, done: BodyListener): void {
    this.inner.readBody(length, timeout, done)
  }
  upgrade(upgrade: WebSocketUpgrade): void {
    this.inner.upgrade(upgrade)
  }
  onClose(listener: CloseListener): void {
    this.inner.onClose(listener)
  }
  onDrain(listener: () => void): void {
    this.inner.onDrain(listener)
  }
  getPeerData(): PeerData {
    return this.inner.getPeerData()
  }
  getSockData(): SockData {
    return this.inner.getSockData()
  }
  getSslData(): SslData | undefined {
    return this.inner.getSslData()
  }
  getHttpProtocol(): "HTTP/1.0" | "HTTP/1.1" | "HTTP/2" {
    return this.inner.getHttpProtocol()
  }
}
