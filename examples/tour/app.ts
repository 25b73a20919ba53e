import { type Conn, type ConnOf, defineEndpoint, defineRouter, pathsOf, pipeline, type Sent } from "plumage"

interface User {
  name: string
}
const users = new Map<string, User>([["open-sesame", { name: "Ali" }]])

// A plug is a function of the connection. What it assigns is in its type.
const fetchUser = (conn: Conn) => conn.assign("user", users.get(conn.getReqHeader("x-token") ?? ""))

// A plug that answers must halt, or it does not compile.
const requireUser = (conn: Conn<{ user: User | undefined }>) =>
  conn.assigns.user ? conn.assign("user", conn.assigns.user) : conn.sendResp(401, "who are you?").halt()

const browser = pipeline().plug(fetchUser)
const members = browser.plug(requireUser)

// An action says what it needs; mounted where no pipeline provides it, its route does not compile.
function show(conn: ConnOf<typeof members>, { id }: { id: string }): Sent {
  return conn.json({ id, seenBy: conn.assigns.user.name, next: path("/posts/:id", { id: Number(id) + 1 }) })
}

const router = defineRouter((r) => [
  r.get("/health", (conn) => conn.text("ok")),
  r.scope("/", members, (r) => [
    r.resources("/posts", { show }),
    r.get("/files/*rest", (conn, { rest }) => conn.json(rest)),
    r.get("/archive{/:year}", (conn, { year }) => conn.text(year ?? "every year")),
  ]),
])

// Paths are written as patterns that the router has, and encoded: path("/posts/:id", { id: 7 }, { page: 2 }).
const path = pathsOf(router)

export const endpoint = defineEndpoint().router(router)
