/**
 * The application of `server.mjs`, its asynchronous twin, and requests to it that nobody sent.
 */
import { defineEndpoint, defineRouter, pipeline } from "plumage"
import { conn, TestExchange } from "plumage/test"
import { collections, frameOptions, viewer } from "../work.mjs"

const api = pipeline()
  .plug((conn) => conn.putRespHeader("x-frame-options", frameOptions))
  .plug((conn) => conn.assign("viewer", viewer))
  .plug((conn) => conn.putRespHeader("x-viewer", conn.assigns.viewer))

const asyncApi = pipeline()
  .plug(async (conn) => conn.putRespHeader("x-frame-options", frameOptions))
  .plug(async (conn) => conn.assign("viewer", viewer))
  .plug(async (conn) => conn.putRespHeader("x-viewer", conn.assigns.viewer))

const show = (conn, { id }) => conn.json({ id, q: conn.queryParams.q ?? "" })

export const endpoint = defineEndpoint().router(
  defineRouter((r) => [
    r.get("/", (conn) => conn.text("hello")),
    r.get("/json", (conn) => conn.json({ hello: "world" })),
    r.scope("/api", api, (r) => collections.map((name) => r.get(`/${name}/:id`, show))),
    r.scope("/async", asyncApi, (r) => collections.map((name) => r.get(`/${name}/:id`, async (...of) => show(...of)))),
    r.post("/echo", async (conn) => conn.json(await conn.readJson())),
  ]),
)

const body = { list: Array.from({ length: 20 }, (_, n) => ({ name: `number ${n}`, value: n })) }

/** Makes the server's side of a request again and again, as cheaply as the test adapter can. */
function repeatedly(method, path, sent) {
  const { request } = conn(method, path, sent).exchange
  return () => new TestExchange(request)
}

export const requests = {
  hello: repeatedly("GET", "/"),
  json: repeatedly("GET", "/json"),
  "users, 3 sync plugs": repeatedly("GET", "/api/users/42?q=hello"),
  "users, 3 async plugs and an async action": repeatedly("GET", "/async/users/42?q=hello"),
  "echo of JSON": repeatedly("POST", "/echo", body),
}
