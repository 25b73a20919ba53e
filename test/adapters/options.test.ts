import { fileURLToPath } from "node:url"
import { describe, expect, test } from "vitest"
import { checkOptions, peerAddress, type ServerOptions, serverUrl, wrong } from "../../adapters/options.ts"
import { defaultLimits, InvalidOptionError } from "../../src/conn/adapter.ts"

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url))
const keyFile = fixture("localhost.key")
const certFile = fixture("localhost.crt")

const messageOf = (options: unknown, extra?: readonly string[]): string => {
  try {
    checkOptions("node", options as ServerOptions, extra)
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidOptionError)
    return (error as Error).message
  }
  return "accepted"
}

describe("checkOptions", () => {
  test("fills in every default", () => {
    expect(checkOptions("node", {})).toEqual({
      port: 4000,
      host: undefined,
      tls: undefined,
      limits: defaultLimits,
      compression: false,
    })
  })

  test("keeps what was given, and the other limits", () => {
    const checked = checkOptions("elli", { port: 0, host: "::1", compression: true, limits: { headerCount: 7 } })
    expect(checked).toMatchObject({ port: 0, host: "::1", compression: true })
    expect(checked.limits).toEqual({ ...defaultLimits, headerCount: 7 })
  })

  test("takes undefined for an option that is not given", () => {
    expect(checkOptions("node", { port: undefined, limits: { headerCount: undefined } } as never)).toEqual(
      checkOptions("node", {}),
    )
  })

  test("names adapter, option, what it takes and what it was given", () => {
    expect(messageOf({ limits: { keepAliveTimeout: -1 } })).toBe(
      "node: limits.keepAliveTimeout takes a positive integer of milliseconds (at most 2147483647), got -1",
    )
  })

  test.each([
    [{ port: -1 }, "port takes an integer from 0 (any free port) to 65535, got -1"],
    [{ port: 65_536 }, "got 65536"],
    [{ port: "80" }, 'got "80"'],
    [{ port: 1.5 }, "got 1.5"],
    [{ host: "" }, 'host takes an address or a name, got ""'],
    [{ host: 5 }, "got 5"],
    [{ compression: "yes" }, 'compression takes true or false, got "yes"'],
    [{ limits: [] }, "limits takes an object"],
    [{ limits: { headerCount: 0 } }, "limits.headerCount takes a positive integer (at most"],
    [{ limits: { bodyBytes: 1e12 } }, "limits.bodyBytes takes a positive integer of bytes (at most"],
    [{ limits: { bodyBytes: Number.NaN } }, "got NaN"],
    [{ limits: { nonsense: 1 } }, 'there is no option "limits.nonsense"'],
    [{ prot: 80 }, 'there is no option "prot"; it takes port, host'],
    [null, "got null"],
    [{ tls: "yes" }, "tls takes an object"],
    [{ tls: {} }, "tls.keyFile takes the path of a PEM file, got undefined"],
    [{ tls: { keyFile, certFile: "" } }, 'tls.certFile takes the path of a PEM file, got ""'],
    [{ tls: { keyFile: "/nowhere.key", certFile } }, 'tls.keyFile takes the path of a PEM file, "/nowhere.key"'],
    [{ tls: { keyFile, certFile, caFile: "/nowhere.ca" } }, "tls.caFile takes the path of a PEM file"],
    [{ tls: { keyFile: certFile, certFile } }, "do not work together"],
    [{ tls: { keyFile, certFile, chain: "x" } }, 'there is no option "tls.chain"'],
  ])("refuses %j", (options, part) => {
    expect(messageOf(options)).toContain(part)
  })

  test("never repeats a passphrase", () => {
    expect(messageOf({ tls: { keyFile, certFile, passphrase: 12345 } })).not.toContain("12345")
  })

  test("leaves the names that an adapter adds to the adapter", () => {
    expect(messageOf({ http2: true })).toContain('there is no option "http2"')
    expect(messageOf({ http2: true }, ["http2"])).toBe("accepted")
  })

  test("reads the tls files at start", () => {
    const { tls } = checkOptions("node", { tls: { keyFile, certFile } })
    expect(tls?.key.toString()).toContain("PRIVATE KEY")
    expect(tls?.cert.toString()).toContain("CERTIFICATE")
    expect(tls?.ca).toBeUndefined()
  })
})

test("wrong says the same for an adapter's own options", () => {
  expect(wrong("node", "http2", "true or false", "x").message).toBe('node: http2 takes true or false, got "x"')
})

test.each([
  ["http", undefined, 4000, "http://localhost:4000"],
  ["http", "0.0.0.0", 1, "http://localhost:1"],
  ["https", "::", 443, "https://localhost:443"],
  ["https", "::1", 443, "https://[::1]:443"],
  ["http", "example.com", 80, "http://example.com:80"],
] as const)("serverUrl(%s, %s, %i)", (scheme, host, port, url) => {
  expect(serverUrl(scheme, host, port)).toBe(url)
})

test.each([
  ["::ffff:127.0.0.1", "127.0.0.1"],
  ["127.0.0.1", "127.0.0.1"],
  ["::1", "::1"],
  ["::ffff:1", "::ffff:1"],
  [undefined, ""],
])("peerAddress(%s)", (given, address) => {
  expect(peerAddress(given)).toBe(address)
})
