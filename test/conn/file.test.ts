import { mkdtemp, rm, symlink, utimes, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { HTTPError, UsageError } from "plumage"
import { type ConnOptions, conn, exchangeOf, sentResp } from "plumage/test"
import { afterAll, beforeAll, describe, expect, test } from "vitest"

let folder: string
let path: string
const bytes = Buffer.from(Array.from({ length: 1000 }, (_, i) => i % 251))
/** 1.7 s past a whole minute, so that fractions show. */
const mtime = Date.UTC(2020, 0, 2, 3, 4, 1) + 700

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "plumage-file-"))
  path = join(folder, "data.txt")
  await writeFile(path, bytes)
  await utimes(path, mtime / 1000, mtime / 1000)
  await writeFile(join(folder, "empty.css"), "")
})
afterAll(() => rm(folder, { recursive: true }))

const request = (headers: ConnOptions["headers"] = {}, method = "GET") => conn(method, "/", undefined, { headers })
const serve = async (headers?: ConnOptions["headers"], method?: string) => {
  const done = await request(headers, method).serveFile(path)
  return { ...sentResp(done), state: done.state }
}

describe("sendFile", () => {
  test("sends the whole file with its type and length", async () => {
    const sent = sentResp(await request().sendFile(201, path))
    expect(sent).toMatchObject({ status: 201, headers: { "content-type": "text/plain", "content-length": "1000" } })
    expect(Buffer.compare(sent.bytes, bytes)).toBe(0)
  })

  test.each([
    [0, undefined, 1000],
    [10, undefined, 990],
    [10, 5, 5],
    [999, 1, 1],
    [0, 1000, 1000],
  ])("from %d with length %s sends %d bytes", async (offset, length, count) => {
    const sent = sentResp(await request().sendFile(200, path, offset, length))
    expect(Buffer.compare(sent.bytes, bytes.subarray(offset, offset + count))).toBe(0)
    expect(sent.headers["content-length"]).toBe(String(count))
  })

  test.each([
    [-1, undefined],
    [1.5, undefined],
    [Number.NaN, undefined],
    [0, 0],
    [0, -1],
    [0, 1.5],
    [1001, undefined],
    [0, 1001],
    [999, 2],
    [Number.MAX_SAFE_INTEGER, 1],
  ])("from %d with length %s is a UsageError, and nothing is sent", async (offset, length) => {
    const one = request()
    await expect(one.sendFile(200, path, offset, length)).rejects.toBeInstanceOf(UsageError)
    expect([one.exchange.sent, one.state]).toEqual([false, "unset"])
  })

  test.each([
    ["a missing file", "nope.txt", "ENOENT"],
    ["a directory", ".", "EISDIR"],
    ["a path through a file", "data.txt/x", "ENOTDIR"],
  ])("%s rejects with the system's error, and another answer can be sent", async (_, name, code) => {
    const one = request()
    await expect(one.sendFile(200, join(folder, name))).rejects.toMatchObject({ code })
    await expect(one.serveFile(join(folder, name))).rejects.toMatchObject({ code })
    expect(sentResp(one.text("instead")).headers["content-type"]).toBe("text/plain; charset=utf-8")
  })

  test("a NUL in the path, or no path, is a UsageError", async () => {
    for (const bad of ["a\0b", undefined, 5]) {
      await expect(request().sendFile(200, bad as string)).rejects.toBeInstanceOf(UsageError)
      await expect(request().serveFile(bad as string)).rejects.toBeInstanceOf(UsageError)
    }
  })

  test("HEAD gets the length and no byte", async () => {
    const sent = sentResp(await request({}, "HEAD").sendFile(200, path, 10))
    expect(sent).toMatchObject({ body: "", headers: { "content-length": "990" } })
  })

  test("an empty file is an empty answer", async () => {
    const sent = sentResp(await request().sendFile(200, join(folder, "empty.css")))
    expect(sent).toMatchObject({ body: "", headers: { "content-type": "text/css", "content-length": "0" } })
  })

  test("keeps a type that was put before", async () => {
    const sent = sentResp(await request().putRespContentType("image/x", undefined).sendFile(200, path))
    expect(sent.headers["content-type"]).toBe("image/x")
  })

  test("knows a file by the last extension, in any case, and others not at all", async () => {
    for (const [name, type] of [
      ["a.min.JS", "text/javascript"],
      ["Makefile", "application/octet-stream"],
      ["b.nope", "application/octet-stream"],
    ] as const) {
      await symlink(path, join(folder, name))
      expect(sentResp(await request().sendFile(200, join(folder, name))).headers["content-type"]).toBe(type)
    }
  })

  test("a file is let go when a callback fails", async () => {
    const one = request().registerBeforeSend(() => {
      throw new Error("no")
    })
    let closed = 0
    const { openFile } = exchangeOf(one)
    exchangeOf(one).openFile = async (path) => {
      const file = await openFile.call(one.exchange, path)
      const { close } = file
      return Object.assign(file, {
        close: () => {
          closed++
          close()
        },
      })
    }
    await expect(one.sendFile(200, path)).rejects.toThrow("no")
    expect(closed).toBeGreaterThan(0)
  })
})

describe("serveFile", () => {
  const etag = async () => (await serve()).headers["etag"]!

  test("sends a strong etag, last-modified in whole seconds and accept-ranges", async () => {
    const { status, headers, state } = await serve()
    expect([status, state]).toEqual([200, "file"])
    expect(headers).toMatchObject({
      "last-modified": "Thu, 02 Jan 2020 03:04:01 GMT",
      "accept-ranges": "bytes",
      "content-length": "1000",
    })
    expect(headers["etag"]).toMatch(/^"[^"]+"$/)
    expect(await etag()).toBe(headers["etag"])
  })

  test("another size or time is another etag", async () => {
    const other = join(folder, "other.txt")
    await writeFile(other, bytes)
    await utimes(other, mtime / 1000 + 1, mtime / 1000 + 1)
    expect(sentResp(await request().serveFile(other)).headers["etag"]).not.toBe(await etag())
  })

  test.each([
    ["bytes=0-9", 0, 9],
    ["bytes=990-", 990, 999],
    ["bytes=-10", 990, 999],
    ["bytes=990-5000", 990, 999],
    ["bytes=0-0", 0, 0],
    ["bytes=-5000", 0, 999],
    ["bytes=0-", 0, 999],
  ])("%s is a 206", async (range, start, end) => {
    const sent = await serve({ range })
    expect(sent).toMatchObject({
      status: 206,
      headers: { "content-range": `bytes ${start}-${end}/1000`, "content-length": String(end - start + 1) },
    })
    expect(Buffer.compare(sent.bytes, bytes.subarray(start, end + 1))).toBe(0)
  })

  test.each(["bytes=1000-", "bytes=5000-6000", "bytes=-0"])("%s is a 416 that tells the size", async (range) => {
    const sent = await serve({ range })
    expect(sent).toMatchObject({ status: 416, body: "", headers: { "content-range": "bytes */1000" } })
    expect(sent.headers["content-type"]).toBeUndefined()
  })

  test.each(["bytes=0-1,5-6", "bytes=9-0", "bytes=a-b", "lines=0-1", "bytes 0-1", "", "bytes=", "bytes=--1"])(
    "range %j is ignored: 200 and everything",
    async (range) => {
      expect(await serve({ range })).toMatchObject({ status: 200, headers: { "content-length": "1000" } })
    },
  )

  test("two range lines are ignored", async () => {
    const headers = [
      ["range", "bytes=0-1"],
      ["range", "bytes=2-3"],
    ] as const
    expect((await serve(headers)).status).toBe(200)
  })

  test("If-Range counts when it is the etag, or exactly the date", async () => {
    const range = "bytes=0-9"
    const lastModified = "Thu, 02 Jan 2020 03:04:01 GMT"
    expect((await serve({ range, "if-range": await etag() })).status).toBe(206)
    expect((await serve({ range, "if-range": lastModified })).status).toBe(206)
    for (const other of [
      '"other"',
      `W/${await etag()}`,
      "Thu, 02 Jan 2020 03:04:02 GMT",
      "Thu, 02 Jan 2020 03:04:00 GMT",
      "x",
    ]) {
      expect((await serve({ range, "if-range": other })).status, other).toBe(200)
    }
  })

  test("If-None-Match with the etag, weak or in a list, or with * is a 304 without body or type", async () => {
    for (const tags of [await etag(), `W/${await etag()}`, `"a", ${await etag()}`, "*"]) {
      const sent = await serve({ "if-none-match": tags })
      expect(sent, tags).toMatchObject({ status: 304, body: "", state: "sent" })
      expect(sent.headers).toMatchObject({ etag: await etag() })
      expect(sent.headers["content-type"]).toBeUndefined()
      expect(sent.headers["content-length"]).toBeUndefined()
    }
    expect((await serve({ "if-none-match": '"other"' })).status).toBe(200)
    expect((await serve({ "if-none-match": await etag() }, "HEAD")).status).toBe(304)
  })

  test("If-Modified-Since counts by whole seconds, and only without If-None-Match", async () => {
    const since = (date: string, tags?: string) =>
      serve({ "if-modified-since": date, ...(tags === undefined ? {} : { "if-none-match": tags }) })
    expect((await since("Thu, 02 Jan 2020 03:04:01 GMT")).status).toBe(304)
    expect((await since("Thu, 02 Jan 2020 03:04:02 GMT")).status).toBe(304)
    expect((await since("Thu, 02 Jan 2020 03:04:00 GMT")).status).toBe(200)
    expect((await since("yesterday")).status).toBe(200)
    expect((await since("Thu, 02 Jan 2020 03:04:01 GMT", '"other"')).status).toBe(200)
  })

  test("If-Match without the etag is a 412, with it or * the file", async () => {
    const refused = request({ "if-match": '"other"' }).serveFile(path)
    await expect(refused).rejects.toBeInstanceOf(HTTPError)
    await expect(refused).rejects.toMatchObject({ status: 412 })
    await expect(request({ "if-match": `W/${await etag()}` }).serveFile(path)).rejects.toMatchObject({ status: 412 })
    expect((await serve({ "if-match": await etag() })).status).toBe(200)
    expect((await serve({ "if-match": "*" })).status).toBe(200)
  })

  test("If-Unmodified-Since before the last change is a 412, unless If-Match is there (RFC 9110 §13.2.2)", async () => {
    const early = { "if-unmodified-since": "Thu, 02 Jan 2020 03:04:00 GMT" }
    await expect(request(early).serveFile(path)).rejects.toMatchObject({ status: 412 })
    expect((await serve({ "if-unmodified-since": "Thu, 02 Jan 2020 03:04:01 GMT" })).status).toBe(200)
    expect((await serve({ "if-unmodified-since": "never" })).status).toBe(200)
    expect((await serve({ ...early, "if-match": await etag() })).status).toBe(200)
  })

  test("a 304 wins over a range, a 412 over both", async () => {
    expect((await serve({ range: "bytes=0-9", "if-none-match": await etag() })).status).toBe(304)
    await expect(
      request({ range: "bytes=0-9", "if-none-match": await etag(), "if-match": '"x"' }).serveFile(path),
    ).rejects.toMatchObject({ status: 412 })
  })

  test("HEAD gets the head of the whole file, a range or not", async () => {
    for (const headers of [{}, { range: "bytes=0-9" }]) {
      const sent = await serve(headers, "HEAD")
      expect(sent).toMatchObject({ status: 200, body: "", headers: { "content-length": "1000" } })
    }
  })

  test("a range counts for GET alone (RFC 9110 §14.2)", async () => {
    expect((await serve({ range: "bytes=0-9" }, "POST")).status).toBe(200)
  })

  test("an empty file is served, and no range of it can be had", async () => {
    const empty = (headers = {}) => request(headers).serveFile(join(folder, "empty.css"))
    expect(sentResp(await empty())).toMatchObject({ status: 200, body: "", headers: { "content-length": "0" } })
    expect(sentResp(await empty({ range: "bytes=0-" })).status).toBe(416)
  })
})
