/** What `serveFile` and `serveStatic` share, where only one of them can show it. */
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type ConnOptions, conn, sentResp } from "plumage/test"
import { afterAll, beforeAll, expect, test } from "vitest"

let folder: string
let path: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "plumage-answer-"))
  path = join(folder, "404.html")
  await writeFile(path, "<p>not found")
})
afterAll(() => rm(folder, { recursive: true }))

const request = (headers: NonNullable<ConnOptions["headers"]>) => conn("GET", "/", undefined, { headers })

test("a page with a status of its own is sent whole: conditions and ranges are those of a 200 (RFC 9110 §13.2.1, §14.2)", async () => {
  for (const headers of [
    { range: "bytes=0-1" },
    { range: "bytes=99-" },
    { "if-none-match": "*" },
    { "if-match": '"a"' },
    { "if-modified-since": "Fri, 31 Dec 9999 23:59:59 GMT" },
  ]) {
    const sent = sentResp(await request(headers).putStatus(404).serveFile(path))
    expect([sent.status, sent.body, sent.headers["content-range"]]).toEqual([404, "<p>not found", undefined])
  }
})

test("a list of etags may come in several lines", async () => {
  const etag = sentResp(await request({}).serveFile(path)).headers["etag"]!
  for (const name of ["if-none-match", "if-match"]) {
    const lines = [
      [name, '"a"'],
      [name, etag],
    ] as const
    expect(sentResp(await request(lines).serveFile(path)).status).toBe(name === "if-match" ? 200 : 304)
  }
})

test("a 304 keeps what a cache must know, and nothing of the body that it has not", async () => {
  const one = request({ "if-none-match": "*" })
    .putRespHeader("cache-control", "public, max-age=60")
    .putRespHeader("vary", "cookie")
    .putRespHeader("content-language", "de")
  const { headers } = sentResp(await one.serveFile(path))
  expect(Object.keys(headers).sort()).toEqual(["cache-control", "etag", "vary"])
})
