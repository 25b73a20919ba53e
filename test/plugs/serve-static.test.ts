import { createHash } from "node:crypto"
import { appendFile, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, utimes, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { brotliCompressSync, gzipSync } from "node:zlib"
import { type Conn, defineRouter, InvalidOptionError, InvalidPathError, ServiceUnavailableError } from "plumage"
import { type ConnOptions, call, conn, exchangeOf, sentResp } from "plumage/test"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type StaticOptions, serveStatic } from "../../src/plugs/serve-static.ts"
import { errorOf, settled } from "../loose.ts"

let base: string
let from: string
const css = Buffer.from("body { color: teal }\n".repeat(50))
const mtime = Date.UTC(2020, 0, 2, 3, 4, 1) + 700
const lastModified = "Thu, 02 Jan 2020 03:04:01 GMT"

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), "plumage-static-"))
  from = join(base, "public")
  for (const folder of ["docs/empty", "private", ".well-known"]) await mkdir(join(from, folder), { recursive: true })
  const files: Record<string, string | Buffer> = {
    "app.css": css,
    "app.css.br": brotliCompressSync(css),
    "app.css.gz": gzipSync(css),
    "only-gzip.js": "let a",
    "only-gzip.js.gz": gzipSync("let a"),
    "docs/index.html": "<p>docs",
    "index.html": "<p>root",
    "grüße 100%.txt": "hello",
    "%2e%2e": "an odd name",
    ".env": "SECRET=1",
    ".well-known/security.txt": "mail us",
    association: "{}",
    "private/x.txt": "private",
    "../outside.txt": "outside",
  }
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(from, name), content)
    await utimes(join(from, name), mtime / 1000, mtime / 1000)
  }
  await symlink(join(base, "outside.txt"), join(from, "link-out.txt"))
  await symlink("app.css", join(from, "link-in.css"))
  await symlink("private", join(from, "link-folder"))
  await symlink("loop", join(from, "loop"))
})
afterAll(() => rm(base, { recursive: true }))

const isSame = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0
const at = (options: Partial<StaticOptions> = {}) => serveStatic({ at: "/assets", from, ...options })
const get = (path: string, headers: ConnOptions["headers"] = {}, method = "GET") =>
  conn(method, path, undefined, { headers })
/** What a request is answered with; undefined when it is passed on. */
async function ask(
  options: Partial<StaticOptions>,
  path: string,
  headers?: ConnOptions["headers"],
  method?: string,
): Promise<(ReturnType<typeof sentResp> & { location?: string | undefined }) | undefined> {
  const one = get(path, headers, method)
  const before = [...one.respHeaders]
  const done = await call(at(options), one)
  if (done.halted) return sentResp(done)
  expect([one.exchange.sent, one.state, one.status, one.respHeaders]).toEqual([false, "unset", undefined, before])
  return undefined
}

describe("what is served", () => {
  test("a file, with its type, validators and length; and the connection is halted", async () => {
    const sent = await ask({}, "/assets/app.css")
    expect(sent).toMatchObject({
      status: 200,
      headers: {
        "content-type": "text/css",
        "content-length": String(css.length),
        "accept-ranges": "bytes",
        "last-modified": lastModified,
        "cache-control": "public, max-age=0",
      },
    })
    expect(sent!.headers["etag"]).toMatch(/^W\/"[\w-]+"$/)
    expect(sent!.headers["vary"]).toBeUndefined()
    expect(isSame(sent!.bytes, css)).toBe(true)
  })

  test("HEAD gets the same headers and no body, ranges aside", async () => {
    for (const accept of ["identity", "br"]) {
      const headers = { "accept-encoding": accept }
      const [whole, head] = [
        await ask({ brotli: true }, "/assets/app.css", headers),
        await ask({ brotli: true }, "/assets/app.css", { ...headers, range: "bytes=0-1" }, "HEAD"),
      ]
      expect(head).toMatchObject({ status: 200, body: "", headers: whole!.headers })
    }
  })

  test("names are decoded once, and every slash too many is none", async () => {
    expect((await ask({}, "/assets/gr%C3%BC%C3%9Fe%20100%25.txt"))!.body).toBe("hello")
    expect((await ask({}, "/assets/%252e%252e"))!.body).toBe("an odd name")
    expect((await ask({}, "//assets///app.css/"))!.status).toBe(200)
    expect((await ask({}, "/%61ssets/app.css"))!.status).toBe(200)
  })

  test("`from` is a path, a file URL, or a function of the connection", async () => {
    const url = pathToFileURL(from + "/")
    expect((await ask({ from: url }, "/assets/app.css"))!.status).toBe(200)
    const byHost = (one: Conn) => (one.host === "www.example.com" ? url : undefined)
    expect((await ask({ from: byHost }, "/assets/app.css"))!.status).toBe(200)
    expect(await ask({ from: byHost }, "/assets/app.css", { host: "other.example" })).toBeUndefined()
    const wrong = at({ from: (() => 5) as never })
    expect(errorOf(() => wrong(get("/assets/app.css"))).message).toContain("from must give a folder")
  })

  test("below a forward it sees the rest of the path", async () => {
    const inner = defineRouter((r) => [
      r.scope("/", at({ at: "/a" }), (r) => [r.get("/*rest", (one) => one.text("no"))]),
    ])
    const router = defineRouter((r) => [r.forward("/mount/:id", inner)])
    expect(isSame(sentResp(await call(router, get("/mount/5/a/app.css"))).bytes, css)).toBe(true)
    expect(sentResp(await call(router, get("/mount/5/b/app.css"))).body).toBe("no")
  })

  test("a folder that is a link may be pointed elsewhere while the server runs", async () => {
    const link = join(base, "current")
    for (const release of ["one", "two"]) {
      await mkdir(join(base, release))
      await writeFile(join(base, release, "a.txt"), release)
    }
    const plug = at({ from: link })
    for (const release of ["one", "two", "one"]) {
      await rm(link, { force: true })
      await symlink(release, link)
      expect(sentResp(await call(plug, get("/assets/a.txt"))).body).toBe(release)
    }
  })
})

describe("what is passed on", () => {
  test.each([
    ["POST", "/assets/app.css"],
    ["OPTIONS", "/assets/app.css"],
    ["get", "/elsewhere/app.css"],
    ["GET", "/"],
    ["GET", "/assets"],
    ["GET", "/assets/"],
    ["GET", "/asset/app.css"],
    ["GET", "/assetsx/app.css"],
    ["GET", "/Assets/app.css"],
    ["GET", "/x/assets/app.css"],
    ["GET", "/assets/.env"],
    ["GET", "/assets/app.css."],
    ["GET", "/assets/app.css%20"],
  ])("%s %s at once, without a promise", (method, path) => {
    const one = get(path, {}, method)
    expect(at()(one)).toBe(one)
  })

  test.each([
    ["a missing file", "nope.css"],
    ["a missing folder", "nope/app.css"],
    ["a folder", "docs"],
    ["a folder with a slash", "docs/"],
    ["a path through a file", "app.css/app.css"],
    ["another case of a name", "APP.CSS"],
    ["a link that leads out", "link-out.txt"],
    ["a link that stays", "link-in.css"],
    ["a link to a folder", "link-folder/x.txt"],
    ["a link to itself", "loop"],
    ["a name that is too long", "a".repeat(5000)],
  ])("%s, unchanged", async (_, path) => {
    expect(await ask({}, `/assets/${path}`)).toBeUndefined()
  })

  test("what may not be read is as if it were not there, and nobody learns of it", async () => {
    for (const code of ["EACCES", "EPERM", "ENOENT", "ENXIO"]) {
      const one = get("/assets/app.css")
      exchangeOf(one).openFile = () => Promise.reject(Object.assign(new Error(code), { code }))
      expect(await at()(one), code).toBe(one)
    }
  })

  test("when there are no descriptors or the disk fails it is a 503 with the cause, not a 404", async () => {
    for (const code of ["EMFILE", "ENFILE", "EIO", "ENOMEM"]) {
      const one = get("/assets/app.css")
      exchangeOf(one).openFile = () => Promise.reject(Object.assign(new Error(code), { code }))
      const failed = Promise.resolve(at()(one))
      await expect(failed, code).rejects.toBeInstanceOf(ServiceUnavailableError)
      await expect(failed).rejects.toMatchObject({ status: 503, cause: { code } })
    }
  })

  test("a file that is gone when it is opened", async () => {
    const one = get("/assets/app.css")
    const { openFile } = exchangeOf(one)
    exchangeOf(one).openFile = (path) => openFile.call(one.exchange, `${path}.gone`)
    expect(await at()(one)).toBe(one)
  })
})

describe("paths that lead out are a 400, whether anything is there or not", () => {
  test.each([
    "..",
    ".",
    "%2e%2e",
    "%2E",
    "../outside.txt",
    "docs/../app.css",
    "%2e%2e/outside.txt",
    "..%2foutside.txt",
    "app.css%2f",
    "docs%2findex.html",
    "..\\outside.txt",
    "..%5coutside.txt",
    "app.css%00",
    "app.css%00.html",
    "app.css::$DATA",
    "c:%5cwindows",
    "C:/windows",
    ".env/..",
  ])("%s", (path) => {
    const error = errorOf(() => at({ dotFiles: "allow", followSymlinks: true })(get(`/assets/${path}`)))
    expect(error).toBeInstanceOf(InvalidPathError)
    expect(error.status).toBe(400)
    expect(error.message).not.toContain(path)
  })

  test("but not where only would not serve it, which leaves the path to the router", () => {
    const one = get("/assets/urn:x/..")
    expect(at({ only: ["app.css"] })(one)).toBe(one)
  })
})

describe("only, onlyMatching and raiseOnMissingOnly", () => {
  test("look at the first segment: all of it, or its beginning", async () => {
    expect((await ask({ only: ["app.css"] }, "/assets/app.css"))!.status).toBe(200)
    expect((await ask({ only: ["docs"] }, "/assets/docs/index.html"))!.status).toBe(200)
    expect((await ask({ onlyMatching: ["app."] }, "/assets/app.css.gz"))!.status).toBe(200)
    expect((await ask({ only: ["x"], onlyMatching: ["app"] }, "/assets/app.css"))!.status).toBe(200)
    for (const options of [{ only: ["app"] }, { onlyMatching: ["pp"] }, { only: [] }, { only: ["docs"] }]) {
      const one = get("/assets/app.css")
      expect(at(options)(one)).toBe(one)
    }
    expect((await ask({ only: ["app.css"] }, "//assets//%61pp.css"))!.status).toBe(200)
  })

  test("a file that is there and not named is a 400 for who develops, everything else passes", async () => {
    const options = { only: ["docs"], raiseOnMissingOnly: true }
    await expect(ask(options, "/assets/app.css")).rejects.toBeInstanceOf(InvalidPathError)
    for (const path of ["nope.css", "private", "..", "a%00", ".env"]) {
      expect(await ask(options, `/assets/${path}`), path).toBeUndefined()
    }
    expect((await ask(options, "/assets/docs/index.html"))!.status).toBe(200)
  })
})

describe("conditional requests", () => {
  const etag = async (options = {}) => (await ask(options, "/assets/app.css"))!.headers["etag"]!

  test("If-None-Match as a list, weak, in two lines or * is a 304 with what a cache must know, and no more", async () => {
    const tag = await etag()
    const headers = { "cache-control": "public, max-age=60", "x-a": "1", "content-language": "de" }
    for (const tags of [[tag], [tag.slice(2)], [`"a", ${tag}`], ['"a"', tag], ["*"]]) {
      const lines = tags.map((value) => ["if-none-match", value] as const)
      const sent = (await ask({ headers, gzip: true, etag: "weak" }, "/assets/app.css", lines))!
      expect(sent).toMatchObject({ status: 304, body: "" })
      expect(sent.headers).toEqual({
        etag: tag,
        "cache-control": "public, max-age=60",
        vary: "accept-encoding",
        "x-a": "1",
      })
    }
    expect((await ask({}, "/assets/app.css", { "if-none-match": '"a", W/"b"' }))!.status).toBe(200)
  })

  test("If-Modified-Since counts by whole seconds, without If-None-Match alone", async () => {
    const since = (date: string, more = {}) => ask({}, "/assets/app.css", { "if-modified-since": date, ...more })
    expect((await since(lastModified))!.status).toBe(304)
    expect((await since("Thu, 02 Jan 2020 03:04:00 GMT"))!.status).toBe(200)
    expect((await since(lastModified, { "if-none-match": '"a"' }))!.status).toBe(200)
    const dated = (await ask({ etag: false }, "/assets/app.css", { "if-modified-since": lastModified }))!
    expect(dated).toMatchObject({ status: 304, headers: { "last-modified": lastModified } })
    expect(dated.headers["etag"]).toBeUndefined()
  })

  test("If-Match and If-Unmodified-Since that do not hold are a 412, a weak etag never holds (RFC 9110 §13.1.1)", async () => {
    const tag = await etag()
    const strong = await etag({ etag: "strong" })
    const asked = (headers: ConnOptions["headers"], options = {}) => ask(options, "/assets/app.css", headers)
    await expect(asked({ "if-match": tag })).rejects.toMatchObject({ status: 412 })
    await expect(asked({ "if-match": '"a"' }, { etag: "strong" })).rejects.toMatchObject({ status: 412 })
    await expect(asked({ "if-match": '"a"' }, { etag: false })).rejects.toMatchObject({ status: 412 })
    await expect(asked({ "if-unmodified-since": "Thu, 02 Jan 2020 03:04:00 GMT" })).rejects.toMatchObject({
      status: 412,
    })
    expect((await asked({ "if-match": `"a", ${strong}` }, { etag: "strong" }))!.status).toBe(200)
    expect((await asked({ "if-match": "*" }))!.status).toBe(200)
    expect((await asked({ "if-unmodified-since": lastModified }))!.status).toBe(200)
  })

  test("a change to come is not told: last-modified is at most now", async () => {
    const path = join(from, "future.txt")
    await writeFile(path, "x")
    await utimes(path, 4_000_000_000, 4_000_000_000)
    const sent = (await ask({}, "/assets/future.txt"))!
    expect(Date.parse(sent.headers["last-modified"]!)).toBeLessThanOrEqual(Date.now())
  })
})

describe("ranges", () => {
  test.each([
    ["bytes=0-9", 0, 9],
    ["bytes=1040-", 1040, 1049],
    ["bytes=-10", 1040, 1049],
    ["bytes=1000-9999", 1000, 1049],
    ["bytes=0-", 0, 1049],
  ])("%s is a 206 of the original, and varies", async (range, start, end) => {
    const headers = { range, "accept-encoding": "br, gzip" }
    const sent = (await ask({ gzip: true, brotli: true }, "/assets/app.css", headers))!
    expect(sent).toMatchObject({
      status: 206,
      headers: {
        "content-range": `bytes ${start}-${end}/1050`,
        "content-length": String(end - start + 1),
        "content-type": "text/css",
        vary: "accept-encoding",
      },
    })
    expect(sent.headers["content-encoding"]).toBeUndefined()
    expect(isSame(sent.bytes, css.subarray(start, end + 1))).toBe(true)
  })

  test.each(["bytes=1050-", "bytes=-0", "bytes=99999-100000"])(
    "%s is a 416 that tells the size, for nobody to keep",
    async (range) => {
      const sent = (await ask({ gzip: true }, "/assets/app.css?vsn=a", { range }))!
      expect(sent).toMatchObject({ status: 416, body: "", headers: { "content-range": "bytes */1050" } })
      expect(sent.headers).toMatchObject({ vary: "accept-encoding" })
      expect(sent.headers["cache-control"]).not.toContain("immutable")
      expect(sent.headers["content-type"]).toBeUndefined()
    },
  )

  test.each(["bytes=0-1,3-4", "bytes=9-0", "lines=0-1", "bytes=", "x"])("%s is ignored", async (range) => {
    expect(await ask({}, "/assets/app.css", { range })).toMatchObject({
      status: 200,
      headers: { "content-length": "1050" },
    })
  })

  test("If-Range holds for a strong etag or exactly the date, never for a weak etag", async () => {
    const strong = (await ask({ etag: "strong" }, "/assets/app.css"))!.headers["etag"]!
    const weak = (await ask({}, "/assets/app.css"))!.headers["etag"]!
    const range = "bytes=0-9"
    const status = async (value: string, etag: "weak" | "strong") =>
      (await ask({ etag }, "/assets/app.css", { range, "if-range": value }))!.status
    expect(await status(strong, "strong")).toBe(206)
    expect(await status(lastModified, "weak")).toBe(206)
    expect(await status(weak, "weak")).toBe(200)
    expect(await status(weak.slice(2), "weak")).toBe(200)
    expect(await status("Thu, 02 Jan 2020 03:04:02 GMT", "weak")).toBe(200)
  })
})

describe("files compressed beforehand", () => {
  const options = { gzip: true, brotli: true }
  const encoding = async (accept: string | undefined, path = "app.css", given: Partial<StaticOptions> = options) => {
    const sent = (await ask(given, `/assets/${path}`, accept === undefined ? {} : { "accept-encoding": accept }))!
    expect(sent.headers["vary"]).toBe("accept-encoding")
    return sent.headers["content-encoding"]
  }

  test("are chosen by the client's q-values, by ours where it has no preference", async () => {
    expect(await encoding(undefined)).toBeUndefined()
    expect(await encoding("")).toBeUndefined()
    expect(await encoding("gzip, br")).toBe("br")
    expect(await encoding("br;q=0.5, gzip")).toBe("gzip")
    expect(await encoding("gzip;q=0, br;q=0")).toBeUndefined()
    expect(await encoding("identity, gzip;q=0.5")).toBeUndefined()
    expect(await encoding("*")).toBe("br")
    expect(await encoding("gzip;q=0, *")).toBe("br")
    // A substring is no token.
    expect(await encoding("x-gzipped, brx")).toBeUndefined()
    expect(await encoding("gzip, br", "only-gzip.js")).toBe("gzip")
    expect(await encoding("br", "only-gzip.js")).toBeUndefined()
  })

  test("go out with the type of the original and an etag of their own", async () => {
    const sent = async (accept: string, etag: "weak" | "strong") =>
      (await ask({ ...options, etag }, "/assets/app.css", { "accept-encoding": accept }))!
    for (const etag of ["weak", "strong"] as const) {
      const all = [await sent("identity", etag), await sent("gzip", etag), await sent("br", etag)]
      expect(new Set(all.map(({ headers }) => headers["etag"])).size).toBe(3)
      for (const { headers } of all) expect(headers["content-type"]).toBe("text/css")
    }
    const { bytes } = await sent("gzip", "weak")
    expect(isSame(bytes, await readFile(join(from, "app.css.gz")))).toBe(true)
  })

  test("a 304 compares with the encoding that would be sent", async () => {
    const { headers } = (await ask(options, "/assets/app.css", { "accept-encoding": "br" }))!
    const again = (accept: string) =>
      ask(options, "/assets/app.css", { "accept-encoding": accept, "if-none-match": headers["etag"]! })
    expect((await again("br"))!.status).toBe(304)
    expect((await again("gzip"))!.status).toBe(200)
  })

  test("encodings of one's own come first", async () => {
    const encodings = [{ encoding: "gzip", extension: ".gz" }]
    expect(await encoding("br, gzip", "app.css", { encodings, brotli: true })).toBe("gzip")
  })

  test("vary is added to what was there, also where headers replace it", async () => {
    const one = get("/assets/app.css").putRespHeader("vary", "origin")
    expect(sentResp(await call(at(options), one)).headers["vary"]).toBe("origin, accept-encoding")
    const sent = (await ask({ ...options, headers: { vary: "cookie" } }, "/assets/app.css"))!
    expect(sent.headers["vary"]).toBe("cookie, accept-encoding")
  })
})

describe("etags", () => {
  const strong = async (name: string) => (await ask({ etag: "strong" }, `/assets/${name}`))!.headers["etag"]

  test("strong ones are a hash of the bytes, the same for the same bytes", async () => {
    const wanted = createHash("sha256").update(css).digest("base64url").slice(0, 24)
    expect(await strong("app.css")).toBe(`"${wanted}"`)
    await writeFile(join(from, "copy.css"), css)
    expect(await strong("copy.css")).toBe(`"${wanted}"`)
    await writeFile(join(from, "nothing.css"), "")
    expect(await strong("nothing.css")).toBe(`"${createHash("sha256").digest("base64url").slice(0, 24)}"`)
  })

  test("strong ones see a change that neither size nor time shows, weak ones do not", async () => {
    const path = join(from, "same.txt")
    const tags: (string | undefined)[][] = [[], []]
    for (const [i, content] of ["one", "two"].entries()) {
      await writeFile(path, content)
      await utimes(path, 1, 1)
      tags[i] = [await strong("same.txt"), (await ask({}, "/assets/same.txt"))!.headers["etag"]]
    }
    expect(tags[0]![0]).not.toBe(tags[1]![0])
    expect(tags[0]![1]).toBe(tags[1]![1])
  })

  test("a file that was replaced after it was opened has no strong etag, and its own bytes", async () => {
    const path = join(from, "moving.txt")
    await writeFile(path, "old")
    const one = get("/assets/moving.txt")
    const { openFile } = exchangeOf(one)
    exchangeOf(one).openFile = async (name) => {
      const file = await openFile.call(one.exchange, name)
      await writeFile(`${path}.new`, "newer")
      await rename(`${path}.new`, path)
      return file
    }
    const sent = sentResp(await call(at({ etag: "strong" }), one))
    expect([sent.status, sent.headers["etag"], sent.body]).toEqual([200, undefined, "old"])
  })

  test("a function makes them from path and stat, verbatim; false makes none", async () => {
    const seen: unknown[] = []
    const etag = async (path: string, stat: object) => {
      seen.push(path, stat)
      return '"mine"'
    }
    const sent = (await ask({ etag, gzip: true }, "/assets/app.css", { "accept-encoding": "gzip" }))!
    expect(sent.headers["etag"]).toBe('"mine"')
    expect(seen[0]).toMatch(/public.app\.css\.gz$/)
    expect(seen[1]).toEqual({ size: gzipSync(css).length, mtime: expect.closeTo(mtime, 0) })
    expect((await ask({ etag: () => false }, "/assets/app.css"))!.headers["etag"]).toBeUndefined()
    for (const bad of ["mine", '"a"b"', '"a\n"', "", 5, undefined]) {
      await expect(ask({ etag: () => bad as string }, "/assets/app.css")).rejects.toMatchObject({ code: "ERR_USAGE" })
    }
  })
})

describe("headers", () => {
  test("a query that begins with vsn= is for good, and still revalidates", async () => {
    const immutable = "public, max-age=31536000, immutable"
    const sent = (await ask({}, "/assets/app.css?vsn=d&x"))!
    expect(sent.headers["cache-control"]).toBe(immutable)
    const again = (await ask({}, "/assets/app.css?vsn=d", { "if-none-match": sent.headers["etag"]! }))!
    expect([again.status, again.headers["cache-control"]]).toEqual([304, immutable])
    for (const query of ["?x&vsn=d", "?vsnx", ""]) {
      expect((await ask({}, `/assets/app.css${query}`))!.headers["cache-control"]).toBe("public, max-age=0")
    }
    const none = (await ask({ cacheControlForVersioned: false }, "/assets/app.css?vsn=d"))!
    expect(none.headers["cache-control"]).toBe("public, max-age=0")
  })

  test("cacheControlForEtags: false leaves what the connection has", async () => {
    const sent = (await ask({ cacheControlForEtags: false }, "/assets/app.css"))!
    expect(sent.headers["cache-control"]).toBe("max-age=0, private, must-revalidate")
  })

  test("come from a record or a function of connection and path, last", async () => {
    const headers = (one: Conn, path: string) => ({ "x-path": `${one.method} ${path}`, "Content-Type": "x/y" })
    const sent = (await ask({ headers }, "/assets/docs//index.html"))!
    expect(sent.headers).toMatchObject({ "x-path": "GET docs/index.html", "content-type": "x/y" })
    expect((await ask({ headers: { "X-A": "1" } }, "/assets/app.css"))!.headers["x-a"]).toBe("1")
  })

  test("a type is by extension, by the file's name, or left alone", async () => {
    const type = async (path: string, options = {}) => (await ask(options, `/assets/${path}`))!.headers["content-type"]
    expect(await type("association")).toBe("application/octet-stream")
    const contentTypes = { association: "application/json" }
    expect(await type("association", { contentTypes })).toBe("application/json")
    expect(await type("app.css", { contentTypes })).toBe("text/css")
    const one = get("/assets/app.css").putRespContentType("a/b", undefined)
    expect(sentResp(await call(at({ contentTypes: false }), one)).headers["content-type"]).toBe("a/b")
  })
})

describe("dot files, links and folders", () => {
  test("dot files are served by name or all, at any depth", async () => {
    const security = "/assets/.well-known/security.txt"
    expect(await ask({}, security)).toBeUndefined()
    expect((await ask({ dotFiles: [".well-known"] }, security))!.status).toBe(200)
    expect(await ask({ dotFiles: [".well-known"] }, "/assets/.env")).toBeUndefined()
    expect((await ask({ dotFiles: "allow" }, "/assets/.env"))!.status).toBe(200)
  })

  test("links are followed as far as they are allowed", async () => {
    const body = async (path: string, followSymlinks: boolean | "inside") =>
      (await ask({ followSymlinks }, `/assets/${path}`))?.body
    expect(await body("link-in.css", "inside")).toBe(css.toString())
    expect(await body("link-folder/x.txt", "inside")).toBe("private")
    expect(await body("link-out.txt", "inside")).toBeUndefined()
    expect(await body("link-out.txt", true)).toBe("outside")
    expect(await body("loop", true)).toBeUndefined()
  })

  test("a neighbour whose name begins like the folder's is not inside it", async () => {
    await mkdir(join(base, "public-not"))
    await writeFile(join(base, "public-not", "x"), "no")
    await symlink(join(base, "public-not", "x"), join(from, "link-neighbour"))
    expect(await ask({ followSymlinks: "inside" }, "/assets/link-neighbour")).toBeUndefined()
  })

  test("an index stands for its folder, behind a slash", async () => {
    const index = "index.html"
    expect((await ask({ index }, "/assets/docs/"))!.body).toBe("<p>docs")
    expect((await ask({ index }, "/assets/"))!.body).toBe("<p>root")
    expect((await ask({ index, at: "/" }, "/"))!.body).toBe("<p>root")
    expect((await ask({ index }, "/assets/docs/"))!.headers["content-type"]).toBe("text/html")
    expect(await ask({ index }, "/assets/docs/empty/")).toBeUndefined()
    expect(await ask({ index }, "/assets/docs/empty")).toBeUndefined()
    const one = get("/assets/")
    expect(at({ index, only: ["docs"] })(one)).toBe(one)
  })

  test("without the slash it is a redirect to it, which stays on this host however the path is written", async () => {
    const rows = [
      ["/", "/docs", "/docs/"],
      ["/", "//docs", "/docs/"],
      ["/", "///docs?a=b", "/docs/?a=b"],
      ["/", "//docs?//evil.example\\", "/docs/?//evil.example\\"],
      ["/assets", "/assets", "/assets/"],
      ["/assets", "//assets", "/assets/"],
      ["/assets", "/assets//docs", "/assets/docs/"],
      ["/evil.example", "//evil.example/docs", "/evil.example/docs/"],
      ["/evil.example", "//evil.example", "/evil.example/"],
      ["/", "/%64ocs?\u00e9", "/docs/"],
    ] as const
    for (const [mount, path, target] of rows) {
      const sent = (await ask({ index: "index.html", at: mount }, path))!
      expect(sent.status, path).toBe(301)
      const { host, pathname, search } = new URL(sent.headers["location"]!, `https://site.example${path}`)
      expect([host, pathname.replace(/\/+/g, "/") + search], path).toEqual(["site.example", target])
    }
  })
})

describe("descriptors", () => {
  const here = async (): Promise<number> => {
    const fds = await readdir("/proc/self/fd")
    const { readlink } = await import("node:fs/promises")
    const targets = await Promise.all(fds.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => "")))
    return targets.filter((target) => target.startsWith(base)).length
  }
  const hasProc = process.platform === "linux"

  test.skipIf(!hasProc)("none is left open, whatever the answer", async () => {
    const failing = () => {
      throw new Error("no")
    }
    await Promise.allSettled([
      ask({}, "/assets/app.css"),
      ask({}, "/assets/app.css", {}, "HEAD"),
      ask({}, "/assets/app.css", { "if-none-match": "*" }),
      ask({}, "/assets/app.css", { "if-match": '"a"' }),
      ask({}, "/assets/app.css", { range: "bytes=99999-" }),
      ask({}, "/assets/app.css", { range: "bytes=0-1" }),
      ask({ etag: "strong" }, "/assets/app.css.br"),
      ask({ etag: failing }, "/assets/app.css"),
      ask({ headers: failing }, "/assets/app.css"),
      ask({ index: "index.html" }, "/assets/docs"),
      ask({ index: "index.html" }, "/assets/docs/"),
      ask({ only: [], raiseOnMissingOnly: true }, "/assets/app.css"),
      call(at(), get("/assets/app.css").registerBeforeSend(failing)),
    ])
    for (let turns = 0; turns < 50 && (await here()) > 0; turns++) await settled()
    expect(await here()).toBe(0)
  })

  test.skipIf(!hasProc)("one that is open is counted, so that the test above can fail", async () => {
    const file = await conn("GET", "/").exchange.openFile(join(from, "app.css"))
    expect(await here()).toBe(1)
    file.close()
  })

  test("a file that grows while it is sent is sent as it was", async () => {
    const path = join(from, "log.txt")
    await writeFile(path, "one")
    const headers = () => {
      void appendFile(path, "two")
      return {}
    }
    expect((await ask({ headers }, "/assets/log.txt"))!.headers["content-length"]).toBe("3")
  })
})

describe("options", () => {
  test.each<[string, unknown]>([
    ["at", "assets"],
    ["at", undefined],
    ["at", "/%FF"],
    ["at", "/a?b"],
    ["from", ""],
    ["from", "a\0b"],
    ["from", new URL("https://example.com/")],
    ["from", undefined],
    ["only", "app.css"],
    ["only", ["a/b"]],
    ["onlyMatching", [""]],
    ["raiseOnMissingOnly", 1],
    ["gzip", "yes"],
    ["encodings", [{ encoding: "br", extension: "br" }]],
    ["encodings", [{ encoding: "br", extension: ".b/../r" }]],
    ["encodings", [null]],
    ["cacheControlForEtags", "a\nb"],
    ["cacheControlForVersioned", true],
    ["etag", "sha1"],
    ["headers", { "a b": "c" }],
    ["headers", { a: "b\r\nc: d" }],
    ["contentTypes", { a: 5 }],
    ["contentTypes", true],
    ["index", "../index.html"],
    ["index", true],
    ["dotFiles", "ignore"],
    ["followSymlinks", "outside"],
    ["listing", true],
  ])("%s: %j is an InvalidOptionError that names plug and option", (name, value) => {
    const error = errorOf(() => at({ [name]: value }))
    expect(error).toBeInstanceOf(InvalidOptionError)
    expect(error.message).toContain("serveStatic")
    expect(error.message).toContain(name)
  })
})
