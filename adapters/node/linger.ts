/**
 * Closing a connection so that the peer can read what was sent last.
 */
import type { Connection } from "./connection.ts"

/**
 * Ends our side, then throws away what the peer still sends until it ends its own, has been silent for a second, or has
 * sent `limits.drainBytes`. To close with bytes unread would send a reset, and a reset can overtake the answer (RFC 9112 §9.6).
 */
export function linger(connection: Connection, last = ""): void {
  const { socket } = connection
  const { drainBytes, idleTimeout } = connection.house.limits
  connection.closing = true
  if (socket.destroyed) return
  const limit = socket.bytesRead + drainBytes
  const deadline = performance.now() + idleTimeout
  let seen = -1
  const clock = setInterval(() => {
    const read = socket.bytesRead
    const silent = read === seen && socket.writableLength === 0
    seen = read
    if (silent || read > limit || performance.now() > deadline) socket.destroy()
  }, 500)
  socket.on("close", () => clearInterval(clock))
  socket.on("data", () => {
    if (socket.bytesRead > limit) socket.destroy()
  })
  socket.setTimeout(0)
  socket.end(last, "latin1")
  socket.resume()
}
