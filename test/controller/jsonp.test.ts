import { createContext, Script } from "node:vm"
import fc from "fast-check"
import { BadRequestError, type Conn, InvalidOptionError, type Sent } from "plumage"
import { csrfProtection, memoryStore, session } from "plumage/plugs"
import { call, conn, sentResp } from "plumage/test"
import { describe, expect, test } from "vitest"
import { allowJsonp, type JsonpOptions } from "../../src/controller/jsonp.ts"
import { errorOf } from "../loose.ts"

const asked = (query: string, options?: JsonpOptions, method = "GET") => allowJsonp(options)(conn(method, `/${query}`))

/** What a page gets that has loaded a script and has these functions. */
function loaded(script: string, ...functions: string[]): unknown[] {
  const got: unknown[] = []
  const page = Object.fromEntries(functions.map((name) => [name, (value: unknown) => void got.push(value)]))
  new Script(script).runInContext(createContext(page))
  return got
}

describe("allowJsonp", () => {
  test("wraps a JSON answer in a call, as a script that is what it says", () => {
    const { status, body, headers } = sentResp(asked("?callback=show").putStatus(201).json({ id: 7 }))
    expect(body).toBe(`/**/ typeof show === 'function' && show({"id":7});`)
    expect(status).toBe(201)
    expect(headers).toMatchObject({
      "content-type": "text/javascript; charset=utf-8",
      "x-content-type-options": "nosniff",
      "content-length": String(body.length),
    })
    expect(loaded(body, "show")).toEqual([{ id: 7 }])
    expect(loaded(body), "on a page without that function").toEqual([])
  })

  test("gives the page the very value, whatever it is", () => {
    const key = fc.oneof(fc.constantFrom("__proto__", "\u2028", "</script>"), fc.string({ unit: "binary" }))
    const tree = fc.letrec((tie) => ({
      value: fc.oneof({ depthSize: "small" }, fc.string({ unit: "binary" }), fc.jsonValue(), tie("map")),
      map: fc.dictionary(key, tie("value"), { maxKeys: 4 }),
    })).value
    fc.assert(
      fc.property(tree, (value) => {
        const { body } = sentResp(asked("?callback=f").json(value))
        expect(body).not.toMatch(/[\u2028\u2029]/)
        expect(JSON.stringify(loaded(body, "f"))).toBe(JSON.stringify([value]))
      }),
      { numRuns: 500 },
    )
  })

  test("a key that would set a prototype stays a key, however it is escaped", () => {
    for (const json of [
      '{"__proto__":{"admin":true}}',
      '{"\\u005f_proto__":{"admin":true}}',
      '{"__pr\\u006Fto__":{"admin":true}}',
      '{"__proto__":1,"__proto__":2}',
    ]) {
      const sent = asked("?callback=f").putRespContentType("application/json").sendResp(200, json)
      const [value] = loaded(sentResp(sent).body, "f") as [object]
      expect((value as { admin?: boolean }).admin, json).toBeUndefined()
      expect(Object.keys(value)).toEqual(["__proto__"])
    }
  })

  test("reads bytes as the UTF-8 that JSON is", () => {
    const bytes = new TextEncoder().encode('xx{"a":"ü\u2028"}').subarray(2)
    const sent = asked("?callback=f").putRespContentType("Application/JSON").sendResp(200, bytes)
    expect(loaded(sentResp(sent).body, "f")).toEqual([{ a: "ü\u2028" }])
  })

  test.each([
    ["no callback", asked("").json([1]), "[1]"],
    ["an empty one", asked("?callback=").json([1]), "[1]"],
    ["another parameter", asked("?cb=f").json([1]), "[1]"],
    ["another method", asked("?callback=f", {}, "POST").json([1]), "[1]"],
    ["another type", asked("?callback=f").text("[1]"), "[1]"],
    [
      "a type that only ends in json",
      asked("?callback=f").putRespContentType("application/problem+json").json([1]),
      "[1]",
    ],
    ["no body", asked("?callback=f").putRespContentType("application/json").sendResp(204), ""],
  ])("leaves an answer alone: %s", (_, sent: Sent, body) => {
    expect(sentResp(sent).body).toBe(body)
    expect(sentResp(sent).headers["content-type"] ?? "").not.toContain("javascript")
  })

  test("leaves a stream and a file alone", async () => {
    const stream = asked("?callback=f").putRespContentType("application/json").sendChunked(200)
    stream.chunk("[1]")
    expect(sentResp(stream).body).toBe("[1]")
    const file = asked("?callback=f").putRespContentType("application/json").sendFile(200, "package.json")
    expect(sentResp(await file).headers["content-type"]).toBe("application/json; charset=utf-8")
  })

  test("says to HEAD what it would say to GET", () => {
    const [get, headed] = ["GET", "HEAD"].map((method) => sentResp(asked("?callback=f", {}, method).json({ a: "ü" })))
    expect(headed!.headers).toEqual(get!.headers)
    expect(headed!.body).toBe("")
  })

  test("takes the parameter's name as an option", () => {
    expect(sentResp(asked("?cb=f", { callback: "cb" }).json(1)).body).toContain("f(1)")
    expect(sentResp(asked("?callback=f", { callback: "cb" }).json(1)).body).toBe("1")
    for (const options of [{ callback: "" }, { callback: 7 }, { name: "cb" }]) {
      expect(() => allowJsonp(options as never)).toThrow(InvalidOptionError)
    }
  })

  test("refuses what is no name, and does not repeat it", () => {
    const bad = [
      "alert(1)//",
      "a.b",
      "a[0]",
      "a b",
      "a;b",
      "1a",
      "é",
      "a\n",
      "<script>",
      `${"a".repeat(129)}`,
      "\u2028",
    ]
    for (const name of bad) {
      const error = errorOf(() => asked(`?callback=${encodeURIComponent(name)}`))
      expect(error, name).toBeInstanceOf(BadRequestError)
      expect(error.message).toBe("callback takes the name of a function: letters, digits and _")
    }
    expect(errorOf(() => asked("?callback[]=a"))).toBeInstanceOf(BadRequestError)
    expect(sentResp(asked(`?callback=${"a".repeat(128)}`).json(1)).status).toBe(200)
    expect(sentResp(asked("?callback=_jQuery123").json(1)).body).toContain("_jQuery123(1)")
  })

  test("behind csrfProtection other sites get a 403 and no script", async () => {
    const secretKeyBase = "0123456789abcdef".repeat(4)
    const open = (headers: Record<string, string>) =>
      conn("GET", "https://a.example/?callback=f", undefined, { headers, secretKeyBase })
    const answer = async (one: Conn) => {
      const kept = await call(session({ store: memoryStore(), key: "app" }), one)
      const guarded = await call(csrfProtection(), kept as never)
      return call((conn: Conn) => conn.json(1), allowJsonp()(guarded as unknown as Conn))
    }
    await expect(answer(open({ "sec-fetch-site": "cross-site" }))).rejects.toMatchObject({ status: 403 })
    await expect(answer(open({}))).rejects.toMatchObject({ status: 403 })
    const own = await answer(open({ "sec-fetch-site": "same-origin" }))
    expect(sentResp(own).body).toContain("f(1)")
  })
})
