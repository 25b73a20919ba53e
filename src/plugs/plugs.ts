/** The plug library: what an application needs on day one, each plug in a file of its own. */

export { escapeHtml } from "../http/html.ts"
export { acceptLanguage, accepts } from "./accepts.ts"
export { action } from "./action.ts"
export {
  type BasicAuthOptions,
  type BasicAuthVerifyOptions,
  basicAuth,
  type Credentials,
  encodeBasicAuth,
  parseBasicAuth,
} from "./basic-auth.ts"
export { type CompressOptions, compress } from "./compress.ts"
export {
  type CspAssigns,
  type CspDirectives,
  type CspSource,
  contentSecurityPolicy,
  type Nonce,
  nonce,
} from "./content-security-policy.ts"
export { type CookieStoreOptions, cookieStore } from "./cookie-store.ts"
export { type CorsOptions, type CorsOrigin, cors } from "./cors.ts"
export {
  type CSRFProtectionOptions,
  csrfProtection,
  csrfToken,
  csrfTokenFor,
  deleteCsrfToken,
  isCsrfToken,
} from "./csrf-protection.ts"
export { type DebugErrorsOptions, debugErrors } from "./debug-errors.ts"
export { type ErrorFormats, errorPage, type ShownError } from "./error-page.ts"
export { type FetchMetadataOptions, fetchMetadata } from "./fetch-metadata.ts"
export { type Flash, flash } from "./flash.ts"
export { type ForceSslOptions, forceSsl, type SslExclusions } from "./force-ssl.ts"
export type { Limiter, LimitInfo, Rate, Verdict } from "./gcra.ts"
export { head } from "./head.ts"
export { type HstsOptions, hsts } from "./hsts.ts"
export { type Html, html, raw, type ScriptJson, scriptJson } from "./html.ts"
export { filterParams, type ParamFilter, secretNames } from "./log-filter.ts"
export { type LogEntry, type LoggerOptions, type LogSink, logger } from "./logger.ts"
export { type MemoryLimiter, type MemoryLimiterOptions, memoryLimiter } from "./memory-limiter.ts"
export { type MemoryStoreOptions, memoryStore } from "./memory-store.ts"
export { methodOverride } from "./method-override.ts"
export { type MultipartPart, type MultipartStreamOptions, readMultipart } from "./multipart-stream.ts"
export { type JsonOptions, json } from "./parse-json.ts"
export { type MultipartOptions, multipart } from "./parse-multipart.ts"
export { urlencoded } from "./parse-urlencoded.ts"
export {
  type BodyParams,
  type BodyParser,
  type ParserName,
  type ParserOptions,
  type ParsersOptions,
  parsers,
} from "./parsers.ts"
export { clientNetwork, type RateLimitOptions, rateLimit } from "./rate-limit.ts"
export { rawBodyOf } from "./raw-body.ts"
export { type RedisLimiterOptions, type RedisScriptClient, redisLimiter } from "./redis-limiter.ts"
export { type RedisClient, type RedisStoreOptions, redisStore } from "./redis-store.ts"
export { type RequestIdOptions, requestId } from "./request-id.ts"
export { type ForwardedHeaders, type RewriteOnOptions, rewriteOn } from "./rewrite-on.ts"
export { type PermissionsPolicy, type SecureHeadersOptions, secureHeaders } from "./secure-headers.ts"
export {
  type FollowSymlinks,
  type StaticEncoding,
  type StaticOptions,
  type StaticStat,
  serveStatic,
} from "./serve-static.ts"
export { type Frozen, type Session, type SessionOptions, session } from "./session.ts"
export type { SessionCookie, SessionData, SessionStore } from "./session-store.ts"
export {
  attachTelemetry,
  type TelemetryClose,
  type TelemetryException,
  type TelemetryOptions,
  type TelemetryStart,
  type TelemetryStop,
  telemetry,
} from "./telemetry.ts"
export { type TimeoutOptions, timeout } from "./timeout.ts"
export { type SignOptions, type TermResult, Token, type TokenSource, type VerifyOptions } from "./token.ts"
export { type ClientFilename, safeFilename, Upload } from "./upload.ts"
export { type Schemas, type Valid, validate } from "./validate.ts"
export { addVary } from "./vary.ts"
