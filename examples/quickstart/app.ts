/** The main job in one screen: plugs, a router, a stream, a websocket, a file, and one route that needs a token. */

import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { type Conn, defineEndpoint, defineRouter, pathsOf, pipeline, type Sent, type WebSocketHandler } from "plumage"
import { page } from "./page.ts"

const requireToken = (conn: Conn) => {
  const [scheme, token] = (conn.getReqHeader("authorization") ?? "").split(" ")
  return scheme === "Bearer" && token === "open-sesame"
    ? conn.assign("user", "Ali")
    : conn.putRespHeader("www-authenticate", "Bearer").sendResp(401, "a token is needed\n").halt()
}
const authenticated = pipeline().plug(requireToken)

const clock = (conn: Conn) =>
  conn.eventStream(async function* (signal) {
    for (let n = Number(conn.lastEventId ?? -1) + 1; !signal.aborted; n++) {
      yield { event: "tick", id: String(n), data: { n, at: new Date().toISOString() } }
      await sleep(1000, undefined, { signal }).catch(() => undefined)
    }
  })

async function countdown(conn: Conn) {
  const answer = conn.putRespContentType("text/plain").sendChunked(200)
  for (const word of ["three", "two", "one", "liftoff"]) {
    if (!(await answer.chunk(`${word}\n`))) break
    await sleep(300)
  }
  return answer
}

const echo: WebSocketHandler = {
  open: (ws) => void ws.send("welcome"),
  message: async (ws, data) => void (await ws.send(data)),
}

export const router = defineRouter((r) => [
  r.get("/", (conn): Sent => conn.html(page({ clock: path("/clock"), echo: path("/echo") }))),
  r.get("/hello/:name", (conn, { name }) => conn.text(`hello, ${name}\n`)),
  r.get("/clock", clock),
  r.get("/countdown", countdown),
  r.get("/echo", (conn) => conn.upgrade("websocket", echo)),
  r.get("/download", (conn) => conn.serveFile(fileURLToPath(import.meta.url))),
  r.post("/json", async (conn) => conn.json({ got: await conn.readJson() })),
  r.scope("/secret", authenticated, (r) => [r.get("/", (conn) => conn.text(`welcome, ${conn.assigns.user}\n`))]),
])

export const path = pathsOf(router)

export const endpoint = defineEndpoint()
  .plug((conn: Conn) => conn.assign("requestId", crypto.randomUUID()))
  .plug((conn) => conn.putRespHeader("x-request-id", conn.assigns.requestId))
  .router(router)
