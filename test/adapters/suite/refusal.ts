/** What bad input gets: one answer that says so, then the end of the connection, and nothing of what came behind. */
import { expect } from "vitest"
import type { Answer } from "../wire.ts"
import type { Running } from "./harness.ts"

export interface RefusalOptions {
  readonly statuses?: readonly number[]
  /** Every byte in a segment of its own. */
  readonly dripped?: boolean
}

/** Sends `bytes` on a new connection and expects one refusal (400 unless told otherwise) and the end. */
export async function expectRefusal(server: Running, bytes: string, options: RefusalOptions = {}): Promise<Answer> {
  const { statuses = [400], dripped = false } = options
  const wire = await server.connect()
  const data = Buffer.from(bytes, "latin1")
  if (dripped) void wire.sendPieces(Array.from(data, (_, at) => data.subarray(at, at + 1)))
  else wire.send(data)
  const answer = await wire.answer()
  expect(statuses, `status of the answer to ${JSON.stringify(bytes.slice(0, 300))}`).toContain(answer.status)
  expect(answer.header("connection")?.toLowerCase(), "the refusal announces the end of the connection").toBe("close")
  await wire.ending()
  expect(wire.inbox.takeAll().toString("latin1"), "nothing follows the refusal").toBe("")
  return answer
}
