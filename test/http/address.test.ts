import { BlockList, isIPv4, isIPv6, SocketAddress } from "node:net"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { type Address, compileNetworks, formatAddress, parseAddress } from "../../src/http/address.ts"

const group = fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 0xffff }))
const address: fc.Arbitrary<Address> = fc.oneof(
  fc.array(group, { minLength: 8, maxLength: 8 }),
  fc.tuple(group, group).map((last) => [0, 0, 0, 0, 0, 0xffff, ...last]),
)
const text = fc.oneof(fc.ipV4(), fc.ipV6())
/** Texts that are nearly addresses. */
const nearly = fc.oneof(
  fc.string({ unit: fc.constantFrom("0", "1", "9", "f", "g", ":", "::", ".", " ", "256", "1.2.3.4"), maxLength: 12 }),
  fc.tuple(text, fc.nat(50), fc.constantFrom("", ":", ".", "0", "x", "%")).map(([good, at, more]) => {
    const cut = at % (good.length + 1)
    return good.slice(0, cut) + more + good.slice(cut)
  }),
  fc.tuple(text, fc.nat(50)).map(([good, at]) => good.slice(0, at) + good.slice(at + 1)),
)

describe("the text of an address", () => {
  test("is what the platform takes for one, without a zone", () => {
    fc.assert(
      fc.property(fc.oneof(text, nearly), (one) => {
        const is = isIPv4(one) || (isIPv6(one) && !one.includes("%"))
        expect(parseAddress(one) !== undefined, JSON.stringify(one)).toBe(is)
      }),
      { numRuns: 5_000 },
    )
  })

  test("is written as the platform writes it, but for the IPv4-mapped, which are IPv4", () => {
    fc.assert(
      fc.property(address, (one) => {
        const shown = formatAddress(one)
        expect(parseAddress(shown)).toEqual(one)
        const long = one.map((group) => group.toString(16)).join(":")
        const platform = new SocketAddress({ address: long, family: "ipv6" }).address
        if (platform.startsWith("::ffff:") && platform.includes(".")) expect(`::ffff:${shown}`).toBe(platform)
        // The platform still writes the old IPv4-compatible form.
        else if (!platform.includes(".")) expect(shown).toBe(platform)
      }),
      { numRuns: 2_000 },
    )
  })

  test("has one address for all its forms", () => {
    const forms = ["2001:db8::1", "2001:0DB8:0:0:0:0:0:1", "2001:db8:0::1", "2001:db8::0.0.0.1"]
    for (const form of forms) expect(formatAddress(parseAddress(form)!), form).toBe("2001:db8::1")
    for (const form of ["10.0.0.1", "::ffff:10.0.0.1", "::FFFF:a00:1", "0:0:0:0:0:ffff:a00:0001"]) {
      expect(formatAddress(parseAddress(form)!), form).toBe("10.0.0.1")
    }
  })

  // RFC 5952 §4.2 and §4.3: the longest run, the first of two, never a single group; lower case.
  test.each([
    ["2001:db8:0:0:0:0:2:1", "2001:db8::2:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:DB8::AAAA", "2001:db8::aaaa"],
    ["0:0:0:0:0:0:0:0", "::"],
    ["1:0:0:0:0:0:0:0", "1::"],
    ["0:0:0:0:0:0:0:1", "::1"],
  ])("%s is %s", (long, short) => expect(formatAddress(parseAddress(long)!)).toBe(short))

  test("c831020f: has numbers from 0 to 255, in decimals", () => {
    for (const bad of [
      "256.0.0.1",
      "1.2.3",
      "1.2.3.4.5",
      "01.2.3.4",
      "0x7f.0.0.1",
      "2130706433",
      "1.2.3.4 ",
      " 1.2.3.4",
      "",
    ]) {
      expect(parseAddress(bad), bad).toBeUndefined()
    }
  })

  test("has a zone only where it may", () => {
    expect(parseAddress("fe80::1%eth0")).toBeUndefined()
    expect(parseAddress("fe80::1%eth0", true)).toEqual(parseAddress("fe80::1"))
    expect(parseAddress("10.0.0.1%eth0", true)).toBeUndefined()
  })
})

describe("networks", () => {
  const inside = (networks: string[], one: string) => compileNetworks(networks)(parseAddress(one)!)

  test("hold what the platform's lists hold", () => {
    const network = fc.tuple(address, fc.integer({ min: 1, max: 128 }))
    fc.assert(
      fc.property(fc.array(network, { minLength: 1, maxLength: 4 }), address, fc.nat(128), (given, other, near) => {
        const networks: string[] = []
        const list = new BlockList()
        for (const [base, bits] of given) {
          const isIPv4 = formatAddress(base).includes(".")
          const prefix = isIPv4 ? Math.ceil(bits / 4) : bits
          const first = cut(base, isIPv4 ? prefix + 96 : prefix)
          // One that holds IPv4 addresses without being one of them is another matter, below.
          if (!isIPv4 && String(cut(parseAddress("0.0.0.0")!, prefix)) === String(first)) return
          networks.push(`${formatAddress(first)}/${prefix}`)
          list.addSubnet(formatAddress(first), prefix, isIPv4 ? "ipv4" : "ipv6")
        }
        // Half of the addresses are a few bits away from a network.
        const [base] = given[0]!
        const one = near === 0 ? other : cut(base, near).map((group, at) => group | (other[at]! & ~maskAt(near, at)))
        const shown = formatAddress(one)
        const expected = list.check(shown, shown.includes(".") ? "ipv4" : "ipv6")
        expect(compileNetworks(networks)(one), `${shown} in ${networks}`).toBe(expected)
      }),
      { numRuns: 3_000 },
    )
  })

  test("of IPv4 hold the IPv4-mapped addresses, and the other way round", () => {
    expect(inside(["10.0.0.0/8"], "::ffff:10.9.9.9")).toBe(true)
    expect(inside(["::ffff:10.0.0.0/104"], "10.9.9.9")).toBe(true)
    expect(inside(["::ffff:10.0.0.1"], "10.0.0.1")).toBe(true)
    expect(inside(["10.0.0.0/8"], "::10.9.9.9")).toBe(false)
  })

  test("of IPv6 hold no IPv4 address that they do not name", () => {
    for (const network of ["::/8", "::/64", "::/80", "::/1"]) {
      expect(inside([network], "203.0.113.9"), network).toBe(false)
      expect(inside([network], "::2"), network).toBe(true)
    }
  })

  test.each([
    ["loopback", ["127.0.0.1", "127.255.0.1", "::1", "::ffff:127.0.0.1"], ["128.0.0.1", "::2", "10.0.0.1"]],
    ["link-local", ["169.254.7.7", "fe80::1", "febf::1"], ["169.255.0.1", "fec0::1"]],
    [
      "private",
      ["10.255.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fc00::1", "fdff::1"],
      ["11.0.0.1", "172.15.0.1", "172.32.0.1", "192.169.0.1", "fe00::1", "127.0.0.1"],
    ],
  ])("%s are those of its RFC", (name, members, others) => {
    for (const one of members) expect(inside([name], one), one).toBe(true)
    for (const one of others) expect(inside([name], one), one).toBe(false)
  })

  test.each([
    "",
    "/",
    "/8",
    "10.0.0.0/",
    "10.0.0.0/33",
    "10.0.0.0/08",
    "10.0.0.0/-1",
    "10.0.0.0/8/8",
    "10.0.0.0/8.0",
    "10.0.0.0/255.0.0.0",
    "10.0.0/8",
    "10.*",
    "2001:db8::/129",
    "fe80::1%eth0",
    "localhost",
    "Loopback",
    "toString",
    "10.0.0.1/8",
    "2001:db8::1/64",
    "0.0.0.0/0",
    "::/0",
    "::ffff:0:0/96",
  ])("%j is none that is taken", (network) => {
    expect(() => compileNetworks([network])).toThrow(TypeError)
  })

  test("that are no text are refused", () => {
    for (const network of [true, 8, null, undefined, {}, ["10.0.0.0/8"]]) {
      expect(() => compileNetworks([network as never]), String(network)).toThrow(TypeError)
    }
  })

  test("with bits beyond the prefix are shown as they would be right", () => {
    expect(() => compileNetworks(["10.1.2.3/8"])).toThrow("write 10.0.0.0/8, or")
    expect(() => compileNetworks(["2001:db8::1/32"])).toThrow("write 2001:db8::/32, or")
    expect(() => compileNetworks(["::ffff:10.1.2.3/104"])).toThrow("write 10.0.0.0/8, or")
  })
})

function maskAt(prefix: number, at: number): number {
  let mask = 0
  for (let bit = 0; bit < 16; bit++) if (at * 16 + bit < prefix) mask |= 0x8000 >> bit
  return mask
}

function cut(address: Address, prefix: number): number[] {
  return address.map((group, at) => group & maskAt(prefix, at))
}
