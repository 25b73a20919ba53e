import fc from "fast-check"
import { type Conn, InvalidOptionError, pipeline, UsageError } from "plumage"
import { call, conn, sentResp } from "plumage/test"
import { describe, expect, test } from "vitest"
import { basicAuth, encodeBasicAuth, parseBasicAuth } from "../../src/plugs/basic-auth.ts"

const asking = (...authorization: string[]) =>
  conn("GET", "/", undefined, { headers: authorization.map((line) => ["authorization", line] as const) })
const base64 = (text: string, encoding: BufferEncoding = "utf8") => Buffer.from(text, encoding).toString("base64")
const plug = basicAuth({ username: "ann", password: "secret" })
const opens = (one: Conn) => !plug(one).halted

describe("parseBasicAuth", () => {
  test.each([
    // RFC 7617 §2 and §2.1
    ["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin", "open sesame"],
    ["Basic dGVzdDoxMjPCow==", "test", "123£"],
  ])("reads the RFC's %s", (line, username, password) => {
    expect(parseBasicAuth(asking(line))).toEqual({ username, password })
    expect(encodeBasicAuth(username, password)).toBe(line)
  })

  test.each(["basic", "BASIC", "bAsIc", "Basic  "])("knows the scheme as %s", (scheme) => {
    expect(parseBasicAuth(asking(`${scheme} ${base64("ann:secret")}`))).toEqual({ username: "ann", password: "secret" })
  })

  test("splits at the first colon, and both sides may be empty", () => {
    expect(parseBasicAuth(asking(`Basic ${base64("a:b:c")}`))).toEqual({ username: "a", password: "b:c" })
    expect(parseBasicAuth(asking(`Basic ${base64(":")}`))).toEqual({ username: "", password: "" })
  })

  test("gives back all that encodeBasicAuth writes", () => {
    const text = fc.string({ unit: "grapheme" }).filter((one) => !/[\0-\x1f\x7f]/.test(one))
    const name = text.filter((one) => !one.includes(":"))
    fc.assert(
      fc.property(name, text, (username, password) => {
        expect(parseBasicAuth(asking(encodeBasicAuth(username, password)))).toEqual({ username, password })
      }),
    )
  })

  test.each([
    ["no header", []],
    ["two headers, though they are the same", [`Basic ${base64("a:b")}`, `Basic ${base64("a:b")}`]],
    ["two in one line", [`Basic ${base64("a:b")}, Basic ${base64("a:b")}`]],
    ["another scheme", [`Bearer ${base64("a:b")}`]],
    ["a scheme that only begins so", [`Basically ${base64("a:b")}`]],
    ["no space", [`Basic${base64("a:b")}`]],
    ["a tab", [`Basic\t${base64("a:b")}`]],
    ["nothing behind the scheme", ["Basic "]],
    ["no colon", [`Basic ${base64("ab")}`]],
    ["padding that is missing", ["Basic YTpiYg"]],
    ["padding that is too much", ["Basic YTpi=="]],
    ["bits that are left over", ["Basic YTpiYh=="]],
    ["the URL-safe alphabet", [`Basic ${Buffer.from("a:\u{3ffff}???").toString("base64url")}==`]],
    ["a space inside", ["Basic YTpi YTpi"]],
    ["bytes that are not UTF-8", [`Basic ${base64("a:\xff", "latin1")}`]],
    ["a NUL", [`Basic ${base64("a\0:b")}`]],
    ["a line end", [`Basic ${base64("a:b\r\nx: y")}`]],
  ])("does not read %s", (_, lines) => {
    expect(parseBasicAuth(asking(...lines))).toBeUndefined()
  })
})

describe("encodeBasicAuth", () => {
  test("refuses what cannot be read again", () => {
    expect(() => encodeBasicAuth("a:b", "c")).toThrow(UsageError)
    expect(() => encodeBasicAuth("a", "b\n")).toThrow(UsageError)
  })
})

describe("basicAuth with a name and a password", () => {
  test("lets them through, and the connection stays open and unmarked", () => {
    const one = plug(asking(encodeBasicAuth("ann", "secret")))
    expect([one.halted, one.state, one.getRespHeader("www-authenticate")]).toEqual([false, "unset", undefined])
  })

  test.each([
    ["ann", "Secret"],
    ["Ann", "secret"],
    ["ann", ""],
    ["", "secret"],
    ["ann", "secret "],
    ["ann", "secre"],
    ["secret", "ann"],
  ])("refuses %j with %j", (username, password) => {
    expect(opens(asking(encodeBasicAuth(username, password)))).toBe(false)
  })

  test("answers 401 with the challenge, and halts", () => {
    const one = plug(asking())
    expect(one.halted).toBe(true)
    expect(sentResp(one)).toMatchObject({ status: 401, body: "Unauthorized" })
    expect(sentResp(one).headers["www-authenticate"]).toBe('Basic realm="Application", charset="UTF-8"')
  })

  test("quotes the realm", () => {
    const realm = 'a "b" \\c'
    const one = basicAuth({ username: "ann", password: "secret", realm })(asking())
    expect(sentResp(one).headers["www-authenticate"]).toBe('Basic realm="a \\"b\\" \\\\c", charset="UTF-8"')
  })

  test("takes the same characters written in another normal form", () => {
    const one = basicAuth({ username: "andré", password: "é" })(asking(encodeBasicAuth("andre\u0301", "e\u0301")))
    expect(one.halted).toBe(false)
  })

  test.each<[string, object]>([
    ["username", { username: undefined, password: "b" }],
    ["username", { username: "a:b", password: "c" }],
    ["username", { username: "a\n", password: "c" }],
    ["password", { username: "a", password: undefined }],
    ["password", { username: "a", password: "" }],
    ["password", { username: "a", password: "canary\0" }],
    ["realm", { username: "a", password: "b", realm: "a\r\nb" }],
    ["realm", { username: "a", password: "b", realm: "é" }],
    ["verify", { verify: "yes" }],
    ["no option password", { verify: () => true, password: "x" }],
    ["no option user", { user: "a", password: "b" }],
  ])("raises InvalidOptionError that names %s", (name, options) => {
    expect(() => basicAuth(options as never)).toThrow(InvalidOptionError)
    expect(() => basicAuth(options as never)).toThrow(name)
    expect(() => basicAuth(options as never)).not.toThrow("canary")
  })
})

describe("basicAuth with verify", () => {
  const ann = asking.bind(undefined, encodeBasicAuth("ann", "secret"))

  test("is given what was sent, and the connection; what it says counts", () => {
    const seen: unknown[] = []
    const asks = basicAuth({ verify: (...args) => seen.push(...args) > 3 })
    const one = ann()
    expect(asks(one).halted).toBe(true)
    expect(seen).toEqual(["ann", "secret", one])
    expect(basicAuth({ verify: () => true })(ann()).halted).toBe(false)
  })

  test("is not asked where no credentials were sent", () => {
    const asks = basicAuth({ verify: () => expect.fail("asked") })
    expect(sentResp(asks(asking())).status).toBe(401)
  })

  test("stays sync where verify is, and gives a promise where it gives one", async () => {
    expect(basicAuth({ verify: () => true })(ann())).not.toBeInstanceOf(Promise)
    const one = ann()
    const result = basicAuth({ verify: async () => true })(one)
    expect(result).toBeInstanceOf(Promise)
    expect(await result).toBe(one)
    expect(sentResp(await basicAuth({ verify: async () => false })(ann())).status).toBe(401)
  })

  test("may assign who it is, and the next plug knows", () => {
    const auth = basicAuth({ verify: (name, _, conn) => name === "ann" && conn.assign("user", name.toUpperCase()) })
    const greet = pipeline()
      .plug(auth)
      .plug((conn) => conn.text(`hello ${conn.assigns.user}`).halt())
    expect(sentResp(call(greet, ann()) as Conn).body).toBe("hello ANN")
    expect(sentResp(call(greet, asking(encodeBasicAuth("bob", ""))) as Conn).status).toBe(401)
  })

  test("may answer and halt itself", () => {
    const one = basicAuth({ verify: (_, __, conn) => conn.sendResp(403, "no").halt() })(ann())
    expect(sentResp(one as Conn)).toMatchObject({ status: 403, body: "no" })
  })

  test.each([undefined, null, 1, "ann", {}, { user: "ann" }, conn("GET", "/")])(
    "does not take %s for a yes",
    async (value) => {
      const one = ann()
      expect(() => basicAuth({ verify: () => value as never })(one)).toThrow(UsageError)
      await expect(basicAuth({ verify: async () => value as never })(one)).rejects.toThrow(UsageError)
      expect([one.halted, one.state]).toEqual([false, "unset"])
    },
  )

  test("raises what verify raises", async () => {
    const down = new Error("the directory is down")
    const throws = () => {
      throw down
    }
    expect(() => basicAuth({ verify: throws })(ann())).toThrow(down)
    await expect(basicAuth({ verify: async () => throws() })(ann())).rejects.toBe(down)
  })
})
