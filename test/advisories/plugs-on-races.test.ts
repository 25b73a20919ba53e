/** Clients that leave, wait or hurry while plugs wait for something: a store, a compressor, a file, a deadline. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Conn, defineEndpoint, defineRouter, pipeline, type Server, serve } from "plumage"
import { elli } from "plumage/adapters/elli"
import { node } from "plumage/adapters/node"
import { uws } from "plumage/adapters/uws"
import {
  compress,
  csrfProtection,
  flash,
  logger,
  multipart,
  parsers,
  type Session,
  type SessionData,
  type SessionStore,
  serveStatic,
  session,
  timeout,
  type Upload,
} from "plumage/plugs"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { eventually, watchProcess } from "../adapters/suite/guard.ts"
import { bytesOf } from "../adapters/suite/request.ts"
import { type Answer, Wire } from "../adapters/wire.ts"
import { bodyOf, formData, tempFiles } from "../plugs/multipart-bodies.ts"
import { adapterNames } from "../tools/adapters.ts"
import { descriptors } from "./plugs-app.ts"

const adapters = { node, uws, elli }
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
const data = Buffer.alloc(1_000_000, "x")

/** A store that takes its time, and is down on demand. */
class SlowStore implements SessionStore {
  readonly async = true
  readonly kept = new Map<string, SessionData>()
  readMs = 0
  writeMs = 0
  down: "get" | "put" | "delete" | undefined

  async get(id: string): Promise<SessionData | undefined> {
    await this.#wait(this.readMs, "get")
    return this.kept.get(id)
  }
  async put(id: string, data: SessionData, known: boolean): Promise<boolean> {
    await this.#wait(this.writeMs, "put")
    if (known && !this.kept.has(id)) return false
    this.kept.set(id, data)
    return true
  }
  async delete(id: string): Promise<void> {
    await this.#wait(this.writeMs, "delete")
    this.kept.delete(id)
  }
  async #wait(ms: number, what: string): Promise<void> {
    if (ms > 0) await pause(ms)
    if (this.down === what) throw new Error("the store is down")
  }
}

describe.each(await adapterNames())("races on %s", (name) => {
  let root: string
  let server: Server
  const store = new SlowStore()
  const errors: Error[] = []
  const lines: string[] = []

  watchProcess()
  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), "races-"))
    writeFileSync(join(root, "file.txt"), data)
    type Opened = Conn<{ session: Session }>
    const sessions = pipeline()
      .plug(session<Record<string, unknown>>({ store, key: "app" }))
      .plug(flash())
      .plug(csrfProtection({ log: () => undefined }))
    const touched = sessions.plug((conn) => {
      conn.assigns.session.put("n", 1)
      return conn
    })
    const stream = async (conn: Conn) => {
      const sent = conn.putRespContentType("text/plain").sendChunked(200)
      for (let i = 0; i < 10; i++) {
        await sent.chunk(`chunk ${i} `.repeat(100))
        await pause(5)
      }
      return sent
    }
    const late = async (conn: Conn) => {
      await pause(60)
      return conn
    }
    const storing = pipeline().plug(parsers({ parsers: [multipart({ tmpDir: root })] }))
    const move = async (conn: Conn) => {
      const upload = conn.bodyParams["u"] as Upload
      await pause(2)
      await upload.moveTo(join(root, `moved-${Math.random()}`))
      return conn.text("moved")
    }
    const router = defineRouter((r) => [
      r.scope("/session", sessions, (r) => [
        r.get("/read", (conn) => conn.json(conn.assigns.session.all())),
        r.get("/renew", (conn: Opened) => {
          conn.assigns.session.renew().put("user", "ann")
          return conn.text("renewed")
        }),
        r.get("/drop", (conn: Opened) => {
          conn.assigns.session.drop()
          return conn.text("dropped")
        }),
      ]),
      r.scope("/touched", touched.plug(serveStatic({ at: "/touched", from: root })), (r) => [
        r.get("/text", (conn) => conn.text("text")),
        r.get("/long", (conn) => conn.text("long ".repeat(50_000))),
        r.get("/stream", stream),
        r.get("/file", (conn) => conn.sendFile(200, join(root, "file.txt"))),
        r.get("/*rest", (conn) => conn.text("no such file")),
      ]),
      r.scope("/late", timeout({ ms: 30, streams: true }), (r) => [
        r.get("/stream", stream),
        r.get("/store", (conn) => conn.registerBeforeSend(async () => pause(60)).text("x".repeat(200_000))),
        r.get("/text", async (conn) => (await late(conn)).text("late")),
        r.get("/chunks", async (conn) => stream(await late(conn))),
        r.get("/file", async (conn) => (await late(conn)).sendFile(200, join(root, "file.txt"))),
      ]),
      r.scope("/upload", timeout({ ms: 80 }), (r) => [
        r.scope("/", storing, (r) => [r.post("/", (conn) => conn.text("up"))]),
      ]),
      r.scope("/move", storing, (r) => [r.post("/", move)]),
    ])
    const endpoint = defineEndpoint({ onError: (error) => void errors.push(error as Error) })
      .plug(logger({ log: (line) => void lines.push(line) }))
      .plug(compress({ threshold: 10 }))
      .router(router)
    server = await serve(endpoint, adapters[name]({ port: 0, host: "127.0.0.1" }))
  })
  afterAll(async () => {
    await server.stop({ graceMs: 300 })
    rmSync(root, { recursive: true })
  })

  const connect = () => Wire.connect({ port: server.port })
  const request = (path: string, more: readonly string[] = []) => bytesOf("GET", path, { headers: more })
  const ask = async (path: string, more: readonly string[] = []): Promise<Answer> => {
    const wire = await connect()
    try {
      return await wire.send(request(path, more)).answer()
    } finally {
      wire.destroy()
    }
  }
  const cookieOf = (answer: Answer) => answer.header("set-cookie")!.split(";")[0]!
  const nothingOpen = () =>
    eventually("no file is open", () => descriptors().every((target) => !target.startsWith(root)))
  const touched = ["text", "long", "stream", "file", "file.txt", "nothing"].map((path) => `/touched/${path}`)
  const paths = ["/session/read", "/session/renew", "/session/drop", ...touched]

  test.each<[readMs: number, writeMs: number, down: SlowStore["down"]]>([
    [0, 0, undefined],
    [0, 15, undefined],
    [15, 0, undefined],
    [4, 4, "get"],
    [4, 4, "put"],
    [4, 4, "delete"],
  ])(
    "hono#4081, CVE-2025-47935: clients that leave while a store takes %d and %d ms (down: %s) leave nothing behind",
    async (readMs, writeMs, down) => {
      const cookie = cookieOf(await ask("/touched/text"))
      Object.assign(store, { readMs, writeMs, down })
      errors.length = 0
      const answers: [path: string, status: number][] = []
      for (const wait of [0, 3, 12, 30, -1]) {
        await Promise.all(
          [...paths, ...paths].map(async (path, i) => {
            const wire = await connect()
            const encoding = i < paths.length ? "gzip" : "identity"
            await wire.sent(request(path, ["Cookie", cookie, "Accept-Encoding", encoding]))
            if (wait >= 0) await pause(wait)
            else answers.push([path, (await wire.answer()).status])
            if (i % 2 === 0) wire.rst()
            wire.destroy()
          }),
        )
      }
      Object.assign(store, { readMs: 0, writeMs: 0, down: undefined })
      await nothingOpen()
      for (const [path, status] of answers) {
        const fails =
          down === "get" ||
          (down === "put" && /touched|renew/.test(path)) ||
          (down === "delete" && path === "/session/drop")
        // A renewed session ends the old one, unless another request has done so before.
        const may = down === "delete" && path === "/session/renew" ? [200, 503] : [fails ? 503 : 200]
        expect(may, `${path} ${status}`).toContain(status)
      }
      expect(errors.filter(({ name }) => name !== "ServiceUnavailableError")).toEqual([])
      if (down === undefined) expect(errors).toEqual([])
      expect((await ask("/session/read")).status).toBe(200)
    },
  )

  test("row 28: of requests that write at once none brings an ended session back, nor a cookie that stands for nothing", async () => {
    Object.assign(store, { readMs: 2, writeMs: 2 })
    for (const end of ["/session/renew", "/session/drop"]) {
      for (let round = 0; round < 5; round++) {
        const cookie = cookieOf(await ask("/touched/text"))
        const before = store.kept.size
        const more = ["Cookie", cookie]
        const started = [
          ask("/touched/text", more),
          ask(end, more),
          ask("/touched/long", more),
          ask("/touched/text", more),
        ]
        const answers = await Promise.all(started)
        expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
        expect((await ask("/session/read", more)).text).toBe("{}")
        const renewed = end === "/session/renew" ? 1 : 0
        expect(store.kept.size).toBe(before - 1 + renewed)
      }
    }
    Object.assign(store, { readMs: 0, writeMs: 0 })
  })

  test("middleapi/orpc#463: a deadline in the middle of anything is one answer, and the next request has its own", async () => {
    errors.length = 0
    for (const encoding of ["gzip", "identity"]) {
      for (const path of ["/late/store", "/late/text", "/late/chunks", "/late/file"]) {
        const wire = await connect()
        const more = ["Accept-Encoding", encoding]
        expect((await wire.send(request(path, more)).answer()).status, path).toBe(503)
        expect((await wire.send(request("/session/read")).answer()).text, path).toBe("{}")
        await pause(70)
        expect((await wire.send(request("/session/read")).answer()).text, path).toBe("{}")
        wire.destroy()
      }
      const wire = await connect()
      wire.send(request("/late/stream", ["Accept-Encoding", encoding]))
      const rest = (await wire.rest()).toString("latin1")
      expect(rest).toMatch(/^HTTP\/1\.1 200 /)
      expect(rest.endsWith("0\r\n\r\n")).toBe(false)
      wire.destroy()
    }
    await nothingOpen()
    expect(errors).toEqual([])
  })

  test("CVE-2025-47935, GHSA-44fp-w29j-9vj5: uploads that stall until their deadline, or go while they are moved, leave no file", async () => {
    const body = bodyOf([{ name: "u", filename: "x", body: Buffer.alloc(300_000) }])
    const head = (path: string) =>
      `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: ${formData}\r\nContent-Length: ${body.length}\r\n\r\n`
    const sent = [0, 100, 70_000, 200_000]
    errors.length = 0
    await Promise.all(
      Array.from({ length: 60 }, async (_, i) => {
        const wire = await connect()
        await wire.sent(head("/upload"))
        await wire.sent(body.subarray(0, sent[i % 4]))
        if (i % 3 === 0) wire.leave(i % 2 === 0 ? "rst" : "fin")
        else expect((await wire.answer("POST")).status).toBe(503)
        wire.destroy()
      }),
    )
    await Promise.all(
      Array.from({ length: 30 }, async (_, i) => {
        const wire = await connect()
        await wire.sent(head("/move"))
        await wire.sent(body)
        await pause(i % 6)
        wire.rst()
        wire.destroy()
      }),
    )
    await nothingOpen()
    await eventually("no temporary file", () => tempFiles(root).length === 0)
    expect(errors).toEqual([])
  })
})
