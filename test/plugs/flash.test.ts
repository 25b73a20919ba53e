import { type Conn, type Done, type MaybePromise, pipeline, UsageError } from "plumage"
import { call, conn, sentResp } from "plumage/test"
import { beforeEach, describe, expect, test } from "vitest"
import { type Flash, flash } from "../../src/plugs/flash.ts"
import { memoryStore } from "../../src/plugs/memory-store.ts"
import { type Session, session } from "../../src/plugs/session.ts"
import { cookieOf } from "./session-suite.ts"

type Opened = Conn<{ session: Session; flash: Flash }>
const page = (conn: Opened) => conn.text("page")
const redirect = (conn: Opened) => conn.redirect("/")

const plug = pipeline()
  .plug(session({ store: memoryStore(), key: "app" }))
  .plug(flash())
let cookie = ""
beforeEach(() => {
  cookie = ""
})

/** One request of a browser: what the action does with the flash, and how it answers. */
function visit(act: (flash: Flash, conn: Opened) => unknown, answer: (conn: Opened) => MaybePromise<Done>) {
  const one = conn("GET", "/", undefined, { headers: cookie === "" ? {} : { cookie } })
  const opened = call(plug, one) as Opened
  act(opened.assigns.flash, opened)
  answer(opened)
  const sent = cookieOf(sentResp(one))
  cookie = sent ?? cookie
  return sent
}
const seen = (answer = page) => {
  let all: unknown
  visit((flash) => {
    all = flash.all()
  }, answer)
  return all
}

describe("a flash message", () => {
  test("is there in the request that puts it", () => {
    visit((flash) => {
      flash.put("info", "saved")
      expect([flash.get("info"), flash.get("error")]).toEqual(["saved", undefined])
      expect(flash.all()).toEqual({ info: "saved" })
    }, page)
  })

  test("is there in the next request after a redirect, once", () => {
    visit((flash) => flash.put("info", "saved").put("error", "not sent"), redirect)
    expect(seen()).toEqual({ info: "saved", error: "not sent" })
    expect(seen()).toEqual({})
  })

  test("is kept as long as redirects follow, with what they add", () => {
    visit((flash) => flash.put("info", "saved"), redirect)
    visit((flash) => flash.put("error", "but"), redirect)
    expect(seen(redirect)).toEqual({ info: "saved", error: "but" })
    expect(seen()).toEqual({ info: "saved", error: "but" })
    expect(seen()).toEqual({})
  })

  test("is gone after an answer that is no redirect, which has shown it", () => {
    for (const status of [200, 404, 422, 500]) {
      visit(
        (flash) => flash.put("info", "shown at once"),
        (conn) => conn.sendResp(status, "x"),
      )
      expect(seen(), String(status)).toEqual({})
    }
  })

  test("stays over a 304, whose page was shown before", () => {
    visit((flash) => flash.put("info", "saved"), redirect)
    visit(
      (flash) => flash.get("info"),
      (conn) => conn.sendResp(304),
    )
    expect(seen()).toEqual({ info: "saved" })
  })

  test("waits for a request that reads it: one that does not neither reads the session nor takes it away", () => {
    visit((flash) => flash.put("info", "saved"), redirect)
    expect(visit(() => undefined, page)).toBeUndefined()
    expect(seen()).toEqual({ info: "saved" })
  })

  test("that was cleared is gone, and nobody without one gets a session", () => {
    expect(visit((flash) => flash.clear(), redirect)).toBeUndefined()
    expect(visit((flash) => flash.put("a", "b").clear(), redirect)).toBeUndefined()
    expect(visit((flash) => flash.get("info"), page)).toBeUndefined()
    visit((flash) => flash.put("info", "saved"), redirect)
    visit((flash) => flash.clear(), redirect)
    expect(seen()).toEqual({})
  })

  test("outlives the session's renewal, and ends with the session", () => {
    visit((flash, conn) => conn.assigns.session.renew() && flash.put("info", "welcome"), redirect)
    expect(seen()).toEqual({ info: "welcome" })
    visit((flash) => flash.put("info", "x"), redirect)
    visit((flash, conn) => conn.assigns.session.drop() && flash.put("info", "bye"), redirect)
    expect(seen()).toEqual({})
  })

  test("is text, of a kind that may have any name", () => {
    expect(() => visit((flash) => flash.put("info", { html: "x" } as never), page)).toThrow(UsageError)
    visit((flash) => flash.put("__proto__", "x").put("constructor", "y"), redirect)
    visit((flash) => expect([flash.get("__proto__"), flash.get("toString")]).toEqual(["x", undefined]), page)
  })

  test("is not read from what something else has put in its place", () => {
    for (const odd of ["text", 7, null, ["a"], { info: 7 }]) {
      visit((_, conn) => conn.assigns.session.put("_flash", odd), page)
      visit((flash) => expect(flash.get("info")).toBeUndefined(), page)
    }
  })

  test("needs a session before it", () => {
    expect(() => flash()(conn("GET", "/") as never)).toThrow(UsageError)
  })
})
