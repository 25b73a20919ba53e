/**
 * The same answers written by hand on `node:net`: how fast HTTP/1.1 in JavaScript could be at most.
 *
 * Honest about what any server has to do: requests may arrive in pieces or several at once, header names may have any
 * case, connections stay open unless the client says `close`. It checks nothing else, so it is no server to use.
 */
import { createServer } from "node:net"
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
const contentLength = /\r\ncontent-length:[ \t]*(\d+)/i
const closing = /\r\nconnection:[ \t]*close/i

const server = createServer({ noDelay: true }, (socket) => {
  let waiting = ""
  socket.on("error", () => socket.destroy())
  socket.on("data", (bytes) => {
    const text = waiting === "" ? bytes.latin1Slice() : waiting + bytes.latin1Slice()
    let start = 0
    let answers = ""
    for (;;) {
      const end = text.indexOf("\r\n\r\n", start)
      if (end === -1) break
      const head = text.slice(start, end)
      const found = contentLength.exec(head)
      const length = found === null ? 0 : Number(found[1])
      const bodyAt = end + 4
      if (text.length < bodyAt + length) break
      answers += answer(head, length === 0 ? "" : text.slice(bodyAt, bodyAt + length))
      start = bodyAt + length
      if (closing.test(head)) {
        socket.end(answers, "latin1")
        return
      }
    }
    waiting = start === text.length ? "" : text.slice(start)
    if (answers !== "") socket.write(answers, "latin1")
  })
})

/** One answer as Latin-1 text, whose characters are the bytes to send. */
function answer(head, body) {
  const methodEnd = head.indexOf(" ")
  const targetEnd = head.indexOf(" ", methodEnd + 1)
  const method = head.slice(0, methodEnd)
  const url = head.slice(methodEnd + 1, targetEnd)
  if (method === "POST" && url === "/echo") {
    const value = JSON.parse(Buffer.from(body, "latin1").toString())
    return text(200, jsonType, "", JSON.stringify(value))
  }
  if (method !== "GET") return text(404, textType, "", "")
  if (url === "/") return text(200, textType, "", "hello")
  if (url === "/json") return text(200, jsonType, "", JSON.stringify({ hello: "world" }))
  if (url.startsWith(users)) {
    const mark = url.indexOf("?")
    const id = decode(mark === -1 ? url.slice(users.length) : url.slice(users.length, mark))
    const q = mark === -1 ? "" : queryValue(url.slice(mark + 1), "q")
    const assigns = { viewer }
    const extra = `x-frame-options: ${frameOptions}\r\nx-viewer: ${assigns.viewer}\r\n`
    return text(200, jsonType, extra, JSON.stringify({ id, q }))
  }
  return text(404, textType, "", "")
}

function text(status, type, extra, body) {
  const length = Buffer.byteLength(body)
  const bytes = length === body.length ? body : Buffer.from(body).latin1Slice()
  return `HTTP/1.1 ${status === 200 ? "200 OK" : "404 Not Found"}\r\ncontent-type: ${type}\r\ncache-control: ${cacheControl}\r\n${extra}date: ${date()}\r\ncontent-length: ${length}\r\n\r\n${bytes}`
}

let second = 0
let dateText = ""
function date() {
  const now = Math.floor(Date.now() / 1000)
  if (now !== second) {
    second = now
    dateText = new Date(now * 1000).toUTCString()
  }
  return dateText
}

server.listen(port, host, () => ready())
