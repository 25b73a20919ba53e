import fc from "fast-check"
import {
  type Conn,
  defineEndpoint,
  defineRouter,
  InvalidOptionError,
  ParseError,
  pipeline,
  RequestTooLargeError,
  UnsupportedMediaTypeError,
  UsageError,
} from "plumage"
import { call, client, conn, exchangeOf } from "plumage/test"
import { describe, expect, test, vi } from "vitest"
import { json } from "../../src/plugs/parse-json.ts"
import { urlencoded } from "../../src/plugs/parse-urlencoded.ts"
import { type BodyParser, type ParsersOptions, parsers } from "../../src/plugs/parsers.ts"
import { rawBodyOf } from "../../src/plugs/raw-body.ts"
import { errorOf } from "../loose.ts"

const form = "application/x-www-form-urlencoded"
const post = (body: string | Uint8Array, type?: string, method = "POST") =>
  conn(method, "/?q=1", body, type === undefined ? {} : { headers: { "content-type": type } })
const parse = async (one: Conn, options?: ParsersOptions): Promise<Conn> => call(parsers(options), one)
const bytes = (text: string) => Uint8Array.from(Buffer.from(text))
const fail = (one: Conn, options?: ParsersOptions): Promise<unknown> =>
  Promise.resolve()
    .then(() => parse(one, options))
    .then(
      () => undefined,
      (error: unknown) => error,
    )

describe("parsers", () => {
  test.each(["POST", "PUT", "PATCH", "DELETE"])("read the body of %s", async (method) => {
    expect((await parse(post("a=1", form, method))).bodyParams).toEqual({ a: "1" })
  })

  test.each(["GET", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "post"])(
    "leave the body of %s alone, at once",
    (method) => {
      const one = post("a=1", form, "POST")
      vi.spyOn(one, "method", "get").mockReturnValue(method)
      const read = vi.spyOn(exchangeOf(one), "readBody")
      expect(call(parsers(), one)).toBe(one)
      expect(one.bodyParams).toEqual({})
      expect(read).not.toHaveBeenCalled()
    },
  )

  test("merge: the path wins over the body, the body over the query", async () => {
    const seen: unknown[] = []
    const router = defineRouter((r) => [
      r.scope("/", pipeline().plug(parsers()), (s) => [
        s.post("/:id", (conn) => {
          seen.push(conn.params, conn.queryParams, conn.bodyParams)
          return conn.text("x")
        }),
      ]),
    ])
    await client(defineEndpoint().router(router)).post("/7?id=q&a=q&b=q", "id=b&a=b", {
      headers: { "content-type": form },
    })
    expect(seen).toEqual([
      { id: "7", a: "b", b: "q" },
      { id: "q", a: "q", b: "q" },
      { id: "b", a: "b" },
    ])
  })

  test("without a content type give nothing, and leave the body unread", async () => {
    const one = post("a=1")
    expect(call(parsers(), one)).toBe(one)
    expect(one.bodyParams).toEqual({})
    expect(await one.readText()).toBe("a=1")
  })

  test("wait for nothing when there is no body", () => {
    for (const type of [form, "application/json"]) {
      const one = post("", type)
      expect(call(parsers(), one)).toBe(one)
      expect(one.bodyParams).toEqual({})
    }
    const declared = conn("POST", "/", undefined, { headers: { "content-type": form, "content-length": "0" } })
    expect(call(parsers(), declared)).toBe(declared)
  })

  test("read a body whose length nobody knows", async () => {
    for (const options of [{ headers: { "transfer-encoding": "chunked" } }, { protocol: "HTTP/2" as const }]) {
      const one = conn("POST", "/", "a=1", { ...options, headers: { "content-type": form, ...options.headers } })
      const exchange = exchangeOf(one)
      const get = exchange.getHeader.bind(exchange)
      exchange.getHeader = (name) => (name === "content-length" ? undefined : get(name))
      expect((await parse(one)).bodyParams).toEqual({ a: "1" })
    }
  })

  test("do nothing to a body that was parsed before", async () => {
    const one = await parse(post("a=1", form))
    const { bodyParams } = one
    expect(call(parsers({ parsers: ["json"] }), one)).toBe(one)
    expect(one.bodyParams).toBe(bodyParams)
    const put = post("a=1", "text/plain").putBodyParams({ own: true })
    expect((await parse(put)).bodyParams).toEqual({ own: true })
  })

  test.each(["text/plain", "text/json", "application/xml", "multipart/related; boundary=b", "application/jsonp"])(
    "refuse %s with 415 before a byte is read, and say what is read instead",
    async (type) => {
      const one = post("x", type)
      const read = vi.spyOn(exchangeOf(one), "readBody")
      const error = errorOf(() => call(parsers(), one))
      expect(error).toBeInstanceOf(UnsupportedMediaTypeError)
      expect(error.message).toContain("urlencoded, multipart, json")
      expect(error.message).not.toContain(type)
      expect(read).not.toHaveBeenCalled()
    },
  )

  test("give root options to every parser that has no own", async () => {
    const own = { parsers: [urlencoded({ length: 20 }), "json", json()], length: 4 } as const
    expect((await parse(post("a=12345", form), own)).bodyParams).toEqual({ a: "12345" })
    expect(await fail(post("[1,2]", "application/json"), own)).toBeInstanceOf(RequestTooLargeError)
    expect(await fail(post("[[1]]", "application/json"), { maxDepth: 1 })).toBeInstanceOf(ParseError)
    expect(await fail(post("a[b][c]=1", form), { maxDepth: 1 })).toBeInstanceOf(ParseError)
    expect(await fail(post("a=1&b=2", form), { maxParams: 1 })).toBeInstanceOf(ParseError)
    const one = post("a=1", form)
    const read = vi.spyOn(exchangeOf(one), "readBody")
    await parse(one, { timeout: 5 })
    expect(read.mock.calls[0]!.slice(0, 2)).toEqual([1_000_000, 5])
  })
})

describe("the length of a body", () => {
  test("is 1 MB for forms and what the server says for others, or less", async () => {
    const lengths = async (bodyBytes: number) => {
      const seen: number[] = []
      for (const [body, type] of [
        ["a=1", form],
        ["{}", "application/json"],
      ] as const) {
        const one = conn("POST", "/", body, { headers: { "content-type": type }, limits: { bodyBytes } })
        const read = vi.spyOn(exchangeOf(one), "readBody")
        await parse(one)
        seen.push(read.mock.calls[0]![0])
      }
      return seen
    }
    expect(await lengths(8_000_000)).toEqual([1_000_000, 8_000_000])
    expect(await lengths(500)).toEqual([500, 500])
  })
})

describe("pass", () => {
  const passed = async (type: string, pass: string[]) => {
    const one = post("<a/>", type)
    const error = await fail(one, { pass })
    if (error !== undefined) return error instanceof UnsupportedMediaTypeError ? 415 : error
    expect(() => one.bodyParams).toThrow(UsageError)
    expect(one.params).toEqual({ q: "1" })
    expect(one.private["plumage_parsers"]).toBe("passed")
    return one.readText()
  }

  test("names types and ranges whose body stays unread and unfetched", async () => {
    expect(await passed("text/xml", ["text/xml"])).toBe("<a/>")
    expect(await passed("Text/XML; charset=x", ["text/*"])).toBe("<a/>")
    expect(await passed("text/xml", ["TEXT/XML"])).toBe("<a/>")
    expect(await passed("text/xmlx", ["text/xml"])).toBe(415)
    expect(await passed("textx/xml", ["text/*"])).toBe(415)
  })

  test("with the range of all types anywhere takes everything, also what is no type", async () => {
    expect(await passed("image/png", ["text/css", "*/*"])).toBe("<a/>")
    expect(await passed("nonsense", ["*/*"])).toBe("<a/>")
    expect(await passed("nonsense", ["text/*"])).toBe(415)
  })

  test("never takes away what a parser reads", async () => {
    expect((await parse(post("a=1", form), { pass: ["*/*"] })).bodyParams).toEqual({ a: "1" })
  })
})

describe("a content type in an odd form", () => {
  const variant = fc
    .record({
      type: fc.constantFrom(
        "application/json",
        "Application/JSON",
        "application/vnd.x+json",
        "application/json5",
        form,
      ),
      before: fc.constantFrom("", " ", "\t", "\u00a0", "x", ","),
      between: fc.constantFrom(
        "",
        ";",
        " ;",
        "\t;",
        ";;",
        ",",
        ", text/plain",
        "\u00a0",
        "\0",
        "\v",
        ";a",
        ';a="',
        ";a=b",
        " x",
      ),
      after: fc.constantFrom("", "charset=utf-8", "charset", "=", '"', " ", "\t"),
    })
    .map(({ type, before, between, after }) => before + type + between + after)

  test("is what it is or 415, never let through unparsed", async () => {
    const outcomes = { parsed: 0, refused: 0 }
    await fc.assert(
      fc.asyncProperty(variant, async (type) => {
        const one = post('{"a":[1]}', type)
        const error = await fail(one)
        if (error === undefined) {
          outcomes.parsed++
          expect(Object.keys(one.bodyParams)).toHaveLength(1)
        } else {
          outcomes.refused++
          expect(error).toBeInstanceOf(UnsupportedMediaTypeError)
        }
      }),
      { numRuns: 2000 },
    )
    expect(outcomes.parsed).toBeGreaterThan(100)
    expect(outcomes.refused).toBeGreaterThan(100)
  })

  test.each([
    "application/json\t",
    " application/json",
    "application/json;",
    "application/json ;charset",
    "APPLICATION/Json",
  ])("%j is JSON", async (type) => {
    expect((await parse(post('{"a":1}', type))).bodyParams).toEqual({ a: 1 })
  })

  test.each(["", ";", "json", "application/", "/json", "application/json/x", "application/json, application/json"])(
    "%j is 415",
    async (type) => {
      expect(await fail(post("{}", type))).toBeInstanceOf(UnsupportedMediaTypeError)
    },
  )
})

describe("a parser of one's own", () => {
  const csv = (parse: BodyParser["parse"]): BodyParser => ({ name: "csv", parse })

  test("is asked in its place, with the media type, and may decline, sync or async", async () => {
    const seen: unknown[] = []
    const declines = csv((_, type) => {
      seen.push(type)
      return undefined
    })
    const declinesLater = csv(async () => undefined)
    const reads = csv(async (one) => ({ rows: (await one.readText()).split(",") }))
    const list = [declines, declinesLater, reads, "json"] as const
    expect((await parse(post("a,b", "text/csv; x=1"), { parsers: list })).bodyParams).toEqual({ rows: ["a", "b"] })
    expect(seen).toEqual([{ type: "text", subtype: "csv", params: { x: "1" } }])
    expect(await fail(post("", "text/csv"), { parsers: [declinesLater] })).toBeInstanceOf(UnsupportedMediaTypeError)
  })

  test("that gives no object is a mistake of the program", () => {
    expect(() => call(parsers({ parsers: [csv(() => "x" as never)] }), post("x", "text/csv"))).toThrow(UsageError)
  })
})

describe("the raw body", () => {
  test("is every byte of what was parsed, and the caller's own", async () => {
    const raw = ' {"a" : 1}\r\n'
    const one = await parse(post(raw, "application/json"), { rawBody: true })
    expect(one.bodyParams).toEqual({ a: 1 })
    expect(rawBodyOf(one)).toEqual(bytes(raw))
    rawBodyOf(one).fill(0)
    expect(rawBodyOf(one)).toEqual(bytes(raw))
  })

  test("is kept for forms, for multipart, for parsers of one's own, without a type and without a body", async () => {
    const part = '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--b--\r\nepilogue'
    const own: BodyParser = {
      name: "own",
      parse: async (one, { subtype }) => (subtype === "csv" ? { own: (await one.readBody()).fill(0) } : undefined),
    }
    for (const [body, type] of [
      ["a=1", form],
      [part, "multipart/form-data; boundary=b"],
      ["a,b", "text/csv"],
      ["x", undefined],
      ["", "application/json"],
    ] as const) {
      const one = await parse(post(body, type), { rawBody: true, parsers: ["urlencoded", "multipart", "json", own] })
      expect(rawBodyOf(one), type).toEqual(bytes(body))
    }
  })

  test("is kept only where the function says so", async () => {
    const rawBody = (one: Conn) => one.getReqHeader("x-signature") !== undefined
    const plain = await parse(post("a=1", form), { rawBody })
    expect(() => rawBodyOf(plain)).toThrow(UsageError)
    const signed = conn("POST", "/", "a=1", { headers: { "content-type": form, "x-signature": "s" } })
    expect(rawBodyOf(await parse(signed, { rawBody }))).toEqual(bytes("a=1"))
  })

  test("of a type that was passed is there once it was read", async () => {
    const one = await parse(post("x", "text/plain"), { rawBody: true, pass: ["text/*"] })
    expect(() => rawBodyOf(one)).toThrow(UsageError)
    await one.readBody()
    expect(rawBodyOf(one)).toEqual(bytes("x"))
  })

  test("beyond the length is not kept", async () => {
    const one = await parse(post("a=12345", form), { rawBody: true, length: 3, parsers: [urlencoded({ length: 9 })] })
    expect(one.bodyParams).toEqual({ a: "12345" })
    expect(() => rawBodyOf(one)).toThrow(/3 bytes/)
    expect(await fail(post("12345"), { rawBody: true, length: 3 })).toBeInstanceOf(RequestTooLargeError)
  })
})

describe("the options", () => {
  test.each<[string, object]>([
    ["an unknown name", { lenght: 1 }],
    ["a length that is none", { length: -1 }],
    ["a length with a fraction", { length: 1.5 }],
    ["a length in text", { length: "8mb" }],
    ["a timeout of nothing", { timeout: 0 }],
    ["a depth that is none", { maxDepth: Number.NaN }],
    ["a count that is none", { maxParams: -1 }],
    ["a flag that is none", { validateUtf8: "yes" }],
    ["an unknown parser", { parsers: ["xml"] }],
    ["an inherited name", { parsers: ["toString"] }],
    ["a parser that is none", { parsers: [{ name: "x" }] }],
    ["no parser at all", { parsers: [undefined] }],
    ["parsers that are no list", { parsers: "json" }],
    ["a range that is none", { pass: ["text"] }],
    ["a range of types with one subtype", { pass: ["*/json"] }],
    ["a pass that is no list", { pass: "text/*" }],
    ["a raw body that is none", { rawBody: "yes" }],
    ["no object", "json" as never],
  ])("refuse %s at start", (_, options) => {
    expect(() => parsers(options as ParsersOptions)).toThrow(InvalidOptionError)
  })

  test("of each parser are checked, too", () => {
    expect(() => json({ nestAllJson: 1 as never })).toThrow(InvalidOptionError)
    expect(() => json({ length: -1 })).toThrow(InvalidOptionError)
    expect(() => urlencoded({ nestAllJson: true } as never)).toThrow(InvalidOptionError)
  })
})
