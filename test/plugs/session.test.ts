import { createHash } from "node:crypto"
import { fileURLToPath } from "node:url"
import { inspect } from "node:util"
import {
  AlreadySentError,
  type Conn,
  defineEndpoint,
  defineRouter,
  InvalidOptionError,
  pipeline,
  ServiceUnavailableError,
  UsageError,
} from "plumage"
import { client, conn, sentResp, sentUpgrade } from "plumage/test"
import { describe, expect, test } from "vitest"
import { memoryStore } from "../../src/plugs/memory-store.ts"
import { type Session, type SessionOptions, session } from "../../src/plugs/session.ts"
import type { SessionData, SessionStore } from "../../src/plugs/session-store.ts"
import { deferred, watchProcess } from "../adapters/suite/guard.ts"
import { handshake, settled } from "../loose.ts"
import { cookieOf } from "./session-suite.ts"

type Opened = Conn<{ session: Session<any> }>

watchProcess()

/** A store that notes what it is asked, and fails at what it is told. */
class Recorder {
  readonly calls: string[] = []
  readonly kept = new Map<string, SessionData>()
  readonly async: boolean
  failing: "get" | "put" | "delete" | undefined = undefined
  wait: Promise<unknown> | undefined = undefined

  constructor(async: boolean) {
    this.async = async
  }
  get store(): SessionStore {
    return {
      async: this.async,
      get: (id) => this.#answer("get", () => this.kept.get(id)),
      put: (id, data, known) =>
        this.#answer("put", () => {
          if (known && !this.kept.has(id)) return false
          this.kept.set(id, data)
          return true
        }),
      delete: (id) => this.#answer("delete", () => this.kept.delete(id)),
    }
  }
  #answer<T>(name: "get" | "put" | "delete", run: () => T): any {
    this.calls.push(name)
    const answer = (): T => {
      if (this.failing === name) throw new Error(`no ${name}`)
      return run()
    }
    return this.async ? Promise.resolve(this.wait).then(answer) : answer()
  }
}

/** What an endpoint's onError is told. */
const told: unknown[] = []
const request = (cookie?: string, url = "/") =>
  conn("GET", url, undefined, {
    headers: cookie === undefined ? {} : { cookie },
    onError: (error) => void told.push(error),
  })
const plugOf = (options: Partial<SessionOptions> = {}) => session<any>({ store: memoryStore(), key: "app", ...options })
const opened = (options: Partial<SessionOptions>, url = "/") => plugOf(options)(request(undefined, url)) as Opened
const setCookie = (options: Partial<SessionOptions>, url = "/") => {
  const one = opened(options, url)
  one.assigns.session.put("a", 1)
  return sentResp(one.text("x")).headers["set-cookie"]
}
/** A cookie whose session is `{ a: 1 }`. */
async function known(recorder: Recorder): Promise<string> {
  const one = plugOf({ store: recorder.store })(request()) as Opened
  one.assigns.session.put("a", 1)
  one.text("x")
  await settled()
  recorder.calls.length = 0
  return cookieOf(sentResp(one))!
}

describe("the session plug", () => {
  test("is sync and asks a sync store only when the session is first used, and once", async () => {
    const recorder = new Recorder(false)
    const cookie = await known(recorder)
    const plug = plugOf({ store: recorder.store })
    const one = plug(request(cookie)) as Opened
    expect(one).not.toBeInstanceOf(Promise)
    expect(recorder.calls).toEqual([])
    expect(one.assigns.session.get("a")).toBe(1)
    one.assigns.session.all()
    one.text("x")
    expect(recorder.calls).toEqual(["get"])
  })

  test("asks an async store before what follows, when a cookie came; without one it is sync and asks nothing", async () => {
    const recorder = new Recorder(true)
    const cookie = await known(recorder)
    const plug = plugOf({ store: recorder.store })
    const fetched = plug(request(cookie))
    expect(fetched).toBeInstanceOf(Promise)
    expect(((await fetched) as Opened).assigns.session.get("a")).toBe(1)
    expect(recorder.calls).toEqual(["get"])
    expect(plug(request())).not.toBeInstanceOf(Promise)
    expect(recorder.calls).toEqual(["get"])
  })

  test("never asks a store for what is no token", async () => {
    for (const async of [true, false]) {
      const recorder = new Recorder(async)
      for (const value of ["x", "A".repeat(42), "A".repeat(44), `${"A".repeat(42)}.`, "*"]) {
        const one = (await plugOf({ store: recorder.store })(request(`app=${value}`))) as Opened
        expect(one.assigns.session.all()).toEqual({})
        one.assigns.session.drop()
        one.text("x")
      }
      expect(recorder.calls).toEqual([])
    }
  })

  test("gives the store the SHA-256 of the cookie's token, and so nothing that works as a cookie", async () => {
    const recorder = new Recorder(false)
    const token = (await known(recorder)).slice("app=".length)
    expect(token).toMatch(/^[\w-]{43}$/)
    expect([...recorder.kept.keys()]).toEqual([createHash("sha256").update(token).digest("base64url")])
  })

  test("writes when the head of any answer leaves", async () => {
    const file = fileURLToPath(import.meta.url)
    const answers: ((conn: Opened) => unknown)[] = [
      (conn) => conn.text("x"),
      (conn) => conn.redirect("/"),
      (conn) => conn.sendChunked(200),
      (conn) => conn.sendFile(200, file),
      (conn) => conn.resp(200, "x") && conn.sendResp(),
    ]
    for (const answer of answers) {
      const recorder = new Recorder(false)
      const one = plugOf({ store: recorder.store })(request()) as Opened
      one.assigns.session.put("a", 1)
      await answer(one)
      expect(recorder.kept.size).toBe(1)
      expect(cookieOf(sentResp(one))).toMatch(/^app=/)
    }
  })

  test("keeps the answer back until an async store has written", async () => {
    const recorder = new Recorder(true)
    const { promise, resolve } = deferred()
    recorder.wait = promise
    const one = plugOf({ store: recorder.store })(request()) as Opened
    one.assigns.session.put("a", 1)
    one.text("x")
    await settled()
    expect(one.exchange.sent && sentAnyway(one)).toBe(false)
    resolve()
    await settled()
    expect(sentResp(one).body).toBe("x")
  })

  test("writes what was put before an action failed, with the error's answer", async () => {
    const recorder = new Recorder(false)
    const router = defineRouter((r) => [
      r.scope("/", pipeline().plug(plugOf({ store: recorder.store })), (r) => [
        r.get("/", (conn) => {
          conn.assigns.session.put("tries", 1)
          throw new Error("no")
        }),
      ]),
    ])
    const answer = await client(defineEndpoint({ onError: () => undefined }).router(router)).get("/")
    expect([answer.status, answer.headers("set-cookie").length, recorder.kept.size]).toEqual([500, 1, 1])
  })

  test("stores what the request of a websocket has put, with the cookie in its 101", async () => {
    const recorder = new Recorder(true)
    const one = (await plugOf({ store: recorder.store })(conn("GET", "/", undefined, { headers: handshake }))) as Opened
    one.assigns.session.put("a", 1)
    one.upgrade("websocket", {})
    await settled()
    expect([...recorder.kept.values()]).toEqual([{ a: 1 }])
    expect(sentUpgrade(one).headers).toContain("set-cookie")
  })

  test("lets a websocket's request read its session", async () => {
    const recorder = new Recorder(false)
    const cookie = await known(recorder)
    const headers = { ...handshake, cookie }
    const one = plugOf({ store: recorder.store })(conn("GET", "/", undefined, { headers })) as Opened
    one.upgrade("websocket", {})
    expect(one.assigns.session.get("a")).toBe(1)
  })

  test("has run once where it is put twice, and two of them are a UsageError", () => {
    const plug = plugOf()
    const one = plug(request()) as Opened
    const { session } = one.assigns
    expect((plug(one) as Opened).assigns.session).toBe(session)
    expect(() => plugOf()(one)).toThrow(UsageError)
  })

  test("prints nothing of a session with its connection", () => {
    const one = opened({})
    one.assigns.session.put("secret", "canary")
    expect(inspect(one, { depth: 9, showHidden: true }) + JSON.stringify(one)).not.toContain("canary")
  })

  test("raises UsageError for a value that JSON cannot carry, with the key and the place in it", () => {
    const { session } = opened({}).assigns
    expect(() => session.put("cart", { at: new Date(0) })).toThrow(/cart\.at is an instance of Date/)
    expect(() => session.put("cart", undefined)).toThrow(UsageError)
    expect(session.all()).toEqual({})
  })

  test("takes no change after it has written, and says so", () => {
    const early = request()
    const errors: unknown[] = []
    early.registerBeforeSend((conn) => {
      try {
        ;(conn as Opened).assigns.session.put("late", 1)
      } catch (error) {
        errors.push(error)
      }
    })
    const one = plugOf()(early) as Opened
    one.registerBeforeSend((conn) => void (conn as Opened).assigns.session.put("a", 1))
    one.text("x")
    expect(errors).toEqual([expect.any(AlreadySentError)])
    expect(cookieOf(sentResp(one)), "a callback that was registered later runs earlier").toMatch(/^app=/)
    for (const change of ["renew", "drop", "ignore"] as const) {
      expect(() => one.assigns.session[change](), change).toThrow(AlreadySentError)
    }
    expect(one.assigns.session.get("a")).toBe(1)
  })
})

/** Whether something was sent below a delay. */
function sentAnyway(conn: Opened): boolean {
  try {
    return sentResp(conn).status > 0
  } catch {
    return false
  }
}

describe("the session's cookie", () => {
  test("is HttpOnly, SameSite=Lax, for the whole site and the browser's session, and secure over TLS", () => {
    expect(setCookie({})).toMatch(/^app=[\w-]{43}; path=\/; HttpOnly; SameSite=Lax$/)
    expect(setCookie({}, "https://a.example/")).toMatch(/^app=[\w-]{43}; path=\/; secure; HttpOnly; SameSite=Lax$/)
  })

  test("has the attributes that were given", () => {
    const given = { domain: "a.example", path: "/p", sameSite: "Strict", httpOnly: false, secure: true } as const
    expect(setCookie(given)).toMatch(/; path=\/p; domain=a\.example; secure; SameSite=Strict$/)
    expect(setCookie({ maxAge: 60 })).toMatch(/; expires=.* GMT; max-age=60; HttpOnly/)
    expect(setCookie({ secure: false }, "https://a.example/")).not.toMatch(/secure/)
  })

  test("named __Host- or __Secure- is secure whatever the scheme says, behind a proxy too", () => {
    expect(setCookie({ key: "__Host-app" })).toMatch(/^__Host-app=[\w-]+; path=\/; secure; HttpOnly; SameSite=Lax$/)
    expect(setCookie({ key: "__Secure-app", domain: "a.example" })).toMatch(/; domain=a\.example; secure/)
  })

  test("is forgotten with the path and domain that it was set with", () => {
    const plug = plugOf({ domain: "a.example", path: "/p", maxAge: 60 })
    const one = plug(request("app=x")) as Opened
    one.assigns.session.drop()
    expect(sentResp(one.text("x")).headers["set-cookie"]).toMatch(
      /^app=; path=\/p; domain=a\.example; expires=Thu, 01 Jan 1970 00:00:00 GMT; max-age=0;/,
    )
  })

  test.each<[string, object]>([
    ["no store", { key: "app" }],
    ["what is no store", { key: "app", store: { get: () => undefined } }],
    ["no key", { store: memoryStore() }],
    ["a key that no cookie may have", { store: memoryStore(), key: "a;b" }],
    ["__Host- with a domain", { store: memoryStore(), key: "__Host-a", domain: "a.example" }],
    ["__Host- with a path", { store: memoryStore(), key: "__host-a", path: "/a" }],
    ["__Host- without secure", { store: memoryStore(), key: "__Host-a", secure: false }],
    ["__Secure- without secure", { store: memoryStore(), key: "__Secure-a", secure: false }],
    ["a maxAge that is none", { store: memoryStore(), key: "a", maxAge: 1.5 }],
    ["a sameSite that is none", { store: memoryStore(), key: "a", sameSite: "lax" }],
    ["a path that ends its attribute", { store: memoryStore(), key: "a", path: "/; domain=b" }],
    ["an option that there is not", { store: memoryStore(), key: "a", ttl: 1 }],
  ])("cannot be made with %s: that is an error at start", (_, options) => {
    expect(() => session(options as SessionOptions)).toThrow(InvalidOptionError)
  })
})

describe("a store that fails", () => {
  test("when it reads: 503 with the cause, from an async store by a rejected plug", async () => {
    const recorder = new Recorder(true)
    const cookie = await known(recorder)
    recorder.failing = "get"
    const failed = await Promise.resolve(plugOf({ store: recorder.store })(request(cookie))).catch((error) => error)
    expect(failed).toBeInstanceOf(ServiceUnavailableError)
    expect(failed.cause).toEqual(new Error("no get"))
    const direct = new Recorder(false)
    const other = await known(direct)
    direct.failing = "get"
    const one = plugOf({ store: direct.store })(request(other)) as Opened
    expect(() => one.assigns.session.get("a")).toThrow(ServiceUnavailableError)
  })

  test.each<[string, "put" | "delete", (session: Session<any>) => unknown]>([
    ["a write", "put", (session) => session.put("a", 2)],
    ["a renewal", "put", (session) => session.renew()],
    ["the end of the old one in a renewal", "delete", (session) => session.renew()],
    ["a drop", "delete", (session) => session.drop()],
  ])(
    "at %s: the answer is 503 and says nothing to the browser, whose session is as it was",
    async (_, failing, act) => {
      for (const async of [true, false]) {
        const recorder = new Recorder(async)
        const cookie = await known(recorder)
        recorder.failing = failing
        const plug = plugOf({ store: recorder.store })
        const one = (await plug(request(cookie))) as Opened
        one.putRespCookie("other", "1")
        act(one.assigns.session)
        if (async) {
          one.text("logged in")
          await settled()
          const { status, body, headerList } = sentResp(one)
          expect([status, body]).toEqual([503, expect.not.stringContaining("logged in")])
          const cookies = headerList.filter(([name]) => name === "set-cookie").map(([, line]) => line)
          expect(cookies).toEqual([expect.stringMatching(/^other=1/)])
          expect(told.splice(0)).toMatchObject([{ status: 503, cause: new Error(`no ${failing}`) }])
        } else {
          expect(() => one.text("logged in")).toThrow(ServiceUnavailableError)
          expect(one.cookies["app"]).toBe(cookie.slice(4))
        }
        recorder.failing = undefined
        const next = (await plug(request(cookie))) as Opened
        expect(next.assigns.session.get("a")).toBe(1)
      }
    },
  )

  test("tells by its promises that it is async without saying so", async () => {
    const recorder = new Recorder(true)
    const cookie = await known(recorder)
    const one = plugOf({ store: { ...recorder.store, async: false } })(request(cookie)) as Opened
    expect(() => one.assigns.session.get("a")).toThrow(/async: true/)
  })
})
