import { type Conn, type Done, defineRouter, NotAConnError, pipeline, UsageError } from "plumage"
import { call, conn, sentResp } from "plumage/test"
import { describe, expect, test } from "vitest"
import * as z from "zod"
import { action } from "../../src/plugs/action.ts"
import { validate } from "../../src/plugs/validate.ts"

const named = (conn: Conn) => conn.assign("name", "ann")
const namedLater = async (conn: Conn) => conn.assign("name", "ann")
const greet = (conn: Conn<{ name: string }>) => conn.text(`hello ${conn.assigns.name}`)

describe("action", () => {
  test("runs the plug, then the handler with what it has assigned, and stays sync", () => {
    const one = call(action(named, greet), conn("GET", "/"))
    expect(one).not.toBeInstanceOf(Promise)
    expect(sentResp(one as Done).body).toBe("hello ann")
  })

  test("waits for a plug that gives a promise", async () => {
    expect(sentResp(await call(action(namedLater, greet), conn("GET", "/"))).body).toBe("hello ann")
  })

  test.each([
    ["at once", (conn: Conn) => conn.sendResp(403, "no").halt()],
    ["later", async (conn: Conn) => conn.sendResp(403, "no").halt()],
  ])("does not run the handler when the plug halts %s", async (_, guard) => {
    const guarded = action(guard, () => expect.fail("the handler ran"))
    expect(sentResp(await call(guarded, conn("GET", "/"))).body).toBe("no")
  })

  test("is a route's action: it gets the parameters, and its pipeline's assigns beside those of the route", async () => {
    const router = defineRouter((r) => [
      r.get(
        "/users/:id",
        action(
          pipeline()
            .plug(named)
            .plug(validate({ query: z.object({ page: z.coerce.number() }) })),
          (conn, { id }) => conn.json([id, conn.assigns.name, conn.assigns.valid.query.page]),
        ),
      ),
    ])
    const one = conn("GET", "/users/7?page=2")
    await call(router as never, one)
    expect(JSON.parse(sentResp(one).body)).toEqual(["7", "ann", 2])
  })

  test("raises what the plug raises, and the handler does not run", async () => {
    const sync = action(validate({ query: z.object({ page: z.string() }) }), () => expect.fail("the handler ran"))
    expect(() => sync(conn("GET", "/"), {})).toThrow(/query\.page/)
    const later = action(
      async (): Promise<Conn> => {
        throw new Error("down")
      },
      () => expect.fail("the handler ran"),
    )
    await expect(later(conn("GET", "/"), {})).rejects.toThrow("down")
  })

  test("raises NotAConnError for a plug that gives back anything else, at once or later", async () => {
    for (const value of [undefined, null, true, conn("GET", "/")]) {
      const forgets = () => value as Conn
      expect(() => action(forgets, () => expect.fail("the handler ran"))(conn("GET", "/"), {})).toThrow(NotAConnError)
      expect(() => action(forgets, () => expect.fail("the handler ran"))(conn("GET", "/"), {})).toThrow("forgets")
      const later = action(
        async () => value as Conn,
        () => expect.fail("the handler ran"),
      )
      await expect(later(conn("GET", "/"), {})).rejects.toThrow(NotAConnError)
    }
  })

  test("raises UsageError for what is no function", () => {
    expect(() => action(undefined as never, () => expect.fail("ran"))).toThrow(UsageError)
    expect(() => action(named, "greet" as never)).toThrow(UsageError)
  })
})
