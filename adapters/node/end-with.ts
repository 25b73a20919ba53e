/**
 * The last step of an ordinary answer.
 */
import type { ServerResponse } from "node:http"
import type { Body } from "../../src/conn/adapter.ts"

/**
 * `out.end(body)` at the cost of one write: Node's own adds an empty piece behind the body, and then has to gather the two.
 * A string must be ASCII.
 */
export function endWith(out: ServerResponse, body: Body): void {
  const { socket } = out
  if (socket === null || socket.writableCorked > 0 || body.length === 0) {
    out.end(body, "latin1")
    return
  }
  socket.cork()
  out.write(body, "latin1")
  socket.uncork()
  out.end()
}
