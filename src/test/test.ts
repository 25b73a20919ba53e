/**
 * The kit for users' own tests: connections without a socket, and what was answered to them.
 *
 * `conn` makes a connection, `call` runs a plug, pipeline, action or router on it, `sentResp` shows the answer. `client`
 * calls a whole endpoint in this process.
 */

import { Buffer } from "node:buffer"
import type { Body, Limits, MaybePromise, PeerData, WebSocketUpgrade } from "../conn/adapter.ts"
import { connOf, inner } from "../conn/conn.ts"
import { serverSide } from "../conn/delegate.ts"
import { UsageError } from "../conn/errors.ts"
import type { AnyConn, Assigns, Conn, Done } from "../conn/states.ts"
import type { Endpoint } from "../endpoint/endpoint.ts"
import { failWith } from "../endpoint/errors.ts"
import { encodeQuery, type QueryParams } from "../http/query.ts"
import { checkLater } from "../plug/run.ts"
import { TestExchange } from "./exchange.ts"

export { type Client, type ClientResponse, type ClientSocket, client } from "./client.ts"
export { TestExchange } from "./exchange.ts"

export interface ConnOptions {
  headers?: Readonly<Record<string, string>> | readonly (readonly [string, string])[]
  remoteIp?: string
  peer?: Partial<PeerData>
  protocol?: "HTTP/1.0" | "HTTP/1.1" | "HTTP/2"
  limits?: Partial<Limits>
  secretKeyBase?: string | readonly string[]
  /** Told of errors that an endpoint would log; throws them by default. */
  onError?: (error: unknown) => void
}

/**
 * Makes a connection for a request that nobody sent. `path` is a path with or without query, or a whole URL; a body that
 * is an object becomes the query of a GET or HEAD and JSON of any other method.
 *
 * @example
 * conn("GET", "/users?page=2").queryParams.page //=> "2"
 */
export function conn(method: string, path: string, body?: Body | object, options: ConnOptions = {}): Conn {
  const onError = options.onError ?? throwIt
  const secretKeyBases = options.secretKeyBase === undefined ? [] : [options.secretKeyBase].flat()
  const fail = (conn: Conn, error: unknown): void => failWith(undefined, inner(conn), error)
  return connOf(testExchange(method, path, body, options), { secretKeyBases, onError, fail })
}

function throwIt(error: unknown): void {
  throw error
}

/** Makes the server's side of a request that nobody sent. */
export function testExchange(
  method: string,
  path: string,
  body: Body | object | undefined,
  options: ConnOptions,
): TestExchange {
  const absolute = /^https?:\/\//.test(path)
  if (!absolute && !path.startsWith("/")) throw new UsageError(`a test path begins with "/", got ${path}`)
  const scheme = path.startsWith("https://") ? "https" : "http"
  const [authority, target] = absolute ? splitUrl(path) : ["www.example.com", path]
  const [rawPath, rawQuery] = splitOnce(target, "?")
  const upper = method.toUpperCase()
  const headers = flatHeaders(options.headers ?? {})
  const has = (name: string): boolean => headers.some((text, i) => i % 2 === 0 && text === name)
  let query = rawQuery
  let bytes: Uint8Array = new Uint8Array()
  if (typeof body === "string" || body instanceof Uint8Array) bytes = Buffer.from(body)
  else if (body !== undefined && (upper === "GET" || upper === "HEAD")) {
    query = [query, encodeQuery(body as QueryParams)].filter((part) => part !== "").join("&")
  } else if (body !== undefined) {
    bytes = Buffer.from(JSON.stringify(body))
    if (!has("content-type")) headers.push("content-type", "application/json")
  }
  if (!has("host")) headers.push("host", authority)
  if (bytes.length > 0 && !has("content-length")) headers.push("content-length", String(bytes.length))
  return new TestExchange({
    method: upper,
    path: rawPath === "" ? "/" : rawPath,
    query,
    scheme,
    headers,
    body: bytes,
    peer: { address: options.remoteIp ?? "127.0.0.1", port: 50_000, certificate: undefined, ...options.peer },
    sock: { address: "127.0.0.1", port: scheme === "https" ? 443 : 80 },
    ssl: undefined,
    protocol: options.protocol ?? "HTTP/1.1",
    limits: options.limits ?? {},
  })
}

function flatHeaders(headers: NonNullable<ConnOptions["headers"]>): string[] {
  const pairs = Array.isArray(headers) ? headers : Object.entries(headers)
  return pairs.flatMap(([name, value]) => [String(name).toLowerCase(), String(value)])
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator)
  return at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)]
}

function splitUrl(url: string): [authority: string, target: string] {
  const rest = url.slice(url.indexOf("//") + 2)
  const at = rest.search(/[/?]/)
  return at === -1 ? [rest, "/"] : [rest.slice(0, at), rest.slice(at)]
}

/**
 * Runs a plug, a pipeline, an action or a router on a connection without a socket. What it raises is raised here. A promise
 * where the plug gives one, or where the answer waits for one.
 */
export function call<A extends Assigns, R extends Conn<any> | Done>(
  plug: (conn: Conn<A>, params: any) => MaybePromise<R>,
  conn: Conn<NoInfer<A>>,
): MaybePromise<R & { readonly halted: boolean }> {
  type Result = R & { readonly halted: boolean }
  const answered = (result: R): MaybePromise<Result> => {
    const { delay } = inner(conn)
    return delay === undefined ? (result as Result) : delay.then(() => result as Result)
  }
  const result = plug(conn, conn.pathParams)
  if (!(result instanceof Promise)) return answered(result)
  return result.then((value) => {
    checkLater(value, inner(conn))
    return answered(value)
  })
}

/** Runs a whole endpoint on a connection's request; then `sentResp(conn)` shows the answer. */
export async function callEndpoint(endpoint: Endpoint, conn: AnyConn): Promise<void> {
  await endpoint.call(conn.exchange)
}

export interface SentResp {
  readonly status: number
  /** By lower-case name; values of one name are joined with ", ". */
  readonly headers: Readonly<Record<string, string>>
  /** In order and with duplicates. */
  readonly headerList: readonly (readonly [string, string])[]
  readonly body: string
  readonly bytes: Uint8Array
}

/** The test exchange of a connection. Raises `UsageError` for a connection of a real server. */
export function exchangeOf(conn: AnyConn<any> | Done): TestExchange {
  const exchange = serverSide((conn as AnyConn).exchange)
  if (exchange instanceof TestExchange) return exchange
  throw new UsageError("this connection was not made by conn() of plumage/test")
}

/** The one answer that was sent; of a stream, what was written so far. Raises `UsageError` when none or more than one was. */
export function sentResp(conn: AnyConn<any> | Done): SentResp {
  const { answer, answers, upgraded } = exchangeOf(conn)
  if (answers > 1) throw new UsageError(`${answers} answers were sent to one request`)
  if (answer === undefined) {
    const { state } = conn as AnyConn
    throw new UsageError(
      upgraded ? "the connection was upgraded; see sentUpgrade" : `nothing was sent, the state is ${state}`,
    )
  }
  const headerList: [string, string][] = []
  const headers: Record<string, string> = Object.create(null)
  for (let i = 0; i < answer.headers.length; i += 2) {
    const [name, value] = [answer.headers[i]!, answer.headers[i + 1]!]
    headerList.push([name, value])
    headers[name] = name in headers ? `${headers[name]}, ${value}` : value
  }
  if (answer.length >= 0) headers["content-length"] = String(answer.length)
  const bytes = Buffer.concat(answer.parts)
  return { status: answer.status, headers, headerList, body: bytes.toString(), bytes }
}

/** The chunks that were written so far, as text. */
export function sentChunks(conn: AnyConn<any> | Done): string[] {
  return (exchangeOf(conn).answer?.parts ?? []).map((part) => Buffer.from(part).toString())
}

/** The informational answers that were sent. */
export function sentInforms(conn: AnyConn<any> | Done): readonly { status: number; headers: readonly string[] }[] {
  return exchangeOf(conn).informs
}

/** What the connection was upgraded to. Raises `UsageError` when it was not. */
export function sentUpgrade(conn: AnyConn<any> | Done): WebSocketUpgrade {
  const { upgraded } = exchangeOf(conn)
  if (upgraded === undefined) throw new UsageError("the connection was not upgraded")
  return upgraded
}
