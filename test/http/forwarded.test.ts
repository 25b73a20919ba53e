import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { formatAddress } from "../../src/http/address.ts"
import { type ForwardedElement, parseForwarded, parseNode } from "../../src/http/forwarded.ts"
import { expectProportional, fill } from "./proportional.ts"

const empty = { for: undefined, by: undefined, host: undefined, proto: undefined }

describe("Forwarded", () => {
  // RFC 7239 §4, §5.1 to §5.4, §6 and §7.
  test.each<[string, Partial<ForwardedElement>[]]>([
    ['for="_gazonk"', [{ for: "_gazonk" }]],
    ['For="[2001:db8:cafe::17]:4711"', [{ for: "[2001:db8:cafe::17]:4711" }]],
    ["for=192.0.2.60;proto=http;by=203.0.113.43", [{ for: "192.0.2.60", proto: "http", by: "203.0.113.43" }]],
    ["for=192.0.2.43, for=198.51.100.17", [{ for: "192.0.2.43" }, { for: "198.51.100.17" }]],
    ["for=_hidden, for=_SEVKISEK", [{ for: "_hidden" }, { for: "_SEVKISEK" }]],
    [
      'for=192.0.2.43,for="[2001:db8:cafe::17]",for=unknown',
      [{ for: "192.0.2.43" }, { for: "[2001:db8:cafe::17]" }, { for: "unknown" }],
    ],
    ['for=192.0.2.43, for="[2001:db8:cafe::17]"', [{ for: "192.0.2.43" }, { for: "[2001:db8:cafe::17]" }]],
    ["proto=https;host=example.com;ext=1", [{ proto: "https", host: "example.com" }]],
    ['host="a\\"b, c;d\\\\"', [{ host: 'a"b, c;d\\' }]],
    ['for=""', [{ for: "" }]],
    ["for=a ; proto=b\t,\thost=c", [{ for: "a", proto: "b" }, { host: "c" }]],
    ["", []],
    [" ,\t, ", []],
    [";;for=a;;", [{ for: "a" }]],
    ["ext=1", [{}]],
    ["__proto__=x;constructor=y;for=a", [{ for: "a" }]],
  ])("%j is what it says", (line, elements) => {
    expect(parseForwarded(line)).toEqual(elements.map((element) => ({ ...empty, ...element })))
  })

  test.each([
    "for",
    "for=",
    "=a",
    "for =a",
    "for= a",
    "for=a b",
    "for=a proto=b",
    "for=[::1]",
    "for=2001:db8::1",
    "for=192.0.2.1:80",
    'for="a',
    'for="a\\"',
    'for="a"b',
    'for="a""b"',
    'for="a\x00"',
    "for=a\x00",
    "for=a\u00a0",
    "for=a;for=b",
    "for=a;FOR=a",
    "ext=1;ext=2",
    "for=a/b",
  ])("%j is malformed as a whole", (line) => {
    expect(parseForwarded(line)).toBeUndefined()
    expect(parseForwarded(`for=192.0.2.1, ${line}`)).toBeUndefined()
    expect(parseForwarded(`${line}, for=192.0.2.1`)).toBeUndefined()
  })

  const token = fc.string({ unit: fc.constantFrom(..."!#$%&'*+-.^_`|~09azAZ"), minLength: 1, maxLength: 6 })
  const value = fc.string({ unit: fc.constantFrom(...'ab;,="\\ \t:[]\xff'), maxLength: 8 })
  const element = fc.record({ for: value, by: value, host: value, proto: value }, { requiredKeys: [] })
  const escaped = (text: string) => `"${text.replace(/["\\]/g, "\\$&")}"`
  const written = (one: Record<string, string | undefined>, space: string) =>
    Object.entries(one)
      .map(([name, text]) => `${name}=${escaped(text!)}`)
      .join(`${space};${space}`)

  test("is read as it was written", () => {
    const elements = fc.array(
      element.filter((one) => Object.keys(one).length > 0),
      { maxLength: 5 },
    )
    fc.assert(
      fc.property(elements, fc.constantFrom("", " ", "\t "), (given, space) => {
        const line = given.map((one) => written(one, space)).join(`${space},${space}`)
        expect(parseForwarded(line)).toEqual(given.map((one) => ({ ...empty, ...one })))
      }),
    )
  })

  test("of which a client wrote the begin keeps what a proxy appended, or is malformed", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          value,
          token,
          element.map((one) => written(one, "")),
        ),
        (begin) => {
          for (const appended of ["for=192.0.2.1;proto=http", 'for="[2001:db8::1]:80";host="a.example"']) {
            const [own] = parseForwarded(appended)!
            const all = parseForwarded(`${begin}, ${appended}`)
            if (all !== undefined) expect(all.at(-1)).toEqual(own)
          }
        },
      ),
      { numRuns: 2_000 },
    )
  })

  test.each(["for=a,", "a", ",", ";", " ", '"', 'a="', "\\", 'a="\\"', "for=a;"])(
    "of %j again and again is read in time that is proportional to its length",
    (piece) => {
      for (const [start, end] of [
        ["", ""],
        ['for="', ""],
        ['for="', '"'],
        ["for=", ""],
      ] as const) {
        expectProportional((size) => parseForwarded(start + fill(piece, size) + end), 20_000, start)
      }
    },
  )
})

describe("a node", () => {
  const shown = (text: string) => {
    const node = parseNode(text)
    return node && [node.address && formatAddress(node.address), node.port]
  }
  test.each([
    ["192.0.2.43", ["192.0.2.43", undefined]],
    ["192.0.2.43:47011", ["192.0.2.43", 47_011]],
    ["192.0.2.43:_port", ["192.0.2.43", undefined]],
    ["[2001:db8:cafe::17]", ["2001:db8:cafe::17", undefined]],
    ["[2001:DB8::0:17]:47011", ["2001:db8::17", 47_011]],
    ["[::ffff:192.0.2.43]", ["192.0.2.43", undefined]],
    ["unknown", [undefined, undefined]],
    ["Unknown:80", [undefined, 80]],
    ["_gazonk", [undefined, undefined]],
    ["_SEV-KI.S_9:_x", [undefined, undefined]],
  ])("%j is %j", (text, expected) => expect(shown(text)).toEqual(expected))

  test.each([
    "",
    ":80",
    "_",
    "_a b",
    "hidden",
    "unknown:",
    "256.0.2.43",
    "192.0.2",
    "192.0.2.43:",
    "192.0.2.43:65536",
    "192.0.2.43:123456",
    "192.0.2.43:-1",
    "192.0.2.43:80:80",
    "[192.0.2.43]",
    "[]",
    "[::1",
    "::1]",
    "::1",
    "2001:db8::17",
    "[::1]80",
    "[fe80::1%eth0]",
    "a.example",
    "192.0.2.43\n",
  ])("%j is malformed", (text) => expect(parseNode(text)).toBeUndefined())
})
