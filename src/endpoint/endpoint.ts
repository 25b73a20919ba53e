/** The endpoint: the boundary where every request of an application begins and ends. */

import type { Exchange, MaybePromise, WebSocketHandler } from "../conn/adapter.ts"
import { Connection, inner, type Settings } from "../conn/conn.ts"
import { NotSentError, UsageError } from "../conn/errors.ts"
import { checkOption, checkOptionNames } from "../conn/options.ts"
import type { Measures } from "../conn/request-side.ts"
import { sendSet } from "../conn/response.ts"
import type { Assigns, Conn, Done, Halted, UpgradeOptions } from "../conn/states.ts"
import { flat } from "../plug/pipeline.ts"
import type { Flat } from "../plug/plug.ts"
import { type AnyAction, type AnyPlug, checkLater, run } from "../plug/run.ts"
import type { Routes } from "../router/route.ts"
import type { Router } from "../router/router.ts"
import { failWith, logError } from "./errors.ts"
import { defineInstrumentation, type Instrumenter } from "./instrument.ts"
import { socketPlug } from "./socket.ts"

/** An application that a server can carry. */
export interface Endpoint {
  readonly routes: Routes
  /** The paths of its websockets, in declared order. */
  readonly sockets: readonly string[]
  /** Answers one exchange; what servers call. Never throws and never rejects: errors become answers. */
  call(exchange: Exchange): MaybePromise<void>
}

export interface EndpointOptions {
  /** At least 64 characters; signs and encrypts. Of several the first does, and the others still verify: to change it, put one in front. */
  secretKeyBase?: string | readonly string[]
  /**
   * Told of errors that are not the client's to know (500), of the causes of a 503, and of what fails after an answer had
   * begun; writes to stderr.
   */
  onError?: (error: unknown, conn: Conn) => unknown
  /**
   * Answers with an error, instead of the plain page: `conn.status` is set, `conn.error` is the error. A message is the
   * client's to know where the error is an `HTTPError`. May be async (10 s). When it fails or does not answer, the plain page is sent.
   */
  renderErrors?: (conn: Conn, error: unknown) => unknown
  /** Told of the events of this endpoint's requests, in this order: see `defineInstrumentation`. */
  instrumenters?: readonly Instrumenter[]
}

/** What gives a websocket for a connection: a handler, or a function that makes one and may refuse by answering. */
export type SocketSource<A extends Assigns> =
  | WebSocketHandler
  | ((conn: Conn<A>) => MaybePromise<WebSocketHandler | Done>)

export interface EndpointBuilder<out Out extends Assigns> {
  /** Appends a plug that runs for every request. */
  plug<O extends Assigns>(plug: (conn: Conn<Out>) => MaybePromise<Conn<O> | Halted>): EndpointBuilder<Flat<Out & O>>
  /** Mounts a websocket at a path; it sees what the plugs before it have assigned. */
  socket(path: string, socket: SocketSource<Out>, options?: UpgradeOptions): EndpointBuilder<Out>
  /** Ends the row with a router. */
  router(router: Router<Out, Routes>): Endpoint
}

/**
 * Begins an endpoint: `defineEndpoint().plug(…).socket(…).router(router)`.
 *
 * Raises `InvalidOptionError` for a secret that is too short.
 */
export function defineEndpoint(options: EndpointOptions = {}): EndpointBuilder<{}> {
  const { secretKeyBase, onError = logError, renderErrors, instrumenters } = options
  checkOptionNames("defineEndpoint", options, ["secretKeyBase", "onError", "renderErrors", "instrumenters"])
  checkOption("defineEndpoint", "onError", typeof onError === "function", "a function", onError)
  const renders = renderErrors === undefined || typeof renderErrors === "function"
  checkOption("defineEndpoint", "renderErrors", renders, "a function", renderErrors)
  const fail = (conn: Conn, error: unknown): void => failWith(renderErrors, inner(conn), error)
  // Also without instrumenters: each event is a tracing channel that anybody may listen to.
  const instrumentation = defineInstrumentation(instrumenters ?? []) as Measures
  return builder({ secretKeyBases: secretsOf(secretKeyBase), onError, fail, instrumentation }, [], [])
}

function secretsOf(secretKeyBase: string | readonly string[] | undefined): readonly string[] {
  const secrets = secretKeyBase === undefined ? [] : [secretKeyBase].flat()
  for (const secret of secrets) {
    // The secret itself is never shown, not even a wrong one.
    const given = typeof secret === "string" ? `${secret.length} characters` : typeof secret
    const holds = typeof secret === "string" && secret.length >= 64
    const accepts = "at least 64 characters (openssl rand -base64 48 makes 64)"
    checkOption("defineEndpoint", "secretKeyBase", holds, accepts, given)
  }
  return secrets
}

function builder(settings: Settings, row: readonly AnyPlug[], sockets: readonly string[]): EndpointBuilder<any> {
  return {
    plug: (plug: AnyPlug) => builder(settings, [...row, ...flat(plug)], sockets),
    socket: (path: string, socket: SocketSource<any>, options?: UpgradeOptions) =>
      builder(settings, [...row, socketPlug(path, socket, options)], [...sockets, path]),
    router: (router: Router<any, Routes>) => makeEndpoint(settings, row, sockets, router),
  }
}

function makeEndpoint(
  settings: Settings,
  plugs: readonly AnyPlug[],
  sockets: readonly string[],
  router: Router<any, Routes>,
): Endpoint {
  if (typeof router !== "function" || !("routes" in router)) {
    throw new UsageError("router() takes what defineRouter has made")
  }
  const fail = (conn: Connection, error: unknown): MaybePromise<void> => {
    settings.fail(conn as unknown as Conn, error)
    return conn.delay
  }
  const finishLater = (conn: Connection, value: unknown): MaybePromise<void> => {
    try {
      checkLater(value, conn)
      return finish(conn)
    } catch (error) {
      return fail(conn, error)
    }
  }
  return {
    routes: router.routes,
    sockets,
    call(exchange) {
      const conn = new Connection(exchange, settings)
      try {
        const result = run(plugs, conn, router as AnyAction, undefined)
        if (result === conn) return finish(conn)
        return (result as Promise<Connection>).then(
          (value) => finishLater(conn, value),
          (error) => fail(conn, error),
        )
      } catch (error) {
        return fail(conn, error)
      }
    },
  }
}

/** Ends what the row has left open: sends what was only set, ends a stream that nobody holds. */
function finish(conn: Connection): MaybePromise<void> {
  const { state } = conn
  if (state === "sent") return conn.delay
  if (state === "set") sendSet(conn)
  else if (state === "chunked" && !conn.held) conn.close()
  else if (state === "unset") throw new NotSentError(`nothing was sent for ${conn.method} ${conn.unsafeRawPath}`)
  return conn.delay
}
