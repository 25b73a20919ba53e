import { inspect } from "node:util"
import { conn, exchangeOf } from "plumage/test"
import { describe, expect, test } from "vitest"
import { loose } from "../loose.ts"

describe("assigns and private", () => {
  test("assign gives the same object back, with the value in assigns", () => {
    const one = conn("GET", "/")
    const two = one.assign("user", { id: 1 })
    expect(two).toBe(one)
    expect(two.assigns.user).toEqual({ id: 1 })
    expect(two.assign("user", "again").assigns.user).toBe("again")
  })

  test("mergeAssigns puts all of them", () => {
    expect(conn("GET", "/").assign("a", 1).mergeAssigns({ a: 2, b: 3 }).assigns).toEqual({ a: 2, b: 3 })
  })

  test("are empty at first, each connection's own, and apart from each other", () => {
    const [one, two] = [conn("GET", "/"), conn("GET", "/")]
    one.assign("a", 1).putPrivate("lib.b", 2)
    expect([one.assigns, one.private]).toEqual([{ a: 1 }, { "lib.b": 2 }])
    expect([two.assigns, two.private]).toEqual([{}, {}])
  })

  test("__proto__ is a key like any other", () => {
    const one = loose(conn("GET", "/"))
    one.assign("__proto__", { polluted: 1 })
    one.mergeAssigns(JSON.parse('{"__proto__":{"polluted":1}}'))
    one.putPrivate("__proto__", { polluted: 1 })
    expect([one.assigns.polluted, one.private["polluted"]]).toEqual([undefined, undefined])
    expect(Object.keys(one.assigns)).toEqual(["__proto__"])
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined()
  })

  test("may be changed after the answer has left", () => {
    const one = loose(conn("GET", "/"))
    one.text("x")
    one.assign("a", 1)
    one.putPrivate("b", 2)
    expect([one.assigns.a, one.private["b"]]).toEqual([1, 2])
  })
})

describe("what the server knows", () => {
  test("is passed on: peer, socket, TLS and protocol", () => {
    const one = conn("GET", "https://a.example/", undefined, {
      peer: { address: "192.0.2.7", port: 1234 },
      protocol: "HTTP/1.0",
    })
    expect(one.getPeerData()).toEqual({ address: "192.0.2.7", port: 1234, certificate: undefined })
    expect(one.getSockData()).toEqual({ address: "127.0.0.1", port: 443 })
    expect(one.getSslData()).toBeUndefined()
    expect(one.getHttpProtocol()).toBe("HTTP/1.0")
    expect(one.remoteIp).toBe("192.0.2.7")
    expect(one.exchange).toBe(exchangeOf(one))
  })
})

describe("what is printed of a connection", () => {
  const secretKeyBase = "canary-secret-".repeat(5)
  const options = {
    secretKeyBase,
    headers: { authorization: "canary-token", cookie: "canary-cookie=1", "x-api-key": "canary-key" },
  }
  const full = () =>
    conn("POST", "/a?password=canary-query", "canary-body", options)
      .assign("user", "ada")
      .putPrivate("lib.token", "canary-private")
      .putRespHeader("x-token", "canary-header")
      .putRespCookie("session", "canary-session")

  test("names the request and the state, and what was assigned", () => {
    const text = inspect(full())
    for (const shown of ["POST", "/a", "unset", "ada"]) expect(text).toContain(shown)
  })

  test("shows no secret, at any depth, also inside other objects and in every state", () => {
    const sent = loose(full())
    sent.text("canary-answer")
    for (const one of [full(), sent]) {
      for (const text of [
        inspect(one),
        inspect(one, { depth: 20, showHidden: true }),
        inspect({ a: [{ one }] }, { depth: 20 }),
        JSON.stringify(one),
        JSON.stringify({ a: [one] }),
        String(one),
      ]) {
        expect(text).not.toContain("canary")
      }
    }
  })
})
