import { type Conn, defineController, defineEndpoint, defineRouter, routes, type Sent, UsageError } from "plumage"
import { call, callEndpoint, conn, sentResp } from "plumage/test"
import { describe, expect, test } from "vitest"
import { errorOf } from "../loose.ts"

const order: string[] = []
const note =
  (name: string, async = false) =>
  (conn: Conn<any>): any => {
    order.push(name)
    return async ? Promise.resolve(conn) : conn
  }
const ran = async (action: (conn: Conn, params: any) => unknown, params = {}) => {
  order.length = 0
  const one = conn("GET", "/")
  await action(one, params)
  return [order.join(" "), sentResp(one as unknown as Sent).body]
}

describe("a controller's plugs", () => {
  const posts = defineController()
    .plug(note("all"))
    .plug(note("read", true), { only: ["show", "edit"] })
    .plug(note("not index"), { except: ["index"] })
    .actions({
      index: (conn) => conn.text("index"),
      show: (conn, { id }: { id: string }) => conn.text(`show ${id}`),
      edit: async (conn) => conn.text("edit"),
    })

  test("run in declared order, each before the actions that it is for", async () => {
    expect(await ran(posts.index)).toEqual(["all", "index"])
    expect(await ran(posts.show, { id: "7" })).toEqual(["all read not index", "show 7"])
    expect(await ran(posts.edit)).toEqual(["all read not index", "edit"])
  })

  test("stay sync where they are sync, and an action without plugs is the action itself", () => {
    const one = conn("GET", "/")
    expect(posts.index(one, {})).toBe(one)
    const action = (conn: Conn) => conn.text("x")
    expect(defineController().actions({ action }).action).toBe(action)
  })

  test("that halt end the row: the action does not run, nor the fallback", async () => {
    const guarded = defineController()
      .plug((conn) => conn.sendResp(401, "no").halt())
      .fallback((conn) => conn.text("fallback"))
      .actions({ show: (conn) => conn.text("shown") })
    expect(await ran(guarded.show)).toEqual(["", "no"])
  })

  test("see what earlier ones and the pipelines of the route have assigned", async () => {
    const mine = defineController<{ user: string }>()
      .plug((conn) => conn.assign("greeting", `hello, ${conn.assigns.user}`))
      .plug((conn) => conn.assign("loud", conn.assigns.greeting.toUpperCase()), { only: ["shout"] })
      .actions({ say: (conn) => conn.text(conn.assigns.greeting), shout: (conn) => conn.text(conn.assigns.loud) })
    const router = defineRouter((r) => [
      r.scope(
        "/",
        (conn) => conn.assign("user", "ada"),
        (r) => [r.get("/say", mine.say), r.get("/shout", mine.shout)],
      ),
    ])
    expect(sentResp(await call(router, conn("GET", "/say"))).body).toBe("hello, ada")
    expect(sentResp(await call(router, conn("GET", "/shout"))).body).toBe("HELLO, ADA")
    expect(routes(router).map(({ action }) => action)).toEqual(["say", "shout"])
  })

  test("make the controller of a resource", async () => {
    const router = defineRouter((r) => [
      r.resources("/posts", { index: posts.index, show: posts.show, edit: posts.edit }),
    ])
    expect(sentResp(await call(router, conn("GET", "/posts/7"))).body).toBe("show 7")
    expect(sentResp(await call(router, conn("GET", "/posts"))).body).toBe("index")
  })
})

describe("a fallback", () => {
  type Problem = "not_found" | { error: string }
  const made = defineController()
    .plug((conn) => conn.assign("by", "ada"))
    .fallback((conn, problem: Problem) =>
      problem === "not_found" ? conn.sendResp(404, `none for ${conn.assigns.by}`) : conn.sendResp(422, problem.error),
    )
    .actions({
      show: (conn, { id }: { id: string }) => (id === "1" ? conn.text("one") : "not_found"),
      create: async () => ({ error: "too short" }),
      fails: () => {
        throw new RangeError("broken")
      },
    })

  test("answers what actions give instead of an answer, sync and async", async () => {
    expect(await ran(made.show, { id: "1" })).toEqual(["", "one"])
    expect(await ran(made.show, { id: "2" })).toEqual(["", "none for ada"])
    expect(await ran(made.create)).toEqual(["", "too short"])
  })

  test("is not asked about what is thrown", () => {
    expect(errorOf(() => made.fails(conn("GET", "/"), {}))).toBeInstanceOf(RangeError)
  })

  test("that gives no connection either is an error that names the action", async () => {
    const told: unknown[] = []
    for (const nothing of [() => undefined, async () => undefined]) {
      const bad = defineController()
        .fallback(nothing as never)
        .actions({ show: () => "x" as never })
      const endpoint = defineEndpoint({ onError: (error) => told.push(error) }).router(
        defineRouter((r) => [r.get("/", bad.show)]),
      )
      const one = conn("GET", "/")
      await callEndpoint(endpoint, one)
      expect(sentResp(one as unknown as Sent).status).toBe(500)
    }
    expect(told.map(String)).toEqual([
      expect.stringMatching(/NotAConnError: show must return the connection/),
      expect.stringMatching(/NotAConnError: show must return the connection/),
    ])
  })
})

describe("a controller that is put together wrongly", () => {
  test("raises at once, and says what is wrong", () => {
    const plug = (conn: Conn) => conn
    const act = (conn: Conn) => conn.text("x")
    const wrong: [() => unknown, RegExp][] = [
      [
        () =>
          defineController()
            .plug(plug, { only: ["shwo"] })
            .actions({ show: act }),
        /plug is guarded for shwo; the actions are show/,
      ],
      [
        () =>
          defineController()
            .plug(plug, { except: ["shwo"] })
            .actions({ show: act }),
        /guarded for shwo/,
      ],
      [() => defineController().plug(plug, { onyl: ["show"] } as never), /onyl/],
      [() => defineController().plug(plug, { only: "show" } as never), /only takes a list/],
      [() => defineController().plug(undefined as never), /a plug is a function/],
      [() => defineController().fallback("x" as never), /a fallback is a function/],
      [
        () =>
          defineController()
            .fallback((conn) => conn.text(""))
            .fallback((conn) => conn.text("")),
        /one fallback/,
      ],
      [() => defineController().actions({ show: 1 as never }), /the action show is a function, got number/],
    ]
    for (const [make, message] of wrong) {
      const error = errorOf(make)
      expect(error, String(message)).toBeInstanceOf(UsageError)
      expect(error.message).toMatch(message)
    }
  })
})
