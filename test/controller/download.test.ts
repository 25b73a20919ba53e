import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import fc from "fast-check"
import { AlreadySentError, type Conn, defineRouter, InvalidOptionError, type Sent, UsageError } from "plumage"
import { contentSecurityPolicy } from "plumage/plugs"
import { type ConnOptions, call, conn, sentResp } from "plumage/test"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type DownloadOptions, type FileDownloadOptions, sendDownload } from "../../src/controller/download.ts"
import { readDisposition } from "../http/read-disposition.ts"
import { errorOf } from "../loose.ts"

let folder: string
let path: string
const bytes = Buffer.from(Array.from({ length: 1000 }, (_, i) => i % 251))

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "plumage-download-"))
  path = join(folder, "report.pdf")
  await writeFile(path, bytes)
  await utimes(path, 1_600_000_000, 1_600_000_000)
})
afterAll(() => rm(folder, { recursive: true }))

const request = (headers: ConnOptions["headers"] = {}, method = "GET") => conn(method, "/", undefined, { headers })
const data = (filename: string, options: DownloadOptions = {}) =>
  sentResp(sendDownload(request(), { data: "a,b", filename }, options))
const file = async (headers?: ConnOptions["headers"], options?: FileDownloadOptions, method?: string) =>
  sentResp(await sendDownload(request(headers, method), { path }, options))

describe("a download of data", () => {
  test("is sent at once, whole, with its type and its name, to be saved", () => {
    const sent: Sent = sendDownload(request(), { data: "a,b", filename: "table.csv" })
    expect(sentResp(sent)).toMatchObject({ status: 200, body: "a,b" })
    expect(sentResp(sent).headers).toMatchObject({
      "content-type": "text/csv",
      "content-disposition": 'attachment; filename="table.csv"',
      "x-content-type-options": "nosniff",
    })
  })

  test("may be bytes, keeps the status that was put, and has no body for HEAD", () => {
    const one = request().putStatus(201)
    const sent = sentResp(sendDownload(one, { data: Uint8Array.of(0xff, 0), filename: "x.bin" }))
    expect([sent.status, [...sent.bytes], sent.headers["content-type"]]).toEqual([
      201,
      [0xff, 0],
      "application/octet-stream",
    ])
    const head = sentResp(sendDownload(request({}, "HEAD"), { data: "a,b", filename: "x.csv" }))
    expect([head.body, head.headers["content-length"]]).toEqual(["", "3"])
  })

  test("takes options for name, type and charset over what the source says, and over a type that was put", () => {
    const one = request().putRespContentType("text/html")
    const options = { filename: "b.txt", contentType: "text/markdown", charset: "utf-8" }
    const { headers } = sentResp(sendDownload(one, { data: "x", filename: "a.csv" }, options))
    expect([headers["content-type"], headers["content-disposition"]]).toEqual([
      "text/markdown; charset=utf-8",
      'attachment; filename="b.txt"',
    ])
  })

  test("without `encode` has the ASCII name alone", () => {
    const { headers } = data("naïve.txt", { encode: false })
    expect(headers["content-disposition"]).toBe('attachment; filename="na_ve.txt"')
  })

  test("takes neither offset nor length, nor a name that is missing, and does not compile with them", () => {
    const source = { data: "x", filename: "a" }
    // @ts-expect-error a slice is one of a file
    expect(errorOf(() => sendDownload(request(), source, { offset: 1 }))).toBeInstanceOf(InvalidOptionError)
    // @ts-expect-error data has no name of its own
    expect(errorOf(() => sendDownload(request(), { data: "x" })).message).toMatch(/filename/)
    // @ts-expect-error a promise, since a file is to be opened
    const never = (): Sent => sendDownload(request(), { path })
    expect(never).toBeTypeOf("function")
  })
})

describe("a name that somebody else has chosen", () => {
  const hostile: [filename: string, read: string][] = [
    ["a\r\nset-cookie: x=1", "a__set-cookie_ x=1"],
    ["a\0.txt", "a_.txt"],
    ['a"; filename="evil.exe', "a_; filename=_evil.exe"],
    ["..\\..\\windows\\evil.exe", "evil.exe"],
    ["/etc/passwd", "passwd"],
    ["../..", "file"],
    ["", "file"],
    ["photo\u202egpj.exe", "photo_gpj.exe"],
    ["a\u2066b\u200f.txt", "a_b_.txt"],
    ["con.txt", "_con.txt"],
    ["LPT1", "_LPT1"],
    [".htaccess", "htaccess"],
    ["a\ud800.txt", "a_.txt"],
    ["%2e%2e%2fevil", "%2e%2e%2fevil"],
    ["日本語.pdf", "日本語.pdf"],
  ]
  test.each(hostile)("%j is saved as %j", (filename, read) => {
    const { headers, headerList } = data(filename)
    expect(readDisposition(headers["content-disposition"]!).filename).toBe(read)
    expect(headerList.map(([name]) => name)).not.toContain("set-cookie")
  })

  test("of ten kilobytes is cut, and keeps its extension", () => {
    const { filename } = readDisposition(data(`${"ü".repeat(5_000)}.pdf`).headers["content-disposition"]!)
    expect(Buffer.byteLength(filename)).toBeLessThanOrEqual(200)
    expect(filename).toMatch(/^ü{90,}\.pdf$/)
  })

  test("never raises, ends no header and is one piece of a path, whatever it is", () => {
    const piece = fc.constantFrom("\r\n", "\0", '"', "\\", "/", "..", "\u202e", "%", "'", ";", "a", ".txt", "con", "é")
    const names = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(piece).map((pieces) => pieces.join("")),
    )
    fc.assert(
      fc.property(names, fc.boolean(), (name, encode) => {
        const { ascii, filename } = readDisposition(data(name, { encode }).headers["content-disposition"]!)
        for (const read of [ascii!, filename]) {
          expect(read).not.toMatch(/[/\\"\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|^\.|^(con|prn|aux|nul)(\.|$)/iu)
          expect(read).not.toBe("")
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe("what a browser could run scripts of", () => {
  test.each([
    ["a.HTML", "text/html", true],
    ["a.svg", "image/svg+xml", true],
    ["a.xml", "text/xml", true],
    ["a.xhtml", "application/xhtml+xml", true],
    ["a.eml", "message/rfc822", true],
    ["a.atom", "application/atom+xml", true],
    ["a.txt", "text/plain", false],
    ["html", "application/octet-stream", false],
    ["a.pdf", "application/pdf", false],
    ["a.png", "image/png", false],
    ["a.docx", "application/octet-stream", false],
  ])("%s, shown inline as %s, is in a sandbox: %s", (filename, type, sandbox) => {
    const { headers } = data(filename, { disposition: "inline" })
    expect([headers["content-type"], headers["content-security-policy"]]).toEqual([
      type,
      sandbox ? "sandbox" : undefined,
    ])
    expect(readDisposition(headers["content-disposition"]!).type).toBe("inline")
    expect(data(filename).headers).not.toHaveProperty("content-security-policy")
  })

  test("is in a sandbox beside the policy that is there, and whoever has named the type", () => {
    const policed = contentSecurityPolicy({ "default-src": ["'self'"] })(request())
    const source = { data: "<p>", filename: "a.html" }
    const { headerList } = sentResp(sendDownload(policed, source, { disposition: "inline" }))
    expect(headerList.filter(([name]) => name === "content-security-policy").map(([, value]) => value)).toEqual([
      "sandbox",
      "default-src 'self'",
    ])
    for (const contentType of [
      "text/html",
      "Text/HTML\t; charset=utf-7",
      "multipart/x-mixed-replace",
      "image/svg+xml;",
    ]) {
      const { headers } = data("a.png", { disposition: "inline", contentType })
      expect(headers["content-security-policy"], contentType).toBe("sandbox")
    }
  })
})

describe("a download of a file", () => {
  test("has the name of the file, its type and validators, and offers ranges", async () => {
    const { status, headers, bytes: body } = await file()
    expect([status, body]).toEqual([200, bytes])
    expect(headers).toMatchObject({
      "content-type": "application/pdf",
      "content-disposition": 'attachment; filename="report.pdf"',
      "x-content-type-options": "nosniff",
      "accept-ranges": "bytes",
      "last-modified": "Sun, 13 Sep 2020 12:26:40 GMT",
      etag: expect.stringMatching(/^".+"$/),
    })
  })

  test("can be resumed with its etag, and is whole when it is another file by now", async () => {
    const { etag } = (await file()).headers
    const resumed = await file({ range: "bytes=900-", "if-range": etag! })
    expect([resumed.status, resumed.bytes]).toEqual([206, bytes.subarray(900)])
    expect(resumed.headers).toMatchObject({
      "content-range": "bytes 900-999/1000",
      "content-disposition": 'attachment; filename="report.pdf"',
    })
    expect((await file({ range: "bytes=900-", "if-range": '"other"' })).status).toBe(200)
  })

  test("answers conditions and ranges that do not hold without a body", async () => {
    const { etag } = (await file()).headers
    expect(await file({ "if-none-match": etag! })).toMatchObject({ status: 304, body: "" })
    expect(await file({ range: "bytes=1000-" })).toMatchObject({ status: 416, body: "" })
    await expect(file({ "if-match": '"other"' })).rejects.toMatchObject({ status: 412 })
    expect(await file({}, {}, "HEAD")).toMatchObject({ body: "", headers: { "content-length": "1000" } })
  })

  test("with offset or length is that slice, under the status that was put, and offers no ranges", async () => {
    const slice = await file({ range: "bytes=0-1" }, { offset: 10, length: 20 })
    expect([slice.status, slice.bytes]).toEqual([200, bytes.subarray(10, 30)])
    expect(slice.headers).not.toHaveProperty("accept-ranges")
    expect(slice.headers["content-disposition"]).toBe('attachment; filename="report.pdf"')
    expect((await file({}, { offset: 990 })).bytes).toEqual(bytes.subarray(990))
    expect((await file({}, { length: 5 })).bytes).toEqual(bytes.subarray(0, 5))
    await expect(file({}, { offset: 999, length: 2 })).rejects.toBeInstanceOf(UsageError)
    const created = request().putStatus(201)
    expect(sentResp(await sendDownload(created, { path }, { length: 5 })).status).toBe(201)
  })

  test.each([[{}], [{ length: 5 }]])("that is not there leaves nothing of it behind, options %j", async (options) => {
    const one = request().putRespHeader("x-own", "1")
    const before = [...one.respHeaders]
    for (const missing of [join(folder, "none.html"), folder]) {
      const error = await sendDownload(one, { path: missing }, options).catch((error) => error)
      expect(error.code).toBe(missing === folder ? "EISDIR" : "ENOENT")
      expect(one.respHeaders).toEqual(before)
    }
    const { headers } = sentResp(one.putStatus(404).html("<p>not found"))
    expect(headers["content-type"]).toBe("text/html; charset=utf-8")
    expect(headers).not.toHaveProperty("content-disposition")
  })

  test("refuses a path with a NUL, and is what an action answers with", async () => {
    await expect(sendDownload(request(), { path: `${path}\0.txt` })).rejects.toBeInstanceOf(UsageError)
    const router = defineRouter((r) => [
      r.get("/report", (conn) => sendDownload(conn, { path }, { filename: "März.pdf" })),
    ])
    const { headers } = sentResp(await call(router, conn("GET", "/report")))
    expect(readDisposition(headers["content-disposition"]!).filename).toBe("März.pdf")
  })
})

describe("wrong options", () => {
  test("are errors that name them, before anything is put", () => {
    const wrong: [options: object, message: RegExp][] = [
      [{ name: "x" }, /no option name/],
      [{ filename: 7 }, /filename takes text/],
      [{ disposition: "attachment; x" }, /disposition/],
      [{ contentType: "text" }, /contentType/],
      [{ contentType: 7 }, /contentType/],
      [{ contentType: "image/png;a=b, text/html" }, /contentType/],
      [{ charset: "utf-8; x" }, /charset/],
      [{ encode: "no" }, /encode/],
    ]
    for (const [options, message] of wrong) {
      const one = request()
      const error = errorOf(() => sendDownload(one, { path }, options))
      expect(error).toBeInstanceOf(InvalidOptionError)
      expect(error.message).toMatch(message)
      expect(one.getRespHeader("content-disposition")).toBeUndefined()
    }
  })

  test("a source is a path or data, and not both", () => {
    for (const source of [{}, { path: "x", data: "y" }, null, { file: "x" }, { path: 7 }, "x"]) {
      expect(
        errorOf(() => sendDownload(request(), source as never)),
        String(source),
      ).toBeInstanceOf(InvalidOptionError)
    }
  })

  test("a type that would end its header is refused, and so is a second answer", () => {
    expect(errorOf(() => data("a", { contentType: "text/csv; a=\r\nx-injected: 1" }))).toBeInstanceOf(UsageError)
    const one = request()
    one.text("x")
    expect(errorOf(() => sendDownload(one as Conn, { data: "x", filename: "a" }))).toBeInstanceOf(AlreadySentError)
  })
})
