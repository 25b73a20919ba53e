/** The request's half of the object behind a connection: what was asked, by whom, and what plugs leave for each other. */

import type { QueryParams } from "../http/query.ts"
import type { Exchange, PeerData, SockData, SslData } from "./adapter.ts"
import * as body from "./body.ts"
import * as request from "./request.ts"
import type { Conn, MatchedRoute, ReadBodyOptions, State } from "./states.ts"

type Pairs = Iterable<readonly [string, string]>
type Strings = Readonly<Record<string, string>>

/** What the lower floors know of an endpoint's instrumentation. */
export interface Measures {
  /** Whether anybody wants to know of an event. */
  has(event: string): boolean
  /** Runs `fun`, tells who wants to know before and after, and gives what it gave. */
  instrument(event: string, runtime: object, fun: () => unknown): unknown
}

/** What all connections of one endpoint share. */
export interface Settings {
  /** Each at least 64 characters; the first signs and encrypts, all verify and decrypt. */
  readonly secretKeyBases: readonly string[]
  /** Told of every error that was not the client's to know, and of those that came after the answer had begun. */
  readonly onError: (error: unknown, conn: Conn) => unknown
  /** Measures what happens in the endpoint's requests; `conn.private.plumage_instrumentation`. */
  readonly instrumentation?: Measures | undefined
  /** Answers with an error, or ends what has begun. Never throws. */
  readonly fail: (conn: Conn, error: unknown) => void
}

export class RequestSide {
  /** The server's side; a delay or a compressor may be put before it. */
  exchange: Exchange
  readonly settings: Settings
  state: State = "unset"
  route: MatchedRoute | undefined = undefined
  pathParams: Readonly<Record<string, string | readonly string[] | undefined>> = noParams
  overrides: request.Overrides | undefined = undefined
  parsed: request.Parsed | undefined = undefined
  segments: readonly string[] | undefined = undefined
  scriptName: readonly string[] = noSegments
  private assigned: Record<string, unknown> | undefined = undefined
  private privates: Record<string, unknown> | undefined = undefined

  constructor(exchange: Exchange, settings: Settings) {
    this.exchange = exchange
    this.settings = settings
  }

  // The request.
  get method(): string {
    return this.overrides?.method ?? this.exchange.method
  }
  get path(): string {
    return request.path(this)
  }
  get pathInfo(): readonly string[] {
    return this.segments ?? request.pathInfo(this)
  }
  get unsafeRawPath(): string {
    return this.exchange.path
  }
  get queryString(): string {
    return this.exchange.query
  }
  get scheme(): "http" | "https" {
    return this.overrides?.scheme ?? this.exchange.scheme
  }
  get host(): string {
    return this.overrides?.host ?? request.host(this)
  }
  get port(): number {
    return this.overrides?.port ?? request.port(this)
  }
  get remoteIp(): string {
    return this.overrides?.remoteIp ?? this.exchange.getPeerData().address
  }
  get reqHeaders(): readonly string[] {
    return this.overrides?.headers ?? this.exchange.getHeaders()
  }
  getReqHeader(name: string): string | undefined {
    return request.getHeader(this, name)
  }
  getReqHeaders(name: string): string[] {
    return request.getHeaders(this, name)
  }
  get queryParams(): QueryParams {
    return this.parsed?.query ?? request.fetchQuery(this, {})
  }
  get bodyParams(): Readonly<Record<string, unknown>> {
    return request.bodyParams(this)
  }
  get params(): Readonly<Record<string, unknown>> {
    return request.params(this)
  }
  get lastEventId(): string | undefined {
    return this.getReqHeader("last-event-id")
  }
  get secretKeyBases(): readonly string[] {
    return this.settings.secretKeyBases
  }
  requestUrl(): string {
    return request.url(this)
  }
  rewrite(changes: request.Rewrite): this {
    request.rewrite(this, changes)
    return this
  }
  putReqHeader(name: string, value: string): this {
    request.putHeader(this, name, value)
    return this
  }
  prependReqHeaders(headers: Pairs): this {
    request.prependHeaders(this, headers)
    return this
  }
  mergeReqHeaders(headers: Pairs | Strings): this {
    request.mergeHeaders(this, headers)
    return this
  }
  deleteReqHeader(name: string): this {
    request.deleteHeader(this, name)
    return this
  }
  updateReqHeader(name: string, initial: string, update: (value: string) => string): this {
    const old = this.getReqHeader(name)
    return this.putReqHeader(name, old === undefined ? initial : update(old))
  }
  fetchQueryParams(options: request.QueryOptions = {}): this {
    request.fetchQuery(this, options)
    return this
  }
  putBodyParams(params: Readonly<Record<string, unknown>>): this {
    request.parsedOf(this).body = params
    return this
  }
  readBody(options?: ReadBodyOptions): Promise<Uint8Array> {
    return body.readBody(this, options)
  }
  readBodyPart(options?: ReadBodyOptions): Promise<{ data: Uint8Array; more: boolean }> {
    return body.readBodyPart(this, options)
  }
  readText(options?: ReadBodyOptions): Promise<string> {
    return body.readText(this, options)
  }
  readJson(options?: ReadBodyOptions): Promise<unknown> {
    return body.readJson(this, options)
  }

  // The peer.
  getPeerData(): PeerData {
    return this.exchange.getPeerData()
  }
  getSockData(): SockData {
    return this.exchange.getSockData()
  }
  getSslData(): SslData | undefined {
    return this.exchange.getSslData()
  }
  getHttpProtocol(): "HTTP/1.0" | "HTTP/1.1" | "HTTP/2" {
    return this.exchange.getHttpProtocol()
  }

  // What plugs leave for each other.
  get assigns(): Record<string, unknown> {
    return (this.assigned ??= {})
  }
  get private(): Record<string, unknown> {
    if (this.privates === undefined) {
      const { instrumentation } = this.settings
      this.privates = instrumentation === undefined ? {} : { plumage_instrumentation: instrumentation }
    }
    return this.privates
  }
  assign(key: string, value: unknown): this {
    request.define(this.assigns, key, value)
    return this
  }
  mergeAssigns(values: object): this {
    for (const [key, value] of Object.entries(values)) request.define(this.assigns, key, value)
    return this
  }
  putPrivate(key: string, value: unknown): this {
    request.define(this.private, key, value)
    return this
  }
}

const noSegments: readonly string[] = Object.freeze([])
const noParams: Readonly<Record<string, string>> = Object.freeze({})
