import { defineEndpoint, defineRouter, type UpgradeOptions, UsageError, type WebSocketHandler } from "plumage"
import { type ConnOptions, client, conn, exchangeOf, sentUpgrade } from "plumage/test"
import { afterEach, describe, expect, test } from "vitest"
import { watchProcess } from "../adapters/suite/guard.ts"
import { errorOf, handshake, loose } from "../loose.ts"

const handler: WebSocketHandler = {}
const ask = (
  headers: Record<string, string | undefined> = {},
  options: ConnOptions & { method?: string; url?: string } = {},
) => {
  const all = Object.entries({ ...handshake, ...headers }).filter(
    (pair): pair is [string, string] => pair[1] !== undefined,
  )
  return conn(options.method ?? "GET", options.url ?? "/", undefined, { ...options, headers: all })
}
const upgrade = (
  headers?: Record<string, string | undefined>,
  options?: UpgradeOptions,
  request?: ConnOptions & { method?: string; url?: string },
) => {
  const one = ask(headers, request)
  one.upgrade("websocket", handler, options)
  return sentUpgrade(one)
}
const refusal = (...from: Parameters<typeof upgrade>) => errorOf(() => upgrade(...from))

watchProcess()

describe("upgrade", () => {
  test("hands the handler over to the server", () => {
    const one = ask()
    expect(one.upgrade("websocket", handler)).toBe(one)
    expect(sentUpgrade(one)).toMatchObject({ handler, protocol: "", headers: [], compression: false })
    expect(one.state).toBe("upgraded")
  })

  test("takes header values in any case, and connection as a list", () => {
    expect(upgrade({ upgrade: "WebSocket", connection: "keep-alive, UPGRADE" }).handler).toBe(handler)
  })

  test.each([
    ["without an upgrade header", { upgrade: undefined }, 426],
    ["to another protocol", { upgrade: "h2c" }, 426],
    ["of another version", { "sec-websocket-version": "8" }, 426],
    ["without a version", { "sec-websocket-version": undefined }, 400],
    ["without a key", { "sec-websocket-key": undefined }, 400],
    ["with a short key", { "sec-websocket-key": "c2hvcnQ=" }, 400],
    ["with a key that is no base64", { "sec-websocket-key": "!".repeat(22) + "==" }, 400],
    ["without connection: upgrade", { connection: "keep-alive" }, 400],
    ["without a connection header", { connection: undefined }, 400],
  ] as const)("%s is refused", (_, headers, status) => {
    expect(refusal(headers)).toMatchObject({ status })
  })

  test("with another method is a 400", () => {
    expect(refusal({}, {}, { method: "POST" })).toMatchObject({ status: 400 })
  })

  test("a plain request gets 426 with the headers that say what is spoken here", async () => {
    const router = defineRouter((r) => [r.get("/", (conn) => conn.upgrade("websocket", handler))])
    const answer = await client(defineEndpoint().router(router)).get("/", undefined, {
      headers: { accept: "application/json" },
    })
    expect(answer.status).toBe(426)
    expect([answer.header("upgrade"), answer.header("sec-websocket-version")]).toEqual(["websocket", "13"])
    expect(await answer.json()).toMatchObject({ error: { status: 426, code: "ERR_UPGRADE_REQUIRED" } })
  })

  test("to anything but a websocket is a UsageError", () => {
    expect(() => loose(ask()).upgrade("tcp" as "websocket", handler)).toThrow(UsageError)
  })

  test("leaves a refused connection open for another answer", () => {
    const one = ask({ origin: "https://evil.example" })
    expect(() => one.upgrade("websocket", handler)).toThrow()
    expect(one.text("no").state).toBe("sent")
  })

  test("carries the headers that were put, without those of an answer with a body", () => {
    const one = ask().putRespHeader("x-a", "1").putRespHeader("content-type", "text/css").putRespHeader("x-b", "2")
    one.putRespHeader("connection", "close").upgrade("websocket", handler)
    expect(sentUpgrade(one).headers).toEqual(["x-a", "1", "x-b", "2"])
  })
})

describe("the origin", () => {
  const at = { url: "https://a.example:8443/" }
  test.each([undefined, "https://a.example:8443", "HTTPS://A.example:8443"])(
    "%s may connect where it is the request's own",
    (origin) => {
      expect(upgrade({ origin }, {}, at).handler).toBe(handler)
    },
  )

  test.each([
    "https://a.example",
    "http://a.example:8443",
    "https://evil.example:8443",
    "https://a.example.evil:8443",
    "https://evila.example:8443",
    "https://a.example:8443.evil",
    "https://a.example:8443@evil",
    "https://a.example:8443/",
    "null",
    "file://",
    "",
    "a.example:8443",
    "https://",
    "x",
  ])("%j is a 403", (origin) => {
    expect(refusal({ origin }, {}, at)).toMatchObject({ status: 403, code: "ERR_FORBIDDEN" })
  })

  test("an allowed list, a function or false decide in its place", () => {
    const origin = "https://b.example"
    expect(refusal({ origin }, { checkOrigin: true })).toMatchObject({ status: 403 })
    expect(upgrade({ origin }, { checkOrigin: ["https://b.example"] }).handler).toBe(handler)
    expect(upgrade({ origin: "https://x.b.example" }, { checkOrigin: ["//*.b.example"] }).handler).toBe(handler)
    expect(refusal({ origin: "https://evilb.example" }, { checkOrigin: ["//*.b.example"] })).toMatchObject({
      status: 403,
    })
    expect(upgrade({ origin }, { checkOrigin: (url) => url.host === "b.example" }).handler).toBe(handler)
    expect(refusal({ origin }, { checkOrigin: () => false })).toMatchObject({ status: 403 })
    expect(refusal({ origin }, { checkOrigin: (async () => true) as never })).toMatchObject({ status: 403 })
    expect(upgrade({ origin }, { checkOrigin: false }).handler).toBe(handler)
    expect(refusal({ origin: "null" }, { checkOrigin: ["https://b.example"] })).toMatchObject({ status: 403 })
  })

  test("the message of a refusal says what was got, bounded, and what to change", () => {
    const { message } = refusal({ origin: "https://evil.example" })
    expect(message).toContain("https://evil.example")
    expect(message).toContain("checkOrigin")
    expect(refusal({ origin: `https://${"a".repeat(5000)}.example` }).message.length).toBeLessThan(500)
  })

  test("is compared with what plugs made of scheme and host", () => {
    const one = ask({ origin: "https://public.example" }).rewrite({
      scheme: "https",
      host: "public.example",
      port: 443,
    })
    expect(one.upgrade("websocket", handler).state).toBe("upgraded")
  })
})

describe("subprotocols", () => {
  const protocols = ["chat", "superchat"]
  const asked = (value: string | undefined, spoken: readonly string[] = protocols) =>
    upgrade({ "sec-websocket-protocol": value }, { protocols: spoken }).protocol
  test("the first of the client's that is spoken here", () => {
    expect(asked("superchat, chat")).toBe("superchat")
    expect(asked("soap,chat")).toBe("chat")
  })

  test("none is chosen where none was offered here", () => {
    expect(upgrade({ "sec-websocket-protocol": "chat" }).protocol).toBe("")
  })

  test("a client that speaks none of them is a 400", () => {
    for (const value of [undefined, "", "soap", "Chat"]) {
      expect(refusal({ "sec-websocket-protocol": value }, { protocols })).toMatchObject({ status: 400 })
    }
  })

  test("may be spread over several header lines", () => {
    const headers = [
      ...Object.entries(handshake),
      ["sec-websocket-protocol", "soap"],
      ["sec-websocket-protocol", "chat"],
    ]
    const one = conn("GET", "/", undefined, { headers: headers as [string, string][] })
    expect(sentUpgrade(one.upgrade("websocket", handler, { protocols })).protocol).toBe("chat")
  })
})

describe("limits and options", () => {
  test("a message has the server's limit, or less", () => {
    const limits = { messageBytes: 1000 }
    expect(upgrade({}, {}, { limits }).messageBytes).toBe(1000)
    expect(upgrade({}, { maxMessageBytes: 10 }, { limits }).messageBytes).toBe(10)
    expect(upgrade({}, { maxMessageBytes: 1000 }, { limits }).messageBytes).toBe(1000)
  })

  test.each([0, -1, 1.5, 1001, Number.NaN, Number.POSITIVE_INFINITY, "5"])(
    "maxMessageBytes of %s is a UsageError that names the bound",
    (maxMessageBytes) => {
      const error = refusal({}, { maxMessageBytes: maxMessageBytes as number }, { limits: { messageBytes: 1000 } })
      expect(error).toBeInstanceOf(UsageError)
      expect(error.message).toMatch(/maxMessageBytes/)
    },
  )

  test.each([
    { checkOrigin: ["evil"] },
    { checkOrigin: 5 },
    { protocols: "chat" },
    { protocols: ["a b"] },
    { compression: "yes" },
    { maxMessagebytes: 5 },
  ])("%j is a UsageError", (options) => {
    expect(refusal({ origin: "https://a.example" }, options as UpgradeOptions)).toBeInstanceOf(UsageError)
  })

  test("compression is passed on when it was asked for", () => {
    expect(upgrade({}, { compression: true }).compression).toBe(true)
  })
})

describe("what a websocket does wrong", () => {
  const { error } = console
  afterEach(() => {
    console.error = error
  })

  test("reaches onError with the connection", () => {
    const told: unknown[] = []
    const one = ask({}, { onError: (failure) => told.push(failure) })
    one.upgrade("websocket", handler)
    sentUpgrade(one).onError("boom")
    expect(told).toEqual(["boom"])
  })

  test("never throws, even where onError does", () => {
    console.error = () => undefined
    const one = ask(
      {},
      {
        onError: () => {
          throw new Error("from onError")
        },
      },
    )
    one.upgrade("websocket", handler)
    expect(() => exchangeOf(one).upgraded?.onError(new Error("boom"))).not.toThrow()
  })
})

describe("callbacks before an upgrade", () => {
  test("run once, the last registered first, see status 101, and may add headers and cookies", () => {
    const order: string[] = []
    const one = ask()
    one.registerBeforeSend((conn) => {
      order.push(`first ${conn.state} ${conn.status}`)
      conn.putRespCookie("a", "1")
    })
    one.registerBeforeSend((conn) => {
      order.push("last")
      conn.putRespHeader("x-late", "1")
    })
    one.upgrade("websocket", {})
    expect(order).toEqual(["last", "first set_upgrade 101"])
    expect(sentUpgrade(one).headers).toEqual(
      expect.arrayContaining(["set-cookie", expect.stringMatching(/^a=1;/), "x-late", "1"]),
    )
  })

  test("that throw keep the connection from being upgraded", () => {
    const one = ask().registerBeforeSend(() => {
      throw new RangeError("no")
    })
    expect(() => one.upgrade("websocket", {})).toThrow(RangeError)
    expect(one.state).toBe("unset")
    expect(() => sentUpgrade(one)).toThrow(UsageError)
  })
})
