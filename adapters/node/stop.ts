/**
 * The end of a server: each kind of connection gets its goodbye, and what is left at the deadline is cut.
 */
import type { Server as HttpServer } from "node:http"
import { Server as NetServer } from "node:net"
import { DrainingError } from "../../src/conn/adapter.ts"
import type { House } from "./connection.ts"

const goodbye = "the server is stopping"

/**
 * Stops a server within `graceMs`.
 *
 * An idle connection is not closed in the first moment: a client that is just sending its next request on it would get a
 * reset. For that moment its answer says `connection: close`.
 */
export async function stopHouse(house: House, server: HttpServer, graceMs: number): Promise<void> {
  house.stopping = true
  // The `close` of an HTTP server would cut idle connections at once.
  const closed = new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve()))
  const websockets = house.websockets.closeAll(1012, goodbye, graceMs)
  for (const session of house.sessions) session.close()
  for (const connection of [...house.connections]) connection.drain()
  const idle = setTimeout(
    () => {
      for (const connection of house.connections) if (connection.idle) connection.socket.destroy()
    },
    Math.min(200, graceMs / 2),
  )
  const deadline = setTimeout(() => {
    for (const connection of house.connections) connection.cut(new DrainingError())
    for (const socket of house.rawSockets) socket.destroy()
  }, graceMs)
  await Promise.all([closed, websockets])
  clearTimeout(idle)
  clearTimeout(deadline)
  // Only this ends the clock of its deadlines.
  server.close()
}
