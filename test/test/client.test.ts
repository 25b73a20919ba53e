/** The client that calls a whole endpoint in this process. */
import { type Conn, defineEndpoint, defineRouter, UsageError, type WebSocketHandler } from "plumage"
import { client } from "plumage/test"
import { describe, expect, test } from "vitest"
import { watchProcess } from "../adapters/suite/guard.ts"

const app = (action: (conn: Conn) => any, told: unknown[] = []) =>
  client(
    defineEndpoint({ onError: (error) => told.push(error) }).router(defineRouter((r) => [r.any("/*rest", action)])),
  )
const socketApp = (handler: WebSocketHandler, told: unknown[] = [], protocols?: readonly string[]) =>
  client(
    defineEndpoint({ onError: (error) => told.push(error) })
      .socket("/ws", handler, protocols === undefined ? {} : { protocols })
      .router(defineRouter(() => [])),
  )

watchProcess()

describe("requests", () => {
  test.each(["get", "post", "put", "patch", "delete", "options"] as const)("%s is that method", async (verb) => {
    const answer = await app((conn) => conn.text(conn.method))[verb]("/")
    expect(await answer.text()).toBe(verb.toUpperCase())
  })

  test("request takes any method, body and options", async () => {
    const answer = await app(async (conn) =>
      conn.json([conn.method, conn.path, await conn.readJson(), conn.getReqHeader("a")]),
    ).request("brew", "/pot", { n: 1 }, { headers: { a: "b" } })
    expect(await answer.json()).toEqual(["BREW", "/pot", { n: 1 }, "b"])
  })

  test("an answer shows status, headers, text, JSON and bytes", async () => {
    const answer = await app((conn) =>
      conn
        .prependRespHeaders([
          ["vary", "a"],
          ["vary", "b"],
        ])
        .putStatus(201)
        .json({ a: "é" }),
    ).get("/")
    expect([answer.status, answer.header("Vary"), answer.headers("vary"), answer.header("none")]).toEqual([
      201,
      "a",
      ["a", "b"],
      undefined,
    ])
    expect([await answer.text(), await answer.json(), Buffer.from(await answer.bytes()).toString()]).toEqual([
      '{"a":"é"}',
      { a: "é" },
      '{"a":"é"}',
    ])
  })

  test("resolves when the head was sent; the chunks can be read as they come", async () => {
    let next: () => void = () => undefined
    const answer = await app(async (conn) => {
      const stream = conn.sendChunked(200)
      for (const part of ["one", "two"]) {
        await stream.chunk(part)
        await new Promise<void>((resolve) => {
          next = resolve
        })
      }
      return stream
    }).get("/")
    const parts: string[] = []
    for await (const part of answer.chunks()) {
      parts.push(part)
      next()
    }
    expect(parts).toEqual(["one", "two"])
  })

  test("an answer that was cut before its end fails to be read, whichever way", async () => {
    const told: unknown[] = []
    const broken = app(async (conn) => {
      conn.sendChunked(200).chunk("half")
      await null
      throw new Error("boom")
    }, told)
    await expect((await broken.get("/")).text()).rejects.toThrow(UsageError)
    const read = async () => {
      for await (const _ of (await broken.get("/")).chunks()) await null
    }
    await expect(read()).rejects.toThrow(UsageError)
    expect(told).toHaveLength(2)
  })

  test("disconnect leaves before the end", async () => {
    let reason: unknown
    const answer = await app((conn) => {
      conn.onClose((why) => {
        reason = why?.code
      })
      return conn.sendChunked(200).initChunk("x")
    }).get("/")
    answer.disconnect()
    expect(reason).toBe("ERR_CLIENT_GONE")
  })

  test("a connection that was cut without an answer rejects", async () => {
    const { ClientGoneError } = await import("plumage")
    await expect(app(() => Promise.reject(new ClientGoneError())).get("/")).rejects.toThrow(UsageError)
  })
})

describe("websocket", () => {
  test("talks to the handler in order, text as text, bytes as bytes", async () => {
    const socket = await socketApp({
      open: (ws) => void ws.send("welcome"),
      message: async (ws, data) => {
        await null
        await ws.send(data)
      },
    }).websocket("/ws")
    socket.send("a")
    socket.send(Uint8Array.of(1, 2))
    expect([await socket.next(), await socket.next(), await socket.next()]).toEqual([
      "welcome",
      "a",
      Uint8Array.of(1, 2),
    ])
    socket.close()
    expect(await socket.next()).toBeUndefined()
  })

  test("chooses a subprotocol", async () => {
    const socket = await socketApp({}, [], ["chat"]).websocket("/ws", { protocols: ["soap", "chat"] })
    expect(socket.protocol).toBe("chat")
  })

  test("tells of the end on both sides, once", async () => {
    const ends: unknown[] = []
    const socket = await socketApp({
      message: (ws) => ws.close(4000, "bye"),
      close: (_, code, reason) => void ends.push([code, reason]),
    }).websocket("/ws")
    socket.send("x")
    expect(await socket.closed).toEqual({ code: 4000, reason: "bye" })
    socket.close(1000)
    expect(ends).toEqual([[4000, "bye"]])
  })

  test("a send after the end is false, and reaches nobody", async () => {
    let late: unknown
    const socket = await socketApp({
      close: (ws) => {
        late = ws.send("x")
      },
    }).websocket("/ws")
    socket.close()
    await socket.closed
    expect([late, await socket.next()]).toEqual([false, undefined])
  })

  test("a handler that throws, in any of its callbacks, ends its socket with 1011 and is told", async () => {
    const boom = () => {
      throw new Error("boom")
    }
    for (const handler of [{ message: boom }, { message: async () => boom() }, { open: boom }]) {
      const told: unknown[] = []
      const socket = await socketApp(handler, told).websocket("/ws")
      socket.send("x")
      expect((await socket.closed).code).toBe(1011)
      expect(told).toMatchObject([{ message: "boom" }])
    }
    const told: unknown[] = []
    const socket = await socketApp({ close: boom }, told).websocket("/ws")
    expect(() => socket.close()).not.toThrow()
    await socket.closed
    expect(told).toMatchObject([{ message: "boom" }])
  })

  test("a refusal rejects with the status", async () => {
    await expect(socketApp({}).websocket("/ws", { headers: { origin: "https://evil.example" } })).rejects.toThrow(/403/)
    await expect(socketApp({}).websocket("/none")).rejects.toThrow(/404/)
  })
})
