import { defineEndpoint, defineRouter, serve } from "plumage"
import { node } from "plumage/adapters/node"

const router = defineRouter((r) => [
  r.get("/", (conn) => conn.text("hello, world")),
  r.get("/hello/:name", (conn, { name }) => conn.text(`hello, ${name}`)),
])

const server = await serve(defineEndpoint().router(router), node({ port: Number(process.env["PORT"] || 4000) }))
console.log(server.url)
