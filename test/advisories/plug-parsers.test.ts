/** What bodies did to the parsers of others: crashes, hangs, files in foreign folders, prototypes, unparsed bodies. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { type Conn, HTTPError, ParseError, RequestTooLargeError, UnsupportedMediaTypeError } from "plumage"
import { call, conn } from "plumage/test"
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest"
import { multipart } from "../../src/plugs/parse-multipart.ts"
import { parsers } from "../../src/plugs/parsers.ts"
import type { Upload } from "../../src/plugs/upload.ts"
import { watchProcess } from "../adapters/suite/guard.ts"
import { bodyOf, boundary, failingAt, formData, type Piece, post, tempFiles } from "../plugs/multipart-bodies.ts"

watchProcess()

const before = JSON.stringify(Object.getOwnPropertyNames(Object.prototype).sort())
const urlencoded = "application/x-www-form-urlencoded"
let root: string
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "advisories-"))
})
afterAll(() => rmSync(root, { recursive: true }))
afterEach(async () => {
  expect(JSON.stringify(Object.getOwnPropertyNames(Object.prototype).sort())).toBe(before)
  expect(({} as Record<string, unknown>)["x"]).toBeUndefined()
  await vi.waitFor(() => expect(tempFiles(root)).toEqual([]), { interval: 1 })
})

const parse = async (one: Conn): Promise<Conn> =>
  call(parsers({ parsers: ["urlencoded", "json", multipart({ tmpDir: root })] }), one)
const fail = (one: Conn): Promise<unknown> =>
  parse(one).then(
    () => undefined,
    (error: unknown) => error,
  )
const params = async (body: string | Uint8Array, type: string) => {
  const one = await parse(post(body, type))
  const { bodyParams } = one
  one.text("")
  return bodyParams
}
const multi = (...pieces: Piece[]) => params(bodyOf(pieces), formData)

test.each([
  "__proto__[x]",
  "constructor[prototype][x]",
  "a[__proto__][x]",
  "__proto__.x",
  "a[constructor][prototype][x]",
  "a[][__proto__]",
])(
  "GHSA-v8w9-8mx6-g223, CVE-2025-68130, GHSA-43p4-m455-4f4j, SNYK-JS-ADONISJSBODYPARSER-15248296, graphql-yoga#4557: %s is plain data in every body",
  async (name) => {
    const results = [
      await multi({ name, body: "1" }),
      await multi({ name, filename: "f", body: "1" }),
      await params(`${encodeURIComponent(name)}=1`, urlencoded),
      await params(`{${JSON.stringify(name)}:1,"__proto__":{"x":1}}`, "application/json"),
    ]
    for (const result of results) {
      expect(Object.getPrototypeOf(result)).toBeNull()
      expect(result["x"]).toBeUndefined()
      expect((Object.assign(Object.create(null), result) as Record<string, unknown>)["x"]).toBeUndefined()
    }
  },
)

test("GHSA-g6gw-c38x-mqfc, CVE-2026-5079: endless nesting is a 400", async () => {
  const brackets = `a${"[b]".repeat(10_000)}`
  expect(await fail(post(`${brackets}=1`, urlencoded))).toBeInstanceOf(ParseError)
  for (const name of [`a${"[b]".repeat(500)}`, `a${"[]".repeat(500)}`, brackets]) {
    const error = await fail(post(bodyOf([{ name, body: "1" }])))
    expect(error).toBeInstanceOf(ParseError)
  }
  expect(await fail(post("[".repeat(100_000), "application/json"))).toBeInstanceOf(ParseError)
  const dots = "a.".repeat(5_000)
  expect(await multi({ name: dots, body: "1" })).toEqual({ [dots]: "1" })
})

test("CVE-2022-24999, GHSA-hrpp-h998-j3pp: a length that is none makes no list", async () => {
  const result = await params("a[__proto__]=b&a[__proto__]&a[length]=100000000", urlencoded)
  expect(Object.entries(result["a"] as object)).toEqual([
    ["__proto__", ""],
    ["length", "100000000"],
  ])
})

test("CVE-2025-15284, GHSA-6rw7-vpxm-498p: a hundred thousand items of a list are refused", async () => {
  expect(await fail(post("a[]=x&".repeat(100_000), urlencoded))).toBeInstanceOf(ParseError)
  const many = Array.from({ length: 10_000 }, () => ({ name: "a[]", body: "" }))
  expect(await fail(post(bodyOf(many)))).toBeInstanceOf(RequestTooLargeError)
})

test("CVE-2026-77078: a huge index is a name like any other", async () => {
  const pieces = ["a[4294967295]", "a[-1]", "a[1e9]"].map((name) => ({ name, body: "x" }))
  const wanted = { a: { "4294967295": "x", "-1": "x", "1e9": "x" } }
  expect(await multi(...pieces)).toEqual(wanted)
  expect(await params("a[4294967295]=x&a[-1]=x&a[1e9]=x", urlencoded)).toEqual(wanted)
})

test("CVE-2025-47935, GHSA-44fp-w29j-9vj5: a request that fails midway leaves nothing open", async () => {
  const open = () => (existsSync("/proc/self/fd") ? readdirSync("/proc/self/fd").length : 0)
  const form = bodyOf([{ name: "f", filename: "f", body: "x".repeat(1000) }])
  const broken = new HTTPError(400, "broken framing")
  await fail(failingAt(post(form), 500, broken))
  const least = open()
  for (let i = 0; i < 1000; i++) expect(await fail(failingAt(post(form), 100 + (i % 900), broken))).toBe(broken)
  expect(open()).toBeLessThanOrEqual(least + 2)
})

test.each([
  [
    "a head and at once the closing boundary",
    `--${boundary}\r\nContent-Disposition: form-data; name="a"\r\n--${boundary}--`,
  ],
  [
    "a head of a file and at once the closing boundary",
    `--${boundary}\r\nContent-Disposition: form-data; name="a"; filename="f"\r\n--${boundary}--\r\n`,
  ],
  [
    "a head that ends in one line end",
    `--${boundary}\r\nContent-Disposition: form-data; name="a"; filename="f"\r\n\r\n--${boundary}--\r\n`,
  ],
  ["a boundary alone", `--${boundary}`],
  ["a line end alone", "\r\n"],
])("CVE-2025-47944, CVE-2025-7338, GHSA-4pg4-qvpc-4q3h, multer#1338: %s is a 400", async (_, body) => {
  expect(await fail(post(body))).toBeInstanceOf(ParseError)
})

test("CVE-2025-7338, multer#1338: a boundary that is cut anywhere is a 400", async () => {
  const form = bodyOf([{ name: "f", filename: "f", body: "x" }])
  const closing = form.length - boundary.length - 8
  for (let at = closing; at < form.length - 2; at++) {
    expect(await fail(post(form.subarray(0, at)))).toBeInstanceOf(ParseError)
  }
})

test("CVE-2025-48997: a field or file whose name is empty gives nothing, and ends nothing", async () => {
  expect(
    await multi({ name: "", filename: "f", body: "x" }, { name: "", body: "y" }, { name: "a", body: "1" }),
  ).toEqual({
    a: "1",
  })
})

test("CVE-2026-21440, GHSA-gvq6-hvvp-h34h: the client's file name never reaches the file system", async () => {
  for (const filename of ["../../x", "/etc/cron.d/x", "..\\\\..\\\\x", "x".repeat(5000), ".", "..", "~"]) {
    const one = await parse(post(bodyOf([{ name: "f", filename, body: "x" }])))
    const upload = one.bodyParams["f"] as Upload
    expect(dirname(dirname(upload.path))).toBe(root)
    expect(upload.path.slice(dirname(upload.path).length)).toMatch(/^\/[0-9a-f]{32}$/)
    await expect(upload.moveTo(`${root}/${"../../x"}`)).rejects.toMatchObject({ status: 400 })
    expect(upload.safeFilename).not.toMatch(/[/\\]|^\.+$/)
    one.text("")
  }
})

test("SNYK-JS-ADONISJSBODYPARSER-15248297: what is read into memory has a limit, announced or not", async () => {
  const field = bodyOf([{ name: "a", body: "x".repeat(1_000_001) }])
  expect(await fail(post(field))).toBeInstanceOf(RequestTooLargeError)
  const types: [string, number][] = [
    [urlencoded, 1_000_001],
    ["application/json", 8_000_001],
    [formData, 8_000_001],
  ]
  for (const [type, length] of types) {
    for (const headers of [{}, { "content-length": "1" }] as Record<string, string>[]) {
      const error = await fail(post(Buffer.alloc(length, "1"), type, { headers }))
      expect(error, type).toBeInstanceOf(RequestTooLargeError)
    }
  }
})

test("Plug 1.19.2: a part with a megabyte of headers is a 400", async () => {
  const line = `X-Header: ${"y".repeat(1000)}\r\n`
  for (const head of [line.repeat(1000), `X: ${"y".repeat(1_000_000)}\r\n`, `${"x".repeat(1_000_000)}: y\r\n`]) {
    const piece = { head: `${head}Content-Disposition: form-data; name="a"`, body: "" }
    expect(await fail(post(bodyOf([piece])))).toBeInstanceOf(ParseError)
  }
})

test.each([
  "application/json\t;",
  "application/json ;",
  "application/json;charset=utf-8;",
  "APPLICATION/JSON",
  "application/json; foo",
  " application/json",
])("CVE-2025-32442, CVE-2026-25223, GHSA-573f-x89g-hqp9, GHSA-247c-9743-5963: %j is parsed", async (type) => {
  expect(await params('{"a":1}', type)).toEqual({ a: 1 })
})

test.each([
  "application/json\u00a0",
  "application/json,text/plain",
  "application/ json",
  "application/jsonx",
  "application/json\u0000",
  "\u000bapplication/json",
  "application",
  "",
  ";application/json",
])(
  "CVE-2025-32442, CVE-2026-25223, GHSA-3fjj-p79j-c9hh, GHSA-455w-c45v-86rg: %j is a 415, not let through unparsed",
  async (type) => {
    const one = conn("POST", "/", '{"a":1}', { headers: { "content-type": type } })
    expect(await fail(one)).toBeInstanceOf(UnsupportedMediaTypeError)
    expect(() => one.bodyParams).toThrow()
  },
)
