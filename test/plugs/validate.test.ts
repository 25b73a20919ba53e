import fc from "fast-check"
import {
  type Conn,
  defineEndpoint,
  defineRouter,
  InvalidOptionError,
  pipeline,
  UnsupportedMediaTypeError,
  UsageError,
  ValidationError,
} from "plumage"
import { type ConnOptions, call, client, conn } from "plumage/test"
import * as v from "valibot"
import { describe, expect, test } from "vitest"
import * as z from "zod"
import { validate } from "../../src/plugs/validate.ts"

type Validated = Conn<{ valid: Record<string, unknown> }>
const posted = (body: Record<string, unknown>, path = "/", options: ConnOptions = {}) =>
  conn("POST", path, undefined, options).putBodyParams(body)
const issuesOf = (run: () => unknown) => {
  try {
    run()
  } catch (error) {
    if (error instanceof ValidationError) return error.issues
    throw error
  }
  return expect.fail("nothing was raised")
}
/** A schema by hand. */
const schema = (check: (value: unknown) => unknown) =>
  ({ "~standard": { version: 1, vendor: "test", validate: check } }) as never

const zodUser = z.object({
  name: z.string().trim().min(1),
  age: z.coerce.number().int().min(0),
  tags: z.array(z.object({ label: z.string().toUpperCase() })).default([]),
})
const valibotUser = v.object({
  name: v.pipe(v.string(), v.trim(), v.minLength(1)),
  age: v.pipe(v.unknown(), v.transform(Number), v.integer(), v.minValue(0)),
  tags: v.optional(v.array(v.object({ label: v.pipe(v.string(), v.toUpperCase()) })), []),
})

describe.each([
  ["zod", zodUser],
  ["valibot", valibotUser],
] as const)("validate with %s", (_, user) => {
  test("assigns what the schema made of the input: defaults, coercions, transforms", () => {
    const plug = validate({ body: user })
    const one = plug(posted({ name: " ann ", age: "42", more: true })) as Validated
    expect(one.assigns.valid).toEqual({ body: { name: "ann", age: 42, tags: [] } })
    const two = plug(posted({ name: "ann", age: 1, tags: [{ label: "x" }] })) as Validated
    expect(two.assigns.valid).toEqual({ body: { name: "ann", age: 1, tags: [{ label: "X" }] } })
  })

  test("raises all issues of all parts at once, each with its part and its path", () => {
    const plug = validate({ query: user, body: user })
    const one = posted({ name: "", age: -1, tags: [{ label: "x" }, { label: 7 }] }, "/?age=7")
    expect(issuesOf(() => plug(one)).map(({ path }) => path)).toEqual([
      ["query", "name"],
      ["body", "name"],
      ["body", "age"],
      ["body", "tags", 1, "label"],
    ])
    expect("valid" in one.assigns).toBe(false)
  })

  test("stays sync", () => {
    expect(validate({ body: user })(posted({ name: "ann", age: 1 }))).not.toBeInstanceOf(Promise)
  })
})

describe("validate with checks that wait", () => {
  const free = async (name: string) => name !== "ann"
  const zodFree = z.object({ name: z.string().refine(free, "is taken") })
  const valibotFree = v.objectAsync({ name: v.pipeAsync(v.string(), v.checkAsync(free, "is taken")) })

  test.each([
    ["zod", zodFree],
    ["valibot", valibotFree],
  ] as const)("gives a promise with %s", async (_, account) => {
    const plug = validate({ body: account, query: z.object({ page: z.coerce.number().min(1) }) })
    const one = posted({ name: "bob" }, "/?page=2")
    const result = plug(one)
    expect(result).toBeInstanceOf(Promise)
    expect(await result).toBe(one)
    expect((one as unknown as Validated).assigns.valid).toEqual({ query: { page: 2 }, body: { name: "bob" } })
    const failed = await Promise.resolve(plug(posted({ name: "ann" }, "/?page=0"))).catch((error) => error)
    expect(failed).toBeInstanceOf(ValidationError)
    expect(failed.issues.map(({ path }: { path: unknown }) => path)).toEqual([
      ["query", "page"],
      ["body", "name"],
    ])
    expect(failed.issues[1].message).toBe("is taken")
  })

  test("leaves no promise behind that fails unheard when another schema throws", async () => {
    const unheard: unknown[] = []
    const listen = (error: unknown) => unheard.push(error)
    process.on("unhandledRejection", listen)
    const late = schema(async () => {
      throw new Error("late")
    })
    const now = schema(() => {
      throw new Error("now")
    })
    expect(() => validate({ query: late, body: now })(posted({}))).toThrow("now")
    await expect(validate({ query: late, body: late })(posted({}))).rejects.toThrow("late")
    await new Promise((resolve) => setImmediate(resolve))
    process.off("unhandledRejection", listen)
    expect(unheard).toEqual([])
  })
})

describe("the parts", () => {
  const echo = schema((value) => ({ value }))
  const input = (part: string, one: Conn) => (validate({ [part]: echo })(one) as Validated).assigns.valid[part]

  test("params are those of the path, and query those of the query alone", () => {
    const one = posted({ c: "body" }, "/?a=query")
    ;(one as unknown as { pathParams: object }).pathParams = { b: "path" }
    expect(input("params", one)).toEqual({ b: "path" })
    expect(input("query", one)).toEqual({ a: "query" })
    expect(input("body", one)).toEqual({ c: "body" })
  })

  test("headers are by lower-case name, joined, and without a prototype", () => {
    const headers = [
      ["X-A", "1"],
      ["x-a", "2"],
      ["cookie", "a=b"],
      ["cookie", "c=d"],
      ["__proto__", "x"],
    ] as const
    const value = input("headers", conn("GET", "/", undefined, { headers })) as object
    expect(Object.entries(value)).toEqual([
      ["x-a", "1, 2"],
      ["cookie", "a=b; c=d"],
      ["__proto__", "x"],
      ["host", "www.example.com"],
    ])
    expect(Object.getPrototypeOf(value)).toBeNull()
  })

  test("a later validate keeps what an earlier one found", () => {
    const both = pipeline()
      .plug(validate({ query: z.object({ page: z.coerce.number() }) }))
      .plug(validate({ headers: z.object({ host: z.string() }) }))
    const one = call(both, conn("GET", "/?page=3")) as Validated
    expect(one.assigns.valid).toEqual({ query: { page: 3 }, headers: { host: "www.example.com" } })
  })

  test("only the own parts of what was given count", () => {
    expect(() => validate(Object.create({ body: echo }))).toThrow(InvalidOptionError)
  })
})

describe("a body", () => {
  const plug = validate({ body: z.object({}) })
  const sent = (type: string | undefined, method = "POST", length = "2") =>
    conn(method, "/", "{}", {
      headers: { "content-length": length, ...(type === undefined ? {} : { "content-type": type }) },
    })

  test("that no parser was there for is a UsageError that names the parser", () => {
    expect(() => plug(sent("application/json"))).toThrow(UsageError)
    expect(() => plug(sent("application/json"))).toThrow(/parser/)
    expect(() => plug(sent("application/x-www-form-urlencoded"))).toThrow(UsageError)
    expect(() => plug(conn("GET", "/"))).toThrow(UsageError)
  })

  test("that a parser let pass is 415", () => {
    expect(() => plug(sent("application/json").putPrivate("plumage_parsers", "passed"))).toThrow(
      UnsupportedMediaTypeError,
    )
    for (const type of ["text/csv", "application/jsonx", "json", "", "text/html; charset=utf-8"]) {
      expect(() => plug(sent(type)), type).toThrow(UnsupportedMediaTypeError)
    }
  })
})

describe("a hostile schema", () => {
  test("that throws is a 500 whose answer says nothing of it", async () => {
    const seen: unknown[] = []
    const throws = schema(() => {
      throw new Error("canary")
    })
    const endpoint = defineEndpoint({ onError: (error) => seen.push(error) })
      .plug(validate({ query: throws }))
      .router(defineRouter((r) => [r.get("/", (conn) => conn.text("served"))]))
    const answer = await client(endpoint).get("/")
    expect(answer.status).toBe(500)
    expect(await answer.text()).toBe("500 Internal Server Error\n")
    expect(seen).toMatchObject([{ message: "canary" }])
  })

  test.each([undefined, null, true, "yes", 7])("that gives %s has not said yes", (result) => {
    expect(() => validate({ query: schema(() => result) })(conn("GET", "/"))).toThrow(UsageError)
  })

  test("that finds nothing wrong and yet fails is a failure", () => {
    const issues = issuesOf(() => validate({ query: schema(() => ({ issues: [], value: 7 })) })(conn("GET", "/")))
    expect(issues).toEqual([{ path: ["query"], message: "is not valid" }])
  })

  test("with a strange path is told in text and numbers", () => {
    const path = [{ key: "a" }, 0, { key: Symbol("s") }, { key: { toString: null } }, { key: "k".repeat(1_000) }]
    const [issue] = issuesOf(() =>
      validate({ query: schema(() => ({ issues: [{ message: "m".repeat(1_000), path }] })) })(conn("GET", "/")),
    )
    expect(issue!.path).toEqual(["query", "a", 0, "Symbol(s)", "[object]", `${"k".repeat(100)}…`])
    expect(issue!.message).toBe(`${"m".repeat(500)}…`)
  })

  test("with a million issues is told a thousand of them", () => {
    const issues = Array.from({ length: 5_000 }, (_, at) => ({ message: "wrong", path: [at] }))
    const raised = issuesOf(() => validate({ query: schema(() => ({ issues })) })(conn("GET", "/")))
    expect(raised).toHaveLength(1_000)
  })

  test("that is asked with anything a query can hold gives a value or a 422", () => {
    const plug = validate({
      query: z.object({ page: z.coerce.number(), filter: z.record(z.string(), z.string()).optional() }),
    })
    const key = fc.constantFrom(
      "page",
      "filter",
      "filter[a]",
      "filter[__proto__]",
      "filter[constructor]",
      "__proto__[x]",
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(key, fc.string())), (pairs) => {
        const query = pairs.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&")
        try {
          plug(conn("GET", `/?${query}`))
        } catch (error) {
          expect(error).toBeInstanceOf(ValidationError)
        }
        expect(({} as Record<string, unknown>)["x"]).toBeUndefined()
      }),
    )
  })
})

describe("the options", () => {
  test.each<[string, unknown]>([
    ["body", { body: undefined }],
    ["body", { body: {} }],
    ["body", { body: { "~standard": { version: 2, validate: () => ({}) } } }],
    ["query", { query: () => true }],
    ["no option cookies", { cookies: z.object({}) }],
    ["schemas", {}],
    ["takes its options", undefined],
  ])("are refused with a message that names %s", (name, schemas) => {
    expect(() => validate(schemas as never)).toThrow(InvalidOptionError)
    expect(() => validate(schemas as never)).toThrow(name)
  })

  test("take a schema that is a function", () => {
    const callable = Object.assign(() => undefined, schema((value) => ({ value })) as object)
    expect(() => validate({ query: callable as never })).not.toThrow()
  })
})
