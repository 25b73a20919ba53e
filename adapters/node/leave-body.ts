/**
 * The rest of a request's body that nobody reads, once the answer is out (RFC 9112 §9.3, §9.6).
 */
import type { BodyReader } from "./body.ts"
import type { NodeExchange } from "./exchange.ts"
import { linger } from "./linger.ts"

/**
 * Throws the rest away, within `limits.drainBytes` and `limits.requestTimeout`, so that the connection can go on; where the
 * answer was the last one, so that it ends without a reset. `isBroken` tells that the rest cannot be parsed.
 */
export function leaveBody(exchange: NodeExchange, reader: BodyReader, isBroken: () => boolean): void {
  const { connection, limits } = exchange
  const { socket } = connection
  let closing = false
  // What Node calls after the last answer. It would close with bytes unread.
  socket.destroySoon = () => {
    closing = true
    connection.closing = true
    socket.end()
  }
  connection.leaving = exchange
  const isLast = () => closing
  reader.drop(limits.drainBytes, limits.requestTimeout, isLast, (complete) => {
    connection.leaving = undefined
    delete (socket as Partial<typeof socket>).destroySoon
    if (complete && !closing) return
    connection.closing = true
    if (isBroken()) linger(connection)
    else socket.destroySoon()
  })
}
