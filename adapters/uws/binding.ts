/**
 * The native library, imported here and nowhere else, and the part of its API that this adapter uses.
 *
 * The declarations are our own: users of the other adapters compile without the package.
 */
import { MissingCapabilityError } from "../../src/conn/adapter.ts"

/** Valid only until the handler that got it returns. */
export interface NativeRequest {
  getUrl(): string
  /** Undefined without a "?". */
  getQuery(): string | undefined
  getCaseSensitiveMethod(): string
  getHeader(name: string): string
  forEach(visit: (name: string, value: string) => void): void
  /** Hands the request on to the next handler that matches it. */
  setYield(on: boolean): void
}

export type Text = string | ArrayBuffer | Uint8Array

/** Valid until it was answered, aborted, closed or upgraded; touched later it throws, or ends the process. */
export interface NativeResponse {
  writeStatus(status: Text): this
  writeHeader(name: Text, value: Text): this
  write(chunk: Text): boolean
  end(body?: Text, closeConnection?: boolean): this
  endWithoutBody(length?: number): this
  tryEnd(rest: Text, totalSize: number): [ok: boolean, done: boolean]
  getWriteOffset(): number
  cork(write: () => void): this
  pause(): this
  resume(): this
  close(): this
  onAborted(listener: () => void): this
  onWritable(listener: (offset: number) => boolean): this
  onData(listener: (chunk: ArrayBuffer, last: boolean) => void): this
  getRemoteAddress(): ArrayBuffer
  /** Newer binaries only. */
  getRemotePort?(): number
  upgrade(data: object, key: string, protocol: string, extensions: string, context: unknown): void
}

/** Valid until the close handler was called. */
export interface NativeWebSocket<Data> {
  send(message: Text, binary: boolean, compress: boolean): number
  ping(message?: Text): number
  end(code: number, reason: string): void
  close(): void
  cork(write: () => void): this
  getBufferedAmount(): number
  getUserData(): Data
}

export interface NativeBehavior<Data> {
  maxPayloadLength: number
  maxBackpressure: number
  idleTimeout: number
  sendPingsAutomatically: boolean
  compression: number
  upgrade(response: NativeResponse, request: NativeRequest, context: unknown): void
  open(ws: NativeWebSocket<Data>): void
  message(ws: NativeWebSocket<Data>, data: ArrayBuffer, binary: boolean): void
  drain(ws: NativeWebSocket<Data>): void
  ping(ws: NativeWebSocket<Data>, data: ArrayBuffer): void
  pong(ws: NativeWebSocket<Data>, data: ArrayBuffer): void
  close(ws: NativeWebSocket<Data>, code: number, reason: ArrayBuffer): void
}

type Handle = (response: NativeResponse, request: NativeRequest) => void
type Route = (pattern: string, handle: Handle) => NativeApp

export interface NativeApp {
  readonly get: Route
  readonly head: Route
  readonly post: Route
  readonly put: Route
  readonly patch: Route
  readonly del: Route
  readonly options: Route
  readonly any: Route
  ws<Data>(pattern: string, behavior: NativeBehavior<Data>): NativeApp
  listen(...args: (string | number | ((socket: unknown) => void))[]): NativeApp
  /** Closes the listener and every connection. */
  close(): NativeApp
  /** Newer binaries only. */
  addChildAppDescriptor?: unknown
}

export interface Binding {
  App(): NativeApp
  SSLApp(options: {
    key_file_name: string
    cert_file_name: string
    passphrase?: string
    ssl_ciphers?: string
  }): NativeApp
  us_listen_socket_close(socket: unknown): void
  us_socket_local_port(socket: unknown): number
  readonly DISABLED: number
  readonly SHARED_COMPRESSOR: number
  _cfg?(key: string): void
}

/** The author's tag for this version of Node. From v20.67.0 on there are no binaries for Node 20 and 25. */
const tag = Number(process.versions.node.split(".")[0]) > 25 ? "v20.69.0" : "v20.66.0"

const importIt = (): Promise<unknown> => import("uWebSockets.js")

/**
 * Loads the library. Rejects with `MissingCapabilityError`, whose message tells a package that is not installed (and what
 * to type) from a binary that does not load here (and why).
 */
export async function loadBinding(load: () => Promise<unknown> = importIt): Promise<Binding> {
  let loaded: { default?: Binding }
  try {
    loaded = (await load()) as { default?: Binding }
  } catch (cause) {
    throw new MissingCapabilityError(isAbsent(cause) ? absent : broken(cause), { cause })
  }
  return loaded.default ?? (loaded as unknown as Binding)
}

const absent = `uws: the package uWebSockets.js is not installed; it is not on npm: npm install uNetworking/uWebSockets.js#${tag}`

/** Its own loader reports a missing binary as an ordinary error, and that is not what is asked here. */
function isAbsent(error: unknown): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown }
  if (code !== "ERR_MODULE_NOT_FOUND" && code !== "MODULE_NOT_FOUND") return false
  return /['"]uWebSockets\.js['"]/.test(String(message))
}

function broken(error: unknown): string {
  const { platform, arch, version } = process
  const lines = String((error as Error)?.message ?? error).split("\n")
  const last = lines.findLast((line) => line.trim() !== "") ?? ""
  const where = `on Node ${version}, ${platform} ${arch}`
  return `uws: uWebSockets.js is installed, but its binary does not load ${where}: ${last.slice(0, 300)}; the tag for it is ${tag}`
}
