import { CookieOverflowError, InvalidOptionError, UsageError } from "plumage"
import { call, conn } from "plumage/test"
import { describe, expect, test } from "vitest"
import { cookieStore } from "../../src/plugs/cookie-store.ts"
import { session } from "../../src/plugs/session.ts"
import { Browser, secretKeyBase, sessionSuite } from "./session-suite.ts"

describe("in a signed cookie,", () => {
  sessionSuite(() => cookieStore({ signingSalt: "salt" }), false)
})
describe("in an encrypted cookie,", () => {
  sessionSuite(() => cookieStore({ signingSalt: "salt", encryptionSalt: "more salt" }), false)
})

const newer = "fedcba9876543210".repeat(4)
const kept = async (browser: Browser): Promise<string> => {
  await browser.visit((session) => session.put("user", "somebody"))
  return browser.cookie
}
const read = (cookie: string) => Buffer.from(cookie.split(".")[1] ?? "", "base64url").toString()

describe("a session in a cookie", () => {
  test("can be read by whoever has it, unless it is encrypted", async () => {
    expect(read(await kept(new Browser(cookieStore({ signingSalt: "a" }))))).toContain("somebody")
    const sealed = await kept(new Browser(cookieStore({ signingSalt: "a", encryptionSalt: "b" })))
    expect(Buffer.from(sealed.slice(8), "base64url").toString("latin1")).not.toContain("somebody")
    expect(read(sealed)).not.toContain("somebody")
  })

  test("is not believed longer than maxAge, even when the browser still has it", async () => {
    let now = 1_000
    const browser = new Browser(cookieStore({ signingSalt: "a", maxAge: 60, now: () => now }))
    const cookie = await kept(browser)
    now += 60_000
    expect(await browser.all(cookie)).toEqual({ user: "somebody" })
    now += 1
    expect(await browser.all(cookie)).toEqual({})
  })

  test("is believed for the maxAge that is set now, not for the one it was written with", async () => {
    let now = 1_000
    const cookie = await kept(new Browser(cookieStore({ signingSalt: "a", maxAge: 600, now: () => now })))
    now += 60_500
    const until = (maxAge: number) => new Browser(cookieStore({ signingSalt: "a", maxAge, now: () => now })).all(cookie)
    expect([await until(60), await until(61)]).toEqual([{}, { user: "somebody" }])
  })

  test("is written with the newest secret and read with all", async () => {
    const browser = (...secretKeyBases: string[]) => new Browser(cookieStore({ signingSalt: "a", secretKeyBases }))
    const old = await kept(browser(secretKeyBase))
    expect(await browser(newer, secretKeyBase).all(old)).toEqual({ user: "somebody" })
    expect(await browser(newer).all(old)).toEqual({})
    const next = await kept(browser(newer, secretKeyBase))
    expect(await browser(newer).all(next)).toEqual({ user: "somebody" })
    expect(await browser(secretKeyBase).all(next)).toEqual({})
  })

  test("is worth nothing with another salt, in another form, or as another cookie", async () => {
    const cookie = await kept(new Browser(cookieStore({ signingSalt: "a" })))
    expect(await new Browser(cookieStore({ signingSalt: "b" })).all(cookie)).toEqual({})
    expect(await new Browser(cookieStore({ signingSalt: "a", encryptionSalt: "b" })).all(cookie)).toEqual({})
    const other = session<any>({ store: cookieStore({ signingSalt: "a" }), key: "other" })
    const one = conn("GET", "/", undefined, { secretKeyBase, headers: { cookie: cookie.replace("app=", "other=") } })
    expect((call(other, one) as any).assigns.session.all()).toEqual({})
  })

  test("has room for what a cookie may hold; more is an error that names the session and what takes the room", async () => {
    const browser = new Browser(cookieStore({ signingSalt: "a" }))
    await browser.visit((session) => session.put("small", 1).put("big", "x".repeat(2_800)))
    const { cookie } = browser
    expect((await browser.all())["big"]).toHaveLength(2_800)
    const over = browser.visit((session) => session.put("big", "x".repeat(3_000)))
    await expect(over).rejects.toThrow(CookieOverflowError)
    await expect(over).rejects.toThrow(/session of cookie app .* 4096 .* big with 3002/)
    expect((await browser.all(cookie))["small"]).toBe(1)
  })

  test("fits to the byte: the longest that passes has 4096, and one character more does not pass", async () => {
    const store = { seal: (data: Readonly<Record<string, unknown>>) => String(data["v"]), open: () => undefined }
    const line = async (length: number) => {
      const answer = await new Browser(store).visit((session) => session.put("v", "x".repeat(length)))
      return answer.headers["set-cookie"]!.length
    }
    const [one] = [await line(1)]
    expect(await line(4097 - one)).toBe(4096)
    await expect(line(4098 - one)).rejects.toThrow(/session of cookie app/)
  })

  test("needs a secret: that is a UsageError that says where to put it", () => {
    const plug = session<any>({ store: cookieStore({ signingSalt: "a" }), key: "app" })
    for (const secretKeyBase of [[], ["short"]]) {
      const one = conn("GET", "/", undefined, { secretKeyBase, headers: { cookie: "app=x" } })
      const opened = call(plug, one) as any
      expect(() => opened.assigns.session.get("a")).toThrow(UsageError)
    }
  })

  test.each([
    {},
    { signingSalt: "" },
    { signingSalt: "a", encryptionSalt: "" },
    { signingSalt: "a", maxAge: 0 },
    { signingSalt: "a", maxAge: Number.POSITIVE_INFINITY },
    { signingSalt: "a", secretKeyBases: [] },
    { signingSalt: "a", secretKeyBases: [secretKeyBase, "short"] },
    { signingSalt: "a", max: 1 },
  ])("does not take %j", (options) => {
    expect(() => cookieStore(options as never)).toThrow(InvalidOptionError)
  })

  test("does not tell a secret that is too short", () => {
    expect(() => cookieStore({ signingSalt: "a", secretKeyBases: ["hunter2"] })).not.toThrow(/hunter2/)
  })
})
