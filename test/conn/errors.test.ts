import * as plumage from "plumage"
import { HTTPError, TransportError, UsageError } from "plumage"
import { describe, expect, test } from "vitest"

type AnyError = Error & { code: string; status: number; headers?: readonly string[] }

/** How to make one of each, and what it says of itself. */
const errors: [make: () => AnyError, name: string, code: string, status: number, family: unknown][] = [
  [() => new HTTPError(418, "tea"), "HTTPError", "ERR_HTTP", 418, HTTPError],
  [() => new plumage.BadRequestError(), "BadRequestError", "ERR_BAD_REQUEST", 400, HTTPError],
  [() => new plumage.InvalidQueryError("x"), "InvalidQueryError", "ERR_INVALID_QUERY", 400, HTTPError],
  [() => new plumage.InvalidQueryError("x", 414), "InvalidQueryError", "ERR_INVALID_QUERY", 414, HTTPError],
  [() => new plumage.ForbiddenError(), "ForbiddenError", "ERR_FORBIDDEN", 403, HTTPError],
  [() => new plumage.NoRouteError("GET", "/"), "NoRouteError", "ERR_NO_ROUTE", 404, HTTPError],
  [
    () => new plumage.MethodNotAllowedError("PUT", "/", ["GET"]),
    "MethodNotAllowedError",
    "ERR_METHOD_NOT_ALLOWED",
    405,
    HTTPError,
  ],
  [() => new plumage.NotAcceptableError(), "NotAcceptableError", "ERR_NOT_ACCEPTABLE", 406, HTTPError],
  [() => new plumage.RequestTimeoutError(), "RequestTimeoutError", "ERR_REQUEST_TIMEOUT", 408, HTTPError],
  [() => new plumage.RequestTooLargeError(), "RequestTooLargeError", "ERR_REQUEST_TOO_LARGE", 413, HTTPError],
  [
    () => new plumage.UnsupportedMediaTypeError(),
    "UnsupportedMediaTypeError",
    "ERR_UNSUPPORTED_MEDIA_TYPE",
    415,
    HTTPError,
  ],
  [() => new plumage.UpgradeRequiredError("x"), "UpgradeRequiredError", "ERR_UPGRADE_REQUIRED", 426, HTTPError],
  [() => new plumage.ParseError("x"), "ParseError", "ERR_PARSE", 400, HTTPError],
  [() => new plumage.InvalidPathError(), "InvalidPathError", "ERR_INVALID_PATH", 400, HTTPError],
  [() => new plumage.InvalidCSRFTokenError(), "InvalidCSRFTokenError", "ERR_INVALID_CSRF_TOKEN", 403, HTTPError],
  [
    () => new plumage.InvalidCrossOriginRequestError(),
    "InvalidCrossOriginRequestError",
    "ERR_INVALID_CROSS_ORIGIN_REQUEST",
    403,
    HTTPError,
  ],
  [
    () => new plumage.ValidationError([{ path: ["body"], message: "x" }]),
    "ValidationError",
    "ERR_VALIDATION",
    422,
    HTTPError,
  ],
  [() => new plumage.TooManyRequestsError(), "TooManyRequestsError", "ERR_TOO_MANY_REQUESTS", 429, HTTPError],
  [() => new plumage.ServiceUnavailableError(), "ServiceUnavailableError", "ERR_SERVICE_UNAVAILABLE", 503, HTTPError],
  [() => new UsageError("x"), "UsageError", "ERR_USAGE", 500, UsageError],
  [() => new plumage.NotSentError("x"), "NotSentError", "ERR_NOT_SENT", 500, UsageError],
  [() => new plumage.AlreadySentError(), "AlreadySentError", "ERR_ALREADY_SENT", 500, UsageError],
  [() => new plumage.InvalidHeaderError("x"), "InvalidHeaderError", "ERR_INVALID_HEADER", 500, UsageError],
  [() => new plumage.CookieOverflowError("x"), "CookieOverflowError", "ERR_COOKIE_OVERFLOW", 500, UsageError],
  [() => new plumage.InvalidPatternError("x"), "InvalidPatternError", "ERR_INVALID_PATTERN", 500, UsageError],
  [() => new plumage.NotAConnError("x"), "NotAConnError", "ERR_NOT_A_CONN", 500, UsageError],
  [() => new plumage.InvalidOptionError("x"), "InvalidOptionError", "ERR_INVALID_OPTION", 500, UsageError],
  [() => new plumage.MissingCapabilityError("x"), "MissingCapabilityError", "ERR_MISSING_CAPABILITY", 500, UsageError],
  [() => new TransportError("x"), "TransportError", "ERR_TRANSPORT", 499, TransportError],
  [() => new plumage.ClientGoneError(), "ClientGoneError", "ERR_CLIENT_GONE", 499, TransportError],
  [() => new plumage.CutError(), "CutError", "ERR_CUT", 499, TransportError],
  [() => new plumage.TimeoutError("x"), "TimeoutError", "ERR_TIMEOUT", 499, TransportError],
  [() => new plumage.DrainingError(), "DrainingError", "ERR_DRAINING", 503, TransportError],
]

describe("errors", () => {
  test.each(errors.map(([make, name, code, status, family]) => ({ make, name, code, status, family })))(
    "$name has the code $code, the status $status and one family",
    ({ make, name, code, status, family }) => {
      const error = make()
      expect(error).toBeInstanceOf(Error)
      expect([error.name, error.code, error.status]).toEqual([name, code, status])
      expect([HTTPError, UsageError, TransportError].filter((one) => error instanceof one)).toEqual([family])
      expect(error.message).not.toBe("")
      expect(String(error)).toMatch(new RegExp(`^${name}: `))
      expect(error.stack).toContain("errors.test.ts")
    },
  )

  test("are all in the list above, each code once", () => {
    const exported = Object.entries(plumage).filter(
      ([, value]) => typeof value === "function" && value.prototype instanceof Error,
    )
    expect(exported.map(([name]) => name).sort()).toEqual([...new Set(errors.map(([, name]) => name))].sort())
    const codes = new Map(errors.map(([, name, code]) => [code, name]))
    expect(codes.size).toBe(exported.length)
  })

  test("HTTPError takes a status from 400 to 599, and is a UsageError otherwise", () => {
    for (const status of [399, 600, 200, 404.5, Number.NaN, "404", undefined]) {
      expect(() => new HTTPError(status as number, "x"), String(status)).toThrow(UsageError)
    }
    expect([new HTTPError(400, "x").status, new HTTPError(599, "x").status]).toEqual([400, 599])
  })

  test("keep their cause, and the headers for the answer", () => {
    const cause = new Error("why")
    expect(new HTTPError(400, "x", { cause }).cause).toBe(cause)
    expect(new plumage.BadRequestError("x", { cause }).cause).toBe(cause)
    expect(new UsageError("x", { cause }).cause).toBe(cause)
    expect(new HTTPError(400, "x").headers).toEqual([])
    expect(new HTTPError(429, "x", { headers: ["retry-after", "5"] }).headers).toEqual(["retry-after", "5"])
    expect(new plumage.MethodNotAllowedError("PUT", "/", ["GET", "HEAD"]).headers).toEqual(["allow", "GET, HEAD"])
  })

  test("a child of one's own keeps its name", () => {
    class PaymentRequired extends HTTPError {
      override readonly code = "APP_PAYMENT"
    }
    expect(new PaymentRequired(402, "pay")).toMatchObject({ name: "PaymentRequired", code: "APP_PAYMENT", status: 402 })
  })
})
