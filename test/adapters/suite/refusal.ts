/** What bad input gets: one answer that says so, then the end of the connection, and nothing of what came behind. */
import { expect } from "vitest"
import type { Answer } from "../wire.ts"
import type { Running } from "./harness.ts"

export interface RefusalOptions {
  readonly statuses?: readonly number[]
  /** Which bytes come in segments of their own: none, each one, or each one behind the request line. */
  readonly pieces?: Pieces
}
export type Pieces = "whole" | "bytes" | "fields"

function cut(data: Buffer, pieces: Pieces): Buffer[] {
  const from = pieces === "whole" ? data.length : pieces === "bytes" ? 0 : data.indexOf(10) + 1
  const rest = data.subarray(from)
  return [data.subarray(0, from), ...Array.from(rest, (_, at) => rest.subarray(at, at + 1))]
}

/** Sends `bytes` on a new connection and expects one refusal (400 unless told otherwise) and the end. */
export async function expectRefusal(server: Running, bytes: string, options: RefusalOptions = {}): Promise<Answer> {
  const { statuses = [400], pieces = "whole" } = options
  const wire = await server.connect()
  void wire.sendPieces(cut(Buffer.from(bytes, "latin1"), pieces))
  const answer = await wire.answer()
  expect(statuses, `status of the answer to ${JSON.stringify(bytes.slice(0, 300))}`).toContain(answer.status)
  expect(answer.header("connection")?.toLowerCase(), "the refusal announces the end of the connection").toBe("close")
  expect(await wire.ending(), "the connection ends in order, for a reset may overtake the answer").toBe("fin")
  expect(wire.inbox.takeAll().toString("latin1"), "nothing follows the refusal").toBe("")
  return answer
}
