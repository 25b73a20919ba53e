/** The accounts site over HTTP, as a browser would use it: cookies, forms, an upload, and the API; on every server. */
import { serve } from "plumage"
import { elli } from "plumage/adapters/elli"
import { node } from "plumage/adapters/node"
import { uws } from "plumage/adapters/uws"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { accounts } from "../examples/accounts/app.ts"
import { adapterNames } from "./tools/adapters.ts"

const adapters = { node, uws, elli }
const secretKeyBase = "accounts".repeat(8)
/** The smallest picture there is. */
const png = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
)

/** What a browser keeps and sends of itself. */
class Visitor {
  readonly #base: string
  readonly cookies = new Map<string, string>()
  constructor(base: string) {
    this.#base = base
  }
  async send(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers)
    if (this.cookies.size > 0)
      headers.set("cookie", [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; "))
    const response = await fetch(this.#base + path, { ...init, headers, redirect: "manual" })
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!
      if (/expires=thu, 01 jan 1970|max-age=0/i.test(line)) this.cookies.delete(name!)
      else this.cookies.set(name!, value!)
    }
    return response
  }
  async page(path: string): Promise<{ status: number; text: string; token: string }> {
    const response = await this.send(path)
    const text = await response.text()
    return { status: response.status, text, token: /name="_csrf_token" value="([^"]+)"/.exec(text)?.[1] ?? "" }
  }
  async form(path: string, fields: Record<string, string>, from: string): Promise<Response> {
    const { token } = await this.page(from)
    return this.send(path, { method: "POST", body: new URLSearchParams({ _csrf_token: token, ...fields }) })
  }
}

describe.each(await adapterNames())("the accounts site on %s", (name) => {
  const lines: Record<string, unknown>[] = []
  let server: Awaited<ReturnType<typeof serve>>
  let base: string
  beforeAll(async () => {
    const endpoint = accounts({ secretKeyBase, log: (line) => void lines.push(JSON.parse(line)) })
    server = await serve(endpoint, adapters[name]({ port: 0, host: "127.0.0.1" }))
    base = `http://127.0.0.1:${server.port}`
  })
  afterAll(() => server.stop({ graceMs: 1_000 }))
  const ada = { name: "Ada", password: "a long password" }
  const member = async (fields = ada): Promise<Visitor> => {
    const visitor = new Visitor(base)
    const response = await visitor.form("/session", fields, "/login")
    expect([response.status, response.headers.get("location")]).toEqual([302, "/"])
    return visitor
  }

  test("registers, greets once, and lets nobody in without an account", async () => {
    const visitor = new Visitor(base)
    expect((await visitor.send("/")).headers.get("location")).toBe("/login")
    expect((await visitor.send("/pictures/1")).headers.get("location")).toBe("/login")
    const response = await visitor.form("/users", ada, "/register")
    expect([response.status, response.headers.get("location")]).toEqual([302, "/"])
    expect((await visitor.page("/")).text).toContain("Welcome, Ada.")
    expect((await visitor.page("/")).text).not.toContain("Welcome, Ada.")
  })

  test("says what is wrong with a form beside the field, and keeps what was typed, escaped", async () => {
    const response = await new Visitor(base).form("/users", { name: '"><script>', password: "short" }, "/register")
    const text = await response.text()
    expect(response.status).toBe(422)
    expect(text).toContain("at least 10 characters")
    expect(text).toContain('value="&quot;&gt;&lt;script&gt;"')
    expect(text).not.toContain("<script>")
    expect(await (await new Visitor(base).form("/users", ada, "/register")).text()).toContain("this name is taken")
  })

  test("takes a name that is no text for none: 422, whatever its shape", async () => {
    for (const shape of ["name[x]", "name[]", "name[][x]", "name[a][b]"]) {
      const fields = { [shape]: "1", password: "long enough, it is" }
      expect((await new Visitor(base).form("/users", fields, "/register")).status, shape).toBe(422)
      expect((await new Visitor(base).form("/session", fields, "/login")).status, shape).toBe(422)
    }
  })

  test("gives a new session at login, and none for a wrong password", async () => {
    const visitor = new Visitor(base)
    await visitor.page("/login")
    const before = visitor.cookies.get("_accounts")
    expect((await visitor.form("/session", { ...ada, password: "a wrong password" }, "/login")).status).toBe(422)
    expect((await visitor.form("/session", ada, "/login")).status).toBe(302)
    expect(visitor.cookies.get("_accounts")).not.toBe(before)
    expect((await visitor.page("/")).text).toContain("Hello, Ada")
  })

  test("refuses forms without a token, with a foreign one, and from another site", async () => {
    const visitor = await member()
    const { token } = await visitor.page("/")
    const other = (await (await member()).page("/")).token
    const send = (fields: Record<string, string>, headers: Record<string, string> = {}) =>
      visitor.send("/session", { method: "POST", body: new URLSearchParams({ _method: "delete", ...fields }), headers })
    expect((await send({})).status).toBe(403)
    expect((await send({ _csrf_token: other })).status).toBe(403)
    expect((await send({ _csrf_token: token }, { "sec-fetch-site": "cross-site" })).status).toBe(403)
    expect((await visitor.page("/")).text).toContain("Hello, Ada")
    expect((await send({ _csrf_token: token })).status).toBe(302)
    expect((await visitor.send("/")).headers.get("location")).toBe("/login")
  })

  test("takes a picture, shows it to its owner and to nobody else, and refuses what is none", async () => {
    const visitor = await member()
    const { token } = await visitor.page("/")
    const upload = (type: string) => {
      const body = new FormData()
      body.set("picture", new Blob([png], { type }), "dot <b>.png")
      return visitor.send("/pictures", {
        method: "POST",
        body,
        headers: { "x-csrf-token": token, accept: "application/json" },
      })
    }
    expect((await upload("text/html")).status).toBe(422)
    const created = await upload("image/png")
    expect(created.status).toBe(201)
    const { id } = (await created.json()) as { id: string }
    const picture = await visitor.send(`/pictures/${id}`)
    expect(picture.headers.get("content-type")).toBe("image/png")
    expect(picture.headers.get("x-content-type-options")).toBe("nosniff")
    expect(Buffer.from(await picture.arrayBuffer())).toEqual(png)
    expect((await visitor.page("/")).text).toContain("dot &lt;b&gt;.png")
    const stranger = new Visitor(base)
    await stranger.form("/users", { name: `Bob on ${name}`, password: "another password" }, "/register")
    expect((await stranger.send(`/pictures/${id}`)).status).toBe(404)
  })

  test("refuses an upload that is too long, readably", async () => {
    const visitor = await member()
    const { token } = await visitor.page("/")
    const body = new FormData()
    body.set("picture", new Blob([Buffer.alloc(5_100_000)], { type: "image/png" }), "big.png")
    const headers = { "x-csrf-token": token, accept: "application/json" }
    const response = await visitor.send("/pictures", { method: "POST", body, headers })
    expect(response.status).toBe(413)
    expect(await response.json()).toMatchObject({ error: { code: "ERR_REQUEST_TOO_LARGE" } })
  })

  test("serves its files with validators, compressed pages, and headers that keep others out", async () => {
    const style = await fetch(`${base}/assets/style.css`)
    expect([style.status, style.headers.get("content-type")]).toEqual([200, "text/css"])
    const etag = style.headers.get("etag")!
    expect((await fetch(`${base}/assets/style.css`, { headers: { "if-none-match": etag } })).status).toBe(304)
    expect((await fetch(`${base}/assets/..%2fapp.ts`)).status).toBe(400)
    const page = await fetch(`${base}/login`, { headers: { "accept-encoding": "gzip" } })
    expect(page.headers.get("content-security-policy")).toContain("default-src 'self'")
    expect([page.headers.get("content-encoding"), page.headers.get("vary")]).toEqual(["gzip", "accept-encoding"])
    expect(await page.text()).toContain("<h1>Log in</h1>")
    expect(page.headers.get("x-request-id")).toMatch(/^[\w-]{20,}$/)
  })

  test("answers programs by a token, and says in JSON what is missing", async () => {
    const visitor = await member()
    const { token } = await visitor.page("/")
    const issued = await visitor.send("/token", { method: "POST", headers: { "x-csrf-token": token } })
    const { token: bearer } = (await issued.json()) as { token: string }
    const me = (authorization: string) => fetch(`${base}/api/me`, { headers: { authorization } })
    expect(await (await me(`Bearer ${bearer}`)).json()).toMatchObject({ name: "Ada" })
    const refused = await me(`Bearer ${bearer}x`)
    expect([refused.status, await refused.json()]).toEqual([401, { error: "a token is needed" }])
  })

  test("lets nobody guess passwords at leisure", async () => {
    const visitor = new Visitor(base)
    const { token } = await visitor.page("/login")
    const statuses: number[] = []
    for (let n = 0; n < 80 && statuses.at(-1) !== 429; n++) {
      const body = new URLSearchParams({ _csrf_token: token, name: "nobody", password: "x" })
      statuses.push((await visitor.send("/session", { method: "POST", body })).status)
    }
    expect(statuses.at(-1)).toBe(429)
  })

  test("has written one line for each request, with its route and without secrets", () => {
    expect(lines.find(({ path }) => path === "/session")).toMatchObject({ method: "POST", route: "/session" })
    expect(JSON.stringify(lines)).not.toContain(ada.password)
  })
})
