/** What the types of routes, parameters and verified paths hold. Every line below a ts-expect-error must not compile. */
import {
  type Conn,
  defineRouter,
  type Params,
  type PatternOf,
  pathsOf,
  pipeline,
  type Router,
  routerFor,
  type Sent,
} from "plumage"
import { type Equal, is } from "./is.ts"
import { browser, through, type User, type UserConn } from "./pipeline.test-d.ts"

// Path parameters.
is<Equal<Params<"/users/:id">, { id: string }>>()
is<Equal<Params<"/users/:user_id/posts/:id">, { user_id: string; id: string }>>()
is<Equal<Params<"/files/*path">, { path: string[] }>>()
is<Equal<Params<"/posts{/:year}">, { year?: string }>>()
is<Equal<Params<"/posts{/:year}/by/:author">, { year?: string; author: string }>>()
is<Equal<Params<"/files/:name.:ext">, { name: string; ext: string }>>()
is<Equal<Params<"/v:major-:minor">, { major: string; minor: string }>>()
is<Equal<Params<"/plain">, {}>>()
is<Equal<Params<"/">, {}>>()

// Routes.
const show = (conn: UserConn, { id }: { id: string }): Sent => conn.json({ id, by: conn.assigns.currentUser.name })
const wantsSlug = (conn: Conn, { slug }: { slug: string }): Sent => conn.text(slug)
const stats = routerFor<{ currentUser: User }>()((r) => [
  r.get("/stats", (conn) => conn.text(conn.assigns.currentUser.name)),
])
export const checked = defineRouter((r) => [
  // @ts-expect-error the action needs currentUser; no pipeline provides it
  r.get("/users/:id", show),
  // @ts-expect-error the pattern has no :slug
  r.get("/users/:id", wantsSlug),
  // @ts-expect-error one action of the controller needs currentUser
  r.resources("/users", { show }),
  // @ts-expect-error the forwarded router needs currentUser
  r.forward("/admin", stats),
  // @ts-expect-error an action must send something
  r.get("/nothing", (conn) => conn),
  // @ts-expect-error also when it is async
  r.get("/nothing", async (conn) => conn.assign("a", 1)),
  // @ts-expect-error nothing is no answer
  r.get("/nothing", () => undefined),
  // @ts-expect-error no such param
  r.get("/users/:id", (conn, { nope }) => conn.text(nope)),
  // @ts-expect-error a glob is a list
  r.get("/files/*rest", (conn, { rest }) => conn.text(rest)),
  // @ts-expect-error what is optional may be absent
  r.get("/posts{/:year}", (conn, { year }) => conn.text(year)),
  // @ts-expect-error browser leaves currentUser possibly undefined
  r.scope("/", browser, (r) => [r.get("/me", (conn) => conn.text(conn.assigns.currentUser.name))]),
  // @ts-expect-error a resource has seven actions, and this is none of them
  r.resources("/users", { list: (conn: Conn) => conn.text("x") }),
  // @ts-expect-error there is no such action to leave out
  r.resources("/users", {}, { except: ["list"] }),
  // @ts-expect-error the parameter has another name
  r.resources("/users", { show: (conn, { id }) => conn.text(id) }, { param: "slug" }),
  // @ts-expect-error a stream is already open
  r.stream("/s", (conn) => conn.sendChunked(200)),
  // the same lines behind the right pipeline compile
  r.scope("/", through, ({ get, resources, forward }) => [
    get("/users/:id", show),
    resources("/users", { show }),
    forward("/admin", stats),
    get("/me", (conn) => conn.text(conn.assigns.currentUser.name)),
  ]),
  // every way to end
  r.get("/a", (conn) => conn.resp(200, "x")),
  r.get("/b", (conn) => conn.sendFile(200, "x")),
  r.get("/c", (conn) => conn.sendChunked(200)),
  r.get("/d", (conn) => conn.upgrade("websocket", {})),
  r.get("/e", (conn) => conn.text("x").halt()),
  r.get("/f", async (conn) => (conn.method === "GET" ? conn.text("x") : conn.sendChunked(200))),
  r.stream("/g/:id", async (conn, { id }) => void (await conn.event({ id }))),
])

// Scopes know the parameters of the whole pattern, and the assigns of every plug.
// What a scope assigns before its plugs run is known to plugs and actions, and nothing else is.
export const said = defineRouter((r) => [
  r.with({ assigns: { theme: "dark" as const }, metadata: { area: "shop" }, log: false }, (r) => [
    r.get("/themed", (conn) => conn.text(conn.assigns.theme satisfies "dark")),
    r.scope("/in/:id", through, (r) => [r.get("/x", (conn, { id }) => conn.text(id + conn.assigns.theme))]),
    // @ts-expect-error nobody assigns this
    r.get("/bare", (conn) => conn.text(conn.assigns.color)),
    // @ts-expect-error no such level
    r.get("/loud", (conn) => conn.text(""), { log: "loud" }),
  ]),
  // @ts-expect-error outside of the scope it is not assigned
  r.get("/outside", (conn) => conn.text(conn.assigns.theme)),
])
is<Equal<PatternOf<(typeof said)["routes"]>, "/themed" | "/in/:id/x" | "/bare" | "/loud" | "/outside">>()

export const scoped = defineRouter((r) => [
  r.scope("/orgs/:org", (r) => [
    r.get("/x/:id", (conn, params) => {
      is<Equal<typeof params, { org: string; id: string }>>()
      return conn.text(params.org)
    }),
    r.scope(
      "/y",
      pipeline().plug((conn) => conn.assign("a", 1)),
      (r) => [
        r.scope(
          "/z",
          (conn: Conn<{ a: number }>) => conn.assign("b", conn.assigns.a),
          (r) => [r.get("/", (conn, { org }) => conn.json([org, conn.assigns.a, conn.assigns.b]))],
        ),
      ],
    ),
    r.resources("/users", { show: (conn, { org, id }) => conn.json([org, id]) }, { name: "user" }, (r) => [
      r.get("/posts/:id", (conn, { org, user_id, id }) => conn.json([org, user_id, id])),
    ]),
    r.host("a.example", (r) => [r.get("/hosted", (conn, { org }) => conn.text(org))]),
  ]),
])
is<
  Equal<
    PatternOf<(typeof scoped)["routes"]>,
    | "/orgs/:org/x/:id"
    | "/orgs/:org/y/z"
    | "/orgs/:org/users/:id"
    | "/orgs/:org/users/:user_id/posts/:id"
    | "/orgs/:org/hosted"
  >
>()

// Verified paths.
const router = defineRouter((r) => [
  r.get("/", (conn): Sent => conn.redirect(path("/users/:id", { id: "1" }))),
  r.get("/users", (conn) => conn.text("x")),
  r.get("/users/:id", (conn) => conn.text("x")),
  r.get("/files/*rest", (conn) => conn.text("x")),
  r.get("/posts{/:year}", (conn) => conn.text("x")),
  r.scope("/orgs/:org_id", (r) => [r.resources("/members", { show: (conn, { org_id }) => conn.text(org_id) })]),
  r.forward(
    "/admin",
    defineRouter((r) => [r.get("/stats/:day", (conn) => conn.text("x")), r.get("/", (conn) => conn.text("x"))]),
  ),
])
const path = pathsOf(router)
path("/")
path("/users")
path("/users", {}, { page: 2 })
path("/users/:id", { id: "1" }, { page: 2 })
path("/users/:id", { id: 7 })
path("/files/*rest", { rest: ["a", 1] })
path("/posts{/:year}")
path("/posts{/:year}", { year: "2020" })
path("/orgs/:org_id/members/:id", { org_id: "1", id: "2" })
path("/admin/stats/:day", { day: "monday" })
path("/admin")
// @ts-expect-error no such route
path("/user/:id", { id: "1" })
// @ts-expect-error missing param
path("/users/:id")
// @ts-expect-error missing one of two
path("/orgs/:org_id/members/:id", { org_id: "1" })
// @ts-expect-error wrong param
path("/users/:id", { idd: "1" })
// @ts-expect-error a record is no value
path("/users/:id", { id: {} })
// @ts-expect-error a glob takes a list
path("/files/*rest", { rest: "a" })
// @ts-expect-error the forwarded pattern has its prefix
path("/stats/:day", { day: "x" })
const small = pathsOf(defineRouter((r) => [r.scope("/a", (r) => [r.get("/b/:c", (conn, { c }) => conn.text(c))])]))
small("/a/b/:c", { c: "1" })
// @ts-expect-error the scope's prefix is part of the pattern
small("/b/:c", { c: "1" })

// A router whose types nobody knows any more can still be mounted, and asked for paths.
declare const erased: Router
export const mounted = defineRouter((r) => [r.get("/own", (conn) => conn.text("x")), r.forward("/erased", erased)])
pathsOf(erased)("/anything")
