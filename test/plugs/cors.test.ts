import fc from "fast-check"
import { Hono } from "hono"
import { cors as honoCors } from "hono/cors"
import { type Conn, defineEndpoint, defineRouter, HTTPError, InvalidOptionError, UsageError } from "plumage"
import { call, client, conn, sentResp } from "plumage/test"
import { describe, expect, test } from "vitest"
import { type CorsOptions, cors } from "../../src/plugs/cors.ts"

type Headers = Record<string, string>

/** What a plug puts on the answer to a request, and whether it answered itself. */
function ask(options: CorsOptions, method: string, headers: Headers) {
  const one = conn(method, "/", undefined, { headers })
  const plug = cors(options)
  const isHalted = (call(plug, one) as { halted: boolean }).halted
  const sent = isHalted ? sentResp(one) : sentResp(one.sendResp(200, "body"))
  const { "cache-control": _, "content-length": _1, ...rest } = sent.headers
  return { isHalted, status: sent.status, headers: rest }
}
const preflight = (origin: string, method = "PUT", names?: string): Headers => ({
  origin,
  "access-control-request-method": method,
  ...(names === undefined ? {} : { "access-control-request-headers": names }),
})
const optionsVary = "origin, access-control-request-method, access-control-request-headers"

describe("a preflight", () => {
  test("from an allowed origin is answered with 204 and what is allowed, and nothing runs after it", () => {
    const options: CorsOptions = {
      origins: ["https://a.com", "https://b.com"],
      methods: ["GET", "PUT"],
      allowHeaders: ["X-One", "x-two"],
      exposeHeaders: ["x-three"],
      credentials: true,
      maxAge: 600,
    }
    expect(ask(options, "OPTIONS", preflight("https://b.com"))).toEqual({
      isHalted: true,
      status: 204,
      headers: {
        "access-control-allow-origin": "https://b.com",
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "GET, PUT",
        "access-control-allow-headers": "x-one, x-two",
        "access-control-max-age": "600",
        vary: optionsVary,
      },
    })
  })

  test("from another origin passes, without a header of CORS but vary", () => {
    expect(ask({ origins: "https://a.com" }, "OPTIONS", preflight("https://b.com"))).toEqual({
      isHalted: false,
      status: 200,
      headers: { vary: optionsVary },
    })
  })

  test("is only what has an origin and names a method; other OPTIONS requests pass as requests do", () => {
    const options: CorsOptions = { origins: "https://a.com", exposeHeaders: ["x-a"] }
    expect(ask(options, "OPTIONS", { origin: "https://a.com" })).toMatchObject({
      isHalted: false,
      headers: { "access-control-allow-origin": "https://a.com", "access-control-expose-headers": "x-a" },
    })
    const { origin: _, ...rest } = preflight("")
    expect(ask(options, "OPTIONS", rest)).toMatchObject({ isHalted: false, headers: { vary: optionsVary } })
    expect(ask(options, "PUT", preflight("https://a.com")).isHalted).toBe(false)
  })

  test("about the private net is allowed only with the option, and only where it asks", () => {
    const asking = { ...preflight("https://a.com"), "access-control-request-private-network": "true" }
    const allowed = (options: Partial<CorsOptions>, headers: Headers) =>
      ask({ origins: "https://a.com", ...options }, "OPTIONS", headers).headers["access-control-allow-private-network"]
    expect(allowed({}, asking)).toBeUndefined()
    expect(allowed({ privateNetwork: true }, preflight("https://a.com"))).toBeUndefined()
    expect(allowed({ privateNetwork: true }, asking)).toBe("true")
    expect(ask({ origins: "https://a.com", privateNetwork: true }, "OPTIONS", asking).headers["vary"]).toContain(
      "access-control-request-private-network",
    )
  })

  test("has its headers reflected with the option, unless one of them is no name", () => {
    const reflected = (names: string | undefined, origins: CorsOptions["origins"] = "*") =>
      ask({ origins, allowHeaders: "reflect" }, "OPTIONS", preflight("https://a.com", "PUT", names)).headers[
        "access-control-allow-headers"
      ]
    expect(reflected("X-A,  x-b ,,x-c")).toBe("x-a, x-b, x-c")
    for (const names of [undefined, "", " , ", "x a", "x-a, ü", "x-a;b", '"x"', "x".repeat(5_000)]) {
      expect(reflected(names), names).toBeUndefined()
    }
    expect(reflected("x-a", "https://b.com")).toBeUndefined()
  })
})

describe("an ordinary answer", () => {
  test("to an allowed origin names it, to another or none it does not, and all vary by it", () => {
    const options: CorsOptions = {
      origins: ["https://a.com"],
      exposeHeaders: ["X-Total"],
      credentials: true,
      maxAge: 5,
    }
    expect(ask(options, "GET", { origin: "https://a.com" }).headers).toEqual({
      "access-control-allow-origin": "https://a.com",
      "access-control-allow-credentials": "true",
      "access-control-expose-headers": "x-total",
      vary: "origin",
    })
    expect(ask(options, "GET", { origin: "https://b.com" }).headers).toEqual({ vary: "origin" })
    expect(ask(options, "GET", {}).headers).toEqual({ vary: "origin" })
  })

  test('with "*" is the same for everybody, and so does not vary', () => {
    for (const headers of [{}, { origin: "https://a.com" }, { origin: "null" }] as Headers[]) {
      expect(ask({ origins: "*" }, "GET", headers).headers).toEqual({ "access-control-allow-origin": "*" })
    }
  })

  test("keeps the vary that is there", () => {
    const plug = cors({ origins: "https://a.com" })
    expect(plug(conn("GET", "/").putRespHeader("vary", "accept")).getRespHeaders("vary")).toEqual(["accept, origin"])
  })

  test("that is an error can be read as well, also one of the router", async () => {
    const router = defineRouter((r) => [
      r.get("/fails", () => {
        throw new HTTPError(409, "taken")
      }),
      r.get("/breaks", (): Conn & never => {
        throw new Error("boom")
      }),
    ])
    const endpoint = defineEndpoint({ onError: () => undefined })
    const app = client(endpoint.plug(cors({ origins: "https://a.com", credentials: true })).router(router))
    for (const [path, status] of [
      ["/fails", 409],
      ["/breaks", 500],
      ["/nowhere", 404],
    ] as const) {
      const answer = await app.get(path, undefined, { headers: { origin: "https://a.com" } })
      const names = ["access-control-allow-origin", "access-control-allow-credentials", "vary"]
      const headers = names.map((name) => answer.headers(name).join())
      expect([answer.status, ...headers], path).toEqual([status, "https://a.com", "true", "origin"])
    }
  })
})

describe("origins", () => {
  const allowed = (origins: CorsOptions["origins"], origin: string) =>
    ask({ origins }, "GET", { origin }).headers["access-control-allow-origin"] === origin

  test("are compared whole, with scheme and port", () => {
    for (const origin of [
      "http://a.com",
      "https://a.com:8443",
      "https://a.com.evil.com",
      "https://evil-a.com",
      "https://www.a.com",
      "https://A.com",
      "https://a.com/",
      "https://a.com, https://a.com",
      "",
    ]) {
      expect(allowed(["https://a.com"], origin), origin).toBe(false)
    }
    expect(allowed(["https://a.com", "http://localhost:5173", "capacitor://localhost"], "capacitor://localhost")).toBe(
      true,
    )
  })

  test("of a RegExp match whole or not at all, however it is written", () => {
    for (const pattern of [
      /https:\/\/\w+\.a\.com/,
      /^https:\/\/\w+\.a\.com$/gim,
      /https:\/\/x\.b\.com|https:\/\/\w+\.a\.com/y,
    ]) {
      const plug = cors({ origins: pattern })
      const headers = { origin: "https://w.a.com" }
      // Twice: a pattern with a state of its own would forget the second time.
      for (let times = 0; times < 2; times++) {
        const told = plug(conn("GET", "/", undefined, { headers })).getRespHeader("access-control-allow-origin")
        expect(told, String(pattern)).toBe("https://w.a.com")
      }
      for (const origin of [
        "https://w.a.com.evil.com",
        "https://w.a.com:1",
        "xhttps://w.a.com",
        "https://evil.com#https://w.a.com",
      ]) {
        expect(allowed([pattern], origin), `${pattern} ${origin}`).toBe(false)
      }
    }
  })

  test('"null" is allowed only where it is named', () => {
    for (const origins of ["https://a.com", /.*/, /null/, () => true] as const)
      expect(allowed(origins, "null")).toBe(false)
    expect(allowed(["https://a.com", "null"], "null")).toBe(true)
  })

  test("of a function are what it says of them, which sees origins and nothing else", () => {
    const asked: string[] = []
    const origins = (origin: string, { host }: { host: string }) => {
      asked.push(origin)
      return origin.endsWith(".a.com") && host === "www.example.com"
    }
    expect(allowed(origins, "https://x.a.com")).toBe(true)
    expect(allowed(origins, "https://x.b.com")).toBe(false)
    for (const odd of [
      "null",
      "x.a.com",
      "https://u@x.a.com",
      "https://x.a.com/p",
      'https://"x.a.com',
      `https://${"x".repeat(600)}.a.com`,
    ]) {
      expect(allowed(origins, odd), odd).toBe(false)
    }
    expect(asked).toEqual(["https://x.a.com", "https://x.b.com"])
  })

  test("of a function that gives no boolean are an error, and not an open door", () => {
    for (const answer of [Promise.resolve(false), "https://a.com", undefined, 1]) {
      expect(() => allowed((() => answer) as never, "https://a.com")).toThrow(UsageError)
    }
  })
})

/** Whether a browser lets a script of `origin` read the answer: the CORS check and the preflight of the Fetch standard. */
function browserReads(
  options: CorsOptions,
  origin: string,
  method: string,
  names: string[],
  credentials: boolean,
): boolean {
  const passes = (headers: Headers) =>
    headers["access-control-allow-origin"] ===
      (credentials ? origin : headers["access-control-allow-origin"] === "*" ? "*" : origin) &&
    (!credentials || headers["access-control-allow-credentials"] === "true")
  const simple = ["GET", "HEAD", "POST"].includes(method)
  if (!simple || names.length > 0) {
    const asked = preflight(origin, method, names.length > 0 ? [...names].sort().join(",") : undefined)
    const { status, headers } = ask(options, "OPTIONS", asked)
    if (status < 200 || status > 299 || !passes(headers)) return false
    const list = (name: string) => (headers[name] ?? "").split(",").map((one) => one.trim())
    const methods = list("access-control-allow-methods")
    if (!simple && !methods.includes(method) && (credentials || !methods.includes("*"))) return false
    const allowed = list("access-control-allow-headers")
    const star = !credentials && allowed.includes("*")
    if (names.some((name) => !allowed.includes(name) && !(star && name !== "authorization"))) return false
  }
  return passes(ask(options, method, { origin }).headers)
}

test("a browser reads what the options allow, and nothing else", () => {
  const origin = fc.constantFrom("https://a.com", "https://b.com", "http://a.com", "null")
  const header = fc.constantFrom("content-type", "authorization", "x-a", "x-b")
  const given = fc.record({
    origins: fc.oneof(fc.constant("*" as const), fc.uniqueArray(origin, { minLength: 1 })),
    allowHeaders: fc.oneof(fc.constantFrom("*" as const, "reflect" as const), fc.uniqueArray(header)),
    methods: fc.uniqueArray(fc.constantFrom("GET", "PUT", "DELETE", "PATCH")),
    credentials: fc.boolean(),
  })
  const request = fc.record({
    origin,
    method: fc.constantFrom("GET", "POST", "PUT", "DELETE", "PATCH", "PURGE"),
    names: fc.uniqueArray(header),
    credentials: fc.boolean(),
  })
  let [read, refused] = [0, 0]
  fc.assert(
    fc.property(given, request, (options, { origin, method, names, credentials }) => {
      const wild = options.origins === "*" || options.allowHeaders === "*"
      if (options.credentials && wild) {
        expect(() => cors(options)).toThrow(InvalidOptionError)
        return
      }
      const { origins, allowHeaders, methods } = options
      const wanted =
        (origins === "*" || origins.includes(origin)) &&
        (!credentials || options.credentials) &&
        (["GET", "POST"].includes(method) || methods.includes(method as "PUT")) &&
        names.every((name) =>
          allowHeaders === "reflect"
            ? true
            : allowHeaders === "*"
              ? name !== "authorization"
              : allowHeaders.includes(name),
        )
      expect(browserReads(options, origin, method, names, credentials)).toBe(wanted)
      if (wanted) read++
      else refused++
    }),
    { numRuns: 500 },
  )
  expect(Math.min(read, refused), "both were tried").toBeGreaterThan(10)
})

test("agrees with Hono's plug on what an allowed origin is told", async () => {
  const options = {
    allowMethods: ["GET", "PUT"],
    allowHeaders: ["x-a", "x-b"],
    exposeHeaders: ["x-c"],
    maxAge: 60,
    credentials: true,
  }
  const theirs = new Hono().use(honoCors({ origin: ["https://a.com"], ...options })).get("/", (c) => c.text("x"))
  const { allowMethods: methods, ...rest } = options
  const ours: CorsOptions = { origins: ["https://a.com"], methods, ...rest }
  for (const [method, headers] of [
    ["GET", { origin: "https://a.com" }],
    ["OPTIONS", preflight("https://a.com", "PUT", "x-a")],
  ] as const) {
    const answer = await theirs.request("http://x/", { method, headers })
    const told = ask(ours, method, headers)
    expect(told.status).toBe(answer.status)
    const spaced = (value: string) => value.split(/, ?/).join(", ")
    for (const name of Object.keys(told.headers).filter((name) => name.startsWith("access-control"))) {
      // Hono also exposes headers in preflights, where no browser looks.
      expect(told.headers[name], name).toBe(spaced(answer.headers.get(name) ?? ""))
    }
  }
})

test("options are checked once, at start", () => {
  const origins = "https://a.com"
  const wrong: unknown[] = [
    undefined,
    {},
    { origins: [] },
    { origins: ["*"] },
    { origins: ["https://a.com", "*"] },
    { origins: "a.com" },
    { origins: "https://a.com/" },
    { origins: "https://A.com" },
    { origins: "https://a.com:443" },
    { origins: "https://bücher.de" },
    { origins: "https://*.a.com" },
    { origins: "https://a.com\r\nx: y" },
    { origins: [1] },
    { origins: "*", credentials: true },
    { origins, credentials: true, allowHeaders: "*" },
    { origins, credentials: true, exposeHeaders: "*" },
    { origins, credentials: "include" },
    { origins, methods: ["patch"] },
    { origins, methods: "GET" },
    { origins, methods: ["GET, PUT"] },
    { origins, allowHeaders: ["x a"] },
    { origins, allowHeaders: ["*"] },
    { origins, allowHeaders: "x-a" },
    { origins, exposeHeaders: ["x-a\r\n"] },
    { origins, exposeHeaders: "reflect" },
    { origins, maxAge: -1 },
    { origins, maxAge: 1.5 },
    { origins, privateNetwork: 1 },
    { origin: origins },
  ]
  for (const options of wrong) {
    expect(() => cors(options as CorsOptions), JSON.stringify(options)).toThrow(InvalidOptionError)
  }
})
