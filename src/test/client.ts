/** A client for a whole endpoint in this process: requests, streams and websockets without a socket. */

import { Buffer } from "node:buffer"
import type { Body, MaybePromise, WebSocket, WebSocketUpgrade } from "../conn/adapter.ts"
import { UsageError } from "../conn/errors.ts"
import type { Endpoint } from "../endpoint/endpoint.ts"
import type { TestExchange } from "./exchange.ts"
import { type ConnOptions, testExchange } from "./test.ts"

export interface ClientResponse {
  readonly status: number
  /** The first value of a header. */
  header(name: string): string | undefined
  /** Every value of a header. */
  headers(name: string): string[]
  /** The whole body; waits for its end. */
  text(): Promise<string>
  json(): Promise<unknown>
  bytes(): Promise<Uint8Array>
  /** The parts of the body as they come, until its end. */
  chunks(): AsyncGenerator<string>
  /** Leaves before the end. */
  disconnect(): void
  readonly exchange: TestExchange
}

export interface ClientSocket {
  readonly protocol: string
  send(data: Body): void
  /** The next message from the server; undefined when the socket is closed. */
  next(): Promise<string | Uint8Array | undefined>
  close(code?: number, reason?: string): void
  /** Resolves with what the server closed with. */
  readonly closed: Promise<{ code: number; reason: string }>
}

type Request = (path: string, body?: Body | object, options?: ConnOptions) => Promise<ClientResponse>

export interface Client {
  get: Request
  post: Request
  put: Request
  patch: Request
  delete: Request
  head: Request
  options: Request
  request(method: string, path: string, body?: Body | object, options?: ConnOptions): Promise<ClientResponse>
  /** Opens a websocket; rejects with `UsageError` naming the status when the endpoint refuses. */
  websocket(path: string, options?: ConnOptions & { protocols?: readonly string[] }): Promise<ClientSocket>
}

/**
 * Makes a client that calls an endpoint without a server. A response resolves when its head was sent, so that a stream can
 * be read while it goes on.
 */
export function client(endpoint: Endpoint): Client {
  const request: Client["request"] = async (method, path, body, options = {}) => {
    const exchange = testExchange(method, path, body, options)
    void endpoint.call(exchange)
    await exchange.until(() => exchange.sent)
    return response(exchange)
  }
  const verb =
    (method: string): Request =>
    (path, body, options) =>
      request(method, path, body, options)
  return {
    request,
    get: verb("GET"),
    post: verb("POST"),
    put: verb("PUT"),
    patch: verb("PATCH"),
    delete: verb("DELETE"),
    head: verb("HEAD"),
    options: verb("OPTIONS"),
    websocket: (path, options = {}) => openSocket(endpoint, path, options),
  }
}

function response(exchange: TestExchange): ClientResponse {
  const { answer } = exchange
  if (answer === undefined) throw new UsageError("the connection was cut or upgraded, and no answer was sent")
  const all = (name: string): string[] =>
    answer.headers.filter((_, i) => i % 2 === 1 && answer.headers[i - 1] === name.toLowerCase())
  const bytes = async (): Promise<Uint8Array> => {
    await exchange.until(() => answer.ended)
    if (exchange.aborted) throw new UsageError("the answer was cut before its end")
    return Buffer.concat(answer.parts)
  }
  const text = async (): Promise<string> => Buffer.from(await bytes()).toString()
  return {
    status: answer.status,
    header: (name) => all(name)[0],
    headers: all,
    bytes,
    text,
    json: async () => JSON.parse(await text()),
    async *chunks() {
      for (let at = 0; ; at++) {
        await exchange.until(() => at < answer.parts.length || answer.ended)
        const part = answer.parts[at]
        if (part === undefined && exchange.aborted) throw new UsageError("the answer was cut before its end")
        if (part === undefined) return
        yield Buffer.from(part).toString()
      }
    },
    disconnect: () => exchange.disconnect(),
    exchange,
  }
}

async function openSocket(
  endpoint: Endpoint,
  path: string,
  options: ConnOptions & { protocols?: readonly string[] },
): Promise<ClientSocket> {
  const given = options.headers ?? {}
  const protocols = options.protocols ?? []
  const headers: (readonly [string, string])[] = [
    ...((Array.isArray(given) ? given : Object.entries(given)) as (readonly [string, string])[]),
    ["connection", "Upgrade"],
    ["upgrade", "websocket"],
    ["sec-websocket-version", "13"],
    ["sec-websocket-key", Buffer.alloc(16).toString("base64")],
    ...(protocols.length > 0 ? [["sec-websocket-protocol", protocols.join(", ")] as const] : []),
  ]
  const exchange = testExchange("GET", path, undefined, { ...options, headers })
  void endpoint.call(exchange)
  await exchange.until(() => exchange.sent)
  if (exchange.upgraded === undefined) {
    throw new UsageError(`the websocket ${path} was refused with ${exchange.answer?.status ?? "no answer"}`)
  }
  return pair(exchange, exchange.upgraded)
}

/** Joins the two ends of a websocket in memory; each direction keeps its order. */
function pair(exchange: TestExchange, upgrade: WebSocketUpgrade): ClientSocket {
  const { handler } = upgrade
  const inbox: (string | Uint8Array)[] = []
  let wake: () => void = () => undefined
  let over: { code: number; reason: string } | undefined
  let resolveClosed: (end: { code: number; reason: string }) => void = () => undefined
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    resolveClosed = resolve
  })
  const end = (code: number, reason: string): void => {
    if (over !== undefined) return
    over = { code, reason }
    try {
      handler.close?.(server, code, reason)
    } catch (error) {
      upgrade.onError(error)
    }
    upgrade.onOver()
    exchange.leave()
    resolveClosed(over)
    wake()
  }
  const server: WebSocket = {
    protocol: upgrade.protocol,
    bufferedAmount: 0,
    send(data): MaybePromise<boolean> {
      if (over !== undefined) return false
      inbox.push(typeof data === "string" ? data : Uint8Array.from(data))
      wake()
      return true
    },
    ping: () => undefined,
    close: (code = 1000, reason = "") => end(code, reason),
  }
  let queue: Promise<unknown> = Promise.resolve()
  const run = (step: () => MaybePromise<void> | undefined): void => {
    queue = queue.then(step).catch((error) => {
      upgrade.onError(error)
      end(1011, "")
    })
  }
  run(() => handler.open?.(server))
  return {
    protocol: upgrade.protocol,
    closed,
    send: (data) => run(() => (over === undefined ? handler.message?.(server, data) : undefined)),
    async next() {
      while (inbox.length === 0 && over === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      return inbox.shift()
    },
    close: (code = 1000, reason = "") => end(code, reason),
  }
}
