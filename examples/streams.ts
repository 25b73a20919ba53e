import { setTimeout as sleep } from "node:timers/promises"
import { type Chunked, closeChunk, defineRouter, event, type WebSocketHandler } from "plumage"

const listeners = new Set<Chunked>()

const echo: WebSocketHandler = {
  open: (ws) => void ws.send("welcome"),
  message: async (ws, data) => void (await ws.send(data)),
}

export const streams = defineRouter((r) => [
  // An async generator: awaiting `yield` is backpressure, `signal` tells when the client has left.
  r.get("/ticks", (conn) =>
    conn.eventStream(async function* (signal) {
      for (let n = 0; !signal.aborted; n++) {
        yield { event: "tick", id: String(n), data: { n } }
        await sleep(1000, undefined, { signal }).catch(() => undefined)
      }
    }),
  ),
  // A stream that others write to: it stays open after its handler, and is released when the client leaves.
  r.stream("/news", (conn) => {
    listeners.add(conn)
    conn.onClose(() => void listeners.delete(conn))
  }),
  r.post("/news", async (conn) => {
    const news = await conn.readJson()
    for (const listener of listeners) event(listener, news, { event: "news" })
    return conn.sendResp(204)
  }),
  r.delete("/news", (conn) => {
    for (const listener of listeners) closeChunk(listener)
    return conn.sendResp(204)
  }),
  // Chunks: `chunk` is a promise while the client is slow, and false when it has left.
  r.get("/words", async (conn) => {
    const answer = conn.sendChunked(200)
    for (const word of ["one ", "two ", "three"]) {
      if (!(await answer.chunk(word))) break
    }
    return answer
  }),
  r.get("/echo", (conn) => conn.upgrade("websocket", echo)),
])
