/** What a request says of itself and of the way it took. */
import { conn } from "plumage/test"
import { describe, expect, test } from "vitest"
import { action, counted } from "../adapters/suite/app.ts"
import { bytesOf } from "../adapters/suite/request.ts"
import { onEveryServer } from "./servers.ts"

const forwarded = [
  "x-forwarded-for", "203.0.113.9",
  "x-forwarded-proto", "https",
  "x-forwarded-host", "evil.example",
  "x-forwarded-port", "443",
  "x-real-ip", "203.0.113.9",
  "forwarded", "for=203.0.113.9;proto=https;host=evil.example",
  "front-end-https", "on",
] // biome-ignore format: pairs

const tell = action((conn) =>
  conn.json([conn.scheme, conn.host, conn.port, conn.remoteIp, new URL(conn.requestUrl()).origin]),
)

describe("CVE-2026-27959, GHSA-7gcc-r8m5-44qm", () => {
  test.each(["a@evil.example", "a:b@evil.example", "evil.example#a", "evil.example/a", "a b"])(
    "the host %j is a 400 for whoever reads it",
    (host) => {
      const one = conn("GET", "/", undefined, { headers: { host } })
      expect(() => one.host).toThrow(expect.objectContaining({ status: 400 }))
      expect(() => one.requestUrl()).toThrow(expect.objectContaining({ status: 400 }))
    },
  )
})

await onEveryServer((suite) => {
  test("GHSA-xh87-mx6m-69f3, 41adbf56, CVE-2026-3635, GHSA-444r-cwp2-x5xf: forwarded headers change nothing", async () => {
    const answer = await suite.server.say(bytesOf("GET", tell, { headers: ["host", "a.example:81", ...forwarded] }))
    expect(answer.json()).toEqual(["http", "a.example", 81, "127.0.0.1", "http://a.example:81"])
  })

  test("CVE-2026-39807: the scheme is the transport's, whatever the target says", async () => {
    const answer = await suite.server.say(
      bytesOf("GET", `https://localhost${tell}`, { headers: ["host", "localhost"] }),
    )
    if (answer.status === 200) expect(answer.json<string[]>()[0]).toBe("http")
    else expect([400, 505]).toContain(answer.status)
  })

  test.each(["a@evil.example", "evil.example/a", "a b", "a,b@c", "[::1", "a:999999"])(
    "CVE-2026-27959: the host %j never becomes an address",
    async (host) => {
      const answer = await suite.server.say(bytesOf("GET", tell, { headers: ["host", host] }))
      expect(answer.status).toBe(400)
    },
  )

  test("48fa2233, c831020f, edbf6eea: an IPv4 peer is told as IPv4", async () => {
    expect((await suite.server.say(bytesOf("GET", tell))).json<string[]>()[3]).toBe("127.0.0.1")
  })

  test("CVE-2026-21710: a header named __proto__ is a header, or never gets to the app", async () => {
    const polluted = () => ({}) as { x?: unknown }
    const route = counted((conn) =>
      conn.json([conn.getReqHeader("__proto__"), conn.reqHeaders.includes("__proto__"), polluted().x ?? null]),
    )
    const wire = await suite.server.connect({ deadline: 1_000 })
    wire.send(bytesOf("GET", route.path, { headers: ["__proto__", "x", "constructor", "y"] }))
    const answer = await wire.answer().catch(() => undefined)
    if (answer?.status === 200) expect(answer.json()).toEqual(["x", true, null])
    else expect(route.calls).toBe(0)
    expect((await suite.server.say(bytesOf("GET", tell))).status).toBe(200)
  })

  test("hono fab3b136: two requests that run at the same time never see each other", async () => {
    const path = action(async (conn) => {
      const id = conn.queryString
      conn.assign("id", id).putRespHeader("x-id", id)
      for (let turns = 0; turns < 5; turns++) await new Promise(setImmediate)
      return conn.json([id, conn.assigns, conn.queryParams, conn.getReqHeader("x-mine")])
    })
    const ids = Array.from({ length: 30 }, (_, i) => `id${i}`)
    const answers = await Promise.all(
      ids.map((id) => suite.server.say(bytesOf("GET", `${path}?${id}`, { headers: ["x-mine", id] }))),
    )
    answers.forEach((answer, i) => {
      expect([answer.header("x-id"), answer.json()]).toEqual([
        ids[i],
        [ids[i], { id: ids[i] }, { [ids[i]!]: "" }, ids[i]],
      ])
    })
  })
})
