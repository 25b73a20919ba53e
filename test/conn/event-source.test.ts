/** Pastelli's way: whoever holds the connection writes to it. */
import { type Chunked, closeChunk, defineEndpoint, defineRouter, event, initChunk, UsageError } from "plumage"
import { client, conn, exchangeOf, sentChunks } from "plumage/test"
import { describe, expect, test } from "vitest"
import { loose } from "../loose.ts"

describe("initChunk, event and closeChunk", () => {
  test("write from anywhere, without keeping the pipeline", async () => {
    let held: Chunked | undefined
    let finished = false
    const router = defineRouter((r) => [
      r.get("/", (conn) => {
        held = initChunk(conn.putRespContentType("text/event-stream").sendChunked(200), "first\n")
        return held
      }),
    ])
    const endpoint = defineEndpoint().router(router)
    const one = conn("GET", "/")
    await Promise.resolve(endpoint.call(one.exchange)).then(() => {
      finished = true
    })
    expect(finished).toBe(true)
    expect(exchangeOf(one).answer?.ended).toBe(false)
    expect(event(held!, { n: 1 }, { event: "tick", id: "1", retry: 9 })).toBe(true)
    expect(event(held!, "text")).toBe(true)
    closeChunk(held!)
    closeChunk(held!)
    expect(event(held!, "late")).toBe(false)
    expect(sentChunks(one)).toEqual(["first\n", 'event: tick\nid: 1\nretry: 9\ndata: {"n":1}\n\n', "data: text\n\n"])
    expect(exchangeOf(one).answer?.ended).toBe(true)
  })

  test("initChunk may be called with nothing to write", async () => {
    let held: Chunked | undefined
    const router = defineRouter((r) => [
      r.get("/", (conn) => {
        held = initChunk(conn.sendChunked(200))
        return held
      }),
    ])
    const answer = await client(defineEndpoint().router(router)).get("/")
    event(held!, "x")
    closeChunk(held!)
    expect(await answer.text()).toBe("data: x\n\n")
  })

  test("the holder learns that the client has left: event is false, onClose is told", () => {
    const one = conn("GET", "/")
    const held = initChunk(one.sendChunked(200))
    const told: unknown[] = []
    held.onClose((reason) => told.push(reason?.code))
    exchangeOf(one).disconnect()
    expect(event(held, "x")).toBe(false)
    expect(told).toEqual(["ERR_CLIENT_GONE"])
    expect(() => closeChunk(held)).not.toThrow()
  })

  test("raise UsageError for a connection that is not chunked", () => {
    const one = loose(conn("GET", "/")) as unknown as Chunked
    expect(() => initChunk(one)).toThrow(UsageError)
    expect(() => event(one, "x")).toThrow(UsageError)
    expect(() => closeChunk(one)).toThrow(UsageError)
  })
})
