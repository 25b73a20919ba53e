/** Error pages of an application's own. */
import { BadRequestError, type Conn, defineEndpoint, defineRouter, HTTPError, ValidationError } from "plumage"
import { client } from "plumage/test"
import { beforeEach, describe, expect, test } from "vitest"
import { accepts } from "../../src/plugs/accepts.ts"
import { type ErrorFormats, errorPage } from "../../src/plugs/error-page.ts"
import { html as template } from "../../src/plugs/html.ts"
import { settled } from "../loose.ts"

const told: unknown[] = []
beforeEach(() => void told.splice(0))

const all: ErrorFormats = {
  html: ({ status, phrase, message }) => template`<h1>${status} ${phrase}</h1>${message}`,
  json: ({ code, message }) => ({ errors: { code, detail: message } }),
  text: ({ message }) => `oh: ${message}`,
}
const app = (error: unknown, formats: ErrorFormats = all) =>
  client(
    defineEndpoint({ renderErrors: errorPage(formats), onError: (error) => told.push(error) })
      .plug((conn: Conn) => (conn.queryString === "" ? conn : (accepts(["json", "html"])(conn) as Conn)))
      .router(
        defineRouter((r) => [
          r.any("/", () => {
            throw error
          }),
        ]),
      ),
  )
const get = async (one: ReturnType<typeof app>, accept?: string, path = "/") => {
  const answer = await one.get(path, undefined, accept === undefined ? {} : { headers: { accept } })
  return [answer.status, answer.header("content-type"), await answer.text()]
}
const html = "text/html; charset=utf-8"
const json = "application/json; charset=utf-8"
const text = "text/plain; charset=utf-8"

describe("an error page", () => {
  test("is in the format that the client prefers", async () => {
    const one = app(new BadRequestError("<odd>"))
    expect(await get(one, "text/html")).toEqual([400, html, "<h1>400 Bad Request</h1>&lt;odd&gt;"])
    expect(await get(one, "application/json")).toEqual([
      400,
      json,
      '{"errors":{"code":"ERR_BAD_REQUEST","detail":"<odd>"}}',
    ])
    expect(await get(one, "text/plain")).toEqual([400, text, "oh: <odd>"])
    expect(await get(one, "text/html;q=0.5, application/json")).toMatchObject([400, json, expect.anything()])
  })

  test("is the first one for who prefers none, or takes none: never a 406 instead", async () => {
    for (const accept of [undefined, "*/*", "image/png", "", ";;,q=", "text/html;q=0"]) {
      const [status, type] = await get(app(new BadRequestError()), accept)
      expect([accept, status, type]).toEqual([accept, 400, html])
    }
  })

  test("is in the format that accepts has chosen, where there is a page for it", async () => {
    const one = app(new BadRequestError("x"))
    expect(await get(one, "text/html", "/?_format=json")).toMatchObject([400, json, expect.anything()])
    expect(await get(app(new BadRequestError("x"), { text: all.text! }), "text/html", "/?_format=json")).toMatchObject([
      400,
      text,
      expect.anything(),
    ])
  })

  test("knows nothing of an error that is not the client's", async () => {
    const error = Object.assign(new Error("canary", { cause: "canary" }), { status: 418, code: "CANARY" })
    const seen: unknown[] = []
    const formats: ErrorFormats = { html: (shown) => JSON.stringify(seen.push(shown) && shown) }
    expect(await get(app(error, formats))).toMatchObject([500, html, expect.not.stringMatching(/canary/i)])
    expect(seen).toEqual([
      {
        status: 500,
        phrase: "Internal Server Error",
        message: "Internal Server Error",
        code: "ERR_INTERNAL",
        error: undefined,
      },
    ])
    expect(told).toEqual([error])
  })

  test("has the error that is the client's: its issues, its headers", async () => {
    const issues = [{ path: ["body", "name"], message: "is missing" }]
    const formats: ErrorFormats = { json: ({ error }) => ({ issues: (error as ValidationError).issues }) }
    expect(await get(app(new ValidationError(issues), formats))).toEqual([422, json, JSON.stringify({ issues })])
    const answer = await app(new HTTPError(429, "slowly", { headers: ["retry-after", "3"] })).get("/")
    expect([answer.status, answer.header("retry-after")]).toEqual([429, "3"])
  })

  test("may be async, and see the connection", async () => {
    const formats: ErrorFormats = {
      html: async (_, conn) => {
        await settled()
        return `page of ${conn.path}`
      },
    }
    expect(await get(app(new Error("x"), formats))).toEqual([500, html, "page of /"])
  })

  test("of HEAD is its head", async () => {
    const answer = await app(new BadRequestError()).head("/")
    expect([answer.status, answer.header("content-type"), await answer.text()]).toEqual([400, html, ""])
  })
})

describe("the plain page is sent", () => {
  test("where there is no page for a status", async () => {
    const formats: ErrorFormats = {
      html: ({ status }) => (status === 404 ? "lost" : undefined),
      json: async () => undefined,
    }
    expect(await get(app(new HTTPError(404, "x"), formats))).toEqual([404, html, "lost"])
    expect(await get(app(new BadRequestError("x"), formats))).toEqual([400, text, "400 Bad Request\nx\n"])
    expect(await get(app(new BadRequestError("x"), formats), "application/json")).toMatchObject([
      400,
      json,
      expect.anything(),
    ])
    expect(told).toEqual([])
  })

  test.each<[string, ErrorFormats]>([
    [
      "throws",
      {
        html: () => {
          throw new Error("page")
        },
      },
    ],
    [
      "rejects",
      {
        html: async () => {
          throw new Error("page")
        },
      },
    ],
    ["gives no text", { html: (() => 7) as never }],
    ["gives a record", { html: (() => ({})) as never }],
    ["gives what JSON cannot carry", { json: () => ({ n: 1n }) }],
  ])("where a page %s, which is told", async (_, formats) => {
    expect(await get(app(new BadRequestError("x"), formats))).toEqual([400, text, "400 Bad Request\nx\n"])
    expect(told).toHaveLength(1)
  })
})

test.each<[unknown, RegExp]>([
  [{}, /at least one of html, json and text/],
  [{ html: undefined }, /at least one of/],
  [{ html: "<h1>" }, /html takes a function/],
  [{ xml: () => "" }, /has no option xml/],
  [undefined, /takes its options in an object/],
])("errorPage refuses %j at start", (formats, message) => {
  expect(() => errorPage(formats as ErrorFormats)).toThrow(message)
})
