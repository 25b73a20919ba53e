/**
 * A small site: accounts with a password, sessions, forms that other sites cannot send, an upload with its progress in the
 * page, static files, and an API for programs.
 */

import { readFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { type Conn, type ConnOf, defineEndpoint, defineRouter, type Endpoint, pipeline, type Sent } from "plumage"
import {
  compress,
  cookieStore,
  csrfProtection,
  csrfToken,
  flash,
  logger,
  methodOverride,
  multipart,
  parsers,
  rateLimit,
  requestId,
  secureHeaders,
  serveStatic,
  session,
  Token,
  timeout,
  Upload,
} from "plumage/plugs"
import { z } from "zod"
import { credentials, home, layout } from "./pages.ts"
import { type User, Users } from "./users.ts"

const Credentials = z.object({
  name: z.string().trim().min(2, "at least 2 characters").max(40, "at most 40 characters"),
  password: z.string().min(10, "at least 10 characters").max(200, "at most 200 characters"),
})
const pictureTypes = ["image/png", "image/jpeg", "image/gif"]
const apiToken = "api token"

/** What is wrong with a field of a form. */
type Issue = Pick<z.core.$ZodIssue, "path" | "message">

/** A parameter may be a list or a map: whoever sends it decides. */
const textOf = (param: unknown): string => (typeof param === "string" ? param : "")

export interface Options {
  secretKeyBase: string
  /** Where a line about each request goes; nowhere when left out. */
  log?: (line: string) => void
}

/** The endpoint of the site. Each has accounts of its own. */
export function accounts({ secretKeyBase, log = () => undefined }: Options): Endpoint {
  const users = new Users()

  // What every browser request passes: who is it, and is it from our own pages?
  const browser = pipeline()
    .plug(
      secureHeaders({
        contentSecurityPolicy: { "default-src": ["'self'"], "img-src": ["'self'", "data:"], "form-action": ["'self'"] },
      }),
    )
    .plug(
      session<{ userId: string }>({
        key: "_accounts",
        store: cookieStore({ signingSalt: "session", encryptionSalt: "session, encrypted" }),
      }),
    )
    .plug(flash())
    .plug(csrfProtection())
    .plug((conn) => conn.assign("user", users.find(conn.assigns.session.get("userId"))))
  type BrowserConn = ConnOf<typeof browser>

  const members = browser.plug((conn) =>
    conn.assigns.user ? conn.assign("user", conn.assigns.user) : conn.redirect("/login").halt(),
  )
  type MemberConn = ConnOf<typeof members>

  // A program says who it is by a token; there is no cookie that another site could make use of.
  const api = pipeline().plug((conn: Conn) => {
    const [scheme, token] = (conn.getReqHeader("authorization") ?? "").split(" ")
    const term = Token.verify(conn, apiToken, scheme === "Bearer" ? token : undefined, { maxAge: 3600 })
    const user = term.ok ? users.find(String(term.value)) : undefined
    return user
      ? conn.assign("user", user)
      : conn.putRespHeader("www-authenticate", "Bearer").putStatus(401).json({ error: "a token is needed" }).halt()
  })

  const page = (conn: BrowserConn | MemberConn, title: string, content: Parameters<typeof layout>[1]): Sent => {
    const { flash, user } = conn.assigns
    const [info, error] = [flash.get("info"), flash.get("error")]
    return conn.html(layout({ title, token: csrfToken(conn), user, info, error }, content))
  }
  const form = (conn: BrowserConn, to: "login" | "register", name = "", issues: readonly Issue[] = []): Sent => {
    const [title, action] = to === "login" ? (["Log in", "/session"] as const) : (["Register", "/users"] as const)
    return page(conn, title, credentials({ action, button: title, token: csrfToken(conn), name, issues }))
  }
  const logIn = (conn: BrowserConn, user: User): Sent => {
    // A new session for a new identity, so that nobody can have planted the old one.
    conn.assigns.session.renew()
    conn.assigns.session.put("userId", user.id)
    conn.assigns.flash.put("info", `Welcome, ${user.name}.`)
    return conn.redirect("/")
  }

  async function register(conn: BrowserConn): Promise<Sent> {
    const given = Credentials.safeParse(conn.bodyParams)
    const name = textOf(conn.bodyParams["name"])
    if (!given.success) return form(conn.putStatus(422), "register", name, given.error.issues)
    const user = await users.register(given.data.name, given.data.password)
    if (user) return logIn(conn, user)
    return form(conn.putStatus(422), "register", name, [{ path: ["name"], message: "this name is taken" }])
  }

  async function login(conn: BrowserConn): Promise<Sent> {
    const given = Credentials.safeParse(conn.bodyParams)
    const user = given.success ? await users.authenticate(given.data.name, given.data.password) : undefined
    if (user) return logIn(conn, user)
    conn.assigns.flash.put("error", "Name or password is wrong.")
    return form(conn.putStatus(422), "login", textOf(conn.bodyParams["name"]))
  }

  async function upload(conn: MemberConn): Promise<Sent> {
    const { picture } = conn.bodyParams
    if (!(picture instanceof Upload) || !pictureTypes.includes(picture.contentType ?? "")) {
      return conn.putStatus(422).json({ error: { message: "a PNG, JPEG or GIF picture is wanted" } })
    }
    const bytes = await readFile(picture.path)
    const { id } = users.addPicture(conn.assigns.user, { name: picture.filename, type: picture.contentType!, bytes })
    return conn.getReqHeader("accept") === "application/json" ? conn.putStatus(201).json({ id }) : conn.redirect("/")
  }

  const router = defineRouter((r) => [
    r.scope("/", browser, (r) => [
      r.get("/", (conn): Sent => {
        const { user } = conn.assigns
        return user ? page(conn, `Hello, ${user.name}`, home(user, csrfToken(conn))) : conn.redirect("/login")
      }),
      r.get("/login", (conn) => form(conn, "login")),
      r.get("/register", (conn) => form(conn, "register")),
      r.delete("/session", (conn) => {
        conn.assigns.session.drop()
        return conn.redirect("/login")
      }),
    ]),
    // Passwords are not to be guessed at leisure.
    r.scope("/", browser.plug(rateLimit({ name: "passwords", limit: 60, window: 60 })), (r) => [
      r.post("/users", register),
      r.post("/session", login),
    ]),
    r.scope("/", members, (r) => [
      r.post("/pictures", upload),
      r.get("/pictures/:id", (conn, { id }): Sent => {
        const found = conn.assigns.user.pictures.find((picture) => picture.id === id)
        if (!found) return conn.sendResp(404, "no such picture\n")
        return conn.putRespHeader("content-type", found.type).sendResp(200, found.bytes)
      }),
      r.post("/token", (conn) => conn.json({ token: Token.sign(conn, apiToken, conn.assigns.user.id) })),
    ]),
    r.scope("/api", api, (r) => [
      r.get("/me", (conn) => {
        const { name, pictures } = conn.assigns.user
        return conn.json({ name, pictures: pictures.map(({ id, name, type }) => ({ id, name, type })) })
      }),
    ]),
  ])

  return defineEndpoint({ secretKeyBase })
    .plug(requestId())
    .plug(logger({ log, format: "json" }))
    .plug(serveStatic({ at: "/assets", from: fileURLToPath(new URL("assets/", import.meta.url)) }))
    .plug(timeout({ ms: 30_000 }))
    .plug(compress({ threshold: 500 }))
    .plug(parsers({ parsers: ["urlencoded", multipart({ length: 5_000_000 })] }))
    .plug(methodOverride())
    .router(router)
}
