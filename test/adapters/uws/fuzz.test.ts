import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { describe, expect, test } from "vitest"
import { uwsLoads } from "./drive.ts"

const child = fileURLToPath(new URL("./fuzz-child.ts", import.meta.url))

interface Outcome {
  code: number | string | null
  stdout: string
  stderr: string
}

/** In a process of its own, for a native mistake ends the process that makes it. */
function fuzz(seed: number, requests: number): Promise<Outcome> {
  return new Promise((resolve) => {
    const args = ["--import", "tsx", child, String(seed), String(requests)]
    execFile(process.execPath, args, { timeout: 50_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : (error.code ?? error.signal ?? "killed"), stdout, stderr })
    })
  })
}

describe.skipIf(!uwsLoads)("abort, await, write, end and close in any order", () => {
  test.each([1, 4711])(
    "seed %i: no native error, no exit, every exchange ends once",
    { timeout: 60_000 },
    async (seed) => {
      const { code, stdout, stderr } = await fuzz(seed, 2_500)
      // The library complains on stderr before it ends the process, and where a write is not corked.
      expect([stderr, code]).toEqual(["", 0])
      const outcome = JSON.parse(stdout)
      expect(outcome.requests).toBeGreaterThanOrEqual(2_500)
      expect([outcome.twice, outcome.socketCloses]).toEqual([0, outcome.sockets])
      expect(outcome.closes).toBe(outcome.requests)
      expect(outcome.stopped).toBeLessThan(1_500)
    },
  )
})
