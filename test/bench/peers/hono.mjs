/** The same work on Hono with `@hono/node-server`. */
import { serve } from "@hono/node-server"
import { Hono } from "hono"
import { cacheControl, collections, frameOptions, host, jsonType, port, ready, textType, viewer } from "../work.mjs"

const text = { "Content-Type": textType, "cache-control": cacheControl }
const json = { "Content-Type": jsonType, "cache-control": cacheControl }

const app = new Hono()
app.get("/", (c) => c.body("hello", 200, text))
app.get("/json", (c) => c.json({ hello: "world" }, 200, json))
app.post("/echo", async (c) => c.json(await c.req.json(), 200, json))

const api = new Hono()
api.use(async (c, proceed) => {
  c.header("x-frame-options", frameOptions)
  await proceed()
})
api.use(async (c, proceed) => {
  c.set("viewer", viewer)
  await proceed()
})
api.use(async (c, proceed) => {
  c.header("x-viewer", c.get("viewer"))
  await proceed()
})
for (const name of collections) {
  api.get(`/${name}/:id`, (c) => c.json({ id: c.req.param("id"), q: c.req.query("q") ?? "" }, 200, json))
}
app.route("/api", api)

serve({ fetch: app.fetch, hostname: host, port }, () => ready())
