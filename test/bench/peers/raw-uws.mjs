/** The same answers written by hand on uWebSockets.js, with its own router and query parser. */
import uWS from "uWebSockets.js"
import { cacheControl, decode, frameOptions, host, jsonType, port, ready, textType, viewer } from "../work.mjs"

uWS
  .App()
  .get("/", (response) => {
    send(response, textType, "hello")
  })
  .get("/json", (response) => {
    send(response, jsonType, JSON.stringify({ hello: "world" }))
  })
  .get("/api/users/:id", (response, request) => {
    const assigns = { viewer }
    const body = JSON.stringify({ id: decode(request.getParameter(0)), q: request.getQuery("q") ?? "" })
    response
      .writeHeader("content-type", jsonType)
      .writeHeader("cache-control", cacheControl)
      .writeHeader("x-frame-options", frameOptions)
      .writeHeader("x-viewer", assigns.viewer)
      .end(body)
  })
  .post("/echo", (response) => {
    let gone = false
    let whole
    response.onAborted(() => {
      gone = true
    })
    response.onData((part, last) => {
      const bytes = Buffer.from(part)
      if (last && whole === undefined) {
        echo(response, bytes)
      } else {
        whole = whole === undefined ? Buffer.from(bytes) : Buffer.concat([whole, bytes])
        if (last && !gone) echo(response, whole)
      }
    })
  })
  .any("/*", (response) => {
    response.writeStatus("404 Not Found").end()
  })
  .listen(host, port, (listening) => {
    if (!listening) throw new Error(`cannot listen on ${port}`)
    ready()
  })

function echo(response, bytes) {
  const body = JSON.stringify(JSON.parse(bytes.toString()))
  response.cork(() => send(response, jsonType, body))
}

function send(response, type, body) {
  response.writeHeader("content-type", type).writeHeader("cache-control", cacheControl).end(body)
}
