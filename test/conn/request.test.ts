/** What a connection knows of its request: method, path, host, headers, address. */
import { BadRequestError, InvalidHeaderError } from "plumage"
import { conn } from "plumage/test"
import { describe, expect, test } from "vitest"

const withHost = (host: string, path = "/") => conn("GET", path, undefined, { headers: { host } })

describe("the path", () => {
  test.each([
    ["/", "/", []],
    ["/a/b", "/a/b", ["a", "b"]],
    ["//a///b/", "/a/b", ["a", "b"]],
    ["/a%2Fb", "/a%2Fb", ["a/b"]],
    ["/%61%2f", "/a%2F", ["a/"]],
    ["/a+b", "/a+b", ["a+b"]],
    ["/%zz/100%", "/%25zz/100%25", ["%zz", "100%"]],
    ["/%252e", "/%252e", ["%2e"]],
    ["/./../a", "/./../a", [".", "..", "a"]],
    ["/caf%C3%A9", "/caf%C3%A9", ["café"]],
    ["/a%5Cb%00", "/a%5Cb%00", ["a\\b\0"]],
  ])("%s is %s", (raw, path, pathInfo) => {
    const one = conn("GET", raw)
    expect([one.path, one.pathInfo, one.scriptName, one.unsafeRawPath]).toEqual([path, pathInfo, [], raw])
  })

  test("is the same however often it is read, and in whatever order", () => {
    const one = conn("GET", "/a//b%20")
    expect(one.pathInfo).toBe(one.pathInfo)
    expect([one.path, one.path]).toEqual(["/a/b%20", "/a/b%20"])
  })

  test("that is not UTF-8 is a 400", () => {
    for (const raw of ["/%FF", "/a/%C0%AF", "/%ED%A0%80"]) {
      expect(() => conn("GET", raw).path, raw).toThrow(BadRequestError)
    }
  })

  test("does not hold the query", () => {
    const one = conn("GET", "/a?b=/c#d")
    expect([one.path, one.queryString]).toEqual(["/a", "b=/c#d"])
  })
})

describe("method, scheme, host and port", () => {
  test("are those of the request", () => {
    const one = conn("POST", "https://a.example:8443/x")
    expect([one.method, one.scheme, one.host, one.port]).toEqual(["POST", "https", "a.example", 8443])
    expect([conn("GET", "/").scheme, conn("GET", "/").host, conn("GET", "/").port]).toEqual([
      "http",
      "www.example.com",
      80,
    ])
    expect(conn("GET", "https://a.example/").port).toBe(443)
  })

  test("the host keeps its case, an IPv6 literal its brackets", () => {
    expect(withHost("EXAMPLE.com:81").host).toBe("EXAMPLE.com")
    expect([withHost("[::1]:8080").host, withHost("[::1]:8080").port]).toEqual(["[::1]", 8080])
  })

  test("a host header that is none, or empty, is an empty host", () => {
    expect([withHost("").host, withHost("").port]).toEqual(["", 80])
  })

  test.each(["a@evil", "a b", "a:x", "a:99999", "a:-1", "a/b", "[::1", "a?b", "a#b", "a\\b"])(
    "a host header %s is a 400",
    (host) => {
      for (const read of ["host", "port"] as const) {
        expect(() => withHost(host)[read], read).toThrow(BadRequestError)
      }
      expect(() => withHost(host).requestUrl()).toThrow(BadRequestError)
    },
  )

  test("rewrite replaces what it names, and nothing else", () => {
    const one = conn("POST", "/a").rewrite({ method: "PUT", host: "b.example" })
    expect([one.method, one.host, one.port, one.scheme, one.path]).toEqual(["PUT", "b.example", 80, "http", "/a"])
    one.rewrite({ scheme: "https", port: 444, remoteIp: "10.0.0.7" })
    expect([one.method, one.host, one.port, one.scheme, one.remoteIp]).toEqual([
      "PUT",
      "b.example",
      444,
      "https",
      "10.0.0.7",
    ])
  })

  test("a rewritten scheme brings its port along, unless one was named", () => {
    expect(conn("GET", "/").rewrite({ scheme: "https" }).port).toBe(443)
    expect(withHost("a:81").rewrite({ scheme: "https" }).port).toBe(81)
  })

  test("rewriting what the request says of itself leaves the socket's truth alone", () => {
    const one = conn("GET", "/", undefined, { remoteIp: "192.0.2.1" }).rewrite({ remoteIp: "10.0.0.7" })
    expect([one.remoteIp, one.getPeerData().address]).toEqual(["10.0.0.7", "192.0.2.1"])
    expect(conn("GET", "/", undefined, { remoteIp: "192.0.2.1" }).remoteIp).toBe("192.0.2.1")
  })
})

describe("requestUrl", () => {
  test.each([
    ["http://a.example/", "http://a.example/"],
    ["http://a.example:80/x", "http://a.example/x"],
    ["https://a.example:443/x?y=z", "https://a.example/x?y=z"],
    ["http://a.example:443/", "http://a.example:443/"],
    ["https://a.example:80/", "https://a.example:80/"],
    ["http://[::1]:4000/a?b", "http://[::1]:4000/a?b"],
    ["http://a.example/%61//b?c=%20", "http://a.example/a/b?c=%20"],
  ])("of %s is %s", (url, expected) => {
    expect(conn("GET", url).requestUrl()).toBe(expected)
  })

  test("follows a rewrite", () => {
    expect(conn("GET", "/a").rewrite({ scheme: "https", host: "b.example" }).requestUrl()).toBe("https://b.example/a")
  })
})

describe("request headers", () => {
  const given = [
    ["X-A", "1"],
    ["b", "2"],
    ["x-a", "3"],
  ] as const
  const open = () => conn("GET", "/", undefined, { headers: [...given, ["host", "a.example"]] })

  test("are a flat list in lower case, in order and with duplicates", () => {
    expect(open().reqHeaders).toEqual(["x-a", "1", "b", "2", "x-a", "3", "host", "a.example"])
  })

  test("are read by name in any case: the first value, or all", () => {
    expect([open().getReqHeader("X-A"), open().getReqHeaders("X-A")]).toEqual(["1", ["1", "3"]])
    expect([open().getReqHeader("none"), open().getReqHeaders("none")]).toEqual([undefined, []])
  })

  test("put replaces the first in place, or appends", () => {
    expect(open().putReqHeader("x-a", "9").putReqHeader("c", "4").reqHeaders).toEqual([
      "x-a",
      "9",
      "b",
      "2",
      "x-a",
      "3",
      "host",
      "a.example",
      "c",
      "4",
    ])
  })

  test("prepend adds in front, merge puts each, delete removes the first, update applies to the first", () => {
    expect(
      open()
        .prependReqHeaders([["x-a", "0"]])
        .getReqHeaders("x-a"),
    ).toEqual(["0", "1", "3"])
    expect(open().mergeReqHeaders({ b: "5", c: "6" }).getReqHeader("b")).toBe("5")
    expect(
      open()
        .mergeReqHeaders([["c", "6"]])
        .getReqHeader("c"),
    ).toBe("6")
    expect(open().deleteReqHeader("X-A").getReqHeaders("x-a")).toEqual(["3"])
    expect(
      open()
        .updateReqHeader("x-a", "no", (value) => value + "!")
        .getReqHeader("x-a"),
    ).toBe("1!")
    expect(
      open()
        .updateReqHeader("new", "initial", () => "no")
        .getReqHeader("new"),
    ).toBe("initial")
  })

  test("a change is seen by the same connection alone, never by the server's list", () => {
    const one = open()
    one.putReqHeader("b", "9").deleteReqHeader("x-a")
    expect([one.getReqHeader("b"), one.getReqHeader("x-a")]).toEqual(["9", "3"])
    expect(one.exchange.getHeaders()).toEqual(["x-a", "1", "b", "2", "x-a", "3", "host", "a.example"])
  })

  test("the host is not set with a header", () => {
    for (const write of [
      () => open().putReqHeader("Host", "evil"),
      () => open().prependReqHeaders([["host", "evil"]]),
      () => open().mergeReqHeaders({ host: "evil" }),
      () => open().updateReqHeader("host", "evil", () => "evil"),
    ]) {
      expect(write, String(write)).toThrow(InvalidHeaderError)
    }
    expect(open().host).toBe("a.example")
  })

  test("Last-Event-ID is at hand", () => {
    expect(conn("GET", "/", undefined, { headers: { "last-event-id": "7" } }).lastEventId).toBe("7")
    expect(conn("GET", "/").lastEventId).toBeUndefined()
  })
})
