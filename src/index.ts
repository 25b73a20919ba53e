/** Plumage: Plug and Phoenix for TypeScript. */

export type {
  AbortReason,
  Adapter,
  Body,
  Capabilities,
  Exchange,
  Limits,
  MaybePromise,
  OpenFile,
  PeerData,
  RequestHandler,
  Server,
  SockData,
  SslData,
  WebSocket,
  WebSocketHandler,
  WebSocketUpgrade,
} from "./conn/adapter.ts"
export { defaultLimits } from "./conn/adapter.ts"
export * from "./conn/errors.ts"
export { closeChunk, event, initChunk } from "./conn/event-source.ts"
export type {
  AnyConn,
  Assigns,
  Chunked,
  Conn,
  Done,
  EventStreamOptions,
  Halted,
  MatchedRoute,
  ReadBodyOptions,
  Ready,
  RespCookieOptions,
  Sent,
  State,
  Status,
  Upgraded,
  UpgradeOptions,
} from "./conn/states.ts"
export { type Controller, type ControllerBuilder, defineController } from "./controller/controller.ts"
export { currentPath, currentUrl, type NewParams, type UrlStart } from "./controller/current-path.ts"
export {
  type DownloadData,
  type DownloadFile,
  type DownloadOptions,
  type FileDownloadOptions,
  sendDownload,
} from "./controller/download.ts"
export { allowJsonp, type JsonpOptions } from "./controller/jsonp.ts"
export { redirectBack } from "./controller/redirect-back.ts"
export { scrubParams } from "./controller/scrub-params.ts"
export {
  defineView,
  type Formats,
  type RenderOptions,
  type Template,
  type View,
  type ViewOptions,
} from "./controller/view.ts"
export {
  defineEndpoint,
  type Endpoint,
  type EndpointBuilder,
  type EndpointOptions,
  type SocketSource,
} from "./endpoint/endpoint.ts"
export {
  type CompileMetadata,
  defineInstrumentation,
  type Instrumentation,
  type InstrumentationOptions,
  type InstrumentCallback,
  type InstrumentEvents,
  type Instrumented,
  type Instrumenter,
  type InstrumentFailure,
  type InstrumentMessage,
  type InstrumentTold,
  instrument,
  type RuntimeMetadata,
} from "./endpoint/instrument.ts"
export { serve } from "./endpoint/serve.ts"
export type { CookieOptions } from "./http/cookies.ts"
export type { OriginPolicy } from "./http/origin.ts"
export type { QueryParams, QueryValue } from "./http/query.ts"
export type { ServerSentEvent } from "./http/sse.ts"
export type { StatusName } from "./http/status.ts"
export { type ConnOf, type Pipeline, pipeline } from "./plug/pipeline.ts"
export type { Plug } from "./plug/plug.ts"
export type { Params } from "./router/params.ts"
export { type PathsOf, pathsOf } from "./router/paths.ts"
export type { ResourceController, ResourceOptions } from "./router/resources.ts"
export type {
  Handler,
  LogLevel,
  PatternOf,
  Route,
  RouteOptions,
  Routes,
  ScopeOptions,
  StreamHandler,
} from "./router/route.ts"
export { defineRouter, type Router, type RouterOptions, routerFor } from "./router/router.ts"
export { type RouteInfo, routeInfo, routes } from "./router/routes.ts"
export type { Scope } from "./router/scope.ts"
