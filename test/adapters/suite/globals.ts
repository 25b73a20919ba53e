/** Nothing outside ours is patched: a server is loaded, used and stopped in a process of its own, which compares. */
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { expect, test } from "vitest"
import type { Suite } from "./harness.ts"

const child = fileURLToPath(new URL("./globals-child.ts", import.meta.url))
const run = promisify(execFile)

export function globals(suite: Suite): void {
  if (!suite.onWire || suite.column.secure) return
  suite.group("globals", "nothing is patched", ["http1"], () => {
    test("import, listen, a request and stop change no global, no prototype and no listener of the process", async () => {
      const { stdout } = await run(process.execPath, ["--import", "tsx", child, suite.column.name], { timeout: 15_000 })
      expect(JSON.parse(stdout)).toEqual({ answer: "hello", changed: [] })
    })
  })
}
