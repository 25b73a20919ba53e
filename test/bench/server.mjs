/**
 * Plumage as the benchmark measures it, from the built package: `PORT=4000 ADAPTER=node|uws|elli node test/bench/server.mjs`.
 */
import { defineEndpoint, defineRouter, pipeline, serve } from "plumage"
import { collections, frameOptions, host, port, ready, viewer } from "./work.mjs"

const name = process.env.ADAPTER ?? "node"
if (!["node", "uws", "elli"].includes(name)) throw new Error(`ADAPTER takes node, uws or elli, got ${name}`)
const { [name]: adapter } = await import(`plumage/adapters/${name}`)

const api = pipeline()
  .plug((conn) => conn.putRespHeader("x-frame-options", frameOptions))
  .plug((conn) => conn.assign("viewer", viewer))
  .plug((conn) => conn.putRespHeader("x-viewer", conn.assigns.viewer))

const show = (conn, { id }) => conn.json({ id, q: conn.queryParams.q ?? "" })

const router = defineRouter((r) => [
  r.get("/", (conn) => conn.text("hello")),
  r.get("/json", (conn) => conn.json({ hello: "world" })),
  r.scope("/api", api, (r) => collections.map((collection) => r.get(`/${collection}/:id`, show))),
  r.post("/echo", async (conn) => conn.json(await conn.readJson())),
])

const server = await serve(defineEndpoint().router(router), adapter({ host, port }))
ready(() => server.stop({ graceMs: 1_000 }).then(() => process.exit(0)))
