import fc from "fast-check"
import { type Conn, ParseError, RequestTooLargeError } from "plumage"
import { call, conn } from "plumage/test"
import { describe, expect, test } from "vitest"
import { type JsonOptions, json, parseJson } from "../../src/plugs/parse-json.ts"
import { parsers } from "../../src/plugs/parsers.ts"

const post = (body: string | Uint8Array, type = "application/json") =>
  conn("POST", "/?q=1", body, { headers: { "content-type": type } })
const parsed = async (body: string | Uint8Array, options?: JsonOptions, type?: string): Promise<Conn> =>
  call(parsers({ parsers: [json(options)] }), post(body, type))
const parse = async (body: string | Uint8Array, options?: JsonOptions, type?: string) =>
  (await parsed(body, options, type)).bodyParams
const refused = async (body: string | Uint8Array, options?: JsonOptions): Promise<ParseError> => {
  const error = await parsed(body, options).catch((failure: unknown) => failure)
  expect(error).toBeInstanceOf(ParseError)
  return error as ParseError
}
const nested = (depth: number, inner = "") => "[".repeat(depth) + inner + "]".repeat(depth)

describe("json", () => {
  test("gives the values that JSON.parse gives", async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ maxDepth: 8 }), async (value) => {
        const text = JSON.stringify(value)
        expect(JSON.stringify((await parse(text, { nestAllJson: true }))["_json"])).toBe(text)
      }),
    )
  })

  test("an object gives the parameters, any other value is under _json, nothing gives nothing", async () => {
    expect(await parse('{"a":{"b":[1]}}')).toEqual({ a: { b: [1] } })
    for (const body of ["[1]", "null", "7", '"x"', "true"])
      expect(await parse(body)).toEqual({ _json: JSON.parse(body) })
    const chunked = conn("POST", "/", "", {
      headers: { "content-type": "application/json", "transfer-encoding": "chunked" },
    })
    expect((await call(parsers(), chunked)).bodyParams).toEqual({})
    expect(await parse('{"a":1}', { nestAllJson: true })).toEqual({ _json: { a: 1 } })
  })

  test.each(["application/json; charset=utf-8", "application/vnd.api+json", "Application/Problem+JSON"])(
    "reads %s",
    async (type) => expect(await parse("[]", {}, type)).toEqual({ _json: [] }),
  )

  test.each([
    "{",
    "{'a':1}",
    "undefined",
    "NaN",
    "[1,]",
    "\ufeff{}",
    '{"a":1} x',
    " ",
    '"\n"',
    "01",
    '{"a":1,}',
    "[1 2]",
  ])("%j is a 400 that keeps its cause", async (body) =>
    expect((await refused(body)).cause).toBeInstanceOf(SyntaxError),
  )

  test("says nothing of the body in its message", async () => {
    for (const body of [
      "secret",
      '{"secret',
      '{"a":secret}',
      Uint8Array.of(0x22, 0xff, 0x22),
      nested(65, '"secret"'),
    ]) {
      expect((await refused(body)).message).not.toMatch(/secret|"/)
    }
  })

  test.each([
    ["a lone byte", [0xff]],
    ["a cut character", [0xe2, 0x82]],
    ["an overlong form", [0xc0, 0xaf]],
    ["half a surrogate pair", [0xed, 0xa0, 0x80]],
  ])("text with %s is a 400, whatever the charset says", async (_, bytes) => {
    await refused(Uint8Array.of(0x22, ...bytes, 0x22))
    await refused(Uint8Array.from(Buffer.from('{"a":1}', "utf16le")))
  })

  test("has a length", async () => {
    expect(await parse("[1,2]", { length: 5 })).toEqual({ _json: [1, 2] })
    await expect(parsed("[1,2]", { length: 4 })).rejects.toBeInstanceOf(RequestTooLargeError)
  })
})

describe("the depth of JSON", () => {
  test("is 64 levels, of lists and objects, or as many as are given", async () => {
    expect(await parse(nested(64))).toHaveProperty("_json")
    await refused(nested(65))
    const objects = (depth: number) => '{"a":'.repeat(depth) + "1" + "}".repeat(depth)
    expect(await parse(objects(64))).toHaveProperty("a")
    await refused(objects(65))
    expect(await parse("1", { maxDepth: 0 })).toEqual({ _json: 1 })
    await refused("[]", { maxDepth: 0 })
  })

  test("is the same for long bodies, where it is counted before", async () => {
    const padding = `"${"[{".repeat(40_000)}\\"[",`
    for (const [depth, ok] of [
      [64, true],
      [65, false],
    ] as const) {
      const body = `[${padding}${nested(depth - 1)}]`
      if (ok) expect(await parse(body)).toHaveProperty("_json")
      else await refused(body)
    }
  })

  test("is counted right for any value", () => {
    const depthOf = (value: unknown): number =>
      typeof value !== "object" || value === null ? 0 : 1 + Math.max(0, ...Object.values(value).map(depthOf))
    const strings = fc.stringMatching(/^[[\]{}"\\a]{0,8}$/)
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof({ maxDepth: 6 }, strings, fc.array(tie("value")), fc.dictionary(strings, tie("value"))),
    }))
    fc.assert(
      fc.property(value, (tree) => {
        const depth = depthOf(tree)
        for (const padding of ["", " ".repeat(70_000)]) {
          const data = Buffer.from(JSON.stringify(tree) + padding)
          expect(() => parseJson(data, depth)).not.toThrow()
          if (depth > 0) expect(() => parseJson(data, depth - 1)).toThrow(ParseError)
        }
      }),
      { numRuns: 100 },
    )
  })

  test("beyond all bounds is refused before anything is made of it", async () => {
    for (const body of ["[".repeat(7_999_999), '{"a":'.repeat(1_000_000), nested(3_000_000)]) {
      const error = await refused(body)
      expect(error.message).toContain("64 levels")
      expect(error.cause).toBeUndefined()
    }
  })
})

describe("keys that mean something to JavaScript", () => {
  const hostile = `{"__proto__":{"polluted":1,"toString":2},"constructor":{"prototype":{"polluted":1}},
    "list":[{"__proto__":{"polluted":1}}],"hasOwnProperty":1,"length":9}`

  test("are keys like any other of objects without prototypes", async () => {
    const params = await parse(hostile)
    expect(Object.keys(params)).toEqual(["__proto__", "constructor", "list", "hasOwnProperty", "length"])
    const seen: object[] = []
    const visit = (value: unknown): void => {
      if (typeof value !== "object" || value === null) return
      seen.push(value)
      if (!Array.isArray(value)) expect(Object.getPrototypeOf(value)).toBeNull()
      for (const key of Object.keys(value)) visit((value as Record<string, unknown>)[key])
    }
    visit(params)
    expect(seen).toHaveLength(7)
  })

  test("change neither Object.prototype nor what the parameters are merged into", async () => {
    const before = Reflect.ownKeys(Object.prototype)
    const { params } = await parsed(hostile)
    expect(Reflect.ownKeys(Object.prototype)).toEqual(before)
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined()
    expect(Object.getPrototypeOf(params)).toBeNull()
    expect(Object.hasOwn(params, "__proto__")).toBe(true)
    expect(params["polluted"]).toBeUndefined()
    expect(params["q"]).toBe("1")
  })
})
