/** The ways to send an answer at once. */
import { InvalidHeaderError, type StatusName, UsageError } from "plumage"
import { conn, exchangeOf, sentInforms, sentResp } from "plumage/test"
import { describe, expect, test } from "vitest"
import { errorOf, loose } from "../loose.ts"

const open = (method = "GET") => conn(method, "/")

describe("statuses", () => {
  test.each([
    ["ok", 200],
    ["no_content", 204],
    ["not_found", 404],
    ["im_a_teapot", 418],
    ["unprocessable_content", 422],
    ["unprocessable_entity", 422],
    ["internal_server_error", 500],
    [200, 200],
    [299, 299],
    [999, 999],
  ] as [StatusName | number, number][])("%s is %d", (status, code) => {
    expect(sentResp(open().sendResp(status)).status).toBe(code)
    expect(open().putStatus(status).status).toBe(code)
    expect(open().resp(status, "")).toMatchObject({ status: code })
  })

  test.each([99, 1000, 200.5, -1, Number.NaN, "200", "nope", "OK", "", "__proto__", "constructor", null])(
    "%s is refused by putStatus, resp, sendResp and sendChunked, and nothing changes",
    (status) => {
      const wrong = status as number
      const one = loose(open())
      for (const refuse of [
        () => one.putStatus(wrong),
        () => one.resp(wrong, ""),
        () => one.sendResp(wrong),
        () => one.sendChunked(wrong),
      ]) {
        expect(refuse, String(refuse)).toThrow(UsageError)
      }
      expect([one.state, one.status]).toEqual(["unset", undefined])
    },
  )

  test("putStatus only sets the field; undefined takes it back", () => {
    const one = open().putStatus(404)
    expect([one.status, one.state]).toEqual([404, "unset"])
    expect(one.putStatus(undefined).status).toBeUndefined()
    expect(sentResp(one.text("x")).status).toBe(200)
  })

  test("text, html, json, redirect and streams take the status that was put", async () => {
    expect(sentResp(open().putStatus(201).text("x")).status).toBe(201)
    expect(sentResp(open().putStatus(404).html("x")).status).toBe(404)
    expect(sentResp(open().putStatus(422).json({})).status).toBe(422)
    expect(sentResp(open().putStatus(303).redirect("/")).status).toBe(303)
    expect(
      sentResp(
        open()
          .putStatus(203)
          .eventStream(async function* () {}),
      ).status,
    ).toBe(203)
    expect(
      sentResp(
        await open()
          .putStatus(404)
          .serveFile(import.meta.filename),
      ).status,
    ).toBe(404)
  })

  test("an informational status is no answer", () => {
    for (const status of [100, 101, 103, 199]) {
      expect(() => open().sendResp(status), String(status)).toThrow(UsageError)
      expect(() => open().sendChunked(status), String(status)).toThrow(UsageError)
    }
  })
})

describe("text, html and json", () => {
  test("send their type and the body's length in bytes", () => {
    expect(sentResp(open().text("é"))).toMatchObject({
      status: 200,
      body: "é",
      headers: { "content-type": "text/plain; charset=utf-8", "content-length": "2" },
    })
    expect(sentResp(open().html("<b>")).headers["content-type"]).toBe("text/html; charset=utf-8")
    expect(sentResp(open().json({ a: [1, null] }))).toMatchObject({
      body: '{"a":[1,null]}',
      headers: { "content-type": "application/json; charset=utf-8" },
    })
  })

  test.each([
    ["undefined", undefined],
    ["a function", () => 1],
    ["a symbol", Symbol("x")],
    ["a bigint", 1n],
    ["a bigint inside", { a: [1n] }],
    [
      "a circle",
      (() => {
        const circle: Record<string, unknown> = {}
        circle["self"] = circle
        return circle
      })(),
    ],
    ["a toJSON that gives undefined", { toJSON: () => undefined }],
    [
      "a toJSON that throws",
      {
        toJSON() {
          throw new Error("no")
        },
      },
    ],
  ])("json of %s raises UsageError, and another answer can be sent", (_, value) => {
    const one = loose(open())
    expect(() => one.json(value)).toThrow(UsageError)
    expect(one.state).toBe("unset")
    expect(sentResp(one.text("instead")).headers["content-type"]).toBe("text/plain; charset=utf-8")
  })

  test("json keeps the cause of what JSON refused", () => {
    expect(errorOf(() => open().json(1n)).cause).toBeInstanceOf(TypeError)
  })

  test.each([null, undefined, 5, {}, [], new ArrayBuffer(2), new String("x")])(
    "a body that is neither string nor bytes (%s) raises UsageError",
    (body) => {
      const one = loose(open())
      expect(() => one.resp(200, body as string)).toThrow(UsageError)
      // Left out, the body is empty.
      if (body !== undefined) expect(() => one.sendResp(200, body as string)).toThrow(UsageError)
      expect(() => one.text(body as string)).toThrow(UsageError)
      expect(one.exchange.sent).toBe(false)
    },
  )

  test("bytes go out as they are", () => {
    expect(sentResp(open().sendResp(200, Uint8Array.of(0, 255, 10))).bytes).toEqual(Buffer.from([0, 255, 10]))
  })

  test("a body left out is empty", () => {
    expect(sentResp(open().sendResp(200))).toMatchObject({ body: "", headers: { "content-length": "0" } })
  })
})

describe("answers without a body", () => {
  test("HEAD gets the head of GET, the length announced and no byte", () => {
    const head = sentResp(open("HEAD").text("héllo"))
    expect(head).toMatchObject({ status: 200, body: "" })
    expect(head.headers["content-length"]).toBe("6")
    expect(head.headers["content-type"]).toBe("text/plain; charset=utf-8")
  })

  test("what counts is the method of the wire, whatever a plug made of it", () => {
    expect(sentResp(open("HEAD").rewrite({ method: "GET" }).text("hello")).body).toBe("")
    expect(sentResp(open("GET").rewrite({ method: "HEAD" }).text("hello")).body).toBe("hello")
  })

  test("HEAD with an empty body announces the length that was put by hand", () => {
    const one = open("HEAD").putRespHeader("content-length", "42").sendResp(200)
    expect(sentResp(one).headers["content-length"]).toBe("42")
    expect(sentResp(open("HEAD").sendResp(200)).headers["content-length"]).toBe("0")
  })

  test.each([204, 304])("%d has no body, whatever was given", (status) => {
    const sent = sentResp(open().sendResp(status, "hello"))
    expect(sent).toMatchObject({ status, body: "" })
    if (status === 204) expect(sent.headers["content-length"]).toBeUndefined()
    expect(sentResp(open().sendResp(status)).headers["content-length"]).toBeUndefined()
  })

  test("304 announces the length that was put by hand, 204 never one", () => {
    const put = (status: number) => open().putRespHeader("content-length", "42").sendResp(status)
    expect(sentResp(put(304)).headers["content-length"]).toBe("42")
    expect(sentResp(put(204)).headers["content-length"]).toBeUndefined()
  })

  test("a stream to HEAD, 204 or 304 is its head alone, and its chunks vanish", () => {
    for (const [method, status] of [
      ["HEAD", 200],
      ["GET", 204],
      ["GET", 304],
    ] as const) {
      const one = open(method).sendChunked(status)
      expect([one.chunk("hello"), one.event("hello")], "nobody wants more").toEqual([false, false])
      one.close()
      expect(exchangeOf(one).answer).toMatchObject({ status, parts: [], ended: true, length: -1 })
    }
  })
})

describe("inform", () => {
  test("sends informational answers before the answer, several if need be", () => {
    const one = open()
      .inform(103, { link: "</a.css>; rel=preload" })
      .inform(102)
      .inform(103, { Link: "</b.css>; rel=preload" })
    expect(sentInforms(one)).toEqual([
      { status: 103, headers: ["link", "</a.css>; rel=preload"] },
      { status: 102, headers: [] },
      { status: 103, headers: ["link", "</b.css>; rel=preload"] },
    ])
    expect([one.state, sentResp(one.text("x")).status]).toEqual(["unset", 200])
  })

  test.each([99, 101, 200, 404, 100.5, Number.NaN])("refuses the status %d", (status) => {
    expect(() => open().inform(status)).toThrow(UsageError)
  })

  test("does nothing where the protocol has none", () => {
    const one = conn("GET", "/", undefined, { protocol: "HTTP/1.0" })
    expect(one.inform(103, {})).toBe(one)
    expect(sentInforms(one)).toEqual([])
  })

  test.each(["content-length", "transfer-encoding", "keep-alive", "upgrade", "connection"])(
    "refuses %s, which would frame it",
    (name) => {
      expect(() => open().inform(103, { [name]: "5" })).toThrow(InvalidHeaderError)
    },
  )
})
