import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { Head, parseHead } from "../../../adapters/elli/parser.ts"
import { defaultLimits } from "../../../src/conn/adapter.ts"
import { request } from "./requests.ts"

const parse = (text: string, last?: Head) => parseHead(text, 0, defaultLimits, last?.fields)

/** The head of a text that must have one. */
function headOf(text: string, last?: Head): Head {
  const head = parse(text, last)
  if (!(head instanceof Head)) throw new Error(`refused with ${head}: ${JSON.stringify(text)}`)
  return head
}

const get = (line: string, ...fields: string[]) =>
  `${line}\r\nHost: h\r\n${fields.map((field) => field + "\r\n").join("")}\r\n`

describe("RFC 9112 §2.1 and §2.2: the message", () => {
  test("a head is method, path, query, headers and where it ends", () => {
    const text = "GET /a/b?c=d&e HTTP/1.1\r\nHost: h:1\r\nX-Y:  z \t\r\n\r\n"
    const { method, path, query, headers, end, fields } = headOf(`${text}rest`)
    expect({ method, path, query, headers, end, minor: fields.minor }).toEqual({
      method: "GET",
      path: "/a/b",
      query: "c=d&e",
      headers: ["host", "h:1", "x-y", "z"],
      end: text.length,
      minor: 1,
    })
  })

  test("a few empty lines before a request are overlooked, many are not", () => {
    expect(headOf("\r\n".repeat(4) + get("GET / HTTP/1.1")).path).toBe("/")
    expect(parse("\r\n".repeat(5) + get("GET / HTTP/1.1"))).toBe(400)
  })

  test.each(["\n", "\r", "\r\r\n", " ", "\0", "\x16\x03\x01"])("%j before a request is refused", (before) => {
    expect(parse(before + get("GET / HTTP/1.1"))).toBe(400)
  })

  test("every beginning of a head waits for more, and no end of it is needed to find the head", () => {
    fc.assert(
      fc.property(request, (text) => {
        const head = headOf(text)
        for (let cut = 0; cut < head.end; cut++) expect(parse(text.slice(0, cut))).toBe(0)
        expect(headOf(text.slice(0, head.end))).toEqual(head)
      }),
      { numRuns: 50 },
    )
  })

  test("what no further byte can mend is refused before the head is complete", () => {
    for (const begun of [
      "GET / HTTP/1.1\n",
      "GET / HTTP/1.1\r\nHost: h\n",
      "GET / HTTP/1.1\r\nHost : h",
      "FOO ",
      "GE T",
    ]) {
      expect(parse(begun), begun).toBe(400)
    }
  })
})

describe("RFC 9112 §3: the request line", () => {
  test.each([
    "GET  / HTTP/1.1",
    "GET /  HTTP/1.1",
    "GET / HTTP/1.1 ",
    "GET /",
    "GET HTTP/1.1",
    "GET /a b HTTP/1.1",
    "GET\t/ HTTP/1.1",
    "get / HTTP/1.1",
    "GETS / HTTP/1.1",
    "G@T / HTTP/1.1",
    "GET / http/1.1",
    "GET / HTTP/1",
    "GET / HTTP/11",
    "GET / HTTP/1.1x",
    "GET / HTCPCP/1.0",
    "GET /#a HTTP/1.1",
    "GET /\x7f HTTP/1.1",
    "GET /\xe9 HTTP/1.1",
    "GET /\0 HTTP/1.1",
  ])("%j is refused", (line) => {
    expect(parse(get(line))).toBe(400)
  })

  test("versions other than 1.0 and 1.1 are answered 505", () => {
    for (const version of ["0.9", "1.2", "2.0", "9.9"]) expect(parse(get(`GET / HTTP/${version}`))).toBe(505)
  })

  test("§3.2.1 a path is kept as it was sent, and the query begins at the first question mark", () => {
    const { path, query } = headOf(get("GET //a/../%2e%2F;x?y?z=/ HTTP/1.1"))
    expect([path, query]).toEqual(["//a/../%2e%2F;x", "y?z=/"])
  })

  test("§3.2.2 an absolute target is cut to its path, and its authority stands above the host line", () => {
    const head = headOf("GET HTTP://b:8/c?d HTTP/1.1\r\nX: y\r\nHost: a\r\n\r\n")
    expect([head.path, head.query, head.headers]).toEqual(["/c", "d", ["host", "b:8", "x", "y"]])
    expect(headOf(get("GET http://b?q HTTP/1.1")).path).toBe("/")
  })

  test.each(["http://", "http:///a", "http://u@b/", "http://b:x/", "ftp://b/", "b:80", "//", "a"])(
    "the target %j is refused unless it is a path",
    (target) => {
      const head = parse(get(`GET ${target} HTTP/1.1`))
      if (target.startsWith("/")) expect((head as Head).path).toBe(target)
      else expect(head).toBe(400)
    },
  )

  test("§3.2.3 CONNECT is not implemented", () => {
    expect(parse(get("CONNECT h:80 HTTP/1.1"))).toBe(501)
  })

  test("§3.2.4 the asterisk is for OPTIONS alone", () => {
    expect(headOf(get("OPTIONS * HTTP/1.1")).path).toBe("*")
    expect(parse(get("GET * HTTP/1.1"))).toBe(400)
  })

  test("§3 a line of the longest length is read, one byte more is 414, complete or not", () => {
    const limit = defaultLimits.requestLineBytes
    const longest = `GET /${"a".repeat(limit - 14)} HTTP/1.1`
    expect(longest.length).toBe(limit)
    expect(headOf(get(longest)).path.length).toBe(limit - 13)
    expect(parse(get(longest.replace("/a", "/aa")))).toBe(414)
    expect(parse("GET /" + "a".repeat(limit))).toBe(414)
  })
})

describe("RFC 9112 §3.2: the host", () => {
  test("HTTP/1.1 has exactly one, HTTP/1.0 at most one", () => {
    expect(parse("GET / HTTP/1.1\r\n\r\n")).toBe(400)
    expect(parse(get("GET / HTTP/1.1", "Host: h"))).toBe(400)
    expect(headOf("GET / HTTP/1.0\r\n\r\n").headers).toEqual([])
    expect(parse(get("GET / HTTP/1.0", "host: h"))).toBe(400)
  })

  test.each(["a@b", "a b", "a/b", "a:b", "a:99999", "[::1", ""])("%j is none", (host) => {
    expect(parse(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`)).toBe(400)
  })
})

describe("RFC 9112 §5: field lines", () => {
  test("order, duplicates and bytes above 127 are kept, names are in lower case", () => {
    const { headers } = headOf("GET / HTTP/1.1\r\nB: 1\r\nHost: h\r\na: \xe9\r\nb:\r\n\r\n")
    expect(headers).toEqual(["b", "1", "host", "h", "a", "\xe9", "b", ""])
  })

  test.each([
    "X",
    "X : a",
    "X\t: a",
    ": a",
    "X: a\rb",
    "X: a\nb",
    "X: a\n-b: c",
    "X: a\r-b: c",
    "X: a\0",
    "X: a\x7f",
    "X\xe9: a",
    "X(: a",
    " X: a",
    "X: a\r\n b",
  ])("%j is refused", (line) => {
    expect(parse(get("GET / HTTP/1.1", line))).toBe(400)
  })

  test("as many lines as the limit are read, one more is 431", () => {
    const lines = Array.from({ length: defaultLimits.headerCount - 1 }, (_, i) => `x-${i}: 1`)
    expect(headOf(get("GET / HTTP/1.1", ...lines)).headers.length).toBe(2 * defaultLimits.headerCount)
    expect(parse(get("GET / HTTP/1.1", ...lines, "y: 1"))).toBe(431)
  })

  test("as many bytes as the limit are read, one more is 431, complete or not", () => {
    const room = defaultLimits.headerBytes - "Host: h\r\nx: \r\n".length
    expect(headOf(get("GET / HTTP/1.1", `x: ${"a".repeat(room)}`)).headers[3]?.length).toBe(room)
    expect(parse(get("GET / HTTP/1.1", `x: ${"a".repeat(room + 1)}`))).toBe(431)
    expect(parse(`GET / HTTP/1.1\r\nx: ${"a".repeat(defaultLimits.headerBytes)}`)).toBe(431)
  })
})

describe("RFC 9112 §6: framing", () => {
  test("without framing there is no body, whatever the method", () => {
    expect(headOf(get("POST / HTTP/1.1")).fields.length).toBe(0)
  })

  test("a length is digits, a coding is chunked", () => {
    expect(headOf(get("POST / HTTP/1.1", "Content-Length: 0012")).fields.length).toBe(12)
    expect(headOf(get("POST / HTTP/1.1", "Transfer-Encoding: ChunKed")).fields.length).toBe(-1)
  })
})

describe("RFC 9112 §9: the connection", () => {
  const goesOn = (version: string, ...fields: string[]) =>
    headOf(get(`GET / HTTP/${version}`, ...fields)).fields.keepAlive

  test("1.1 goes on unless it is told otherwise, 1.0 ends unless it is", () => {
    expect(goesOn("1.1")).toBe(true)
    expect(goesOn("1.1", "Connection: Keep-Alive, Close")).toBe(false)
    expect(goesOn("1.0")).toBe(false)
    expect(goesOn("1.0", "Connection: x", "Connection: Keep-Alive")).toBe(true)
    expect(goesOn("1.0", "Connection: close, keep-alive")).toBe(false)
  })

  test("§9.9 whoever asks for another protocol gets one answer", () => {
    expect(goesOn("1.1", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c")).toBe(false)
    expect(goesOn("1.1", "Upgrade: h2c")).toBe(true)
  })
})

describe("RFC 9110 §10.1.1: expectations", () => {
  test("100-continue is the only one, and counts where there is a body to wait for", () => {
    expect(headOf(get("POST / HTTP/1.1", "Content-Length: 1", "Expect: 100-Continue")).fields.expects).toBe(true)
    expect(headOf(get("POST / HTTP/1.1", "Expect: 100-continue")).fields.expects).toBe(false)
    expect(headOf(get("POST / HTTP/1.0", "Content-Length: 1", "Expect: foo")).fields.expects).toBe(false)
    expect(parse(get("POST / HTTP/1.1", "Content-Length: 1", "Expect: foo"))).toBe(417)
  })
})

describe("what a connection remembers", () => {
  test("any two requests read the same, whichever came before", () => {
    fc.assert(
      fc.property(request, request, fc.boolean(), (one, two, same) => {
        const last = headOf(one)
        const now = same ? one.replace(/^\S+ \S+/, "GET /other?q") : two
        expect(headOf(now, last)).toEqual(headOf(now))
      }),
      { numRuns: 200 },
    )
  })

  test("equal field lines are one list, which nobody can change", () => {
    const last = headOf(get("GET /a HTTP/1.1", "X: y"))
    const now = headOf(get("GET /b HTTP/1.1", "X: y"), last)
    expect(now.headers).toBe(last.headers)
    expect(Object.isFrozen(now.headers)).toBe(true)
    expect(headOf(get("GET /b HTTP/1.0", "X: y"), last).fields.minor).toBe(0)
    expect(headOf(get("GET /b HTTP/1.1", "X: y", "Z: 1"), last).headers.length).toBe(6)
  })
})
