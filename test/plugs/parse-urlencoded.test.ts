import { stringify } from "node:querystring"
import fc from "fast-check"
import { type Conn, ParseError, RequestTooLargeError } from "plumage"
import { call, conn, exchangeOf } from "plumage/test"
import { describe, expect, test } from "vitest"
import type { ParserOptions } from "../../src/plugs/body-parser.ts"
import { urlencoded } from "../../src/plugs/parse-urlencoded.ts"
import { parsers } from "../../src/plugs/parsers.ts"

const post = (body: string | Uint8Array, type = "application/x-www-form-urlencoded") =>
  conn("POST", "/", body, { headers: { "content-type": type } })
const parse = async (body: string | Uint8Array, options?: ParserOptions, type?: string) =>
  ((await call(parsers({ parsers: [urlencoded(options)] }), post(body, type))) as Conn).bodyParams

describe("urlencoded", () => {
  test("reads what another library writes", async () => {
    const name = fc.string({ unit: "binary" }).filter((text) => !/[[\]]/.test(text))
    await fc.assert(
      fc.asyncProperty(fc.dictionary(name, fc.string({ unit: "binary" })), async (params) => {
        const wanted: Record<string, string> = {}
        for (const [key, value] of Object.entries(params)) wanted[key] = value
        const body = stringify(params)
        expect({ ...(await parse(body)) }).toEqual(body === "" ? {} : { ...wanted })
      }),
    )
  })

  test("reads what a browser's FormData writes, whatever the parameters of the type", async () => {
    const body = new URLSearchParams([
      ["user[name]", "Žofie & co"],
      ["tags[]", "a+b"],
      ["tags[]", "%"],
    ]).toString()
    const wanted = { user: { name: "Žofie & co" }, tags: ["a+b", "%"] }
    for (const type of ["application/x-www-form-urlencoded;charset=UTF-8", "Application/X-WWW-Form-Urlencoded ; x"]) {
      expect(await parse(body, {}, type)).toEqual(wanted)
    }
    expect(await parse("name=Žofie")).toEqual({ name: "Žofie" })
  })

  test.each([
    ["encoded", "a=%ff"],
    ["bare", Uint8Array.of(0x61, 0x3d, 0xff)],
    ["in a name", "%c0%af=1"],
    ["cut", "a=%e2%82"],
  ])("what is not UTF-8 (%s) is a 400, unless UTF-8 is not wanted", async (_, body) => {
    await expect(parse(body)).rejects.toBeInstanceOf(ParseError)
    expect(
      Object.entries(await parse(body, { validateUtf8: false }))
        .flat()
        .join(""),
    ).toContain("\ufffd")
  })

  test("too deep and too many are 400, without the body in the message", async () => {
    for (const [body, options] of [
      [`secret${"[a]".repeat(33)}=1`, {}],
      ["secret[a][b]=1", { maxDepth: 1 }],
      ["x=&".repeat(1000) + "secret=1", {}],
      ["a=1&secret=2", { maxParams: 1 }],
      ["secret=%ff", {}],
    ] as const) {
      const error = await parse(body, options).catch((failure: unknown) => failure)
      expect(error).toBeInstanceOf(ParseError)
      expect((error as Error).message).not.toContain("secret")
    }
    expect(Object.keys(await parse(Array.from({ length: 1000 }, (_, i) => `p${i}=`).join("&")))).toHaveLength(1000)
  })

  test("is at most a million bytes, with and without a declared length", async () => {
    const fits = `a=${"x".repeat(999_998)}`
    expect((await parse(fits))["a"]).toHaveLength(999_998)
    await expect(parse(`${fits}x`)).rejects.toBeInstanceOf(RequestTooLargeError)
    const one = post(`${fits}x`)
    exchangeOf(one).getHeader = (name) =>
      ({ "content-type": "application/x-www-form-urlencoded", "transfer-encoding": "chunked" })[name]
    await expect(call(parsers(), one)).rejects.toBeInstanceOf(RequestTooLargeError)
  })

  test("gives maps without a prototype", async () => {
    const params = await parse("__proto__[a]=1&a[__proto__][b]=2&constructor[prototype][c]=3")
    expect(Object.getPrototypeOf(params)).toBeNull()
    expect(Object.getPrototypeOf(params["a"])).toBeNull()
    expect(Object.keys(params)).toEqual(["__proto__", "a", "constructor"])
    for (const key of ["a", "b", "c"]) expect(({} as Record<string, unknown>)[key]).toBeUndefined()
  })
})
