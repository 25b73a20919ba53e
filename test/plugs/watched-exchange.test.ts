import { conn, exchangeOf } from "plumage/test"
import { describe, expect, test } from "vitest"
import { inner } from "../../src/conn/conn.ts"
import { WatchedExchange } from "../../src/plugs/watched-exchange.ts"
import { handshake } from "../loose.ts"

const seen: unknown[] = []
const watched = (method = "GET") => {
  seen.splice(0)
  const one = conn(method, "/", undefined, { headers: handshake })
  inner(one).exchange = new WatchedExchange(one.exchange, {
    begun: (status, kind) => seen.push([status, kind, exchangeOf(one).sent]),
    closed: (code) => seen.push(code),
  })
  return one
}

describe("a watched exchange says, before it leaves, that an answer begins", () => {
  test("of every kind, once", async () => {
    watched().sendResp(201, "x")
    expect(seen).toEqual([[201, "whole", false]])
    watched("HEAD").sendResp(200, "x")
    expect(seen).toEqual([[200, "whole", false]])
    await watched().sendFile(206, import.meta.filename, 1, 2)
    expect(seen).toEqual([[206, "whole", false]])
    watched().sendChunked(200).chunk("a")
    expect(seen).toEqual([[200, "stream", false]])
    watched().upgrade("websocket", {})
    expect(seen).toEqual([[101, "websocket", false]])
  })
})

test("its websocket's handler has what it had, with its own this, and its close is seen", () => {
  const calls: unknown[] = []
  const handler = Object.fromEntries(
    ["open", "message", "ping", "pong", "drain", "close"].map((name) => [
      name,
      function (this: unknown, ...given: unknown[]) {
        calls.push([name, this === handler, ...given])
        return Promise.resolve(name)
      },
    ]),
  )
  const one = watched()
  one.upgrade("websocket", handler)
  const { handler: given } = exchangeOf(one).upgraded!
  for (const name of Object.keys(handler)) {
    expect((given as Record<string, (...given: unknown[]) => unknown>)[name]!(1, 2, 3)).toBeInstanceOf(Promise)
  }
  expect(calls).toEqual(Object.keys(handler).map((name) => [name, true, 1, 2, 3]))
  expect(seen.at(-1)).toBe(2)

  const bare = watched()
  bare.upgrade("websocket", {})
  expect(Object.keys(exchangeOf(bare).upgraded!.handler)).toEqual(["close"])
})
