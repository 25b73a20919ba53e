/** Parameters and bodies that reach further than they should: prototypes, depth, number, types of content. */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { BadRequestError, InvalidQueryError, UnsupportedMediaTypeError } from "plumage"
import { conn } from "plumage/test"
import { afterEach, describe, expect, test } from "vitest"
import { errorOf } from "../loose.ts"

const before = JSON.stringify(Object.getOwnPropertyNames(Object.prototype).sort())
const query = (text: string) => conn("GET", `/?${text}`).queryParams
/** Milliseconds that a function takes, the best of three. */
const fastest = (run: () => unknown) =>
  Math.min(
    ...[1, 2, 3].map(() => {
      const start = performance.now()
      run()
      return performance.now() - start
    }),
  )

afterEach(() => {
  expect(JSON.stringify(Object.getOwnPropertyNames(Object.prototype).sort())).toBe(before)
  expect(({} as Record<string, unknown>)["x"]).toBeUndefined()
})

test.each([
  "__proto__.x=1",
  "__proto__[x]=1",
  "constructor[prototype][x]=1",
  "a[__proto__][x]=1",
  "a[constructor][prototype][x]=1",
  "__proto__=1&__proto__[x]=1",
  "a[][__proto__]=1",
  "%5f%5fproto%5f%5f[x]=1",
])("GHSA-v8w9-8mx6-g223, CVE-2025-68130, SNYK-JS-ADONISJSBODYPARSER-15248296: %s is plain data", (text) => {
  const params = query(text)
  expect((params as Record<string, unknown>)["x"]).toBeUndefined()
  expect(Object.getPrototypeOf(params)).toBeNull()
  expect((conn("GET", `/?${text}`).params as Record<string, unknown>)["x"]).toBeUndefined()
})

test("CVE-2022-24999, GHSA-hrpp-h998-j3pp: a length that is none costs nothing", () => {
  expect(fastest(() => query("a[__proto__]=b&a[__proto__]&a[length]=100000000"))).toBeLessThan(10)
})

test("CVE-2025-15284, GHSA-6rw7-vpxm-498p: a hundred thousand list items are a 400", () => {
  expect(errorOf(() => query("a[]=x&".repeat(100_000)))).toMatchObject({ name: "InvalidQueryError", status: 400 })
})

test("GHSA-g6gw-c38x-mqfc, CVE-2026-5079: endless nesting is a 400, at once", () => {
  const deep = `a${"[b]".repeat(100_000)}=1`
  expect(errorOf(() => query(deep))).toBeInstanceOf(InvalidQueryError)
  expect(
    fastest(() => {
      expect(() => query(deep)).toThrow()
    }),
  ).toBeLessThan(50)
  expect(query("a.b.c.d=1")).toEqual({ "a.b.c.d": "1" })
  expect(fastest(() => query(`${"a.".repeat(100_000)}=1`))).toBeLessThan(50)
  expect(fastest(() => query(`a${"[".repeat(100_000)}]=1`))).toBeLessThan(50)
})

test("CVE-2026-77078: a huge index is a name like any other", () => {
  expect(query("a[4294967295]=x&a[1e9]=y&a[-1]=z")).toEqual({ a: { "4294967295": "x", "1e9": "y", "-1": "z" } })
})

test("CVE-2026-21717: very many names that look like integers are a 400, at once", () => {
  const many = Array.from({ length: 100_000 }, (_, i) => `${i * 65_536}=1`).join("&")
  expect(
    fastest(() => {
      expect(() => query(many)).toThrow(InvalidQueryError)
    }),
  ).toBeLessThan(50)
})

test("a megabyte of the worst is read in proportion to its length", () => {
  for (const piece of ["%", "%4", "+", "a[b]&", "[", "]", "&", "=", "%C3%A9"]) {
    const text = piece.repeat(Math.floor(999_000 / piece.length))
    const run = () => {
      try {
        query(text)
      } catch (error) {
        expect(error).toBeInstanceOf(InvalidQueryError)
      }
    }
    expect(fastest(run), piece).toBeLessThan(250)
  }
})

describe("a content type in another form is the same type, or a 415; never a body that nobody looked at", () => {
  const read = (type: string) => conn("POST", "/", '{"a":1}', { headers: { "content-type": type } }).readJson()
  test.each([
    [
      "CVE-2025-32442, GHSA-mg2h-6x62-wpwc",
      ["Application/Json", "APPLICATION/JSON ; charset=utf-8", "application/json ;a"],
    ],
    ["CVE-2026-25223, GHSA-jx2c-rxcm-jvmq", ["application/json\t;x", "application/json\tx", "\tapplication/json"]],
    [
      "GHSA-573f-x89g-hqp9, GHSA-247c-9743-5963, CVE-2026-33806",
      ["application/json;", "application/json;;", "application/json; =", "application/json;charset"],
    ],
    [
      "GHSA-3fjj-p79j-c9hh, GHSA-455w-c45v-86rg",
      [
        "application/json, text/plain",
        "text/plain; application/json",
        "x",
        "/",
        ";",
        "application/",
        "a".repeat(10_000),
        "application/json\u00a0",
      ],
    ],
  ])("%s", async (_, types) => {
    for (const type of types) {
      const got = await read(type).catch((error: unknown) => error)
      if (got instanceof Error) expect(got, type).toBeInstanceOf(UnsupportedMediaTypeError)
      else expect(got, type).toEqual({ a: 1 })
    }
  })
})

test("a JSON body that is deep, long or broken is a value or a 400", async () => {
  for (const body of [
    "[".repeat(1_000_000),
    `${"[".repeat(100_000)}${"]".repeat(100_000)}`,
    '{"a":'.repeat(100_000),
    "9".repeat(1_000_000),
  ]) {
    const got = await conn("POST", "/", body, { headers: { "content-type": "application/json" } })
      .readJson()
      .catch((error: unknown) => error)
    if (got instanceof Error) expect(got).toBeInstanceOf(BadRequestError)
  }
})

test("CVE-2026-32688: names from outside do not stay: two hundred thousand new ones leave no trace in memory", () => {
  setFlagsFromString("--expose-gc")
  const gc: () => void = runInNewContext("gc")
  const use = (round: number) => {
    const names = Array.from({ length: 10_000 }, (_, i) => [`x-${round}-${i}-${"y".repeat(40)}`, "1"] as const)
    const one = conn("GET", `/${round}`, undefined, { headers: names }).rewrite({ method: `BREW${round}` })
    for (const [name] of names.slice(0, 2_000)) {
      one.getReqHeader(name)
      one.putRespHeader(name, "1")
    }
    one.text("x")
  }
  for (let round = 0; round < 3; round++) use(round)
  gc()
  const start = process.memoryUsage().heapUsed
  for (let round = 3; round < 23; round++) use(round)
  gc()
  expect(process.memoryUsage().heapUsed - start).toBeLessThan(2_000_000)
})
