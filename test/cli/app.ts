/** An application for the tests of the command line. */
import { type Conn, defineEndpoint, defineRouter } from "plumage"

const authenticated = (conn: Conn) => conn.assign("user", "ada")
const show = (conn: Conn, { id }: { id: string }) => conn.text(id)
const create = (conn: Conn) => conn.sendResp(201)
const stats = (conn: Conn) => conn.text("stats")

const router = defineRouter((r) => [
  r.get("/", (conn) => conn.text("home")),
  r.with({ metadata: { area: "people" } }, (r) => [
    r.scope("/users", authenticated, (r) => [r.get("/:id", show), r.post("/", create)]),
  ]),
  r.host("admin.", (r) => [r.get("/admin/stats", stats)]),
])

export const endpoint = defineEndpoint().socket("/live", {}).router(router)
