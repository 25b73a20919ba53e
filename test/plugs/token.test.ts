import fc from "fast-check"
import { InvalidOptionError, UsageError } from "plumage"
import { conn } from "plumage/test"
import { describe, expect, test } from "vitest"
import { Token } from "../../src/plugs/token.ts"

const secret = "a secret of some length"
const [older, newer] = ["o".repeat(64), "n".repeat(64)]
const invalid = { ok: false, reason: "invalid" }
const expired = { ok: false, reason: "expired" }

describe.each([
  ["signed", Token.sign, Token.verify],
  ["encrypted", Token.encrypt, Token.decrypt],
] as const)("a %s token", (kind, make, read) => {
  test("gives back what JSON can carry", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const written = JSON.parse(JSON.stringify(value))
        expect(read(secret, "salt", make(secret, "salt", value))).toEqual({ ok: true, value: written })
      }),
      { numRuns: 50 },
    )
  })

  test("is URL-safe", () => {
    expect(make(secret, "salt", { some: "data", "?": "&=/" })).toMatch(/^[A-Za-z0-9_.-]+$/)
  })

  test("is worth nothing with another secret, another salt, or any character changed", () => {
    const token = make(secret, "salt", 7)
    expect(read("another secret of that length", "salt", token)).toEqual(invalid)
    expect(read(secret, "other", token)).toEqual(invalid)
    for (let at = 0; at < token.length; at++) {
      const changed = token.slice(0, at) + (token[at] === "A" ? "B" : "A") + token.slice(at + 1)
      expect(read(secret, "salt", changed), changed).toEqual(invalid)
    }
  })

  test("is believed for a day unless it is said otherwise when it is made or read", () => {
    const [now, day] = [1_700_000_000_000, 86_400_000]
    const token = make(secret, "salt", 7, { now })
    expect(read(secret, "salt", token, { now: now + day })).toEqual({ ok: true, value: 7 })
    expect(read(secret, "salt", token, { now: now + day + 1 })).toEqual(expired)
    expect(read(secret, "salt", token, { now: now + day + 1, maxAge: Number.POSITIVE_INFINITY }).ok).toBe(true)
    expect(read(secret, "salt", token, { now: now + 1_001, maxAge: 1 })).toEqual(expired)
    const short = make(secret, "salt", 7, { now, maxAge: 60 })
    expect(read(secret, "salt", short, { now: now + 60_001 })).toEqual(expired)
    const endless = make(secret, "salt", 7, { now, maxAge: Number.POSITIVE_INFINITY })
    expect(read(secret, "salt", endless, { now: now + 1_000 * day }).ok).toBe(true)
    for (const maxAge of [0, -1]) {
      expect(read(secret, "salt", make(secret, "salt", 7, { now, maxAge }), { now })).toEqual(expired)
      expect(read(secret, "salt", endless, { now, maxAge })).toEqual(expired)
    }
  })

  test("made in the future is invalid", () => {
    expect(read(secret, "salt", make(secret, "salt", 7, { now: 2_000 }), { now: 1_999 })).toEqual(invalid)
  })

  test("is made with the newest secret and read with all", () => {
    const before = { secretKeyBases: [older] }
    const rotated = conn("GET", "/", undefined, { secretKeyBase: [newer, older] })
    expect(read(rotated, "salt", make(before, "salt", 7))).toEqual({ ok: true, value: 7 })
    expect(read({ secretKeyBases: [newer] }, "salt", make(rotated, "salt", 7))).toEqual({ ok: true, value: 7 })
    expect(read(before, "salt", make(rotated, "salt", 7))).toEqual(invalid)
    const old = make(before, "salt", 7, { now: 0 })
    expect(read(rotated, "salt", old)).toEqual(expired)
  })

  test("that is none is missing; anything else that a client may send is invalid, and raises nothing", () => {
    for (const token of [undefined, null]) {
      expect(read(secret, "salt", token)).toEqual({ ok: false, reason: "missing" })
    }
    const good = make(secret, "salt", 7)
    for (const token of ["", ".", "..", good + ".", [good], { token: good }, Object.create(null), 7, true]) {
      expect(read(secret, "salt", token)).toEqual(invalid)
    }
    fc.assert(fc.property(fc.string(), (token) => void expect(read(secret, "salt", token)).toEqual(invalid)))
  })

  test("wants a source with secrets, each of 20 characters, and shows none of them", () => {
    const sources = ["s".repeat(19), "", { secretKeyBases: [] }, { secretKeyBases: [newer, "short"] }, undefined, {}]
    for (const source of [...sources, conn("GET", "/")]) {
      expect(() => make(source as never, "salt", 7)).toThrow(UsageError)
      expect(() => read(source as never, "salt", "x")).toThrow(UsageError)
      expect(() => read(source as never, "salt", "x")).not.toThrow(/short|sss/)
    }
    expect(() => make("s".repeat(20), "salt", 7)).not.toThrow()
  })

  test("wants a salt and options that it knows", () => {
    for (const salt of ["", undefined, 7]) expect(() => make(secret, salt as never, 7)).toThrow(UsageError)
    for (const options of [{ max_age: 1 }, { maxAge: "60" }, { maxAge: Number.NaN }, { now: "x" }]) {
      expect(() => make(secret, "salt", 7, options as never)).toThrow(InvalidOptionError)
      expect(() => read(secret, "salt", "x", options as never)).toThrow(InvalidOptionError)
    }
  })

  test("of the other kind is invalid", () => {
    const other = kind === "signed" ? Token.encrypt : Token.sign
    expect(read(secret, "salt", other(secret, "salt", 7))).toEqual(invalid)
  })
})

test("an encrypted token does not show its value", () => {
  const shows = (token: string) =>
    token.split(".").some((part) => Buffer.from(part, "base64url").toString("latin1").includes("canary"))
  expect(shows(Token.encrypt(secret, "salt", "canary"))).toBe(false)
  expect(shows(Token.sign(secret, "salt", "canary"))).toBe(true)
})
