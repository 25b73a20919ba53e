/** What an error tells whom (user-asks row 26): nothing of an error that is not the client's leaves the server, on any way. */
import { type Conn, defineEndpoint, defineRouter, HTTPError, ServiceUnavailableError, serve } from "plumage"
import { elli } from "plumage/adapters/elli"
import { node } from "plumage/adapters/node"
import { uws } from "plumage/adapters/uws"
import { type ClientResponse, client } from "plumage/test"
import { afterEach, expect, test, vi } from "vitest"
import { debugErrors } from "../../src/plugs/debug-errors.ts"
import { settled } from "../loose.ts"
import { adapterNames } from "../tools/adapters.ts"

const adapters = { node, uws, elli }
const accepts = ["text/html", "application/json", "text/plain", "*/*", "text/event-stream", ""]
const log = vi.spyOn(console, "error").mockImplementation(() => undefined)

afterEach(() => vi.unstubAllEnvs())

/** Every place of an error that may hold what is nobody's to see. */
function leaky(): Error {
  const error = new Error("canary-message", { cause: new Error("canary-cause") })
  error.stack = "canary-stack\n    at canary (/canary/canary.ts:1:1)"
  const extra = {
    sql: "canary-sql",
    detail: "canary-detail",
    status: 418,
    statusCode: 418,
    expose: true,
    code: "CANARY",
  }
  return Object.assign(error, extra, { headers: { "x-canary": "canary" }, response: { data: "canary-response" } })
}
const raise = (error: unknown) => (): never => {
  throw error
}
const late = async (): Promise<never> => {
  await settled()
  throw leaky()
}

const router = () =>
  defineRouter((r) => [
    r.any("/sync", raise(leaky())),
    r.any("/async", late),
    r.any("/string", raise("canary-string")),
    r.any("/aggregate", raise(new AggregateError([leaky()], "canary-aggregate"))),
    r.any("/public-cause", raise(new HTTPError(404, "not here", { cause: leaky() }))),
    r.any("/store", raise(new ServiceUnavailableError("later", { cause: leaky() }))),
    r.any("/before-send", (conn: Conn) => conn.registerBeforeSend(raise(leaky())).text("x")),
    r.any("/before-send-later", (conn: Conn) => conn.registerBeforeSend(late).text("x")),
    r.any("/set", (conn: Conn) => conn.putRespContentType("text/html").resp(200, "x") && raise(leaky())()),
    r.any("/file", (conn: Conn) => conn.sendFile(200, "/canary/canary.txt")),
    r.any("/json", (conn: Conn) => conn.readJson().then((body) => conn.json(body))),
    r.any("/query", (conn: Conn) => conn.json(conn.queryParams)),
  ])
const paths = [
  "sync",
  "async",
  "string",
  "aggregate",
  "public-cause",
  "store",
  "before-send",
  "before-send-later",
  "set",
  "file",
]

async function shown(answer: ClientResponse): Promise<string> {
  return JSON.stringify([answer.status, answer.exchange.answer?.headers, await answer.text()])
}

test.each(["production", "development", "test", "", undefined])(
  "fastify#4513, express#3920, express#1708, errorhandler#13, tinyhttp#291, shovel#100: no detail by default, whatever NODE_ENV is (%s)",
  async (mode) => {
    vi.stubEnv("NODE_ENV", mode)
    vi.stubEnv("DEBUG", "*")
    const app = client(defineEndpoint().router(router()))
    for (const path of paths) {
      for (const accept of accepts) {
        const answer = await app.get(`http://localhost/${path}`, undefined, { headers: { accept } })
        expect(answer.status).toBeGreaterThanOrEqual(400)
        expect(answer.status).not.toBe(418)
        const text = await shown(answer)
        expect([path, accept, text]).toEqual([path, accept, expect.not.stringMatching(/canary|\.ts:|node_modules/i)])
      }
    }
  },
)

test("fastify#6894, express#4228: what the client sent is not sent back in an error, neither as text nor as HTML", async () => {
  const app = client(defineEndpoint().router(router()))
  const sent = `<script>canary</script>`
  const headers = { "content-type": "application/json" }
  for (const accept of accepts) {
    const body = await app.post("/json", `{"password":"${sent}",`, { headers: { ...headers, accept } })
    expect(body.status).toBe(400)
    expect(await shown(body)).not.toMatch(/canary/)
    const type = await app.post("/json", sent, { headers: { "content-type": sent, accept } })
    expect(type.status).toBe(415)
    expect(await shown(type)).not.toMatch(/canary/)
    const query = await app.get(`/query?name=canary%FF&other=${encodeURIComponent(sent)}`, undefined, {
      headers: { accept },
    })
    expect(query.status).toBe(400)
    expect(await shown(query)).not.toMatch(/canary/)
    const path = await app.get(`/${encodeURIComponent(sent)}`, undefined, { headers: { accept } })
    expect(path.status).toBe(404)
    expect(await shown(path)).not.toMatch(/<script>/)
  }
})

test("GHSA-p869-vmqw-939q: a stream that fails tells a code and is cut; nothing of the error is in it", async () => {
  const streams = defineRouter((r) => [
    r.get("/events", (conn) =>
      conn.eventStream(async function* () {
        yield { data: "first" }
        throw leaky()
      }),
    ),
    r.get("/public", (conn) =>
      conn.eventStream(async function* () {
        yield { data: "first" }
        throw new HTTPError(403, "canary-public", { cause: leaky() })
      }),
    ),
    r.get("/chunks", async (conn) => {
      await conn.sendChunked(200).chunk("first")
      throw leaky()
    }),
  ])
  for (const renderErrors of [undefined, debugErrors()]) {
    const app = client(
      defineEndpoint({ ...(renderErrors && { renderErrors }), onError: () => undefined }).router(streams),
    )
    for (const [path, code] of [
      ["events", "ERR_INTERNAL"],
      ["public", "ERR_HTTP"],
      ["chunks", ""],
    ] as const) {
      const answer = await app.get(`http://localhost/${path}`)
      await settled()
      const { exchange } = answer
      const text = Buffer.concat(exchange.answer!.parts).toString()
      expect(exchange.aborted).toBe(true)
      expect(text).toContain("first")
      expect(text).toContain(code)
      expect(text).not.toMatch(/canary/)
    }
  }
})

test("a websocket whose handler fails closes with 1011 and no reason", async () => {
  for (const handler of [
    { open: raise(leaky()) },
    { open: late },
    { open: (ws: { send(data: string): unknown }) => void ws.send("x"), message: raise(leaky()) },
  ]) {
    const app = defineEndpoint({ renderErrors: debugErrors(), onError: () => undefined })
      .socket("/socket", handler)
      .router(router())
    const socket = await client(app).websocket("http://www.example.com/socket")
    socket.send("x")
    expect(await socket.closed).toEqual({ code: 1011, reason: "" })
  }
})

test("a page of the application's own that fails is replaced by the plain one", async () => {
  const app = client(defineEndpoint({ renderErrors: raise(leaky()) }).router(router()))
  for (const accept of accepts) {
    const answer = await app.get("/sync", undefined, { headers: { accept } })
    expect([answer.status, await shown(answer)]).toEqual([500, expect.not.stringMatching(/canary/)])
  }
})

test("the log is where it goes", async () => {
  log.mockClear()
  const error = leaky()
  await client(defineEndpoint().router(defineRouter((r) => [r.get("/", raise(error))]))).get("/")
  expect(log.mock.calls).toEqual([['GET "/" failed:', error]])
})

test.each(await adapterNames())(
  "bikeshaving/shovel#100: the page of development is asked for by name, and answers whoever sits here (%s)",
  async (name) => {
    const open = async (renderErrors?: ReturnType<typeof debugErrors>) => {
      const app = defineEndpoint({ ...(renderErrors && { renderErrors }), onError: () => undefined }).router(router())
      return serve(app, adapters[name]({ port: 0, host: "127.0.0.1" }))
    }
    const ask = async (port: number, path: string, headers: Record<string, string> = {}) => {
      const answer = await fetch(`http://127.0.0.1:${port}/${path}`, { headers })
      return `${answer.status} ${JSON.stringify([...answer.headers])} ${await answer.text()}`
    }
    const silent = await open()
    const debugging = await open(debugErrors())
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined)
    try {
      for (const path of paths) {
        expect(await ask(silent.port, path)).not.toMatch(/canary/i)
        const forwarded = { "x-forwarded-for": "192.0.2.7" }
        expect(await ask(debugging.port, path, forwarded)).not.toMatch(/canary/i)
        expect(await ask(debugging.port, path)).toMatch(/canary/i)
      }
    } finally {
      warn.mockRestore()
      await Promise.all([silent.stop({ graceMs: 200 }), debugging.stop({ graceMs: 200 })])
    }
  },
)

test("no page of development is made where NODE_ENV is production", () => {
  vi.stubEnv("NODE_ENV", "production")
  expect(() => debugErrors()).toThrow(/production/)
})
