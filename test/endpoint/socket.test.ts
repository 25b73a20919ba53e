/** Websockets that are mounted at a path of the endpoint. */
import {
  type Conn,
  defineEndpoint,
  defineRouter,
  ForbiddenError,
  type UpgradeOptions,
  UsageError,
  type WebSocketHandler,
} from "plumage"
import { client, conn, exchangeOf } from "plumage/test"
import { beforeEach, describe, expect, test } from "vitest"
import { watchProcess } from "../adapters/suite/guard.ts"
import { handshake } from "../loose.ts"

const echo: WebSocketHandler = { message: (ws, data) => void ws.send(data) }
const router = defineRouter((r) => [r.any("/*rest", (conn) => conn.text("router"))])
const told: unknown[] = []
const base = () => defineEndpoint({ onError: (error) => told.push(error) })
const statusOf = async (endpoint: ReturnType<ReturnType<typeof base>["router"]>, path: string, headers = handshake) => {
  const one = conn("GET", path, undefined, { headers })
  await endpoint.call(one.exchange)
  return exchangeOf(one).upgraded === undefined ? exchangeOf(one).answer?.status : 101
}

beforeEach(() => void told.splice(0))
watchProcess()

describe("socket", () => {
  test("upgrades requests for its path and lets all others pass", async () => {
    const app = client(base().socket("/ws", echo).router(router))
    const socket = await app.websocket("/ws")
    socket.send("hello")
    expect(await socket.next()).toBe("hello")
    socket.close()
    expect(await (await app.get("/other")).text()).toBe("router")
    expect(await (await app.get("/ws/below")).text()).toBe("router")
  })

  test("a plain request for its path is a 426 and never reaches the router", async () => {
    expect((await client(base().socket("/ws", echo).router(router)).get("/ws")).status).toBe(426)
  })

  test("sees what the plugs before it have assigned, its path's parameters, and halts the row", async () => {
    const seen: unknown[] = []
    const endpoint = base()
      .plug((conn) => conn.assign("user", "ada"))
      .socket("/rooms/:room", (conn) => {
        seen.push(conn.assigns.user, conn.pathParams)
        return echo
      })
      .plug((conn: Conn) => {
        seen.push("after")
        return conn
      })
      .router(router)
    expect(await statusOf(endpoint, "/rooms/a%2Fb")).toBe(101)
    expect(seen).toEqual(["ada", { room: "a/b" }])
  })

  test("a function makes a handler for each connection, sync or async", async () => {
    const endpoint = base()
      .socket("/sync", () => ({ ...echo }))
      .socket("/async", async () => ({ ...echo }))
      .router(router)
    expect([await statusOf(endpoint, "/sync"), await statusOf(endpoint, "/async")]).toEqual([101, 101])
  })

  test("it may refuse by answering, sync or async", async () => {
    const endpoint = base()
      .socket("/sync", (conn) => conn.sendResp(401, "no"))
      .socket("/async", async (conn) => conn.sendResp(402, "no"))
      .socket("/halted", (conn) => conn.sendResp(403, "no").halt())
      .router(router)
    expect([
      await statusOf(endpoint, "/sync"),
      await statusOf(endpoint, "/async"),
      await statusOf(endpoint, "/halted"),
    ]).toEqual([401, 402, 403])
    expect(told).toEqual([])
  })

  test("or by raising, sync or async", async () => {
    const endpoint = base()
      .socket("/sync", () => {
        throw new ForbiddenError()
      })
      .socket("/async", async () => {
        throw new Error("boom")
      })
      .router(router)
    expect([await statusOf(endpoint, "/sync"), await statusOf(endpoint, "/async")]).toEqual([403, 500])
    expect(told).toMatchObject([{ message: "boom" }])
  })

  test("a function that gives no handler is a 500 that names the socket", async () => {
    for (const source of [() => undefined, async () => null, () => "handler"]) {
      told.length = 0
      const endpoint = base()
        .socket("/ws", source as never)
        .router(router)
      expect(await statusOf(endpoint, "/ws"), String(source)).toBe(500)
      expect(told).toMatchObject([{ name: expect.stringMatching(/UsageError|NotAConnError/) }])
    }
  })

  test("checks the origin unless it is told otherwise", async () => {
    const evil = { ...handshake, origin: "https://evil.example" }
    const endpoint = base()
      .socket("/closed", echo)
      .socket("/open", echo, { checkOrigin: false })
      .socket("/listed", echo, { checkOrigin: ["https://evil.example"] })
      .router(router)
    expect([
      await statusOf(endpoint, "/closed", evil),
      await statusOf(endpoint, "/open", evil),
      await statusOf(endpoint, "/listed", evil),
    ]).toEqual([403, 101, 101])
  })

  test("the path is the same for every spelling of it", async () => {
    const endpoint = base().socket("/a/ws", echo).router(router)
    for (const path of ["/a/ws", "//a//ws/", "/%61/ws"]) expect(await statusOf(endpoint, path), path).toBe(101)
    for (const path of ["/a%2Fws", "/A/ws"]) expect(await statusOf(endpoint, path), path).toBe(200)
    expect(await statusOf(endpoint, "/%FF")).toBe(400)
  })

  test.each([
    ["checkOrigin", { checkOrigin: ["evil"] }],
    ["checkOrigin", { checkOrigin: 5 }],
    ["protocols", { protocols: "chat" }],
    ["protocols", { protocols: [""] }],
    ["maxMessageBytes", { maxMessageBytes: 0 }],
    ["maxMessageBytes", { maxMessageBytes: 1.5 }],
    ["compression", { compression: 1 }],
    ["checkorigin", { checkorigin: true }],
  ])("a wrong %s (%j) is refused when it is mounted", (name, options) => {
    const mount = () => base().socket("/ws", echo, options as UpgradeOptions)
    expect(mount).toThrow(UsageError)
    expect(mount).toThrow(new RegExp(name))
  })

  test.each([undefined, null, "echo", 5])("%s is no handler, and refused when it is mounted", (handler) => {
    expect(() => base().socket("/ws", handler as never)).toThrow(UsageError)
  })
})
