/** The debugger: what it shows, to whom in which form, and that nothing which is thrown breaks it. */

import fc from "fast-check"
import { BadRequestError, type Conn, defineEndpoint, defineRouter, HTTPError, pipeline } from "plumage"
import { type ClientResponse, type ConnOptions, client } from "plumage/test"
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { inner } from "../../src/conn/conn.ts"
import { expire } from "../../src/conn/stream.ts"
import { type DebugErrorsOptions, debugErrors } from "../../src/plugs/debug-errors.ts"
import { watchProcess } from "../adapters/suite/guard.ts"
import { settled } from "../loose.ts"

type Action = (conn: Conn) => any

const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
const told: unknown[] = []
const here = "http://localhost:4000"
const endpoint = (action: Action, options?: DebugErrorsOptions) =>
  defineEndpoint({ renderErrors: debugErrors(options), onError: (error) => told.push(error) }).router(
    defineRouter((r) => [r.any("/*rest", action)]),
  )
const raise =
  (error: unknown): Action =>
  () => {
    throw error
  }
const boom = raise(new Error("boom"))
const ask = (action: Action, accept: string, path = "/", options: ConnOptions = {}) =>
  client(endpoint(action)).get(here + path, undefined, { ...options, headers: { accept, ...options.headers } })
const pageFor = async (action: Action, path?: string, options?: ConnOptions) =>
  (await ask(action, browser, path, options)).text()
/** The answer in each of its forms. */
const forms = async (action: Action, path?: string, options?: ConnOptions): Promise<string[]> => {
  const texts: string[] = []
  for (const accept of [browser, "*/*", "application/json"]) {
    const answer = await ask(action, accept, path, options)
    texts.push(await answer.text())
  }
  return texts
}
const typeOf = (answer: ClientResponse) => answer.header("content-type")

beforeEach(() => void told.splice(0))
afterEach(() => vi.unstubAllEnvs())
watchProcess()

describe("the form", () => {
  const html = "text/html; charset=utf-8"
  const markdown = "text/markdown; charset=utf-8"
  const json = "application/json; charset=utf-8"
  test.each<[string, Record<string, string>, string]>([
    ["a browser", { accept: browser }, html],
    ["whoever asks for HTML", { accept: "text/html" }, html],
    ["a browser's document, whatever it accepts", { accept: "*/*", "sec-fetch-dest": "document" }, html],
    ["curl", { accept: "*/*" }, markdown],
    ["a client that says nothing", {}, markdown],
    ["a client that wants an image", { accept: "image/png" }, markdown],
    ["a client of an API", { accept: "application/json" }, json],
    ["a client that likes JSON better than HTML", { accept: "text/html;q=0.5, application/json" }, json],
    ["a script that sends JSON and accepts all", { accept: "*/*", "content-type": "application/json" }, json],
    ["one that sends JSON of a kind", { accept: "*/*", "content-type": "application/vnd.api+json" }, json],
  ])("for %s", async (_, headers, type) => {
    const answer = await client(endpoint(boom)).get(`${here}/`, undefined, { headers })
    expect([answer.status, typeOf(answer), answer.header("cache-control")]).toEqual([500, type, "no-store"])
    expect(await answer.text()).toContain("boom")
    expect(told).toHaveLength(1)
  })

  test("has the status and headers of the error", async () => {
    const answer = await ask(raise(new HTTPError(409, "taken", { headers: ["retry-after", "5"] })), browser)
    expect([answer.status, answer.header("retry-after"), told]).toEqual([409, "5", []])
    const text = await answer.text()
    expect(text).toContain("409 Conflict")
    expect(text).toContain("In production a client is told this message.")
  })

  test("of a 500 says what clients see in production", async () => {
    expect(await pageFor(boom)).toContain("In production a client is told only “500 Internal Server Error”.")
  })

  test("of HEAD is the head alone", async () => {
    const answer = await client(endpoint(boom)).head(`${here}/`, undefined, { headers: { accept: browser } })
    expect([answer.status, typeOf(answer), await answer.text()]).toEqual([500, html, ""])
  })

  test("JSON has the shape of the plain answer, and more beside it", async () => {
    const body = (await (await ask(raise(new BadRequestError("odd")), "application/json", "/a?b=1")).json()) as any
    expect(body.error).toEqual({ status: 400, code: "ERR_BAD_REQUEST", name: "BadRequestError", message: "odd" })
    expect(body.debug["query parameters"]).toEqual({ b: "1" })
    expect(body.debug.headers).toMatchObject({ accept: "application/json", host: "localhost:4000" })
    expect(body.debug.errors[0].frames.join("\n")).toContain("debug-errors.test.ts")
  })
})

describe("what is shown", () => {
  class PaymentError extends Error {
    readonly amount = 12
  }
  function fails(): never {
    throw new PaymentError("no money", {
      cause: new AggregateError([new RangeError("first bank"), "second bank"], "all banks"),
    })
  }

  test("is the error, its causes and the members of an AggregateError, with what they carry", async () => {
    for (const text of await forms(fails)) {
      for (const part of ["PaymentError", "no money", "amount: 12", "AggregateError", "all banks", "RangeError"]) {
        expect(text).toContain(part)
      }
      for (const part of ["first bank", "second bank", "errors[1]"]) expect(text).toContain(part)
    }
  })

  test("is the source around each frame of the application, the line that failed marked", async () => {
    const html = await pageFor(fails)
    const [, failing = ""] = /<span class="failing" aria-current="true"><i>\d+<\/i>(.*)/.exec(html) ?? []
    expect(failing.replace(/<[^>]+>/g, "")).toContain("throw new PaymentError(&quot;no money&quot;, {")
    expect(await (await ask(fails, "*/*")).text()).toMatch(/^> +\d+ \| +throw new PaymentError\("no money", \{$/m)
  })

  test("of a frame is its function, file and line; those of Plumage and Node are behind a toggle", async () => {
    const html = await pageFor(fails)
    const frames = [...html.matchAll(/<(?:details|div) class="frame[^>]*>(?:<summary>)?(.*?)<\/span>/g)]
    const titles = frames.map(([, title]) => title!.replace(/<[^>]+>/g, ""))
    expect(titles[0]).toMatch(/^fails test\/plugs\/debug-errors\.test\.ts:\d+$/)
    expect(titles.filter((title) => !title.includes("debug-errors.test.ts"))).toEqual([])
    const whole = html.indexOf('<details class="whole">')
    expect(html.slice(whole)).toMatch(
      /<li class="plumage"><code>run<\/code> <span class="file">plumage\/src\/plug\/run.ts/,
    )
  })

  test("is the request: path, query, headers, parameters, session, assigns", async () => {
    const action: Action = (conn) => {
      const session = { id: undefined, all: () => ({ cart: ["apple"] }) }
      conn.putBodyParams({ comment: "written" }).assign("session", session).assign("user", { name: "ada" })
      throw new Error("boom")
    }
    for (const text of await forms(action, "/shop/7?page=2", { headers: { "x-trace": "abc", cookie: "theme=dark" } })) {
      for (const part of ["/shop/7?page=2", "x-trace", "abc", "written", "apple", "ada", "theme", "127.0.0.1"]) {
        expect(text).toContain(part)
      }
    }
    expect(told).toHaveLength(3)
  })

  test("is what runs: versions, memory, time", async () => {
    const html = await pageFor(boom)
    expect(html).toContain(process.version)
    expect(html).toMatch(/<dt>Plumage<\/dt><dd>\d+\.\d+\.\d+/)
    expect(html).toMatch(/JavaScript heap/)
  })

  test("are the plugs of endpoint and route, with the one that failed", async () => {
    const outer = (conn: Conn) => conn
    const first = (conn: Conn) => conn.assign("first", 1)
    const second = (): never => {
      throw new Error("boom")
    }
    const third = (conn: Conn) => conn
    const row = pipeline().plug(first).plug(second).plug(third)
    const app = defineEndpoint({ renderErrors: debugErrors(), onError: () => undefined })
      .plug(outer)
      .router(defineRouter((r) => [r.scope("/", row, (r) => [r.get("/", (conn: Conn) => conn.text("x"))])]))
    const text = await (await client(app).get(`${here}/`)).text()
    const plugs = /## Plugs\n\n((?:\d.*\n)+)/.exec(text)?.[1]?.trimEnd().split("\n")
    expect(plugs).toEqual([
      "1. `outer` (ran)",
      "2. `first` (ran)",
      "3. `second` (**here**)",
      "4. `third` (not reached)",
      "5. `the action of GET /` (not reached)",
    ])
  })

  test("of a path without a route are the endpoint's plugs and its router", async () => {
    const before = (conn: Conn) => conn
    const app = defineEndpoint({ renderErrors: debugErrors() })
      .plug(before)
      .plug((conn) => conn)
      .router(defineRouter((r) => [r.get("/", boom)]))
    const text = await (await client(app).get(`${here}/nowhere`)).text()
    expect(text).toContain("no route found for GET /nowhere")
    expect(text).toMatch(/1\. `before` \(ran\)\n2\. `\(conn\) => conn` \(ran\)\n3\. `the router` \(\*\*here\*\*\)/)
  })

  test("is there at a deadline too, when there is no time to wait", async () => {
    const answer = await ask(async (conn) => {
      expire(inner(conn), new HTTPError(503, "time is up"))
      await settled()
      return conn.text("late")
    }, browser)
    expect([answer.status, (await answer.text()).includes("time is up")]).toEqual([503, true])
  })
})

describe("the page", () => {
  test("loads nothing from anywhere, and runs nothing but its own", async () => {
    const answer = await ask(boom, browser)
    const html = await answer.text()
    const policy = answer.header("content-security-policy")!
    const [, nonce = ""] = /script-src 'nonce-([^']+)'/.exec(policy) ?? []
    expect(nonce.length).toBeGreaterThan(20)
    expect(policy).toBe(
      `default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    )
    expect(html.match(/<(?:script|style)[^>]*>/g)).toEqual([`<style nonce="${nonce}">`, `<script nonce="${nonce}">`])
    expect(html).not.toMatch(/<[^>]+\s(?:src|href|style|on\w+)=|@import|url\(|<(?:link|base|iframe|img|form|object)\b/)
    const again = await ask(boom, browser)
    expect(again.header("content-security-policy")).not.toBe(policy)
  })

  test("takes the place of the application's policies", async () => {
    const answer = await ask((conn) => {
      conn
        .putRespHeader("content-security-policy", "upgrade-insecure-requests")
        .putRespHeader("content-security-policy-report-only", "default-src 'self'")
        .prependRespHeaders([["content-security-policy", "sandbox"]])
      throw new Error("boom")
    }, browser)
    expect(answer.headers("content-security-policy")).toHaveLength(1)
    expect(answer.headers("content-security-policy-report-only")).toEqual([])
    expect(answer.header("x-content-type-options")).toBe("nosniff")
  })

  test("escapes all that came from outside, wherever it is shown", async () => {
    const tag = `</textarea></script></style><img src=x onerror=alert(1)>'"&`
    class Odd extends Error {
      override readonly name = tag
      readonly [tag] = tag
    }
    const action: Action = (conn) => {
      const session = { all: () => ({ [tag]: tag, deep: { [tag]: [tag] } }) }
      conn
        .putBodyParams({ [tag]: `a\n${tag}`, deep: { [tag]: tag } })
        .assign(tag, tag)
        .assign("deep", { tag: [tag] })
      const error = new Odd(tag, { cause: tag })
      error.stack = `${tag}: ${tag}\n    at ${tag} (/tmp/${tag}.ts:1:2)\n    at ${tag}`
      throw Object.defineProperty(conn.assign("session", session), "x", { value: 1 }) && error
    }
    const path = `/${encodeURIComponent(tag)}?${encodeURIComponent(tag)}=${encodeURIComponent(tag)}&a[b]=${tag}`
    const html = await pageFor(action, path, { headers: { [`x-${"a"}`]: tag, cookie: `a${tag}=1; b="${tag}"` } })
    expect(told).toHaveLength(1)
    expect(html).not.toContain("<img")
    expect(html.match(/<\/(?:textarea|script|style)>/g)).toHaveLength(3)
    expect(html).toContain("&lt;img src=x")
  })

  test("property: no text gets out of its place", async () => {
    const hostile = fc.array(
      fc.constantFrom("<", ">", '"', "'", "&", "`", "]]>", "<!--", "a", "\n", "{", "\\", "\u2028"),
      {
        maxLength: 12,
      },
    )
    await fc.assert(
      fc.asyncProperty(hostile, async (parts) => {
        const text = parts.join("")
        const tags = async (value: string) => {
          const action: Action = (conn) => raise(new Error(`m${value}`, { cause: value }))(conn.assign("a", { value }))
          const html = await pageFor(action, "/")
          // What is painted in the source of this file is the same for both.
          return html.match(/<[a-z/!][^>]*>/g)!.filter((tag) => !/nonce|^<\/?(?:pre|p)\b|tall|^<\/?div/.test(tag))
        }
        expect(await tags(text)).toEqual(await tags("plain"))
      }),
      { numRuns: 30 },
    )
  })

  test("links files to the editor that is named, by option or PLUG_EDITOR", async () => {
    const named = endpoint(boom, { editor: "vscode" })
    const page = async (app: typeof named) =>
      (await client(app).get(`${here}/`, undefined, { headers: { accept: browser } })).text()
    expect(await page(named)).toMatch(/href="vscode:\/\/file\/[^"]+\/test\/plugs\/debug-errors\.test\.ts:\d+:\d+"/)
    vi.stubEnv("PLUG_EDITOR", "txmt://open?url=file://__FILE__&line=__LINE__")
    expect(await page(endpoint(boom))).toMatch(/href="txmt:\/\/open\?url=file:\/\/\/[^"]+\.ts&amp;line=\d+"/)
    expect(await page(named)).toContain('href="vscode:')
  })

  test("holds all of it as Markdown, to be copied", async () => {
    const html = await pageFor(boom)
    const [, text = ""] = /<textarea [^>]+>\n([\s\S]*?)<\/textarea>/.exec(html) ?? []
    const entities: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'" }
    const markdown = text.replace(/&(amp|lt|gt|quot|#39);/g, (_, name: string) => entities[name]!)
    expect(markdown).toMatch(/^# Error at GET \/\n/)
    expect(markdown).toContain("## Runtime")
  })
})

describe("secrets", () => {
  // Nowhere in this file as it stands: the source that is shown is this file's.
  const canary = (n: number) => ["canary", n].join("-")

  test("are hidden wherever a name says that they are one", async () => {
    const action: Action = (conn) => {
      conn
        .putBodyParams({ user: { password: canary(1) }, api_key: canary(2) })
        .assign("session", { all: () => ({ _csrf_token: canary(3) }) })
        .assign("token", canary(4))
        .assign("settings", { stripe: { secretKey: canary(5) }, keys: new Map([["privateKey", canary(6)]]) })
      throw Object.assign(new Error("boom"), { options: { authorization: canary(7) } })
    }
    const headers = {
      authorization: `Bearer ${canary(8)}`,
      "proxy-authorization": canary(9),
      "x-api-key": canary(10),
      cookie: `anything=${canary(11)}; __Host-id=${canary(12)}`,
      "x-csrf-token": canary(13),
      referer: `http://localhost/reset?token=${canary(14)}`,
    }
    const texts = await forms(action, `/?token=${canary(15)}&user%5Bpassword%5D=${canary(16)}&key=${canary(17)}`, {
      headers,
    })
    expect(told).toHaveLength(3)
    for (const text of texts) {
      expect(text).not.toMatch(/canary-\d/)
      expect(text).toContain("[FILTERED]")
      expect(text).toContain("anything")
    }
  })

  test("are those that are named, when they are named", async () => {
    const app = endpoint((conn) => raise(new Error("x"))(conn.assign("iban", canary(1)).assign("token", canary(2))), {
      filter: ["iban"],
    })
    const text = await (await client(app).get(`${here}/`)).text()
    expect([text.includes(canary(1)), text.includes(canary(2))]).toEqual([false, true])
  })
})

describe("whatever is thrown", () => {
  const hostile = {
    get: () => {
      throw new Error("from a trap")
    },
  }
  const throwing = (name: string, base: object = new Error("x")) =>
    Object.defineProperty(base, name, {
      enumerable: true,
      get() {
        throw new Error(`from ${name}`)
      },
    })
  const revoked = Proxy.revocable({}, {})
  revoked.revoke()
  const cyclic = new Error("a")
  cyclic.cause = new Error("b", { cause: cyclic })
  const endless = new Error("0")
  for (let n = 1, last = endless; n < 1_000; n++) last = (last.cause = new Error(String(n))) as Error
  const wide = (depth: number): unknown =>
    depth === 0 ? "leaf" : Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`k${n}`, wide(depth - 1)]))
  class Throws extends Error {
    override get message(): string {
      throw new Error("from message")
    }
  }
  const cases: [string, unknown][] = [
    ["null", null],
    ["undefined", undefined],
    ["a string", "just text <b>"],
    ["an empty string", ""],
    ["a number", Number.NaN],
    ["a bigint", 10n ** 100n],
    ["a symbol", Symbol("odd")],
    ["a function", () => undefined],
    ["an object", { code: "x" }],
    ["an object without a prototype", Object.create(null)],
    ["a Proxy", new Proxy({}, hostile)],
    [
      "a Proxy of an Error that traps all",
      new Proxy(new Error("x"), {
        ...hostile,
        getPrototypeOf: hostile.get,
        ownKeys: hostile.get,
        getOwnPropertyDescriptor: hostile.get,
        has: hostile.get,
      }),
    ],
    ["a revoked Proxy", revoked.proxy],
    ...["message", "stack", "name", "cause", "errors", "constructor", "code"].map((name): [string, unknown] => [
      `an Error whose ${name} throws`,
      throwing(name),
    ]),
    ["an object whose toString throws", throwing("toString", {})],
    ["an Error of a class whose message throws", new Throws()],
    ["an Error whose stack is a number", Object.assign(new Error("x"), { stack: 1 })],
    ["an Error without a stack", Object.assign(new Error("x"), { stack: undefined })],
    ["an Error whose message is an object", Object.assign(new Error("x"), { message: { a: 1 } })],
    [
      "an Error with colours",
      Object.assign(new Error("\x1b[31mred\x1b[0m\x07\x1b]0;title\x07"), {
        stack: "\x1b[31mError\x1b[0m\n    at \x1b[1mx\x1b[0m (/a\x1b[2J.ts:1:1)",
      }),
    ],
    ["a huge message", new Error("<x>\n".repeat(500_000))],
    ["a huge stack", Object.assign(new Error("x"), { stack: `Error: x\n${"    at f (/a.ts:1:1)\n".repeat(200_000)}` })],
    ["a long line in a stack", Object.assign(new Error("x"), { stack: `Error: x\n    at ${"( ".repeat(400_000)}` })],
    ["cyclic causes", cyclic],
    ["endless causes", endless],
    [
      "an AggregateError of itself",
      (() => {
        const error = new AggregateError([], "x")
        error.errors.push(error, error)
        return error
      })(),
    ],
    ["a wide AggregateError", new AggregateError(Array.from({ length: 5_000 }, (_, n) => new Error(String(n))))],
    ["an Error that carries a lot", Object.assign(new Error("x"), { data: wide(4), bytes: new Uint8Array(1_000_000) })],
  ]
  test.each(cases)("%s is shown, bounded, in every form", async (_, error) => {
    for (const [accept, type] of [
      [browser, "text/html"],
      ["*/*", "text/markdown"],
      ["application/json", "application/json"],
    ] as const) {
      told.length = 0
      const answer = await ask(raise(error), accept)
      const text = await answer.text()
      expect([answer.status, typeOf(answer)]).toEqual([500, `${type}; charset=utf-8`])
      // A render that failed would be told of as well.
      expect(told.length).toBe(1)
      expect(text.length).toBeLessThan(400_000)
      expect(text).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/)
      if (type === "application/json") expect(JSON.parse(text).error.status).toBe(500)
    }
  })

  test("an error that is its own cause, or a member twice, is shown once", async () => {
    const member = new Error("member")
    const error = new AggregateError([member, member], "all", { cause: cyclic })
    error.errors.push(error)
    const body = (await (await ask(raise(error), "application/json")).json()) as any
    const shown = body.debug.errors.map(({ relation, message }: any) => [relation, message])
    expect(shown).toEqual([
      ["", "all"],
      ["cause", "a"],
      ["cause › cause", "b"],
      ["errors[0]", "member"],
    ])
  })

  test("assigns of that kind are shown too", async () => {
    const action: Action = (conn) => {
      cases.forEach(([name, value]) => {
        conn.assign(name, value)
      })
      conn.assign("session", new Proxy({}, hostile))
      throw new Error("boom")
    }
    for (const text of await forms(action)) expect(text).toContain("a revoked Proxy")
    expect(told).toHaveLength(3)
  })

  test.each([
    ["a path that is not UTF-8", "/%FF", {}],
    ["a query that is not UTF-8", "/?a=%FF", {}],
    ["a cookie that is none", "/", { cookie: "%FF;;;=;a" }],
  ])("and %s does not break it", async (_, path, headers) => {
    const answer = await ask(
      (conn) => conn.json([conn.queryParams, conn.path, raise(new Error("x"))(conn)]),
      browser,
      path,
      { headers },
    )
    expect(typeOf(answer)).toBe("text/html; charset=utf-8")
  })
})

describe("debugErrors", () => {
  test("refuses where NODE_ENV is production, with no way around it", () => {
    vi.stubEnv("NODE_ENV", "production")
    expect(() => debugErrors()).toThrow(/not for NODE_ENV=production/)
    expect(() => debugErrors({ allowInProduction: true } as object)).toThrow(/has no option allowInProduction/)
  })

  test.each([
    [{ editor: "emacs" }, /editor takes one of vscode/],
    [{ filter: [1] }, /filter takes/],
    [{ allowPeers: ["everybody"] }, /debugErrors: allowPeers: a network looks like/],
    [{ allowHosts: "localhost" }, /allowHosts takes a list/],
    [{ style: {} }, /has no option style/],
  ])("refuses an option that it does not take: %j", (options, message) => {
    expect(() => debugErrors(options as unknown as DebugErrorsOptions)).toThrow(message)
  })

  test("refuses a PLUG_EDITOR that is none, by its name", () => {
    vi.stubEnv("PLUG_EDITOR", "javascript:alert('{file}')")
    expect(() => debugErrors()).toThrow(/debugErrors: PLUG_EDITOR takes/)
  })
})
