/** What the types of controllers hold. Every line below a ts-expect-error must not compile. */
import { type Conn, defineController, defineRouter, defineView } from "plumage"
import { type Equal, is } from "./is.ts"

const posts = defineController<{ user: string }>()
  .plug((conn) => conn.assign("count", 1))
  .plug((conn) => conn.assign("post", { title: conn.assigns.user }), { only: ["show", "edit"] })
  .plug((conn) => conn.assign("draft", true), { only: ["edit"] })
  .fallback((conn, problem: "not_found") => conn.sendResp(404, problem))
  .actions({
    index: (conn) => conn.text(String(conn.assigns.count satisfies number)),
    show: (conn, { id }: { id: string }) => conn.text(conn.assigns.post.title + id),
    edit: async (conn) => (conn.assigns.draft ? ("not_found" as const) : conn.text(conn.assigns.post.title)),
  })
is<Equal<keyof typeof posts, "index" | "show" | "edit">>()

export const mounted = defineRouter((r) => [
  r.scope(
    "/",
    (conn) => conn.assign("user", "ada"),
    (r) => [
      r.get("/posts/:id", posts.show),
      r.get("/posts", posts.index),
      r.resources("/articles", { index: posts.index, show: posts.show }),
      // @ts-expect-error the action wants :id
      r.get("/posts/by/:slug", posts.show),
    ],
  ),
  // @ts-expect-error nobody assigns the user here
  r.get("/posts", posts.index),
])

export const wrong = {
  guarded: defineController()
    .plug((conn) => conn.assign("post", 1), { only: ["show"] })
    .actions({
      show: (conn) => conn.text(String(conn.assigns.post)),
      // @ts-expect-error the plug that assigns it does not run here
      index: (conn) => conn.text(String(conn.assigns.post)),
    }),
  except: defineController()
    .plug((conn: Conn) => conn.assign("post", 1), { except: ["index"] })
    .actions({
      // @ts-expect-error what a plug with exceptions assigns is nobody's for certain
      show: (conn) => conn.text(String(conn.assigns.post)),
      index: (conn) => conn.text(""),
    }),
  problem: defineController()
    .fallback((conn, problem: "not_found") => conn.text(problem))
    // @ts-expect-error the fallback knows nothing of "gone"
    .actions({ show: () => "gone" }),
  none: defineController()
    // @ts-expect-error without a fallback an action answers
    .actions({ show: () => "not_found" }),
}

const view = defineView({
  html: { show: ({ title }: { title: string }) => title, index: (_: {}) => "" },
  json: { show: ({ id }: { id: number }) => ({ id }) },
})
export const rendered = (conn: Conn) => [
  view.render(conn, "show", { title: "x", id: 7 }),
  view.render(conn, "index"),
  // @ts-expect-error the template for JSON wants the id
  view.render(conn, "show", { title: "x" }),
  // @ts-expect-error a template that wants something is given it
  view.render(conn, "show"),
  // @ts-expect-error no format has such a template
  view.render(conn, "edit"),
]
