/** The same work on hyper-express, the framework on uWebSockets.js. */
import HyperExpress from "hyper-express"
import { cacheControl, collections, frameOptions, host, jsonType, port, ready, textType, viewer } from "../work.mjs"

const server = new HyperExpress.Server()

const api = new HyperExpress.Router()
api.use((_request, response, proceed) => {
  response.header("x-frame-options", frameOptions)
  proceed()
})
api.use((request, _response, proceed) => {
  request.locals.viewer = viewer
  proceed()
})
api.use((request, response, proceed) => {
  response.header("x-viewer", request.locals.viewer)
  proceed()
})
for (const name of collections) {
  api.get(`/${name}/:id`, (request, response) => {
    const body = { id: decodeURIComponent(request.path_parameters.id), q: request.query_parameters.q ?? "" }
    answer(response, jsonType).send(JSON.stringify(body))
  })
}

server.get("/", (_request, response) => answer(response, textType).send("hello"))
server.get("/json", (_request, response) => answer(response, jsonType).send(JSON.stringify({ hello: "world" })))
server.post("/echo", async (request, response) => {
  answer(response, jsonType).send(JSON.stringify(await request.json()))
})
server.use("/api", api)

function answer(response, type) {
  return response.header("content-type", type).header("cache-control", cacheControl)
}

await server.listen(port, host)
ready()
