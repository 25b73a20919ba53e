/** Reading the body of a request, within bounds. */
import { BadRequestError, ClientGoneError, RequestTooLargeError, UnsupportedMediaTypeError, UsageError } from "plumage"
import { type ConnOptions, conn, exchangeOf } from "plumage/test"
import { describe, expect, test, vi } from "vitest"

const post = (body: string | Uint8Array, options: ConnOptions = {}) => conn("POST", "/", body, options)
const typed = (body: string | Uint8Array, type?: string) =>
  post(body, type === undefined ? {} : { headers: { "content-type": type } })
const text = (data: Uint8Array) => Buffer.from(data).toString()

describe("readBody", () => {
  test("gives the whole body, and nothing when it is read again", async () => {
    const one = post("hello")
    expect(text(await one.readBody())).toBe("hello")
    expect(text(await one.readBody())).toBe("")
    expect(await conn("GET", "/").readBody()).toHaveLength(0)
  })

  test("accepts exactly its length, and one byte more is a 413", async () => {
    expect(text(await post("hello").readBody({ length: 5 }))).toBe("hello")
    const refused = post("hello").readBody({ length: 4 })
    await expect(refused).rejects.toBeInstanceOf(RequestTooLargeError)
    await expect(refused).rejects.toMatchObject({ status: 413, code: "ERR_REQUEST_TOO_LARGE" })
  })

  test("has the server's limit where none is given", async () => {
    expect(await post("12345", { limits: { bodyBytes: 5 } }).readBody()).toHaveLength(5)
    await expect(post("123456", { limits: { bodyBytes: 5 } }).readBody()).rejects.toBeInstanceOf(RequestTooLargeError)
  })

  test("counts bytes, not characters", async () => {
    await expect(post("éé").readBody({ length: 3 })).rejects.toBeInstanceOf(RequestTooLargeError)
    expect(text(await post("éé").readBody({ length: 4 }))).toBe("éé")
  })

  test("has the same limit where no length was declared, and where less was declared than came", async () => {
    for (const declared of [undefined, "1"]) {
      const one = post("hello")
      exchangeOf(one).getHeader = () => declared
      await expect(one.readBody({ length: 4 })).rejects.toBeInstanceOf(RequestTooLargeError)
      const other = post("hello")
      exchangeOf(other).getHeader = () => declared
      expect(text(await other.readBody({ length: 5 }))).toBe("hello")
    }
  })

  test("refuses by the declared length, without reading a byte", async () => {
    const one = conn("POST", "/", "hello", { headers: { "content-length": "9000001" } })
    const read = vi.spyOn(exchangeOf(one), "readBody")
    await expect(one.readBody()).rejects.toBeInstanceOf(RequestTooLargeError)
    expect(read).not.toHaveBeenCalled()
  })

  test.each([Number.NaN, -1, 1.5, "5"])(
    "a length of %s is a UsageError that never reaches the server",
    async (length) => {
      const one = post("hello")
      const read = vi.spyOn(exchangeOf(one), "readBody")
      await expect(one.readBody({ length: length as number })).rejects.toBeInstanceOf(UsageError)
      await expect(one.readBodyPart({ length: length as number })).rejects.toBeInstanceOf(UsageError)
      expect(read).not.toHaveBeenCalled()
    },
  )

  test("after the client has left, rejects with the reason of the signal", async () => {
    const one = post("hello")
    const { signal } = one
    exchangeOf(one).disconnect()
    await expect(one.readBody()).rejects.toBe(signal.reason)
    await expect(one.readJson()).rejects.toBeInstanceOf(Error)
    expect(signal.reason).toBeInstanceOf(ClientGoneError)
  })

  test("gives bytes that are the caller's: changing them changes nobody else's", async () => {
    const bytes = Buffer.from("hello")
    const data = await post(bytes).readBody()
    data.fill(0)
    expect(bytes.toString()).toBe("hello")
  })

  test("passes its timeout on to the server, 15 s where none is given", async () => {
    const one = post("x")
    const read = vi.spyOn(exchangeOf(one), "readBody")
    await one.readBody()
    await one.readBody({ timeout: 7 })
    expect(read.mock.calls.map(([length, timeout]) => [length, timeout])).toEqual([
      [8_000_000, 15_000],
      [8_000_000, 7],
    ])
  })
})

describe("readBodyPart", () => {
  test("reads on where the last read stopped, and says whether more may follow", async () => {
    const one = post("hello")
    const parts = []
    for (;;) {
      const { data, more } = await one.readBodyPart({ length: 2 })
      parts.push([text(data), more])
      if (!more) break
    }
    expect(parts).toEqual([
      ["he", true],
      ["ll", true],
      ["o", false],
    ])
    expect(await one.readBodyPart()).toMatchObject({ more: false })
  })

  test("reads a body whose declared length is beyond its own", async () => {
    expect(await post("hello").readBodyPart({ length: 5 })).toMatchObject({ more: false })
    expect(await post("hello").readBodyPart({ length: 1 })).toMatchObject({ more: true })
  })

  test("what a part has taken, readBody no longer gives", async () => {
    const one = post("hello")
    await one.readBodyPart({ length: 3 })
    expect(text(await one.readBody())).toBe("lo")
  })
})

describe("readText", () => {
  test("gives UTF-8 as text", async () => {
    expect(await post("žluťoučký 🐎").readText()).toBe("žluťoučký 🐎")
    expect(await post("").readText()).toBe("")
  })

  test("takes the bytes as they are, a byte order mark too", async () => {
    expect(await post("\ufeffa").readText()).toBe("\ufeffa")
  })

  test.each([
    ["a lone byte", [0xff]],
    ["a cut character", [0xe2, 0x82]],
    ["an overlong form", [0xc0, 0xaf]],
    ["half a surrogate pair", [0xed, 0xa0, 0x80]],
  ])("%s is a 400", async (_, bytes) => {
    await expect(post(Uint8Array.from(bytes)).readText()).rejects.toBeInstanceOf(BadRequestError)
  })
})

describe("readJson", () => {
  test.each([
    "application/json",
    "application/json; charset=utf-8",
    "Application/JSON",
    "application/json\t;x",
    "application/json;",
    "application/vnd.api+json",
  ])("reads %s", async (type) => {
    expect(await typed('{"a":[1]}', type).readJson()).toEqual({ a: [1] })
  })

  test.each([
    undefined,
    "text/plain",
    "text/json",
    "application/jsonp",
    "application/x-www-form-urlencoded",
    "application/json, text/plain",
    "json",
    "*/*",
    "application/*",
    "",
  ])("content type %s is a 415, and the body stays unread", async (type) => {
    const one = typed("{}", type)
    await expect(one.readJson()).rejects.toBeInstanceOf(UnsupportedMediaTypeError)
    await expect(one.readJson()).rejects.toMatchObject({ status: 415 })
    expect(text(await one.readBody())).toBe("{}")
  })

  test.each(["", "{", "{'a':1}", "undefined", "NaN", "[1,]", "\ufeff{}", '{"a":1} x'])(
    "%s is a 400 that keeps its cause",
    async (body) => {
      const failure = await typed(body, "application/json")
        .readJson()
        .catch((error: unknown) => error)
      expect(failure).toBeInstanceOf(BadRequestError)
      expect((failure as Error).cause).toBeInstanceOf(SyntaxError)
    },
  )

  test("bytes that are not UTF-8 are a 400", async () => {
    await expect(typed(Uint8Array.from([0x22, 0xff, 0x22]), "application/json").readJson()).rejects.toBeInstanceOf(
      BadRequestError,
    )
  })

  test("has the limits of readBody", async () => {
    await expect(
      conn("POST", "/", "12345", { headers: { "content-type": "application/json" } }).readJson({ length: 4 }),
    ).rejects.toBeInstanceOf(RequestTooLargeError)
  })

  test("__proto__ in a body pollutes nothing", async () => {
    await typed('{"__proto__":{"polluted":1}}', "application/json").readJson()
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined()
  })

  test("a body that is JSON but no object is what it is", async () => {
    for (const body of ["null", "7", '"x"', "[]", "true"]) {
      expect(await typed(body, "application/json").readJson()).toEqual(JSON.parse(body))
    }
  })
})
