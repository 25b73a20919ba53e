/**
 * The errors of Plumage: who may know of them, and which status they have.
 *
 * - `HTTPError` and its children: the request cannot be served and the client may know why. Their message is shown.
 * - `UsageError` and its children: the program is wrong. The client sees 500 and nothing else; the stack is logged.
 * - `TransportError` and its children: the peer is gone or broke the protocol. Nobody to tell; silent by default.
 * - Anything else is a 500 and is never trusted to shape the answer.
 */

/** What every error of ours has: a stable `code`, a `status`, and its class's name. */
abstract class PlumageError extends Error {
  abstract readonly code: string
  abstract readonly status: number
  override get name(): string {
    return this.constructor.name
  }
}

/** A request that cannot be served, with the status (400 to 599) that says so. The message is shown to the client. */
export class HTTPError extends PlumageError {
  readonly code: string = "ERR_HTTP"
  readonly status: number
  /** Headers for the answer, such as `allow` of a 405, as a flat list. */
  readonly headers: readonly string[]
  constructor(status: number, message: string, options?: { cause?: unknown; headers?: readonly string[] }) {
    super(message, options)
    if (!Number.isInteger(status) || status < 400 || status > 599) {
      throw new UsageError(`HTTPError takes a status from 400 to 599, got ${String(status)}`)
    }
    this.status = status
    this.headers = options?.headers ?? []
  }
}

/** The request is malformed (400). If you see this error, the client sent something that no HTTP client should send. */
export class BadRequestError extends HTTPError {
  override readonly code: string = "ERR_BAD_REQUEST"
  constructor(message = "Bad Request", options?: { cause?: unknown }) {
    super(400, message, options)
  }
}

/** A body that its parser cannot read (400). If you see this error, the client sent a malformed body; `cause` says where. */
export class ParseError extends HTTPError {
  override readonly code = "ERR_PARSE"
  constructor(message: string, options?: { cause?: unknown }) {
    super(400, message, options)
  }
}

/** A path that no file can have (400). If you see this error, somebody is looking for a way out of a directory. */
export class InvalidPathError extends HTTPError {
  override readonly code = "ERR_INVALID_PATH"
  constructor(message = "invalid path for a file") {
    super(400, message)
  }
}

/** The query string is too long (414) or not UTF-8 (400). If you see this error, the client sent such a query. */
export class InvalidQueryError extends HTTPError {
  override readonly code = "ERR_INVALID_QUERY"
  constructor(message: string, status: 400 | 414 = 400) {
    super(status, message)
  }
}

/** The request is understood and refused (403). If you see this error for a websocket, its origin is not in `checkOrigin`. */
export class ForbiddenError extends HTTPError {
  override readonly code = "ERR_FORBIDDEN"
  constructor(message = "Forbidden", options?: { cause?: unknown }) {
    super(403, message, options)
  }
}

/** A form without a valid token, or from another site (403). If you see this error in a form of yours, it lacks its `_csrf_token`. */
export class InvalidCSRFTokenError extends HTTPError {
  override readonly code = "ERR_INVALID_CSRF_TOKEN"
  constructor(message = "the request has no valid CSRF token") {
    super(403, message)
  }
}

/** JavaScript that another site asked for (403). If you see this error, serve what is meant for scripts of others without CSRFProtection. */
export class InvalidCrossOriginRequestError extends HTTPError {
  override readonly code = "ERR_INVALID_CROSS_ORIGIN_REQUEST"
  constructor(message = "JavaScript is not served to other sites here") {
    super(403, message)
  }
}

/** No route matches (404). If you see this error, no route of the router has this method, path and host. */
export class NoRouteError extends HTTPError {
  override readonly code = "ERR_NO_ROUTE"
  constructor(method: string, path: string) {
    super(404, `no route found for ${method} ${path}`)
  }
}

/** The path is known, but not with this method (405). If you see this error, `headers` names the methods that are. */
export class MethodNotAllowedError extends HTTPError {
  override readonly code = "ERR_METHOD_NOT_ALLOWED"
  constructor(method: string, path: string, allow: readonly string[]) {
    super(405, `${method} is not allowed for ${path}`, { headers: ["allow", allow.join(", ")] })
  }
}

/** Nothing that we can make is accepted (406). If you see this error, the client's `accept` names other formats. */
export class NotAcceptableError extends HTTPError {
  override readonly code = "ERR_NOT_ACCEPTABLE"
  constructor(message = "Not Acceptable") {
    super(406, message)
  }
}

/** The client was too slow (408). If you see this error, nothing of the body arrived for the time of the read. */
export class RequestTimeoutError extends HTTPError {
  override readonly code = "ERR_REQUEST_TIMEOUT"
  constructor(message = "the request body did not arrive in time") {
    super(408, message)
  }
}

/** The body is longer than the reader allows (413). If you see this error and the body is wanted, raise `length`. */
export class RequestTooLargeError extends HTTPError {
  override readonly code = "ERR_REQUEST_TOO_LARGE"
  constructor(message = "the request body is too large") {
    super(413, message)
  }
}

/** The body's type has no reader here (415). If you see this error, the client sent another `content-type`. */
export class UnsupportedMediaTypeError extends HTTPError {
  override readonly code = "ERR_UNSUPPORTED_MEDIA_TYPE"
  constructor(message = "Unsupported Media Type") {
    super(415, message)
  }
}

/** What was sent is not what the schema wants (422). If you see this error, `issues` says what is wrong, and where. */
export class ValidationError extends HTTPError {
  override readonly code = "ERR_VALIDATION"
  /** What is wrong: the part of the request, the path inside it, and a message. */
  readonly issues: readonly ValidationIssue[]
  constructor(issues: readonly ValidationIssue[]) {
    super(422, issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("\n"))
    this.issues = issues
  }
}
export interface ValidationIssue {
  /** Where: `["body", "items", 0, "name"]`. */
  readonly path: readonly (string | number)[]
  readonly message: string
}

/** The resource speaks only a protocol to upgrade to (426). If you see this error, a websocket route got a plain request. */
export class UpgradeRequiredError extends HTTPError {
  override readonly code = "ERR_UPGRADE_REQUIRED"
  constructor(message: string) {
    super(426, message, { headers: ["upgrade", "websocket", "sec-websocket-version", "13"] })
  }
}

/** Too many requests from one client (429). If you see this error, `headers` says when the next one is allowed. */
export class TooManyRequestsError extends HTTPError {
  override readonly code = "ERR_TOO_MANY_REQUESTS"
  constructor(message = "Too Many Requests", options?: { headers?: readonly string[] }) {
    super(429, message, options)
  }
}

/** What the answer needs is down or too slow (503). If you see this error, look at `cause`: a store, a disk, a deadline. */
export class ServiceUnavailableError extends HTTPError {
  override readonly code = "ERR_SERVICE_UNAVAILABLE"
  constructor(message = "Service Unavailable", options?: { cause?: unknown; headers?: readonly string[] }) {
    super(503, message, options)
  }
}

/** The program is wrong (500, logged with its stack, never shown). If you see this error, its message says what to change. */
export class UsageError extends PlumageError {
  readonly code: string = "ERR_USAGE"
  readonly status = 500
}

/** A request ended without an answer. If you see this error, a plug or action returned a conn that it neither sent nor halted. */
export class NotSentError extends UsageError {
  override readonly code = "ERR_NOT_SENT"
}

/** Something was to be changed or sent after the answer had left. If you see this error, two places answer one request. */
export class AlreadySentError extends UsageError {
  override readonly code = "ERR_ALREADY_SENT"
  constructor(what = "the response was already sent") {
    super(what)
  }
}

/** A header's name or value cannot be sent. If you see this error, text from outside reached a header unchecked. */
export class InvalidHeaderError extends UsageError {
  override readonly code = "ERR_INVALID_HEADER"
}

/** A cookie's whole `set-cookie` string is over 4096 bytes. If you see this error, keep the data elsewhere. */
export class CookieOverflowError extends UsageError {
  override readonly code = "ERR_COOKIE_OVERFLOW"
}

/** A path pattern cannot be understood. If you see this error, its message shows the pattern and where it fails. */
export class InvalidPatternError extends UsageError {
  override readonly code = "ERR_INVALID_PATTERN"
}

/** A plug returned something that is no Conn. If you see this error, the named plug lacks a `return`. */
export class NotAConnError extends UsageError {
  override readonly code = "ERR_NOT_A_CONN"
}

/** An option has a value that it does not take. If you see this error, its message names the option and what it accepts. */
export class InvalidOptionError extends UsageError {
  override readonly code = "ERR_INVALID_OPTION"
}

/** A server lacks what was asked of it. If you see this error, choose another adapter or drop the option it names. */
export class MissingCapabilityError extends UsageError {
  override readonly code = "ERR_MISSING_CAPABILITY"
}

/** The peer is gone or broke the protocol below us; there is nobody to tell. */
export class TransportError extends PlumageError {
  readonly code: string = "ERR_TRANSPORT"
  readonly status: number = 499
}

/** The client left before the answer was complete. If you see this error, nothing is wrong here; stop the work for it. */
export class ClientGoneError extends TransportError {
  override readonly code = "ERR_CLIENT_GONE"
  constructor(message = "the client has left") {
    super(message)
  }
}

/** A deadline of the server ended the exchange. If you see this error, the client was too slow; `message` names the limit. */
export class TimeoutError extends TransportError {
  override readonly code = "ERR_TIMEOUT"
}

/** This side ended the exchange: its answer failed midway. If you see this error, look for what was logged just before. */
export class CutError extends TransportError {
  override readonly code = "ERR_CUT"
  constructor(message = "the answer failed and was cut") {
    super(message)
  }
}

/** The server stopped before the exchange was over. If you see this error, `stop` reached its `graceMs`, or a stream was told to end. */
export class DrainingError extends TransportError {
  override readonly code = "ERR_DRAINING"
  override readonly status = 503
  constructor(message = "the server is stopping") {
    super(message)
  }
}
