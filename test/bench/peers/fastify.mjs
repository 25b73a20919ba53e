/** The same work on Fastify, with its hooks, its router and its JSON parser. */
import fastify from "fastify"
import { cacheControl, collections, frameOptions, host, jsonType, port, ready, textType, viewer } from "../work.mjs"

const app = fastify()

app.get("/", (_request, reply) => {
  reply.header("content-type", textType).header("cache-control", cacheControl).send("hello")
})
app.get("/json", (_request, reply) => {
  reply.header("content-type", jsonType).header("cache-control", cacheControl).send({ hello: "world" })
})
app.post("/echo", (request, reply) => {
  reply.header("content-type", jsonType).header("cache-control", cacheControl).send(request.body)
})

app.decorateRequest("viewer", "")
app.register(
  (api, _options, registered) => {
    api.addHook("onRequest", (_request, reply, done) => {
      reply.header("x-frame-options", frameOptions)
      done()
    })
    api.addHook("onRequest", (request, _reply, done) => {
      request.viewer = viewer
      done()
    })
    api.addHook("onRequest", (request, reply, done) => {
      reply.header("x-viewer", request.viewer)
      done()
    })
    for (const name of collections) {
      api.get(`/${name}/:id`, (request, reply) => {
        reply
          .header("content-type", jsonType)
          .header("cache-control", cacheControl)
          .send({ id: request.params.id, q: request.query.q ?? "" })
      })
    }
    registered()
  },
  { prefix: "/api" },
)

await app.listen({ host, port })
ready()
