/**
 * The deadlines of a connection, looked at once a tick: how long each of its states may last.
 */
import { RequestTimeoutError, TimeoutError } from "../../src/conn/adapter.ts"
import type { Link } from "./link.ts"

export function look(connection: Link): void {
  const { core, outbox, exchange, intake } = connection
  const { tick, ticks } = core
  if (connection.state === "gone") return
  if (outbox.blocked) {
    if (tick - outbox.moved > ticks.idle) {
      connection.cut(new TimeoutError("idleTimeout: the client took nothing of the answer"))
    }
    if (connection.state === "lingering") connection.since = connection.lastSign = tick
    return
  }
  // Time that passes while we do not read, or do not ask for the body, is not the client's.
  if (connection.paused || exchange?.expects) connection.since++
  const passed = tick - connection.since
  if (connection.state === "lingering") {
    if (tick - connection.lastSign > ticks.lingerIdle || passed > ticks.lingerTotal) connection.cut(new TimeoutError())
  } else if (intake !== undefined) {
    if (passed <= ticks.request) return
    connection.late()
    if (exchange === undefined) return connection.end()
    connection.intake = undefined
    intake.fail(new RequestTimeoutError())
  } else if (exchange === undefined) {
    if (connection.rest !== undefined || !connection.served) {
      if (passed <= ticks.head) return
      connection.tell({ type: "client_timeout", where: "receiving_headers" })
      connection.refuse(408)
    } else if (passed > ticks.keepAlive) {
      connection.tell({ type: "request_timeout" })
      connection.end()
    }
  }
}
