/** Headers that plugs read from clients and write to browsers: CORS, policies, lines of a log. */
import { defineEndpoint, defineRouter } from "plumage"
import { client, conn, sentResp } from "plumage/test"
import { describe, expect, test } from "vitest"
import { cors } from "../../src/plugs/cors.ts"

const long = 65_536
/** What makes a careless pattern go back and forth. */
const hostile: Record<string, string> = {
  "of one letter": "a".repeat(long),
  "of commas": ",".repeat(long),
  "of spaces between commas": `x${" ".repeat(long)},`,
  "of names": "x-a,".repeat(long / 4),
  "of one name that is none": `${"x-".repeat(long / 2)}!ü`,
  "of an origin's beginning": `https://${"a.".repeat(long / 2)}`,
  "of schemes": "a+".repeat(long / 2) + "://",
}

describe("hono 93fc250d", () => {
  test.each(Object.entries(hostile))("64 KiB of request headers %s cost no time worth measuring", (_, text) => {
    const plugs = [
      cors({ origins: [/https:\/\/(\w+\.)+a\.com/, "https://a.com"], allowHeaders: "reflect" }),
      cors({ origins: "*", allowHeaders: "reflect", privateNetwork: true }),
      cors({ origins: () => true, allowHeaders: "reflect" }),
    ]
    const requests = ["https://a.com", text].map((origin) =>
      ["PUT", text].map((method) => ({
        origin,
        "access-control-request-method": method,
        "access-control-request-headers": text,
      })),
    )
    for (const plug of plugs) {
      for (const headers of requests.flat()) {
        const one = conn("OPTIONS", "/", undefined, { headers })
        const started = performance.now()
        plug(one)
        expect(performance.now() - started).toBeLessThan(10)
        expect(one.getRespHeader("access-control-allow-headers") ?? "").not.toContain(text)
      }
    }
  })

  test("and a pattern of the application's that goes back and forth is not shown what is longer than an origin", () => {
    const plug = cors({ origins: /https:\/\/(a+)+b/ })
    const headers = { origin: `https://${"a".repeat(long)}` }
    const started = performance.now()
    plug(conn("GET", "/", undefined, { headers }))
    expect(performance.now() - started).toBeLessThan(10)
  })
})

describe("user-asks row 27", () => {
  test("the headers of CORS are put on an upgrade's conn too, and do not open it: the origin is still checked", async () => {
    const router = defineRouter((r) => [r.get("/ws", (conn) => conn.upgrade("websocket", {}))])
    const app = client(
      defineEndpoint()
        .plug(cors({ origins: "https://evil.example" }))
        .router(router),
    )
    await expect(app.websocket("/ws", { headers: { origin: "https://evil.example" } })).rejects.toThrow("403")
  })
})

describe("user-asks row 25", () => {
  test("what is reflected is an origin or a list of names, whatever was asked", () => {
    for (const text of ["a\r\nx-injected: 1", "a\nb", "a\0", "a;b", "<script>", 'a"b']) {
      for (const plug of [
        cors({ origins: () => true, allowHeaders: "reflect" }),
        cors({ origins: /.*/s, allowHeaders: "reflect" }),
      ]) {
        const headers = {
          origin: `https://${text}`,
          "access-control-request-method": text,
          "access-control-request-headers": text,
        }
        const one = conn("OPTIONS", "/", undefined, { headers })
        const answered = plug(one)
        const sent = answered.halted ? sentResp(one) : sentResp(one.sendResp(200, ""))
        expect(JSON.stringify(sent.headerList)).not.toMatch(/injected|script|\\r|\\n|\\u0000|a;b|a\\"b/)
      }
    }
  })
})
