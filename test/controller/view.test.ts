import {
  type Conn,
  defineController,
  defineRouter,
  defineView,
  NotAcceptableError,
  type Sent,
  UsageError,
} from "plumage"
import { type Html, html } from "plumage/plugs"
import { call, conn, sentResp } from "plumage/test"
import { describe, expect, test } from "vitest"
import { errorOf } from "../loose.ts"

interface Post {
  id: number
  title: string
}
const posts = defineView(
  {
    html: {
      show: ({ post }: { post: Post }) => html`<h1>${post.title}</h1>`,
      form: ({ token }: { token: string }) => html`<form>${token}</form>`,
    },
    json: {
      show: ({ post, fields }: { post: Post; fields?: string[] }) => ({ id: post.id, fields }),
      index: (_: {}) => [],
    },
    txt: { show: async ({ post }: { post: Post }) => `# ${post.title}` },
  },
  { layout: { html: (content: Html, { post }: { post?: Post }) => html`<title>${post?.title}</title>${content}` } },
)
const post = { id: 7, title: "<b>" }
const asking = (accept: string | undefined, path = "/") =>
  conn("GET", path, undefined, accept === undefined ? {} : { headers: { accept } })
const shown = async (one: Conn) => sentResp((await posts.render(one, "show", { post })) as Sent)

describe("a view", () => {
  test("renders the template of the format that the client prefers, the first by default, with its type", async () => {
    const [plain, json, text] = [
      await shown(asking(undefined)),
      await shown(asking("application/json")),
      await shown(asking("text/plain")),
    ]
    expect([plain.body, plain.headers["content-type"]]).toEqual([
      "<title>&lt;b&gt;</title><h1>&lt;b&gt;</h1>",
      "text/html; charset=utf-8",
    ])
    expect([json.body, json.headers["content-type"]]).toEqual(['{"id":7}', "application/json; charset=utf-8"])
    expect([text.body, text.headers["content-type"]]).toEqual(["# <b>", "text/plain; charset=utf-8"])
    for (const { headers } of [plain, json, text]) expect(headers["vary"]).toBe("accept")
  })

  test("takes _format of the query over the header", async () => {
    expect((await shown(asking("text/html", "/?_format=json"))).body).toBe('{"id":7}')
  })

  test("offers only the formats that have the template, and is 406 for the others", () => {
    expect(sentResp(posts.render(asking("text/html, application/json;q=0.1"), "index") as Sent).body).toBe("[]")
    expect(errorOf(() => posts.render(asking("text/html"), "index"))).toBeInstanceOf(NotAcceptableError)
    expect(errorOf(() => posts.render(asking(undefined, "/?_format=pdf"), "index"))).toBeInstanceOf(NotAcceptableError)
  })

  test("is sync where its template is, keeps status and content type, and does without its layout", async () => {
    const one = asking(undefined).putStatus(201).putRespContentType("application/xhtml+xml")
    const sent = posts.render(one, "form", { token: "x" }, { layout: false })
    expect(sent).not.toBeInstanceOf(Promise)
    expect(sentResp(sent as Sent)).toMatchObject({ status: 201, body: "<form>x</form>" })
    expect(sentResp(sent as Sent).headers["content-type"]).toBe("application/xhtml+xml; charset=utf-8")
  })

  test("hands on what a template throws or rejects with, and has sent nothing then", async () => {
    const broken = defineView({
      html: { sync: (_: {}) => html`${{}}`, async: async (_: {}) => Promise.reject(new RangeError("no")) },
    })
    const one = asking(undefined)
    expect(errorOf(() => broken.render(one, "sync"))).toBeInstanceOf(UsageError)
    await expect(broken.render(one, "async")).rejects.toThrow(RangeError)
    expect(one.state).toBe("unset")
  })

  test("says which templates there are, and refuses what is none", () => {
    expect(errorOf(() => posts.render(asking(undefined), "edit" as never)).message).toMatch(
      /no edit; it has show, form, index/,
    )
    expect(errorOf(() => defineView({ html: { show: 1 as never } })).message).toMatch(/html\.show is a function/)
    expect(() => defineView({ nosuchformat: { show: (_: {}) => "" } })).toThrow(/nosuchformat|formats/)
  })

  test("is what the actions of a controller answer with", async () => {
    const controller = defineController().actions({
      show: (conn, { id }: { id: string }) => posts.render(conn, "show", { post: { id: Number(id), title: "seven" } }),
    })
    const router = defineRouter((r) => [r.resources("/posts", controller)])
    expect(sentResp((await call(router, conn("GET", "/posts/7"))) as Sent).body).toContain("<h1>seven</h1>")
  })
})
