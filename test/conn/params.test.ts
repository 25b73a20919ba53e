/** Query, body and path parameters. */
import { BadRequestError, defineRouter, InvalidQueryError, UsageError } from "plumage"
import { call, conn, sentResp } from "plumage/test"
import { describe, expect, test } from "vitest"
import { errorOf } from "../loose.ts"

describe("queryParams", () => {
  test("are decoded at the first read: names nest, the last of a name wins, + is a space", () => {
    expect(conn("GET", "/?a=1&a=2&b[c][]=x+y&b[c][]=%7A&d").queryParams).toEqual({
      a: "2",
      b: { c: ["x y", "z"] },
      d: "",
    })
    expect(conn("GET", "/").queryParams).toEqual({})
  })

  test("are decoded once", () => {
    const one = conn("GET", "/?a=1")
    expect(one.queryParams).toBe(one.queryParams)
    expect(one.fetchQueryParams({ length: 1 }).queryParams).toEqual({ a: "1" })
  })

  test("have no prototype, at any depth", () => {
    const { queryParams } = conn("GET", "/?a[b]=1&__proto__[x]=1&constructor=2")
    expect(Object.getPrototypeOf(queryParams)).toBeNull()
    expect(Object.getPrototypeOf(queryParams["a"])).toBeNull()
    expect(({} as Record<string, unknown>)["x"]).toBeUndefined()
    expect(queryParams["constructor"]).toBe("2")
  })

  test("that are not UTF-8 are a 400 that names the parameter", () => {
    const error = errorOf(() => conn("GET", "/?name=%FF").queryParams)
    expect(error).toBeInstanceOf(InvalidQueryError)
    expect(error).toMatchObject({ status: 400, code: "ERR_INVALID_QUERY" })
    expect(error.message).toContain("name")
    expect(conn("GET", "/?a=%FF").fetchQueryParams({ validateUtf8: false }).queryParams).toEqual({ a: "\ufffd" })
  })

  test("may be a million bytes; one more is a 414", () => {
    expect(conn("GET", `/?a=${"x".repeat(1_000_000 - 2)}`).queryParams["a"]).toHaveLength(999_998)
    expect(errorOf(() => conn("GET", `/?a=${"x".repeat(1_000_000 - 1)}`).queryParams)).toMatchObject({
      name: "InvalidQueryError",
      status: 414,
    })
  })

  test("take a length of their own", () => {
    expect(conn("GET", "/?a=12").fetchQueryParams({ length: 4 }).queryParams).toEqual({ a: "12" })
    expect(errorOf(() => conn("GET", "/?a=123").fetchQueryParams({ length: 4 }))).toMatchObject({ status: 414 })
  })

  test.each([Number.NaN, -1, "5"])("a length of %s is a UsageError", (length) => {
    expect(() => conn("GET", "/?a=1").fetchQueryParams({ length: length as number })).toThrow(UsageError)
  })

  test("beyond a thousand pairs or 32 brackets are a 400", () => {
    expect(errorOf(() => conn("GET", `/?${"a=1&".repeat(1001)}`).queryParams)).toMatchObject({ status: 400 })
    expect(errorOf(() => conn("GET", `/?a${"[b]".repeat(33)}=1`).queryParams)).toMatchObject({ status: 400 })
  })
})

describe("bodyParams", () => {
  test("raise UsageError with a hint until a parser has run", () => {
    expect(() => conn("POST", "/").bodyParams).toThrow(UsageError)
    expect(() => conn("POST", "/").bodyParams).toThrow(/readJson|parser/)
  })

  test("are what a parser has put", () => {
    expect(conn("POST", "/").putBodyParams({ a: 1 }).bodyParams).toEqual({ a: 1 })
  })
})

describe("params", () => {
  test("take the path before the body, the body before the query", async () => {
    const router = defineRouter((r) => [r.any("/:a", (conn) => conn.json(conn.params))])
    const one = conn("POST", "/path?a=query&b=query&c=query").putBodyParams({ a: "body", b: "body" })
    const sent = await call(router, one)
    expect(JSON.parse(sentResp(sent).body)).toEqual({ a: "path", b: "body", c: "query" })
  })

  test("hold the query alone where there is no body", () => {
    expect(conn("GET", "/?a=1").params).toEqual({ a: "1" })
  })

  test("raise what the query raises", () => {
    expect(() => conn("GET", "/?a=%FF").params).toThrow(InvalidQueryError)
  })

  test("have no prototype, and __proto__ in a body stays data", () => {
    const body = JSON.parse('{"__proto__":{"admin":true}}')
    const { params } = conn("POST", "/").putBodyParams(body)
    expect((params as { admin?: unknown }).admin).toBeUndefined()
    expect(Object.getPrototypeOf(params)).toBeNull()
  })

  test("an InvalidQueryError is an HTTPError but no BadRequestError: it may be a 414", () => {
    expect(errorOf(() => conn("GET", "/?a=%FF").queryParams)).not.toBeInstanceOf(BadRequestError)
  })
})
