/** One suite over all stores: what a session does is the same wherever it is kept. */
import fc from "fast-check"
import type { Conn, Done, MaybePromise } from "plumage"
import { call, conn, type SentResp, sentResp } from "plumage/test"
import { describe, expect, test } from "vitest"
import { type Session, session } from "../../src/plugs/session.ts"
import type { SessionCookie, SessionStore } from "../../src/plugs/session-store.ts"

export const secretKeyBase = "0123456789abcdef".repeat(4)

type Act = (session: Session<any>) => MaybePromise<unknown>

/** The cookie of an answer, as "name=value"; "" when it is to be forgotten, undefined when there is none. */
export function cookieOf({ headerList }: SentResp): string | undefined {
  const lines = headerList.filter(([name]) => name === "set-cookie").map(([, line]) => line)
  expect(lines.length).toBeLessThan(2)
  if (lines[0] === undefined) return undefined
  return lines[0].includes("max-age=0") ? "" : lines[0].split(";")[0]!
}

/** A browser that keeps one cookie. */
export class Browser {
  cookie = ""
  readonly #plug

  constructor(store: SessionStore | SessionCookie) {
    this.#plug = session<any>({ store, key: "app" })
  }

  /** What is answered to a request that does this with its session; the cookie is kept for the next one. */
  async visit(act: Act = () => undefined, cookie: string = this.cookie): Promise<SentResp> {
    const one = conn("GET", "/", undefined, { secretKeyBase, headers: cookie === "" ? {} : { cookie } })
    const opened = (await call(this.#plug, one)) as Conn<{ session: Session<any> }>
    await act(opened.assigns.session)
    await call((conn): Done => conn.text("x"), opened)
    const answer = sentResp(one)
    this.cookie = cookieOf(answer) ?? this.cookie
    return answer
  }

  /** What is remembered by a cookie. */
  async all(cookie: string = this.cookie): Promise<Record<string, unknown>> {
    let found: Record<string, unknown> = {}
    await this.visit((session) => {
      found = session.all()
    }, cookie)
    return found
  }
}

type Op = { op: "put"; key: string; value: unknown } | { op: "delete" | "get"; key: string } | { op: Verb }
type Verb = "clear" | "renew" | "drop" | "ignore"

const key = fc.constantFrom("a", "b", "__proto__", "constructor")
const value = fc.oneof(
  fc.string({ maxLength: 5, unit: "binary" }),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.boolean(),
  fc.constant(null),
  fc.array(fc.integer(), { maxLength: 3 }),
  fc.dictionary(fc.constantFrom("x", "__proto__", "toString"), fc.string({ maxLength: 3 })),
)
const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ op: fc.constant("put" as const), key, value }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constantFrom("get" as const, "delete" as const), key }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constantFrom<Verb>("clear", "renew", "drop", "ignore") }) },
)

/** What JSON makes of it; for -0. */
const sent = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

/** One request against a Map with a mark. */
function modelled(session: Session<any>, ops: readonly Op[], entries: Map<string, unknown>): string {
  let mark = "none"
  const write = (): void => void (mark = mark === "none" ? "write" : mark)
  for (const one of ops) {
    if (one.op === "put") {
      session.put(one.key, one.value)
      entries.set(one.key, sent(one.value))
      write()
    } else if (one.op === "get") expect(session.get(one.key)).toEqual(entries.get(one.key))
    else if (one.op === "delete") {
      session.delete(one.key)
      if (entries.delete(one.key)) write()
    } else {
      session[one.op]()
      if (one.op !== "clear") mark = mark === "ignore" ? mark : one.op
      else if (entries.size > 0) write()
      if (one.op === "clear") entries.clear()
    }
  }
  return mark
}

/** Registers the suite. `byId`: the store keeps sessions by id, so that one can be ended. */
export function sessionSuite(make: () => SessionStore | SessionCookie, byId: boolean): void {
  const fresh = (): Browser => new Browser(make())

  describe("a session", () => {
    test("that is neither read nor written sets no cookie, nor does one that is only read", async () => {
      const browser = fresh()
      expect(cookieOf(await browser.visit())).toBeUndefined()
      expect(cookieOf(await browser.visit((session) => expect(session.get("a")).toBeUndefined()))).toBeUndefined()
      await browser.visit((session) => session.put("a", 1))
      expect(cookieOf(await browser.visit())).toBeUndefined()
      expect(cookieOf(await browser.visit((session) => expect(session.get("a")).toBe(1)))).toBeUndefined()
    })

    test("remembers what was put, changed and taken out", async () => {
      const browser = fresh()
      await browser.visit((session) => session.put("a", { deep: [1, null, "x"] }).put("b", 2))
      expect(await browser.all()).toEqual({ a: { deep: [1, null, "x"] }, b: 2 })
      await browser.visit((session) => session.put("b", 3).delete("a"))
      expect(await browser.all()).toEqual({ b: 3 })
      await browser.visit((session) => session.clear())
      expect(await browser.all()).toEqual({})
    })

    test("that remembers nothing makes nobody known", async () => {
      const browser = fresh()
      const nothing: Act = (session) => session.put("a", 1).delete("a").clear().renew()
      expect(cookieOf(await browser.visit(nothing))).toBeUndefined()
    })

    test("has values that cannot be changed behind its back", async () => {
      const browser = fresh()
      const list = [1]
      await browser.visit((session) => {
        session.put("list", list)
        list.push(2)
      })
      await browser.visit((session) => {
        expect(session.get("list")).toEqual([1])
        expect(() => session.get("list").push(3)).toThrow(TypeError)
        expect(() => {
          Object.assign(session.all(), { list: 3 })
        }).toThrow(TypeError)
      })
      expect(await browser.all()).toEqual({ list: [1] })
    })

    test("of a cookie that was changed anywhere is empty, and the changed value is never taken over", async () => {
      const browser = fresh()
      await browser.visit((session) => session.put("user", 7))
      const good = browser.cookie
      await fc.assert(
        fc.asyncProperty(fc.nat(good.length - 5), fc.constantFrom("A", "z", "-", ".", "%"), async (at, character) => {
          const bad = good.slice(0, at + 4) + character + good.slice(at + 5)
          fc.pre(bad !== good)
          const other = new Browser(make())
          other.cookie = bad
          expect(await browser.all(bad)).toEqual({})
          await other.visit((session) => session.put("mine", 1))
          expect(other.cookie).not.toBe(bad)
          expect(await browser.all(bad)).toEqual({})
        }),
        { numRuns: 60 },
      )
      expect(await browser.all(good)).toEqual({ user: 7 })
    })

    test("of a cookie that somebody chose is empty, and gets an id of its own", async () => {
      for (const chosen of ["A".repeat(43), "x", "app", "../../etc/passwd", "__proto__", '"q"', "=".repeat(60)]) {
        const browser = fresh()
        browser.cookie = `app=${chosen}`
        expect(await browser.all()).toEqual({})
        await browser.visit((session) => session.put("a", 1))
        expect(browser.cookie).not.toBe(`app=${chosen}`)
        expect(await browser.all()).toEqual({ a: 1 })
        expect(await browser.all(`app=${chosen}`)).toEqual({})
      }
    })

    test("that was renewed is the same under another cookie, and under no other", async () => {
      const browser = fresh()
      await browser.visit((session) => session.put("a", 1))
      const before = browser.cookie
      await browser.visit((session) => session.renew().put("b", 2))
      expect(await browser.all()).toEqual({ a: 1, b: 2 })
      if (!byId) return
      expect(browser.cookie).not.toBe(before)
      expect(await browser.all(before)).toEqual({})
    })

    test("that was dropped is gone, and so is its cookie", async () => {
      const browser = fresh()
      await browser.visit((session) => session.put("a", 1))
      const before = browser.cookie
      expect(cookieOf(await browser.visit((session) => session.drop().put("b", 2)))).toBe("")
      expect(await browser.all()).toEqual({})
      if (byId) expect(await browser.all(before)).toEqual({})
    })

    test("that is dropped takes a cookie along that was never good; without a cookie nothing is sent", async () => {
      const browser = fresh()
      expect(cookieOf(await browser.visit((session) => session.drop()))).toBeUndefined()
      browser.cookie = "app=nonsense"
      expect(cookieOf(await browser.visit((session) => session.drop()))).toBe("")
    })

    test("that is ignored stays as it was, whatever is done after", async () => {
      const browser = fresh()
      await browser.visit((session) => session.put("a", 1))
      const answer = await browser.visit((session) => session.ignore().put("a", 2).renew().drop())
      expect(cookieOf(answer)).toBeUndefined()
      expect(await browser.all()).toEqual({ a: 1 })
    })

    test("has an id that is no cookie's value, and changes when it is renewed", async () => {
      const browser = fresh()
      const ids: (string | undefined)[] = []
      const note: Act = (session) => ids.push(session.id)
      await browser.visit(note)
      await browser.visit((session) => note(session.put("a", 1)))
      await browser.visit(note)
      await browser.visit((session) => note(session.renew()))
      await browser.visit(note)
      if (!byId) return expect(ids).toEqual(Array(5).fill(undefined))
      expect(ids[0]).toBeUndefined()
      expect(ids[1]).toMatch(/^[\w-]{43}$/)
      expect(ids[2]).toBe(ids[1])
      expect(ids[3]).not.toBe(ids[1])
      expect(ids[4]).toBe(ids[3])
      expect(browser.cookie).not.toContain(ids[4])
    })

    test("of two requests at one time is that of the one that ended last", async () => {
      const browser = fresh()
      await browser.visit((session) => session.put("a", 0))
      const { cookie } = browser
      await browser.visit(async (session) => {
        session.put("b", 1)
        await browser.visit((other) => other.put("c", 2), cookie)
      }, cookie)
      expect(await browser.all()).toEqual({ a: 0, b: 1 })
    })

    test.runIf(byId)("that was renewed or dropped is not brought back by a slower request", async () => {
      for (const end of ["renew", "drop"] as const) {
        const browser = fresh()
        await browser.visit((session) => session.put("a", 0))
        const { cookie } = browser
        let after = ""
        const answer = await browser.visit(async (session) => {
          session.put("b", 1)
          await browser.visit((other) => other[end](), cookie)
          after = browser.cookie
        }, cookie)
        expect(cookieOf(answer), "the slow answer sets no cookie").toBeUndefined()
        expect(browser.cookie).toBe(after)
        expect(await browser.all(cookie)).toEqual({})
        expect(await browser.all(after)).toEqual(end === "renew" ? { a: 0 } : {})
      }
    })

    test("is a Map with a mark, over any requests", async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(fc.array(op, { maxLength: 6 }), { maxLength: 6 }), async (requests) => {
          const browser = fresh()
          const ended: string[] = []
          let stored: Map<string, unknown> | undefined
          for (const ops of requests) {
            const entries = new Map(stored)
            const before = browser.cookie
            let mark = "none"
            const answer = await browser.visit((session) => {
              mark = modelled(session, ops, entries)
            })
            const cookie = cookieOf(answer)
            if (mark === "drop") {
              expect(cookie).toBe(before === "" ? undefined : "")
              stored = undefined
              if (before !== "") ended.push(before)
            } else if ((mark === "write" || mark === "renew") && (entries.size > 0 || stored !== undefined)) {
              expect(cookie).toBeTruthy()
              if (byId && before !== "") expect(cookie === before).toBe(mark === "write")
              if (mark === "renew" && before !== "") ended.push(before)
              stored = entries
            } else expect(cookie).toBeUndefined()
          }
          const all = await browser.all()
          expect(new Map(Object.entries(all))).toEqual(stored ?? new Map())
          if (byId) for (const cookie of ended) expect(await browser.all(cookie)).toEqual({})
        }),
        { numRuns: 80 },
      )
    })
  })
}
