/** How secrets are compared. */
import * as crypto from "node:crypto"
import { conn, sentResp } from "plumage/test"
import { expect, test, vi } from "vitest"
import { read, sources } from "../architecture.ts"

vi.mock("node:crypto", async (original) => {
  const real = await original<typeof crypto>()
  return { ...real, timingSafeEqual: vi.fn(real.timingSafeEqual) }
})

const secretKeyBase = "0123456789abcdef".repeat(4)

test("hono 91def7ca, CVE-2026-21713: a signature is compared in constant time, right or wrong", () => {
  const compare = vi.mocked(crypto.timingSafeEqual)
  const made = conn("GET", "/", undefined, { secretKeyBase }).putRespCookie("a", "x", { sign: true }).text("")
  const [, cookie] = /^a=([^;]*)/.exec(sentResp(made).headers["set-cookie"]!)!
  const wrong = cookie!.slice(0, -2) + (cookie!.endsWith("A") ? "BB" : "AA")
  for (const [value, expected] of [
    [cookie, { a: "x" }],
    [wrong, {}],
  ] as const) {
    compare.mockClear()
    const one = conn("GET", "/", undefined, { secretKeyBase, headers: { cookie: `a=${value}` } })
    expect(one.fetchCookies({ signed: ["a"] }).cookies).toEqual(expected)
    expect(compare).toHaveBeenCalledTimes(1)
  }
})

test("hono 91def7ca: there is one place that compares secrets", () => {
  const users = [...sources("src"), ...sources("adapters")].filter((path) => read(path).includes("timingSafeEqual"))
  expect(users).toEqual(["src/crypto/secure-compare.ts"])
})
