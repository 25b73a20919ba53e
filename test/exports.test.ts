/** What the package exports at run time. A change here is a change of the public interface. */
import * as plumage from "plumage"
import * as kit from "plumage/test"
import { expect, test } from "vitest"

test("plumage exports these, and nothing else", () => {
  expect(Object.keys(plumage).sort()).toEqual([
    "AlreadySentError",
    "BadRequestError",
    "ClientGoneError",
    "CookieOverflowError",
    "CutError",
    "DrainingError",
    "ForbiddenError",
    "HTTPError",
    "InvalidCSRFTokenError",
    "InvalidCrossOriginRequestError",
    "InvalidHeaderError",
    "InvalidOptionError",
    "InvalidPathError",
    "InvalidPatternError",
    "InvalidQueryError",
    "MethodNotAllowedError",
    "MissingCapabilityError",
    "NoRouteError",
    "NotAConnError",
    "NotAcceptableError",
    "NotSentError",
    "ParseError",
    "RequestTimeoutError",
    "RequestTooLargeError",
    "ServiceUnavailableError",
    "TimeoutError",
    "TooManyRequestsError",
    "TransportError",
    "UnsupportedMediaTypeError",
    "UpgradeRequiredError",
    "UsageError",
    "ValidationError",
    "closeChunk",
    "defaultLimits",
    "defineController",
    "defineEndpoint",
    "defineRouter",
    "defineView",
    "event",
    "initChunk",
    "pathsOf",
    "pipeline",
    "routeInfo",
    "routerFor",
    "routes",
    "serve",
  ])
})

test("plumage/test exports these, and nothing else", () => {
  expect(Object.keys(kit).sort()).toEqual([
    "TestExchange",
    "call",
    "callEndpoint",
    "client",
    "conn",
    "exchangeOf",
    "sentChunks",
    "sentInforms",
    "sentResp",
    "sentUpgrade",
    "testExchange",
  ])
})
