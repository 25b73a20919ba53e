/** The same work on Koa, which has neither a router nor a body parser: both by hand. */
import Koa from "koa"
import {
  cacheControl,
  collections,
  decode,
  frameOptions,
  host,
  jsonType,
  port,
  ready,
  textType,
  viewer,
} from "../work.mjs"

const known = new Set(collections)
const app = new Koa()

app.use(async (exchange, proceed) => {
  if (exchange.path.startsWith("/api/")) exchange.set("x-frame-options", frameOptions)
  await proceed()
})
app.use(async (exchange, proceed) => {
  if (exchange.path.startsWith("/api/")) exchange.state.viewer = viewer
  await proceed()
})
app.use(async (exchange, proceed) => {
  if (exchange.path.startsWith("/api/")) exchange.set("x-viewer", exchange.state.viewer)
  await proceed()
})
app.use(async (exchange) => {
  const { method, path } = exchange
  if (method === "POST" && path === "/echo") {
    answer(exchange, jsonType, JSON.parse(await read(exchange.req)))
  } else if (path === "/") {
    answer(exchange, textType, "hello")
  } else if (path === "/json") {
    answer(exchange, jsonType, { hello: "world" })
  } else {
    const [, first, collection, id, more] = path.split("/")
    if (first !== "api" || id === undefined || more !== undefined || !known.has(collection)) return
    answer(exchange, jsonType, { id: decode(id), q: exchange.query.q ?? "" })
  }
})

function answer(exchange, type, body) {
  exchange.set("content-type", type)
  exchange.set("cache-control", cacheControl)
  exchange.body = body
}

function read(request) {
  return new Promise((resolve, reject) => {
    const chunks = []
    request.on("data", (chunk) => chunks.push(chunk))
    request.on("end", () => resolve(Buffer.concat(chunks).toString()))
    request.on("error", reject)
  })
}

app.listen(port, host, () => ready())
