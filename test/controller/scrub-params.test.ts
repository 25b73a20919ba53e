import fc from "fast-check"
import { BadRequestError, defineRouter, InvalidOptionError } from "plumage"
import { parsers, Upload, validate } from "plumage/plugs"
import { call, conn, sentResp } from "plumage/test"
import { describe, expect, test } from "vitest"
import * as z from "zod"
import { scrubParams } from "../../src/controller/scrub-params.ts"
import { expectProportional } from "../http/proportional.ts"
import { errorOf } from "../loose.ts"

const posted = (params: object) => conn("POST", "/").putBodyParams(params as Record<string, unknown>)
const scrubbed = (params: object) => scrubParams("user")(posted(params)).bodyParams

describe("scrubParams", () => {
  test("makes null of what a form has left empty, and leaves the rest of the form alone", async () => {
    const body = "user[name]=+&user[email]=a%40b.c&user[tags][]=x&user[tags][]=&user[address][street]=%09%0A&page=+"
    const form = conn("POST", "/", body, { headers: { "content-type": "application/x-www-form-urlencoded" } })
    const { params, bodyParams } = scrubParams("user")(await parsers()(form))
    expect(params).toEqual({
      user: { name: null, email: "a@b.c", tags: ["x", null], address: { street: null } },
      page: " ",
    })
    expect(bodyParams).toEqual(params)
  })

  test("does it to the query too", () => {
    const one = scrubParams("filter")(conn("GET", "/?filter[q]=%20&filter[in][]=&sort=%20"))
    expect(one.queryParams).toEqual({ filter: { q: null, in: [null] }, sort: " " })
    expect(one.params).toEqual(one.queryParams)
  })

  test("is what a parser with a reviver would have made of the same JSON", () => {
    const blank = fc.constantFrom("", " ", "\t\n", "\u00a0", "\u2003\u2028", "\ufeff")
    const tree = fc.letrec((tie) => ({
      value: fc.oneof({ depthSize: "small" }, blank, fc.jsonValue(), tie("list"), tie("map")),
      list: fc.array(tie("value"), { maxLength: 4 }),
      map: fc.dictionary(fc.oneof(fc.constantFrom("__proto__", "a", "length"), fc.string()), tie("value"), {
        maxKeys: 4,
        noNullPrototype: false,
      }),
    })).map
    const reviver = (_: string, value: unknown) => (typeof value === "string" && value.trim() === "" ? null : value)
    fc.assert(
      fc.property(tree, (user) => {
        const text = JSON.stringify(user)
        const before = JSON.parse(text)
        const params = { user: before, other: " " }
        expect(JSON.stringify(scrubbed(params))).toBe(JSON.stringify({ user: JSON.parse(text, reviver), other: " " }))
        expect(JSON.stringify(before), "what was given is not changed").toBe(text)
      }),
      { numRuns: 500 },
    )
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })

  test("copies nothing where nothing is blank", () => {
    const params = { user: { name: "ann", tags: ["a", { b: 1 }], none: null } }
    expect(scrubbed(params)).toBe(params)
  })

  test("keeps maps without a prototype what they are, and `__proto__` a key in them", async () => {
    const text = '{"user":{"__proto__":{"admin":" "},"a":" "}}'
    const headers = { "content-type": "application/json" }
    const { user } = scrubParams("user")(await parsers()(conn("POST", "/", text, { headers }))).params as {
      user: object
    }
    expect(Object.getPrototypeOf(user)).toBeNull()
    expect(JSON.stringify(user)).toBe('{"__proto__":{"admin":null},"a":null}')
    const plain = scrubbed({ user: JSON.parse('{"__proto__":" "}') })["user"] as object
    expect([Object.getPrototypeOf(plain), JSON.stringify(plain)]).toEqual([Object.prototype, '{"__proto__":null}'])
  })

  test("leaves uploads and other values as they are", () => {
    const upload = new Upload({ path: "/tmp/x", filename: " ", contentType: "", size: 0 })
    const date = new Date(0)
    const { user } = scrubbed({ user: { upload, date, zero: 0, no: false, name: "" } }) as { user: object }
    expect(user).toEqual({ upload, date, zero: 0, no: false, name: null })
    expect((user as { upload: Upload }).upload).toBe(upload)
    expect(upload.filename).toBe(" ")
  })

  test("is 400 with the name of the parameter where it is missing, null or blank", () => {
    const requests = [
      conn("POST", "/"),
      posted({}),
      posted({ user: "" }),
      posted({ user: " \t" }),
      posted({ user: null }),
      conn("GET", "/?user=+"),
      conn("GET", "/?user[=a&xuser=b"),
    ]
    for (const one of requests) {
      const error = errorOf(() => scrubParams("user")(one))
      expect(error).toBeInstanceOf(BadRequestError)
      expect(error.message).toBe("the parameter user is missing or blank")
    }
    expect(errorOf(() => scrubParams("toString")(posted({})))).toBeInstanceOf(BadRequestError)
    for (const user of ["ann", [], {}, 0, false]) expect(scrubbed({ user })).toEqual({ user })
  })

  test("sees the parameters as they win: the path over the body over the query", async () => {
    const router = defineRouter((r) => [r.get("/:user", (conn) => conn.json(scrubParams("user")(conn).params))])
    expect(sentResp(await call(router, conn("GET", "/ann?user="))).body).toBe('{"user":"ann"}')
    await expect(async () => call(router, conn("GET", "/%20?user=ann"))).rejects.toBeInstanceOf(BadRequestError)
    const both = conn("POST", "/?user=ann").putBodyParams({ user: "" })
    expect(() => scrubParams("user")(both)).toThrow(BadRequestError)
  })

  test("is seen by schemas behind it, which can tell an emptied field from one that was not sent", () => {
    const body = z.object({ user: z.object({ name: z.string().nullish(), bio: z.string().nullish() }) })
    const { assigns } = call(validate({ body }), scrubParams("user")(posted({ user: { name: "" } }))) as {
      assigns: { valid?: unknown }
    }
    expect(assigns.valid).toEqual({ body: { user: { name: null } } })
  })

  test("takes time in proportion to the parameters", () => {
    expectProportional((size) => {
      const names = Array.from({ length: size / 10 }, (_, i) => `k${i}`)
      scrubbed({
        user: {
          map: Object.fromEntries(names.map((name) => [name, " "])),
          list: names.fill(""),
          text: " ".repeat(size),
        },
      })
    })
  })

  test("takes the name of a parameter", () => {
    for (const key of ["", undefined, 7]) expect(() => scrubParams(key as string)).toThrow(InvalidOptionError)
  })
})
