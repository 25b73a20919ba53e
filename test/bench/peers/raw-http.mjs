/** The same answers written by hand on `node:http`: the server that every ratio is taken to. */
import { createServer } from "node:http"
import {
  cacheControl,
  decode,
  frameOptions,
  host,
  jsonType,
  port,
  queryValue,
  ready,
  textType,
  viewer,
} from "../work.mjs"

const users = "/api/users/"

const server = createServer((request, response) => {
  const url = request.url
  if (request.method === "POST") {
    if (url === "/echo") echo(request, response)
    else missing(response)
    return
  }
  if (url === "/") {
    send(response, textType, "hello")
  } else if (url === "/json") {
    send(response, jsonType, JSON.stringify({ hello: "world" }))
  } else if (url.startsWith(users)) {
    const mark = url.indexOf("?")
    const id = decode(mark === -1 ? url.slice(users.length) : url.slice(users.length, mark))
    const q = mark === -1 ? "" : queryValue(url.slice(mark + 1), "q")
    const assigns = { viewer }
    const body = JSON.stringify({ id, q })
    response.writeHead(200, {
      "content-type": jsonType,
      "cache-control": cacheControl,
      "x-frame-options": frameOptions,
      "x-viewer": assigns.viewer,
      "content-length": Buffer.byteLength(body),
    })
    response.end(body)
  } else {
    missing(response)
  }
})

function send(response, type, body) {
  response.writeHead(200, {
    "content-type": type,
    "cache-control": cacheControl,
    "content-length": Buffer.byteLength(body),
  })
  response.end(body)
}

function echo(request, response) {
  const chunks = []
  request.on("data", (chunk) => chunks.push(chunk))
  request.on("end", () => {
    const bytes = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)
    send(response, jsonType, JSON.stringify(JSON.parse(bytes.toString())))
  })
}

function missing(response) {
  response.writeHead(404, { "content-length": 0 })
  response.end()
}

server.listen(port, host, () => ready())
