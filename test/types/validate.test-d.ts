/** What the types of validate, action and the plugs that assign hold. Every line below a ts-expect-error must not compile. */
import { type Conn, type ConnOf, defineRouter, pipeline } from "plumage"
import * as v from "valibot"
import * as z from "zod"
import { acceptLanguage, accepts } from "../../src/plugs/accepts.ts"
import { action } from "../../src/plugs/action.ts"
import { basicAuth } from "../../src/plugs/basic-auth.ts"
import { requestId } from "../../src/plugs/request-id.ts"
import { validate } from "../../src/plugs/validate.ts"
import { type Equal, is } from "./is.ts"

const zod = z.object({ page: z.coerce.number() })
const valibot = v.object({
  name: v.pipe(
    v.string(),
    v.transform((text) => text.length),
  ),
})

// What the schemas give, not what they take.
declare const checked: ConnOf<typeof checks>
const checks = pipeline().plug(validate({ query: zod, body: valibot }))
const { query, body } = checked.assigns.valid
is<Equal<typeof query, { page: number }>>()
is<Equal<typeof body, { name: number }>>()
// @ts-expect-error no schema for headers
checked.assigns.valid.headers
// @ts-expect-error there is no such part
validate({ cookies: zod })
// @ts-expect-error not a schema
validate({ query: { page: Number } })

// Two in a row give both.
declare const both: ConnOf<typeof inTurn>
const inTurn = pipeline()
  .plug(validate({ query: zod }))
  .plug(validate({ body: valibot }))
const { page } = both.assigns.valid.query
const { name } = both.assigns.valid.body
is<Equal<[typeof page, typeof name], [number, number]>>()

// An action with plugs of its own knows the parameters of its route, and what its plugs and those of the route assign.
const user = pipeline().plug((conn) => conn.assign("user", "ann"))
const needsUser = (conn: Conn<{ user: string }>) => conn.assign("upper", conn.assigns.user.toUpperCase())
const paged = validate({ query: zod })
const upper = action(needsUser, (conn) => conn.text(conn.assigns.upper + conn.assigns.user))
const slugs = action(paged, (conn, { slug }: { slug: string }) => conn.text(slug))
export const router = defineRouter((r) => [
  r.get(
    "/a/:id",
    action(paged, (conn, { id }) => conn.text(id + conn.assigns.valid.query.page.toFixed())),
  ),
  // @ts-expect-error the pattern has no :slug
  r.get("/b/:id", slugs),
  // @ts-expect-error nobody has assigned user
  r.get("/c", upper),
  r.scope("/d", user, (r) => [r.get("/upper", upper)]),
])
// @ts-expect-error an action must send something
action(paged, (conn) => conn)

// What the small plugs assign.
declare const small: ConnOf<typeof smalls>
const smalls = pipeline()
  .plug(requestId())
  .plug(requestId({ assign: "trace" }))
  .plug(accepts(["html", "json"]))
  .plug(acceptLanguage(["en", "de"]))
const { requestId: id, trace, format, language } = small.assigns
is<Equal<typeof id, string>>()
is<Equal<typeof trace, string>>()
is<Equal<typeof format, "html" | "json">>()
is<Equal<typeof language, "en" | "de">>()
declare const typed: ConnOf<typeof typing>
const typing = pipeline().plug(accepts({ feed: "application/atom+xml", page: "text/html" }))
const { format: named } = typed.assigns
is<Equal<typeof named, "feed" | "page">>()

// Whoever verifies may assign who it is.
declare const known: ConnOf<typeof auth>
const auth = pipeline().plug(basicAuth({ verify: async (name, _, conn) => name === "ann" && conn.assign("who", name) }))
const { who } = known.assigns
is<Equal<typeof who, string>>()
pipeline().plug(basicAuth({ verify: async () => true }))
pipeline().plug(basicAuth({ verify: (name) => name === "ann" }))
// @ts-expect-error a yes that is no yes
basicAuth({ verify: () => "ann" })
// @ts-expect-error a name without a password
basicAuth({ username: "ann" })
