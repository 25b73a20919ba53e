/** The same work on Express, without the ETag and `x-powered-by` that the others do not send either. */
import express from "express"
import { cacheControl, collections, frameOptions, host, jsonType, port, ready, textType, viewer } from "../work.mjs"

const app = express()
app.disable("etag")
app.disable("x-powered-by")

const api = express.Router()
api.use((_request, response, proceed) => {
  response.set("x-frame-options", frameOptions)
  proceed()
})
api.use((request, _response, proceed) => {
  request.viewer = viewer
  proceed()
})
api.use((request, response, proceed) => {
  response.set("x-viewer", request.viewer)
  proceed()
})
for (const name of collections) {
  api.get(`/${name}/:id`, (request, response) => {
    answer(response, jsonType).json({ id: request.params.id, q: request.query.q ?? "" })
  })
}

app.get("/", (_request, response) => answer(response, textType).send("hello"))
app.get("/json", (_request, response) => answer(response, jsonType).json({ hello: "world" }))
app.post("/echo", express.json(), (request, response) => answer(response, jsonType).json(request.body))
app.use("/api", api)

function answer(response, type) {
  return response.set("content-type", type).set("cache-control", cacheControl)
}

app.listen(port, host, () => ready())
