/**
 * Answers a request that is not served, and ends its connection in the same moment.
 */
import { reasonPhrase, statusLine } from "../../src/http/status.ts"
import type { NativeResponse } from "./binding.ts"

/**
 * What the library collects before it writes. An answer that fits waits for the end of what was received, and until then
 * the requests that stand behind the bad one are served; one that does not fit leaves at once, with the connection's end.
 */
const corkBytes = 16_384

const pages = new Map<number, Uint8Array>()

/** To be called in the handler that got the request. Nothing behind it on its connection is looked at. */
export function refuse(response: NativeResponse, status: number): void {
  response
    .writeStatus(statusLine(status))
    .writeHeader("content-type", "text/plain; charset=utf-8")
    .end(page(status), true)
}

/** The status in words, and blank lines up to the size that leaves at once. */
function page(status: number): Uint8Array {
  let bytes = pages.get(status)
  if (bytes === undefined) {
    bytes = Buffer.from(`${status} ${reasonPhrase(status)}\n`.padEnd(corkBytes, "\n"))
    pages.set(status, bytes)
  }
  return bytes
}
