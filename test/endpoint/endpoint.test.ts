import {
  type Conn,
  defineEndpoint,
  defineRouter,
  type EndpointOptions,
  instrument,
  pipeline,
  UsageError,
} from "plumage"
import { type ConnOptions, client, conn, exchangeOf, sentResp } from "plumage/test"
import { describe, expect, test } from "vitest"
import { watchProcess } from "../adapters/suite/guard.ts"
import { handshake, loose } from "../loose.ts"

type Action = (conn: Conn) => any

const told: { error: unknown; conn: Conn }[] = []
const onError = (error: unknown, conn: Conn) => void told.push({ error, conn })
/** Calls an endpoint with one action, and gives the connection's server side. */
async function run(action: Action, options: ConnOptions & { method?: string; path?: string } = {}) {
  told.length = 0
  const router = defineRouter((r) => [r.any("/*rest", action)])
  const { exchange } = conn(options.method ?? "GET", options.path ?? "/", undefined, options)
  const result = await defineEndpoint({ onError }).router(router).call(exchange)
  expect(result, "call gives nothing, and never rejects").toBeUndefined()
  return exchangeOf({ exchange } as Conn)
}
/** The same action, sync and async. */
const both = (action: Action): [string, Action][] => [
  ["sync", action],
  [
    "async",
    async (conn) => {
      await null
      return action(conn)
    },
  ],
]

watchProcess()

describe("what a row leaves open, the endpoint ends:", () => {
  test.each(both((conn) => conn.resp(201, "set")))("what was only set is sent (%s)", async (_, action) => {
    const { answer } = await run(action)
    expect(answer).toMatchObject({ status: 201, ended: true })
    expect(Buffer.concat(answer!.parts).toString()).toBe("set")
  })

  test.each(both((conn) => conn))("nothing sent is a 500, NotSentError for onError (%s)", async (_, action) => {
    const { answer } = await run(action, { path: "/a?b" })
    expect(answer?.status).toBe(500)
    expect(told.map(({ error }) => error)).toMatchObject([{ name: "NotSentError", code: "ERR_NOT_SENT" }])
    expect(told[0]?.error).toHaveProperty("message", expect.stringContaining("GET /a"))
  })

  test.each(both((conn) => conn.halt()))("halting without sending is the same (%s)", async (_, action) => {
    expect((await run(action)).answer?.status).toBe(500)
    expect(told).toHaveLength(1)
  })

  test.each(both((conn) => conn.putRespHeader("a", "b").resp(200, "x").halt()))(
    "halting after resp is fine (%s)",
    async (_, action) => {
      expect((await run((conn) => action(loose(conn) as never))).answer?.status).toBe(200)
    },
  )

  test.each(
    both((conn) => {
      const stream = conn.sendChunked(200)
      stream.chunk("x")
      return stream
    }),
  )("a chunked answer that nobody holds is ended (%s)", async (_, action) => {
    const { answer, aborted } = await run(action)
    expect([answer?.ended, aborted]).toEqual([true, false])
  })

  test.each(both((conn) => conn.sendChunked(200).initChunk("x")))(
    "one that is held stays open (%s)",
    async (_, action) => {
      expect((await run(action)).answer?.ended).toBe(false)
    },
  )

  test.each([
    ["sent", (conn: Conn) => conn.text("x")],
    ["file", (conn: Conn) => conn.sendFile(200, import.meta.filename)],
    ["upgraded", (conn: Conn) => conn.upgrade("websocket", {})],
  ])("what is %s is left alone", async (_, action) => {
    const { answers } = await run(action, { headers: handshake })
    expect(answers).toBe(1)
    expect(told).toEqual([])
  })

  test("an answer that was set and cannot be sent is an error answer, sync and async", async () => {
    for (const [, action] of both((conn) =>
      conn
        .registerBeforeSend(() => {
          throw new Error("no")
        })
        .resp(200, "x"),
    )) {
      const { answer, answers } = await run(action)
      expect([answer?.status, answers]).toEqual([500, 1])
      expect(told).toHaveLength(1)
    }
  })
})

describe("an endpoint", () => {
  test("runs its plugs for every request, in order, before the router and where no route fits", async () => {
    const order: string[] = []
    const note = (name: string) => (conn: Conn) => {
      order.push(name)
      return conn
    }
    const router = defineRouter((r) => [r.get("/x", (conn) => conn.text("x"))])
    const endpoint = defineEndpoint()
      .plug(note("a"))
      .plug(pipeline().plug(note("b")).plug(note("c")))
      .router(router)
    for (const [path, status] of [
      ["/x", 200],
      ["/nope", 404],
    ] as const) {
      order.length = 0
      const one = conn("GET", path)
      await endpoint.call(one.exchange)
      expect(order).toEqual(["a", "b", "c"])
      expect(sentResp(one).status).toBe(status)
    }
  })

  test("a plug that halts keeps the router from running", async () => {
    const router = defineRouter((r) => [
      r.get("/", () => {
        throw new Error("never")
      }),
    ])
    for (const plug of [
      (conn: Conn) => conn.sendResp(401, "no").halt(),
      async (conn: Conn) => conn.sendResp(401, "no").halt(),
    ]) {
      const one = conn("GET", "/")
      await defineEndpoint({ onError }).plug(plug).router(router).call(one.exchange)
      expect(sentResp(one).status).toBe(401)
    }
  })

  test("the router sees what the plugs have assigned", async () => {
    const router = defineRouter((r) => [r.get("/", (conn) => conn.json(conn.assigns))])
    const one = conn("GET", "/")
    await defineEndpoint()
      .plug(async (conn) => conn.assign("a", 1))
      .plug((conn) => conn.assign("b", conn.assigns.a))
      .router(router)
      .call(one.exchange)
    expect(sentResp(one).body).toBe('{"a":1,"b":1}')
  })

  test("never changes: each step makes a longer one", async () => {
    const router = defineRouter((r) => [r.get("/", (conn) => conn.json(conn.assigns))])
    const short = defineEndpoint().plug((conn) => conn.assign("a", 1))
    const long = short.plug((conn) => conn.assign("b", 2))
    const ask = async (endpoint: typeof short | typeof long) => {
      const one = conn("GET", "/")
      await endpoint.router(router).call(one.exchange)
      return JSON.parse(sentResp(one).body)
    }
    expect([await ask(short), await ask(long)]).toEqual([{ a: 1 }, { a: 1, b: 2 }])
  })

  test("keeps two requests apart that run at the same time", async () => {
    const router = defineRouter((r) => [
      r.get("/:id", async (conn, { id }) => {
        conn.assign("id", id)
        for (let turns = 0; turns < 3; turns++) await new Promise(setImmediate)
        return conn.json([id, conn.assigns, conn.pathParams])
      }),
    ])
    const endpoint = defineEndpoint().router(router)
    const conns = Array.from({ length: 20 }, (_, i) => conn("GET", `/${i}`))
    await Promise.all(conns.map((one) => endpoint.call(one.exchange)))
    conns.forEach((one, i) => {
      expect(JSON.parse(sentResp(one).body)).toEqual([String(i), { id: String(i) }, { id: String(i) }])
    })
  })

  test("gives its secret to the connections", async () => {
    const router = defineRouter((r) => [r.get("/", (conn) => conn.putRespCookie("a", 1, { sign: true }).text("x"))])
    const one = conn("GET", "/")
    await defineEndpoint({ secretKeyBase: "s".repeat(64) })
      .router(router)
      .call(one.exchange)
    expect(sentResp(one).headers["set-cookie"]).toMatch(/^a=/)
  })

  test("has the routes of its router", () => {
    const router = defineRouter((r) => [r.get("/", (conn) => conn.text("x"))])
    expect(defineEndpoint().router(router).routes).toBe(router.routes)
  })

  test.each([
    ["secretKeyBase", { secretKeyBase: "short" }],
    ["secretKeyBase", { secretKeyBase: "x".repeat(63) }],
    ["secretKeyBase", { secretKeyBase: 5 }],
    ["onError", { onError: "log" }],
    ["secretkeybase", { secretkeybase: "x".repeat(64) }],
  ])("a wrong %s raises InvalidOptionError that names it and not its value", (name, options) => {
    const define = () => defineEndpoint(options as EndpointOptions)
    expect(define).toThrow(expect.objectContaining({ name: "InvalidOptionError", code: "ERR_INVALID_OPTION" }))
    expect(define).toThrow(new RegExp(name))
    expect(define).not.toThrow(/short|xxx/)
  })

  test("what is no plug, socket or router is refused when it is put together", () => {
    expect(() => defineEndpoint().plug(undefined as never)).toThrow(UsageError)
    expect(() => defineEndpoint().router(undefined as never)).toThrow(UsageError)
    expect(() => defineEndpoint().router(((conn: Conn) => conn) as never)).toThrow(UsageError)
    expect(() => defineEndpoint().socket("/x", undefined as never)).toThrow(UsageError)
    expect(() => defineEndpoint().socket("x", {})).toThrow(UsageError)
  })
})

test("instrumenters are told of what its requests measure, and of nothing in another endpoint", async () => {
  const told: unknown[] = []
  const instrumenter = {
    shop_checkout: (phase: string, ...[, runtime]: unknown[]) => {
      told.push(phase === "start" ? [phase, runtime] : [phase, runtime])
      return "began"
    },
  }
  const router = defineRouter((r) => [
    r.get("/", (conn) => instrument(conn, "shop_checkout", { items: 2 }, () => conn.text("paid"))),
  ])
  const measured = defineEndpoint({ instrumenters: [instrumenter] }).router(router)
  expect(await (await client(measured).get("/")).text()).toBe("paid")
  expect(told).toEqual([
    ["start", { items: 2 }],
    ["stop", "began"],
  ])
  expect(await (await client(defineEndpoint().router(router)).get("/")).text()).toBe("paid")
  expect(told).toHaveLength(2)
  expect(() => defineEndpoint({ instrumenters: "log" as never })).toThrow(/instrument/)
})
