import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { deriveKey } from "../../src/crypto/key-generator.ts"
import { encryptMessage } from "../../src/crypto/message-encryptor.ts"
import { signMessage, verifyMessage } from "../../src/crypto/message-verifier.ts"
import { openTerm, sealTerm, signTerm, verifyTerm } from "../../src/crypto/signed-term.ts"

const secret = "a secret that is long enough to be one, as the keys of apps are"
const invalid = { ok: false, reason: "invalid" }
const expired = { ok: false, reason: "expired" }

describe.each([
  { name: "signed terms", put: signTerm, get: verifyTerm },
  { name: "sealed terms", put: sealTerm, get: openTerm },
])("$name", ({ put, get }) => {
  test("give back every value that JSON can write", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const result = get(secret, "salt", put(secret, "salt", value))
        expect(result).toEqual({ ok: true, value: JSON.parse(JSON.stringify(value)) })
      }),
      { numRuns: 50 },
    )
    expect(get(secret, "salt", put(secret, "salt", undefined))).toEqual({ ok: true, value: undefined })
  })

  test("are believed for a day unless they say otherwise, to the millisecond", () => {
    const day = put(secret, "salt", 1, { now: 1000 })
    expect(get(secret, "salt", day, { now: 1000 })).toEqual({ ok: true, value: 1 })
    expect(get(secret, "salt", day, { now: 1000 + 86_400_000 })).toEqual({ ok: true, value: 1 })
    expect(get(secret, "salt", day, { now: 1001 + 86_400_000 })).toEqual(expired)
    const minute = put(secret, "salt", 1, { now: 1000, maxAge: 60 })
    expect(get(secret, "salt", minute, { now: 61_000 })).toEqual({ ok: true, value: 1 })
    expect(get(secret, "salt", minute, { now: 61_001 })).toEqual(expired)
  })

  test("an age of Infinity never ends, one of 0 or less never begins", () => {
    const forever = put(secret, "salt", 1, { now: 0, maxAge: Number.POSITIVE_INFINITY })
    expect(get(secret, "salt", forever, { now: 1e15 })).toEqual({ ok: true, value: 1 })
    for (const maxAge of [0, -1, Number.NEGATIVE_INFINITY]) {
      expect(get(secret, "salt", put(secret, "salt", 1, { now: 0, maxAge }), { now: 0 })).toEqual(expired)
    }
  })

  test("the reader may set an age of its own, and an age that is no number is none", () => {
    const term = put(secret, "salt", 1, { now: 0, maxAge: 60 })
    expect(get(secret, "salt", term, { now: 61_000, maxAge: 120 })).toEqual({ ok: true, value: 1 })
    expect(get(secret, "salt", term, { now: 2000, maxAge: 1 })).toEqual(expired)
    expect(get(secret, "salt", term, { now: 1e15, maxAge: Number.POSITIVE_INFINITY })).toEqual({ ok: true, value: 1 })
    expect(get(secret, "salt", term, { now: 0, maxAge: Number.NaN })).toEqual(expired)
    expect(() => put(secret, "salt", 1, { maxAge: Number.NaN })).toThrow(TypeError)
    expect(() => put(secret, "salt", 1, { maxAge: "60" as unknown as number })).toThrow("maxAge")
  })

  test("one from the future is invalid", () => {
    expect(get(secret, "salt", put(secret, "salt", 1, { now: 1001 }), { now: 1000 })).toEqual(invalid)
  })

  test("none is missing, and anything that is not ours is invalid", () => {
    expect(get(secret, "salt", undefined)).toEqual({ ok: false, reason: "missing" })
    expect(get(secret, "salt", null)).toEqual({ ok: false, reason: "missing" })
    const term = put(secret, "salt", 1)
    for (const other of ["", "x", `${term}x`, term.slice(1), term.slice(0, -1)]) {
      expect(get(secret, "salt", other)).toEqual(invalid)
    }
    expect(get(secret, "other", term)).toEqual(invalid)
    expect(get(`${secret}x`, "salt", term)).toEqual(invalid)
    expect(get(secret, "salt", term, { iterations: 999 })).toEqual(invalid)
    const other = put(secret, "salt", 1, { digest: "sha512", iterations: 2 })
    expect(get(secret, "salt", other, { digest: "sha512", iterations: 2 })).toMatchObject({ ok: true })
    for (const options of [{}, { digest: "sha512" as const }, { iterations: 2 }]) {
      expect(get(secret, "salt", other, options)).toEqual(invalid)
    }
  })

  test("a value that JSON cannot write is an error of the program", () => {
    for (const value of [() => 1, Symbol("x"), 1n]) expect(() => put(secret, "salt", value)).toThrow(TypeError)
    expect(() => put("", "salt", 1)).toThrow("secret")
  })
})

test("a signed term is no sealed one, even for one salt", () => {
  expect(openTerm(secret, "salt", signTerm(secret, "salt", 1))).toEqual(invalid)
  expect(verifyTerm(secret, "salt", sealTerm(secret, "salt", 1))).toEqual(invalid)
  const key = deriveKey(secret, "salt")
  const payload = JSON.stringify({ data: 1, signed_at: 0, max_age: null })
  expect(verifyTerm(secret, "salt", signMessage(payload, key))).toEqual({ ok: true, value: 1 })
  expect(openTerm(secret, "salt", encryptMessage(payload, key))).toEqual(invalid)
})

test("what was signed with the same key but is no term is invalid", () => {
  const key = deriveKey(secret, "salt")
  for (const payload of [
    "",
    "x",
    "null",
    "1",
    "[]",
    "{}",
    '{"signed_at":0}',
    '{"signed_at":"0","max_age":1}',
    '{"signed_at":0,"max_age":"1"}',
  ]) {
    expect(verifyTerm(secret, "salt", signMessage(payload, key))).toEqual(invalid)
  }
})

test("a signed term has Plug's fields", () => {
  const message = verifyMessage(signTerm(secret, "salt", "x", { now: 5, maxAge: 6 }), deriveKey(secret, "salt"))
  expect(JSON.parse(message!.toString())).toEqual({ data: "x", signed_at: 5, max_age: 6 })
})
