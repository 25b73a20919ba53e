/** The same work on h3. */
import { getQuery, H3, readBody, serve } from "h3"
import { cacheControl, collections, frameOptions, host, jsonType, port, ready, textType, viewer } from "../work.mjs"

const app = new H3()
app.use("/api/**", (event) => {
  event.res.headers.set("x-frame-options", frameOptions)
})
app.use("/api/**", (event) => {
  event.context.viewer = viewer
})
app.use("/api/**", (event) => {
  event.res.headers.set("x-viewer", event.context.viewer)
})
app.get("/", (event) => answer(event, textType, "hello"))
app.get("/json", (event) => answer(event, jsonType, { hello: "world" }))
app.post("/echo", async (event) => answer(event, jsonType, await readBody(event)))
for (const name of collections) {
  app.get(`/api/${name}/:id`, (event) => {
    return answer(event, jsonType, { id: decodeURIComponent(event.context.params.id), q: getQuery(event).q ?? "" })
  })
}

function answer(event, type, body) {
  event.res.headers.set("content-type", type)
  event.res.headers.set("cache-control", cacheControl)
  return body
}

const server = serve(app, { hostname: host, port, silent: true })
await server.ready()
ready()
