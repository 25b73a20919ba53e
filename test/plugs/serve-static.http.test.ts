/** Static files over sockets: targets that no client library would send, and `express.static` as the oracle. */
import { execFileSync } from "node:child_process"
import { mkdir, mkdtemp, readdir, readlink, rm, truncate, utimes, writeFile } from "node:fs/promises"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { brotliCompressSync } from "node:zlib"
// @ts-expect-error Express brings no types; what is used of it is written below.
import untyped from "express"
import { type Conn, type Done, ForbiddenError, type MaybePromise } from "plumage"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { serveStatic } from "../../src/plugs/serve-static.ts"
import { action } from "../adapters/suite/app.ts"
import { eventually } from "../adapters/suite/guard.ts"
import { bytesOf } from "../adapters/suite/request.ts"
import { onEveryServer } from "../advisories/servers.ts"

interface Express {
  (): { use(plug: unknown): void; listen(port: number, host: string, done: () => void): import("node:http").Server }
  static(folder: string, options: object): unknown
}
const express = untyped as Express

let base: string
let from: string
const text = Buffer.from("0123456789".repeat(100))
const big = Buffer.alloc(3_000_000).map((_, i) => (i * 7) % 253)
const mtime = Date.UTC(2020, 0, 2, 3, 4, 1)
const date = new Date(mtime).toUTCString()

let oracle: import("node:http").Server
let oracleUrl: string

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), "plumage-static-http-"))
  from = join(base, "files")
  await mkdir(join(from, "private"), { recursive: true })
  await mkdir(join(from, "docs"))
  const files: Record<string, Uint8Array | string> = {
    "a.txt": text,
    "empty.txt": "",
    "big.bin": big,
    "private/x": "PRIVATE",
    "docs/index.html": "docs",
    "../outside": "OUTSIDE",
    "c.css": text,
    "c.css.br": brotliCompressSync(text),
    "shrinks.bin": big,
  }
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(from, name), content)
    await utimes(join(from, name), mtime / 1000, mtime / 1000)
  }
  const app = express()
  app.use(express.static(from, { index: false, redirect: false }))
  await new Promise<void>((resolve) => {
    oracle = app.listen(0, "127.0.0.1", resolve)
  })
  oracleUrl = `http://127.0.0.1:${(oracle.address() as AddressInfo).port}`
})
afterAll(async () => {
  oracle.closeAllConnections()
  await new Promise((resolve) => oracle.close(resolve))
  await rm(base, { recursive: true })
})

const plug = (options: object = {}, at = "/") => {
  let made: ReturnType<typeof serveStatic> | undefined
  return action((conn): MaybePromise<Done> => {
    // The folder is known only when the tests run.
    made ??= serveStatic({ at, from, etag: "strong", ...options })
    if (conn.path === "/private" || conn.path.startsWith("/private/")) throw new ForbiddenError()
    const answered = (done: { readonly halted: boolean }): Done =>
      done.halted ? (done as Done) : (done as Conn).sendResp(404, "passed on")
    const done = made(conn)
    return done instanceof Promise ? done.then(answered) : answered(done)
  })
}
const plain = plug()
const mounted = plug({}, "/public")
const compressed = plug({ brotli: true })
const indexed = plug({ index: "index.html" })

async function openHere(): Promise<number> {
  const fds = await readdir("/proc/self/fd")
  const targets = await Promise.all(fds.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => "")))
  return targets.filter((target) => target.startsWith(base)).length
}

await onEveryServer((suite) => {
  const raw = (target: string, app = plain, headers: string[] = []) =>
    suite.server.say(bytesOf("GET", target, { headers: ["x-case", app, "connection", "close", ...headers] }))
  const ask = (path: string, headers: Record<string, string> = {}, method = "GET", app = plain) =>
    fetch(`http://127.0.0.1:${suite.server.port}${path}`, {
      method,
      redirect: "manual",
      headers: { "accept-encoding": "identity", "x-case": app, ...headers },
    })

  test.each([
    "/public/../private/x",
    "/public/./../private/x",
    "/public/%2e%2e/private/x",
    "/public/%2e%2e/%2e%2e/outside",
    "/public/..%2fprivate%2fx",
    "/public/..%5cprivate%5cx",
    "/public/..\\..\\outside",
    "/public/%252e%252e/private/x",
    "/public/%252e%252e%252fprivate/x",
    "/public/a.txt%00",
    "/public/%00",
    "/public/%c0%ae%c0%ae/outside",
    "/../outside",
    "/%2e%2e/outside",
    "/..%2foutside",
    "//../outside",
    "/%5c../outside",
    "//private/x",
    "/private//x",
    "/%70rivate/x",
    "/private%2fx",
    "/./private/x",
    "/PRIVATE/x",
    "//",
    "//outside",
    "/%5coutside",
    "/%2foutside",
  ])("%s leads neither out of the folder nor past the guard", async (target) => {
    for (const app of [plain, mounted]) {
      const answer = await raw(target, app)
      // 505 is what uWebSockets.js says to a target that it does not take for a path.
      expect([400, 403, 404, 505]).toContain(answer.status)
      expect(answer.text).not.toMatch(/PRIVATE|OUTSIDE/)
    }
  })

  test("the files are there: without these tricks they are served", async () => {
    expect((await raw("/a.txt")).body.equals(text)).toBe(true)
    expect((await raw("//public///a.txt", mounted)).body.equals(text)).toBe(true)
    expect((await raw("/private/x")).status).toBe(403)
    expect((await raw("/public/private/x", mounted)).text).toBe("PRIVATE")
  })

  test("a big file arrives whole, and in parts that make the whole", async () => {
    const whole = Buffer.from(await (await ask("/big.bin")).arrayBuffer())
    expect(Buffer.compare(whole, big)).toBe(0)
    const { headers } = await ask("/big.bin", {}, "HEAD")
    const parts: Buffer[] = []
    for (let start = 0; start < big.length; start += 1_000_001) {
      const part = await ask("/big.bin", {
        range: `bytes=${start}-${start + 1_000_000}`,
        "if-range": headers.get("etag")!,
      })
      expect(part.status).toBe(206)
      parts.push(Buffer.from(await part.arrayBuffer()))
    }
    expect(Buffer.compare(Buffer.concat(parts), big)).toBe(0)
  })

  test("a client that has it gets a 304 without a body, on a connection that goes on", async () => {
    const wire = await suite.server.connect()
    const first = await wire.send(bytesOf("GET", "/a.txt", { headers: ["x-case", plain] })).answer("GET")
    const etag = first.header("etag")!
    const again = bytesOf("GET", "/a.txt", { headers: ["x-case", plain, "if-none-match", `"x", ${etag}`] })
    const second = await wire.send(again).answer("GET")
    expect([second.status, second.body.length, second.header("etag")]).toEqual([304, 0, etag])
    expect(second.header("content-length")).toBeUndefined()
    expect((await wire.send(bytesOf("GET", "/a.txt", { headers: ["x-case", plain] })).answer("GET")).status).toBe(200)
  })

  test("a compressed file is read as what it stands for", async () => {
    const answer = await ask("/c.css", { "accept-encoding": "br" }, "GET", compressed)
    expect([answer.headers.get("content-encoding"), answer.headers.get("content-type")]).toEqual(["br", "text/css"])
    expect(answer.headers.get("vary")).toBe("accept-encoding")
    expect(Buffer.compare(Buffer.from(await answer.arrayBuffer()), text)).toBe(0)
  })

  test("a folder is a redirect to its slash, on this host", async () => {
    const answer = await raw("//docs?a=b", indexed)
    expect([answer.status, answer.header("location")]).toEqual([301, "./docs/?a=b"])
    expect((await raw("//docs/", indexed)).text).toBe("docs")
  })

  describe("as express.static answers", () => {
    const conditions: Record<string, string>[] = [
      {},
      { "if-none-match": "ETAG" },
      { "if-none-match": "W/ETAG" },
      { "if-none-match": '"a", ETAG' },
      { "if-none-match": "*" },
      { "if-none-match": '"a"' },
      { "if-modified-since": date },
      { "if-modified-since": new Date(mtime - 1000).toUTCString() },
      { "if-modified-since": "yesterday" },
      { "if-none-match": '"a"', "if-modified-since": date },
      { "if-match": "*" },
      { "if-match": '"a"' },
      { "if-unmodified-since": date },
      { "if-unmodified-since": new Date(mtime - 1000).toUTCString() },
      { "if-range": date },
      { "if-range": new Date(mtime - 1000).toUTCString() },
      { "if-range": '"a"' },
    ]
    const ranges = [undefined, "bytes=0-9", "bytes=-5", "bytes=990-2000", "bytes=1000-", "bytes=0-1,5-6", "x=0-1"]

    test.each(["GET", "HEAD"])("%s with every condition and range", async (method) => {
      for (const path of ["/a.txt", "/empty.txt"]) {
        for (const condition of conditions) {
          for (const range of ranges) {
            // What we do otherwise on purpose: a range counts for GET alone (RFC 9110 §14.2).
            if (method === "HEAD" && range !== undefined) continue
            // Several ranges are always answered with the whole, also where none of them can be had.
            if (path === "/empty.txt" && range?.includes(",")) continue
            const shown = `${path} ${JSON.stringify(condition)} ${range}`
            const answers: (readonly [Response, Buffer])[] = []
            for (const url of [`http://127.0.0.1:${suite.server.port}`, oracleUrl]) {
              const headers: Record<string, string> = { "accept-encoding": "identity", "x-case": plain }
              // Where a request has conditions fetch would add "no-cache", which Express takes for a wish to get it all.
              headers["cache-control"] = "max-age=0"
              const etag = (await fetch(url + path, { method: "HEAD", headers })).headers.get("etag")!
              const opaque = etag.replace(/^W\//, "")
              for (const [name, value] of Object.entries(condition)) headers[name] = value.replace("ETAG", opaque)
              if (range !== undefined) headers["range"] = range
              const answer = await fetch(url + path, { method, headers })
              answers.push([answer, Buffer.from(await answer.arrayBuffer())])
            }
            const [[ours, body], [theirs, theirBody]] = answers as [(typeof answers)[0], (typeof answers)[0]]
            expect(ours.status, shown).toBe(theirs.status)
            if (ours.status === 412) continue
            for (const name of ["content-range", "content-length"]) {
              if (ours.status === 416 && name === "content-length") continue
              expect(ours.headers.get(name), `${shown} ${name}`).toBe(theirs.headers.get(name))
            }
            if (ours.status !== 416) expect(Buffer.compare(body, theirBody), shown).toBe(0)
            if (ours.status === 200) expect(ours.headers.get("last-modified")).toBe(theirs.headers.get("last-modified"))
          }
        }
      }
    })
  })

  test.skipIf(process.platform === "win32")("a pipe and a device are no files, and hold nobody up", async () => {
    const pipe = join(from, `pipe-${suite.column.name}`)
    execFileSync("mkfifo", [pipe])
    expect((await raw(`/pipe-${suite.column.name}`)).status).toBe(404)
  })

  test.skipIf(process.platform !== "linux")("clients that leave midway leave no descriptor open", async () => {
    for (let i = 0; i < 5; i++) {
      const wire = await suite.server.connect()
      wire.send(bytesOf("GET", "/big.bin", { headers: ["x-case", plain] }))
      await wire.head()
      wire.destroy()
    }
    await eventually("all files are closed", async () => (await openHere()) === 0)
  })

  test("a file that shrinks while it is sent ends the connection before the length that was announced", async () => {
    await writeFile(join(from, "shrinks.bin"), big)
    const cut = plug({
      etag: "weak",
      headers: () => {
        void truncate(join(from, "shrinks.bin"), 10)
        return {}
      },
    })
    await truncated(() => raw("/shrinks.bin", cut))
    expect((await raw("/a.txt")).status).toBe(200)
  })
})

/** Waits for an answer that its server cuts off. */
async function truncated(read: () => Promise<unknown>): Promise<void> {
  await expect(read()).rejects.toThrow()
}
