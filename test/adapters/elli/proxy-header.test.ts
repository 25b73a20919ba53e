import { isIP, SocketAddress } from "node:net"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { parseProxyHeader } from "../../../adapters/elli/proxy-header.ts"
import { peerAddress } from "../../../adapters/options.ts"
import { type Family, type Sent, version1, version2 } from "./proxy-header.ts"

const bytes = (text: string) => Buffer.from(text, "latin1")
const client = (text: string) => {
  const header = parseProxyHeader(bytes(text))
  return typeof header === "string" ? header : header.client
}

const port = fc.integer({ min: 0, max: 65_535 })
const sent: fc.Arbitrary<Sent> = fc.oneof(
  fc.record({ family: fc.constant<Family>("ipv4"), source: fc.ipV4(), destination: fc.ipV4(), port }),
  fc.record({ family: fc.constant<Family>("ipv6"), source: fc.ipV6(), destination: fc.ipV6(), port }),
)
/** The platform's text of an address. */
const shown = ({ source, family }: Sent) => peerAddress(new SocketAddress({ address: source, family }).address)

describe("a header", () => {
  test("of either version says who the client is, whatever follows it", () => {
    fc.assert(
      fc.property(sent, fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ maxLength: 40 }), (one, extra, after) => {
        for (const header of [version1(one), version2(one, extra)]) {
          const parsed = parseProxyHeader(Buffer.concat([header, after]))
          if (typeof parsed === "string") throw new Error(parsed)
          expect(parsed.length).toBe(header.length)
          expect(parsed.client?.port).toBe(one.port)
          // Of the addresses that end in an IPv4 one only the mapped are IPv4, and the platform writes some others so too.
          if (one.family === "ipv4" || !shown(one).includes(".")) expect(parsed.client?.address).toBe(shown(one))
          expect(isIP(parsed.client?.address ?? "")).toBeGreaterThan(0)
        }
      }),
    )
  })

  test("that is cut anywhere is awaited, at most until its addresses are there", () => {
    fc.assert(
      fc.property(sent, (one) => {
        for (const header of [version1(one), version2(one, Buffer.alloc(30))]) {
          const whole = parseProxyHeader(header)
          for (let length = 0; length < header.length; length++) {
            const parsed = parseProxyHeader(header.subarray(0, length))
            if (parsed !== "more") {
              expect(parsed).toEqual(whole)
              expect(length).toBeGreaterThanOrEqual(header.length - 30)
            }
          }
        }
      }),
      { numRuns: 30 },
    )
  })

  test("of which 107 bytes have come is no longer awaited", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.constantFrom("", "PROXY ", "PROXY TCP4 1.2", v2),
        (tail, start) => {
          const parsed = parseProxyHeader(Buffer.concat([bytes(start), tail]))
          if (parsed === "more") expect(tail.length + start.length).toBeLessThan(107)
          else if (parsed !== "broken") expect(parsed.length).toBeGreaterThan(0)
        },
      ),
      { numRuns: 1_000 },
    )
  })
})

describe("version 1", () => {
  test.each([
    ["PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", { address: "255.255.255.255", port: 65_535 }],
    [
      "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
      { address: "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", port: 65_535 },
    ],
    ["PROXY TCP6 ::ffff:203.0.113.9 ::1 1 2\r\n", { address: "203.0.113.9", port: 1 }],
    ["PROXY TCP6 2001:0DB8:0:0::1 ::1 0 2\r\n", { address: "2001:db8::1", port: 0 }],
    ["PROXY UNKNOWN\r\n", undefined],
    ["PROXY UNKNOWN whatever \x00 this is\r\n", undefined],
    // The longest line that the specification shows, of 107 bytes.
    [`PROXY UNKNOWN ${"f".repeat(91)}\r\n`, undefined],
  ])("%j says %j", (line, expected) => expect(client(line)).toEqual(expected))

  test.each([
    "GET / HTTP/1.1\r\n",
    "PROXY\r\n",
    "PROXY \r\n",
    "proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
    " PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
    "PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
    "PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n",
    "PROXY TCP4 1.2.3.4\t1.2.3.4 1 2\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n",
    "PROXY TCP4 1.2.3.256 1.2.3.4 1 2\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3 1 2\r\n",
    "PROXY TCP4 01.2.3.4 1.2.3.4 1 2\r\n",
    "PROXY TCP4 ::1 ::1 1 2\r\n",
    "PROXY TCP4 1.2.3.4 ::1 1 2\r\n",
    "PROXY TCP6 1.2.3.4 ::1 1 2\r\n",
    "PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n",
    "PROXY TCP6 1:2 ::1 1 2\r\n",
    "PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n",
    "PROXY UNKNOWNX\r\n",
    `PROXY UNKNOWN ${"f".repeat(92)}\r\n`,
    `PROXY TCP4 ${"1".repeat(100)}`,
  ])("%j is none", (line) => {
    const parsed = parseProxyHeader(bytes(line))
    // A bare line feed may still be followed by what ends the line.
    if (parsed === "more") expect(parseProxyHeader(bytes(`${line}\r\n`))).toBe("broken")
    else expect(parsed).toBe("broken")
  })
})

const v2 = "\r\n\r\n\0\r\nQUIT\n"

describe("version 2", () => {
  const header = (head: string, rest = "") =>
    parseProxyHeader(bytes(`${v2}${head}${String.fromCharCode(rest.length >> 8, rest.length & 255)}${rest}`))
  const ipv4 = "\xcb\0\x71\x09\x0a\0\0\x01\x12\x67\x01\xbb"

  test("says who the client of a stream or of datagrams is", () => {
    for (const head of ["\x21\x11", "\x21\x12"]) {
      expect(header(head, ipv4)).toEqual({ length: 28, client: { address: "203.0.113.9", port: 4_711 } })
    }
    const ipv6 = `\x20\x01\x0d\xb8${"\0".repeat(11)}\x01${"\0".repeat(16)}\x00\x50\x01\xbb`
    expect(header("\x21\x21", ipv6)).toEqual({ length: 52, client: { address: "2001:db8::1", port: 80 } })
    const mapped = `${"\0".repeat(10)}\xff\xff\xcb\0\x71\x09${"\0".repeat(16)}\x00\x50\x01\xbb`
    expect(header("\x21\x21", mapped)).toEqual({ length: 52, client: { address: "203.0.113.9", port: 80 } })
  })

  test.each([
    ["LOCAL", "\x20\x00", ""],
    ["LOCAL with addresses", "\x20\x11", ipv4],
    ["LOCAL of a family that nobody knows", "\x20\xff", "xyz"],
    ["an unspecified family", "\x21\x00", "xyz"],
    ["an unspecified protocol", "\x21\x10", ipv4],
    ["a UNIX socket", "\x21\x31", "/".repeat(216)],
  ])("%s leaves the client at the socket's peer", (_, head, rest) => {
    expect(header(head, rest)).toEqual({ length: 16 + rest.length, client: undefined })
  })

  test.each([
    ["version 1", "\x11\x11", ipv4],
    ["version 3", "\x31\x11", ipv4],
    ["command 2", "\x22\x11", ipv4],
    ["family 4", "\x21\x41", ipv4],
    ["protocol 3", "\x21\x13", ipv4],
    ["addresses that are too short", "\x21\x11", ipv4.slice(1)],
    ["IPv6 with room for IPv4", "\x21\x21", ipv4],
    ["a UNIX socket with a short path", "\x21\x31", "/".repeat(215)],
  ])("%s is broken", (_, head, rest) => expect(header(head, rest)).toBe("broken"))

  test("is told from HTTP by its first byte that differs", () => {
    for (let at = 0; at < 12; at++) {
      const other = bytes(v2)
      other[at] = 0x58
      expect(parseProxyHeader(other.subarray(0, at + 1)), String(at)).toBe("broken")
    }
  })
})
