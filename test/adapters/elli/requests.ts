/** Requests for tests: well-formed ones as arbitraries, ways to break them, and the smuggling corpus. */
import fc from "fast-check"

const token = fc.string({ unit: fc.constantFrom(..."abcXYZ019!#$%&'*+-.^_`|~"), minLength: 1, maxLength: 12 })
/** Names that would change framing or routing are made on purpose elsewhere. */
const plainName = token.filter(
  (name) => !/^(?:host|content-length|transfer-encoding|connection|expect|upgrade|te|trailer|keep-alive)$/i.test(name),
)
const value = fc
  .string({ unit: fc.constantFrom(..."abc XYZ\t019,;=\"'()/\\é\xff"), maxLength: 20 })
  .map((text) => text.replace(/^[ \t]+|[ \t]+$/g, ""))
const segment = fc.string({ unit: fc.constantFrom(..."abcXYZ019-._~%20:@!$&'()*+,;=|\"<>[]^`{}\\"), maxLength: 8 })
const path = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => "/" + parts.join("/"))
const query = fc.option(fc.string({ unit: fc.constantFrom(..."abc=&%?/+.[]"), minLength: 1, maxLength: 12 }), {
  nil: "",
})
const body = fc.string({ unit: fc.constantFrom(..."ab\r\n\0\xff0;G"), maxLength: 40 })
const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 6 })

/** Well-formed text of one request. */
export const request: fc.Arbitrary<string> = fc
  .record({
    method: fc.constantFrom("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "M-SEARCH", "PURGE"),
    path,
    query,
    headers: fc.array(fc.tuple(plainName, value, fc.constantFrom("", " ", "\t", "  ")), { maxLength: 5 }),
    framing: fc.constantFrom("none", "length", "chunked"),
    body,
    sizes,
    trailer: fc.boolean(),
    extension: fc.constantFrom("", ";a", ";a=b", ';a="b c"'),
  })
  .map((parts) => {
    const lines = [
      `${parts.method} ${parts.path}${parts.query === "" ? "" : "?" + parts.query} HTTP/1.1`,
      "Host: a.example:80",
    ]
    for (const [name, text, space] of parts.headers) lines.push(`${name}:${space}${text}${space}`)
    if (parts.framing === "none") return lines.join("\r\n") + "\r\n\r\n"
    if (parts.framing === "length")
      return `${lines.join("\r\n")}\r\nContent-Length: ${parts.body.length}\r\n\r\n${parts.body}`
    const trailer = parts.trailer ? "x-trailer: 1\r\n" : ""
    return `${lines.join("\r\n")}\r\nTransfer-Encoding: chunked\r\n\r\n${chunked(parts.body, parts.sizes, parts.extension)}0\r\n${trailer}\r\n`
  })

export function chunked(body: string, sizes: readonly number[], extension: string): string {
  let text = ""
  let at = 0
  for (let i = 0; at < body.length; i++) {
    const piece = body.slice(at, at + (sizes[i] ?? body.length))
    text += `${piece.length.toString(16)}${extension}\r\n${piece}\r\n`
    at += piece.length
  }
  return text
}

/** Bytes and words at which parsers differ. */
const splinters = [
  ...'\r\n\t \0:;,?#/0=%"\x7f\x80\xff\x0b',
  "\r\n",
  "\n",
  "\r",
  "\r\n\r\n",
  "\n\n",
  "\r\n ",
  "HTTP/1.0",
  "HTTP/1.1",
  "HTTP/2.0",
  "http/1.1",
  "Transfer-Encoding: chunked\r\n",
  "Transfer-Encoding: gzip, chunked\r\n",
  "transfer-encoding: CHUNKED\r\n",
  "Content-Length: 3\r\n",
  "Content-Length: +3\r\n",
  "Content-Length: 3 \r\n",
  "Content-Length : 3\r\n",
  "Host: b\r\n",
  "Connection: close\r\n",
  "Connection: keep-alive\r\n",
  "Connection: upgrade\r\nUpgrade: foo\r\n",
  "Expect: 100-continue\r\n",
  "Expect: something\r\n",
  "0\r\n\r\n",
  "5\r\nabcde\r\n",
  "0x5",
  "GET ",
  "POST ",
  "CONNECT a:80",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "http://b.example/c",
  "*",
]

/** Text with a few splinters put in, bytes taken out, or parts doubled. */
export function broken(text: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const change = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    cut: fc.constantFrom(0, 0, 0, 1, 1, 2, 5),
    put: fc.constantFrom("", ...splinters),
    line: fc.boolean(),
  })
  return fc.tuple(text, fc.array(change, { minLength: 1, maxLength: 3 })).map(([whole, changes]) => {
    let now = whole
    for (const { at, cut, put, line } of changes) {
      let place = Math.floor(at * now.length)
      // Most of what matters happens where lines begin.
      if (line) place = now.indexOf("\n", place) + 1
      now = now.slice(0, place) + put + now.slice(place + cut)
    }
    return now
  })
}

const lines = (...fields: string[]) =>
  `POST /s HTTP/1.1\r\nHost: h\r\n${fields.map((field) => field + "\r\n").join("")}\r\n`
const chunks = (text: string) => lines("Transfer-Encoding: chunked") + text

/** The framing rows of the advisories: each must be refused, and nothing behind it served. */
export const smuggling: Readonly<Record<string, string>> = {
  "content-length and transfer-encoding": lines("Content-Length: 4", "Transfer-Encoding: chunked") + "0\r\n\r\n",
  "transfer-encoding twice": lines("Transfer-Encoding: chunked", "Transfer-Encoding: chunked") + "0\r\n\r\n",
  "chunked not last": lines("Transfer-Encoding: chunked, gzip") + "0\r\n\r\n",
  "gzip, chunked (oven-sh/bun)": lines("Transfer-Encoding: gzip, chunked") + "0\r\n\r\n",
  "chunked quoted": lines('Transfer-Encoding: "chunked"') + "0\r\n\r\n",
  "chunked behind a vertical tab": lines("Transfer-Encoding: \x0bchunked") + "0\r\n\r\n",
  "an unknown coding": lines("Transfer-Encoding: identity") + "0\r\n\r\n",
  "a coding as long as chunked": lines("Transfer-Encoding: deflate") + "0\r\n\r\n",
  "an empty coding": lines("Transfer-Encoding:") + "0\r\n\r\n",
  "a coding in HTTP/1.0": "POST /s HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  "two content-lengths (CVE-2026-39805)": lines("Content-Length: 4", "Content-Length: 5") + "abcde",
  "two equal content-lengths": lines("Content-Length: 4", "Content-Length: 4") + "abcd",
  "a content-length list": lines("Content-Length: 4, 4") + "abcd",
  "a signed content-length": lines("Content-Length: +4") + "abcd",
  "a negative content-length": lines("Content-Length: -4") + "abcd",
  "a content-length with a space inside": lines("Content-Length: 1 1") + "abcdefghijk",
  "an empty content-length": lines("Content-Length:") + "abcd",
  "a content-length beyond every number": lines("Content-Length: 99999999999999999999") + "abcd",
  "a content-length in hex": lines("Content-Length: 0x4") + "abcd",
  "a space before the colon": lines("Transfer-Encoding : chunked") + "0\r\n\r\n",
  "a folded line": lines("X: a", " b"),
  "a bare LF as line end": "GET /s HTTP/1.1\nHost: h\n\n",
  "a bare LF within the head": "GET /s HTTP/1.1\r\nHost: h\nX: y\r\n\r\n",
  "a bare CR within a value": lines("X: a\rb"),
  "NUL within a value": lines("X: a\0b"),
  "a line without a colon": lines("nonsense"),
  "an empty name": lines(": a"),
  "two hosts": lines("Host: b"),
  "a host with userinfo (CVE-2026-27959)": "GET /s HTTP/1.1\r\nHost: a@b\r\n\r\n",
  "no host": "GET /s HTTP/1.1\r\n\r\n",
  "a size with 0x": chunks("0x3\r\nabc\r\n0\r\n\r\n"),
  "a size with an underscore": chunks("1_0\r\nabcdefghijklmnop\r\n0\r\n\r\n"),
  "a size with a sign": chunks("+3\r\nabc\r\n0\r\n\r\n"),
  "a size of seventeen digits (CVE-2026-7790)": chunks("00000000000000003\r\nabc\r\n0\r\n\r\n"),
  "a size beyond every number": chunks("fffffffffffffffff\r\nabc\r\n0\r\n\r\n"),
  "a size with a space": chunks("3 \r\nabc\r\n0\r\n\r\n"),
  "an empty size": chunks("\r\nabc\r\n0\r\n\r\n"),
  "a bare LF in an extension (CVE-2025-55315)": chunks("3;a\nabc\r\n0\r\n\r\n"),
  "a bare CR in an extension (CVE-2025-43859)": chunks("3;a\rb\r\nabc\r\n0\r\n\r\n"),
  "data longer than its size": chunks("3\r\nabcd\r\n0\r\n\r\n"),
  "data without a line end": chunks("3\r\nabc0\r\n\r\n"),
  "a bare LF after data": chunks("3\r\nabc\n0\r\n\r\n"),
  "other bytes behind the last chunk (oven-sh/bun)": chunks("0\r\nXX"),
  "a trailer without a colon": chunks("0\r\nnonsense\r\n\r\n"),
  "a trailer with a bare LF": chunks("0\r\na: b\n\r\n"),
  "a trailer with a length": chunks("0\r\nContent-Length: 3\r\n\r\n"),
}
