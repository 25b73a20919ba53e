import { expect, test } from "vitest"
import { addressText } from "../../../adapters/uws/peer.ts"

const groups = (...values: number[]) => new Uint8Array(values.flatMap((value) => [value >> 8, value & 255]))

test.each([
  [new Uint8Array([192, 168, 0, 1]), "192.168.0.1"],
  [groups(0, 0, 0, 0, 0, 0xffff, 0x7f00, 1), "127.0.0.1"],
  [groups(0, 0, 0, 0, 0, 0, 0, 1), "::1"],
  [groups(0x2001, 0xdb8, 0, 0, 1, 0, 0, 1), "2001:db8::1:0:0:1"],
  [new Uint8Array(), ""],
])("the address %j is %s", (bytes, text) => {
  expect(addressText(bytes)).toBe(text)
})
