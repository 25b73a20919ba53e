/** What is known to go wrong with sessions: fixed, planted, shared, endless and unbounded ones. */
import { type Conn, defineEndpoint, defineRouter, InvalidOptionError, pipeline } from "plumage"
import { call, client, conn, sentResp } from "plumage/test"
import { describe, expect, test } from "vitest"
import { cookieStore } from "../../src/plugs/cookie-store.ts"
import { memoryStore } from "../../src/plugs/memory-store.ts"
import { type Session, session } from "../../src/plugs/session.ts"
import type { SessionData, SessionStore } from "../../src/plugs/session-store.ts"
import { Browser, secretKeyBase } from "../plugs/session-suite.ts"

type Opened = Conn<{ session: Session }>
const salts = { signingSalt: "a", encryptionSalt: "b" }

/** A memory store whose size can be seen. */
function counted(): { store: SessionStore; ids: Set<string>; asked: string[] } {
  const inner = memoryStore()
  const ids = new Set<string>()
  const asked: string[] = []
  const store: SessionStore = {
    async: false,
    get: (id) => {
      asked.push(id)
      return inner.get(id)
    },
    put: (id: string, data: SessionData, known) => {
      ids.add(id)
      return inner.put(id, data, known)
    },
    delete: (id) => inner.delete(id),
  }
  return { store, ids, asked }
}

describe("user-asks row 28: the session id changes at login", () => {
  test("an id that an attacker had before it is dead after", async () => {
    const browser = new Browser(memoryStore())
    await browser.visit((session) => session.put("visits", 1))
    const planted = browser.cookie
    await browser.visit((session) => session.renew().put("user", "victim"))
    expect(await browser.all(planted)).toEqual({})
    expect(await browser.all()).toEqual({ visits: 1, user: "victim" })
  })

  test("an id that nobody was given is never taken over, whatever is written under it", async () => {
    const browser = new Browser(memoryStore())
    browser.cookie = `app=${"A".repeat(43)}`
    await browser.visit((session) => session.put("user", "victim"))
    expect(await browser.all(`app=${"A".repeat(43)}`)).toEqual({})
  })

  test("a request that was under way does not bring the old one back", async () => {
    const browser = new Browser(memoryStore())
    await browser.visit((session) => session.put("visits", 1))
    const planted = browser.cookie
    await browser.visit(async (slow) => {
      expect(slow.get("visits")).toBe(1)
      await browser.visit((session) => session.renew().put("user", "victim"), planted)
      slow.put("visits", 2)
    }, planted)
    expect(await browser.all(planted)).toEqual({})
    expect(await browser.all()).toMatchObject({ user: "victim" })
  })
})

test("Rack CVE-2019-16782: a store is asked for a hash, so that how long it looks tells nothing of a cookie", async () => {
  const { store, asked } = counted()
  const browser = new Browser(store)
  await browser.visit((session) => session.put("a", 1))
  await browser.all()
  expect(asked).toEqual([expect.stringMatching(/^[\w-]{43}$/)])
  expect(browser.cookie).not.toContain(asked[0])
})

test("CVE-2026-32688: what clients send never becomes a key that is kept", async () => {
  const { store, ids } = counted()
  const browser = new Browser(store)
  for (let n = 0; n < 500; n++) {
    const token = String(n).padStart(43, "x")
    await browser.visit((session) => session.get("a"), `app=${token}`)
    await browser.visit((session) => session.drop(), `app=${token}`)
  }
  expect(ids.size).toBe(0)
})

test("h3 399257cb, 8eb1063e: a session is one cookie: no number of pieces is read from a client", async () => {
  for (const store of [memoryStore(), cookieStore(salts)]) {
    const browser = new Browser(store)
    const pieces = Array.from({ length: 1_000 }, (_, n) => `app.${n}=x`).join("; ")
    const started = performance.now()
    expect(await browser.all(`app=__chunks__1000000; ${pieces}`)).toEqual({})
    expect(performance.now() - started).toBeLessThan(500)
  }
})

describe("GHSA-5pq2-9x2x-5p6w, GHSA-26pp-8wgv-hjvm, CVE-2024-47764", () => {
  test.each([
    { key: "a; HttpOnly" },
    { key: "a\r\nx: 1" },
    { key: "" },
    { path: "/; domain=evil.example" },
    { domain: "a\r\nset-cookie: b=c" },
    { extra: "a\0" },
  ])("what is no cookie is refused at start: %j", (options) => {
    expect(() => session({ store: memoryStore(), key: "app", ...options })).toThrow(InvalidOptionError)
  })

  test("and nothing that is in a session reaches the header as it is", async () => {
    for (const store of [cookieStore(salts), cookieStore({ signingSalt: "a" })]) {
      const browser = new Browser(store)
      const text = "a; domain=evil.example\r\nset-cookie: b=c\0\u{1F600}"
      await browser.visit((session) => session.put("text", text))
      expect(browser.cookie).toMatch(/^app=[\w.-]+$/)
      expect(await browser.all()).toEqual({ text })
    }
  })
})

test("GHSA-v8w9-8mx6-g223, CVE-2025-68130: a key named __proto__ is data", async () => {
  for (const store of [memoryStore(), cookieStore(salts)]) {
    const browser = new Browser(store)
    await browser.visit((session) => session.put("__proto__", { x: 1 }).put("a", JSON.parse('{"__proto__":{"x":1}}')))
    await browser.visit((session) => {
      expect(session.get("__proto__")).toEqual({ x: 1 })
      expect(session.get("a").x).toBeUndefined()
      expect(session.get("toString")).toBeUndefined()
    })
    expect(({} as { x?: number }).x).toBeUndefined()
  }
})

test("hono fab3b136: two requests that interleave never see each other's session", async () => {
  const plug = session({ store: cookieStore(salts), key: "app" })
  const gates = new Map<string, () => void>()
  const router = defineRouter((r) => [
    r.scope("/", pipeline().plug(plug), (r) => [
      r.get("/:user", async (conn, { user }) => {
        conn.assigns.session.put("user", user)
        await new Promise<void>((resolve) => gates.set(user, resolve))
        return conn.text(String(conn.assigns.session.get("user")))
      }),
    ]),
  ])
  const browser = client(defineEndpoint({ secretKeyBase }).router(router))
  const answers = [browser.get("/ann"), browser.get("/bob")]
  await new Promise(setImmediate)
  gates.get("bob")!()
  gates.get("ann")!()
  const [ann, bob] = await Promise.all(answers)
  expect([await ann!.text(), await bob!.text()]).toEqual(["ann", "bob"])
  expect(ann!.header("set-cookie")).not.toBe(bob!.header("set-cookie"))
})

test("Plug: a captured session cookie is not good for ever, and a bad one is taken out of the browser", async () => {
  let now = 0
  const browser = new Browser(cookieStore({ ...salts, maxAge: 60, now: () => now }))
  await browser.visit((session) => session.put("user", "victim"))
  now = 60_001
  expect(await browser.all()).toEqual({})
  const one = session({ store: cookieStore(salts), key: "app" })(
    conn("GET", "/", undefined, { secretKeyBase, headers: { cookie: browser.cookie } }),
  ) as Opened
  one.assigns.session.drop()
  expect(sentResp(one.text("x")).headers["set-cookie"]).toMatch(/^app=; .*max-age=0/)
})

test("h3 acf8d77b: the cookie is SameSite=Lax and HttpOnly unless said otherwise", () => {
  const one = call(session({ store: memoryStore(), key: "__Host-app" }), conn("GET", "/")) as Opened
  one.assigns.session.put("a", 1)
  expect(sentResp(one.text("x")).headers["set-cookie"]).toMatch(/; path=\/; secure; HttpOnly; SameSite=Lax$/)
})
