import { describe, expect, test } from "vitest"
import { limitsOf } from "../../../adapters/uws/options.ts"
import { type UwsOptions, uws } from "../../../adapters/uws/server.ts"
import { defaultLimits, InvalidOptionError, MissingCapabilityError } from "../../../src/conn/adapter.ts"

describe("options", () => {
  test("what is wrong raises at once and names the adapter", () => {
    expect(() => uws({ port: -1 })).toThrow(InvalidOptionError)
    expect(() => uws({ port: -1 })).toThrow(/^uws: port takes/)
    expect(() => uws({ http2: true } as UwsOptions)).toThrow(InvalidOptionError)
  })

  const fixed: [option: string, options: UwsOptions][] = [
    ["limits.headTimeout", { limits: { headTimeout: 5_000 } }],
    ["limits.keepAliveTimeout", { limits: { keepAliveTimeout: 75_000 } }],
    ["limits.requestLineBytes", { limits: { requestLineBytes: 8_192 } }],
    ["limits.headerBytes", { limits: { headerBytes: 16_384 } }],
  ]
  test.each(fixed)("%s that the library does not have raises, and is never ignored", (option, options) => {
    expect(() => uws(options)).toThrow(MissingCapabilityError)
    expect(() => uws(options)).toThrow(option)
  })

  test("a certificate of the client's raises: the library would not insist on it", () => {
    const tls = { keyFile: "test/fixtures/localhost.key", certFile: "test/fixtures/localhost.crt" }
    expect(() => uws({ tls })).not.toThrow()
    expect(() => uws({ tls: { ...tls, caFile: tls.certFile } })).toThrow(MissingCapabilityError)
  })

  test("the library's own value, and whatever is stricter, may be given", () => {
    const limits = { headTimeout: 10_000, keepAliveTimeout: 10_000, requestLineBytes: 300, headerBytes: 4_096 }
    expect(() => uws({ limits })).not.toThrow()
  })

  test("the number of headers depends on the binary", () => {
    expect(limitsOf(defaultLimits, undefined, false).headerCount).toBe(48)
    expect(limitsOf(defaultLimits, undefined, true).headerCount).toBe(98)
    expect(limitsOf({ ...defaultLimits, headerCount: 20 }, 20, false).headerCount).toBe(20)
    expect(() => limitsOf({ ...defaultLimits, headerCount: 60 }, 60, false)).toThrow(MissingCapabilityError)
    expect(limitsOf({ ...defaultLimits, headerCount: 60 }, 60, true).headerCount).toBe(60)
  })
})
