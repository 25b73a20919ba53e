/** One application with the whole plug library, on a real server: what the advisories are tried on. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import {
  type Conn,
  defineEndpoint,
  defineRouter,
  ForbiddenError,
  pipeline,
  type Server,
  serve,
  ValidationError,
} from "plumage"
import { elli } from "plumage/adapters/elli"
import { node } from "plumage/adapters/node"
import { uws } from "plumage/adapters/uws"
import {
  basicAuth,
  compress,
  cookieStore,
  cors,
  csrfProtection,
  csrfToken,
  errorPage,
  flash,
  forceSsl,
  html,
  logger,
  memoryStore,
  methodOverride,
  multipart,
  parsers,
  rateLimit,
  requestId,
  rewriteOn,
  secureHeaders,
  serveStatic,
  session,
  Token,
  timeout,
  Upload,
  validate,
} from "plumage/plugs"
import { z } from "zod"
import { eventually } from "../adapters/suite/guard.ts"
import { bytesOf } from "../adapters/suite/request.ts"
import { type Answer, Wire } from "../adapters/wire.ts"
import { tempFiles } from "../plugs/multipart-bodies.ts"
import type { AdapterName } from "../tools/adapters.ts"

const adapters = { node, uws, elli }
export const secretKeyBase = "advisories".repeat(8)
/** What must never leave the server. */
export const canary = "canary-7f3a"
export const password = "a password of canary-7f3a"
/** Bytes that the parsers of /parse take. */
export const bodyBytes = 200_000

const forwarded = ["x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto"]

export interface AskOptions {
  /** Flat, as they are sent. */
  headers?: readonly string[]
  body?: string | Uint8Array
}

/** A server, what it has logged, and how to talk to it in bytes that no client would send. */
export class Site {
  readonly server: Server
  readonly root: string
  readonly lines: string[]
  readonly errors: unknown[]
  /** Chunks that were taken from the source of /stream. */
  readonly pulled: { chunks: number }

  constructor(made: Pick<Site, "server" | "root" | "lines" | "errors" | "pulled">) {
    this.server = made.server
    this.root = made.root
    this.lines = made.lines
    this.errors = made.errors
    this.pulled = made.pulled
  }

  connect(deadline = 5_000): Promise<Wire> {
    return Wire.connect({ port: this.server.port, deadline })
  }

  /** One request on a connection of its own. */
  async ask(method: string, target: string, { headers = [], body }: AskOptions = {}): Promise<Answer> {
    const wire = await this.connect()
    try {
      return await wire
        .send(bytesOf(method, target, { headers: ["Connection", "close", ...headers], body }))
        .answer(method)
    } finally {
      wire.destroy()
    }
  }

  /** A body for the parsers, and what they made of it. */
  post(
    path: string,
    type: string | undefined,
    body: string | Uint8Array,
    more: readonly string[] = [],
  ): Promise<Answer> {
    return this.ask("POST", path, { headers: [...(type === undefined ? [] : ["Content-Type", type]), ...more], body })
  }

  /** Raw bytes, and whatever comes back until the server has nothing to say for now; for what may be no request at all. */
  async raw(bytes: string | Uint8Array): Promise<Answer> {
    const wire = await this.connect()
    try {
      return await wire.send(bytes).answer()
    } finally {
      wire.destroy()
    }
  }

  /** Waits until no temporary file is there, and none is open. */
  nothingLeft(): Promise<void> {
    return eventually("no temporary file and nothing open", () => {
      const open = descriptors().filter((target) => target.startsWith(this.root))
      return tempFiles(this.root).length + open.length === 0
    })
  }

  async stop(): Promise<void> {
    await this.server.stop({ graceMs: 200 })
    rmSync(this.root, { recursive: true, force: true })
  }
}

/** What this process has open, where the system shows it. */
export function descriptors(): string[] {
  if (!existsSync("/proc/self/fd")) return []
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)]
    } catch {
      return []
    }
  })
}

/** A value as it can be told: uploads by what they are, and whether all of it is without a prototype. */
function told(value: unknown): { value: unknown; bare: boolean } {
  let bare = true
  const walk = (part: unknown): unknown => {
    if (part instanceof Upload) {
      return { upload: part.size, filename: part.filename, safe: part.safeFilename, inRoot: part.path }
    }
    if (Array.isArray(part)) return part.map(walk)
    if (typeof part !== "object" || part === null) return part
    bare &&= Object.getPrototypeOf(part) === null
    // As pairs, since JSON.parse of the client would make `__proto__` what it likes.
    return { pairs: Object.entries(part).map(([key, item]) => [key, walk(item)]) }
  }
  return { value: walk(value), bare }
}

/** The objects of `told` again, as they would be written down; `__proto__` is an own key here. */
export function untold(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(untold)
  if (typeof value !== "object" || value === null) return value
  if (!("pairs" in value)) return value
  const made = Object.create(null) as Record<string, unknown>
  for (const [key, item] of (value as { pairs: [string, unknown][] }).pairs) made[key] = untold(item)
  return made
}

export async function openSite(name: AdapterName): Promise<Site> {
  const root = mkdtempSync(join(tmpdir(), "plugs-on-"))
  for (const folder of ["files/admin/deep", "files/public", "files-not"])
    mkdirSync(join(root, folder), { recursive: true })
  for (const file of ["files/admin/secret.txt", "files/admin/deep/secret.txt", "files-not/secret.txt", "secret.txt"]) {
    writeFileSync(join(root, file), canary)
  }
  writeFileSync(join(root, "files/public/a.txt"), "public ".repeat(1_000))
  writeFileSync(join(root, "files/.env"), canary)
  const lines: string[] = []
  const errors: unknown[] = []
  const pulled = { chunks: 0 }

  const parsing = pipeline().plug(
    parsers({ length: bodyBytes, parsers: ["urlencoded", "json", multipart({ tmpDir: root })] }),
  )
  const where = (conn: Conn) => conn.json([conn.scheme, conn.host, conn.port, conn.remoteIp, conn.requestUrl()])
  const sessions = pipeline()
    .plug(parsers({ parsers: ["urlencoded", "json"] }))
    .plug(methodOverride())
    .plug(session<Record<string, string>>({ store: memoryStore(), key: "app" }))
    .plug(flash())
  const guarded = sessions.plug(csrfProtection({ log: () => undefined }))
  const carried = pipeline().plug(
    session<Record<string, string>>({
      store: cookieStore({ signingSalt: "signing", encryptionSalt: "encryption" }),
      key: "carried",
    }),
  )
  const failing = (conn: Conn): never => {
    const error = Object.assign(new Error(`message ${canary}`, { cause: new Error(canary) }), {
      sql: canary,
      status: 418,
    })
    if (conn.queryString === "late") conn.registerBeforeSend(() => Promise.reject(error)).text("x")
    throw error
  }

  const router = defineRouter((r) => [
    r.scope("/parse", parsing, (r) => [r.any("/", (conn) => conn.json(told(conn.bodyParams)))]),
    r.scope("/override", parsing.plug(methodOverride()), (r) => [r.any("/", (conn) => conn.text(conn.method))]),
    r.scope("/valid", parsing.plug(validate({ body: z.strictObject({ a: z.literal(1) }) })), (r) => [
      r.post("/", (conn) => conn.json(conn.assigns.valid.body)),
    ]),
    r.scope("/session", sessions, (r) => [
      r.get("/", (conn) => conn.json({ all: conn.assigns.session.all(), id: conn.assigns.session.id ?? null })),
      r.post("/put", async (conn) => {
        const { session } = conn.assigns
        for (const [key, value] of Object.entries(conn.bodyParams)) session.put(key, String(value))
        for (let turns = Number(conn.queryParams["turns"] ?? 0); turns > 0; turns--) await new Promise(setImmediate)
        return conn.putRespCookie("second", "1").json(session.all())
      }),
      r.post("/renew", (conn) => {
        conn.assigns.session.renew().put("user", "ann")
        return conn.text("renewed")
      }),
      r.post("/drop", (conn) => {
        conn.assigns.session.drop()
        return conn.text("dropped")
      }),
    ]),
    r.scope("/form", guarded, (r) => [
      r.get("/", (conn) => conn.text(csrfToken(conn))),
      r.any("/*rest", (conn) => conn.text("passed")),
    ]),
    r.scope("/carried", carried, (r) => [
      r.get("/", (conn) => conn.json(conn.assigns.session.all())),
      r.post("/:name", (conn, { name }) => {
        conn.assigns.session.put("name", name)
        return conn.text("kept")
      }),
    ]),
    r.scope(
      "/greeting",
      pipeline()
        .plug(session<Record<string, unknown>>({ store: memoryStore(), key: "app" }))
        .plug((conn) => {
          const { session } = conn.assigns
          if (conn.queryString.endsWith("drop")) session.drop()
          else if (!conn.queryString.endsWith("read")) session.put("greeted", true)
          return conn
        })
        .plug(serveStatic({ at: "/greeting", from: join(root, "files/public") })),
      (r) => [
        r.get("/header", (conn) =>
          conn.putRespHeader("cache-control", String(conn.queryParams["put"] ?? "")).text("own header"),
        ),
        r.get("/*rest", (conn) => conn.text("no such file")),
      ],
    ),
    r.scope("/untrusted", rewriteOn({ trust: ["10.0.0.0/8"], headers: forwarded }), (r) => [r.any("/", where)]),
    r.scope("/trusted", rewriteOn({ trust: ["loopback"], headers: forwarded }), (r) => [r.any("/", where)]),
    r.scope("/forwarded", rewriteOn({ trust: ["loopback"], headers: "forwarded" }), (r) => [r.any("/", where)]),
    r.scope("/ssl", forceSsl({ exclude: { hosts: [] } }), (r) => [r.any("/*rest", where)]),
    r.scope(
      "/ssl-trusted",
      forceSsl({ exclude: { hosts: [] }, rewriteOn: { trust: ["loopback"], headers: forwarded } }),
      (r) => [r.any("/*rest", where)],
    ),
    r.scope(
      "/limited",
      pipeline()
        .plug(rewriteOn({ trust: ["10.0.0.0/8"], headers: forwarded }))
        .plug(rateLimit({ limit: 3, window: 3_600 })),
      (r) => [r.any("/", (conn) => conn.text("let in"))],
    ),
    r.scope("/limited-by", rateLimit({ limit: 3, window: 3_600, key: (conn) => conn.getReqHeader("x-user") }), (r) => [
      r.any("/", (conn) => conn.text("let in")),
    ]),
    r.scope(
      "/cors",
      cors({
        origins: ["https://good.example", /https:\/\/[a-z]+\.good\.example/],
        credentials: true,
        allowHeaders: "reflect",
      }),
      (r) => [r.any("/", (conn) => conn.text("shared")), r.get("/socket", (conn) => conn.upgrade("websocket", {}))],
    ),
    r.scope("/auth", basicAuth({ username: "ann", password }), (r) => [
      r.any("/", (conn) => conn.text(`let in ${canary}`)),
    ]),
    r.get("/token", (conn) => {
      const term = Token.verify(conn, "salt", String(conn.queryParams["token"] ?? ""), { maxAge: 3_600 })
      return conn.json(term.ok ? { value: term.value } : { reason: term.reason })
    }),
    r.get("/stream", async (conn) => {
      const sent = conn.putRespHeader("content-type", "text/plain").sendChunked(200)
      // Nothing that a compressor could make short.
      const chunk = Buffer.alloc(65_536)
      for (let n = 0; n < 4_000; n++) {
        for (let i = 0; i < chunk.length; i += 4)
          chunk.writeUInt32LE((Math.imul(i + n * 7919, 2_654_435_761) ^ (i >> 3)) >>> 0, i)
        if (!(await sent.chunk(chunk))) break
        pulled.chunks++
      }
      return sent
    }),
    r.scope("/slow", timeout({ ms: 40 }), (r) => [
      r.get("/action", async (conn) => {
        await new Promise((resolve) => setTimeout(resolve, 120))
        return conn.text("late")
      }),
      r.get("/answer", (conn) =>
        conn
          .registerBeforeSend(() => new Promise<void>((resolve) => setTimeout(resolve, 120)))
          .putRespCookie("late", "1")
          .text("late"),
      ),
    ]),
    r.get("/redirect", (conn) => conn.redirect(String(conn.queryParams["to"]))),
    r.get("/header", (conn) => conn.putRespHeader("x-said", String(conn.queryParams["value"])).text("said")),
    r.get("/text", (conn) => conn.text("so it goes ".repeat(300))),
    r.any("/fail", failing),
    r.any("/admin/*rest", (conn) => conn.text(canary)),
  ])

  const page = errorPage({
    html: ({ status, message }) => html`<h1>${status} ${message}</h1>`,
    json: ({ code, message, error }) => ({
      code,
      message,
      issues: error instanceof ValidationError ? error.issues : [],
    }),
  })
  const endpoint = defineEndpoint({ secretKeyBase, renderErrors: page, onError: (error) => void errors.push(error) })
    .plug(requestId())
    .plug(logger({ log: (line) => void lines.push(line), query: true }))
    .plug((conn) => {
      const { path } = conn
      if (/^\/(?:files\/)?admin(?:\/|$)/.test(path)) throw new ForbiddenError()
      return conn
    })
    .plug(secureHeaders())
    .plug(timeout({ ms: 20_000 }))
    .plug(compress({ encodings: ["br", "gzip"] }))
    .plug(serveStatic({ at: "/files", from: join(root, "files") }))
    .router(router)
  const server = await serve(endpoint, adapters[name]({ port: 0, host: "127.0.0.1" }))
  return new Site({ server, root, lines, errors, pulled })
}
