import { execFileSync } from "node:child_process"
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, dirname, join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { createTempFile } from "../../src/plugs/temp-files.ts"
import { root as repository } from "../architecture.ts"

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "temp-files-test-"))
})
afterEach(() => rmSync(root, { recursive: true }))

describe("temporary files", () => {
  test("are empty, for this user only, in one folder of this process that nobody else can enter", async () => {
    const files = await Promise.all([createTempFile(root), createTempFile(root), createTempFile(root)])
    for (const { path, handle } of files) {
      const stat = await handle.stat()
      expect([stat.size, stat.mode & 0o777]).toEqual([0, 0o600])
      expect(basename(path)).toMatch(/^[0-9a-f]{32}$/)
      await handle.close()
    }
    expect(new Set(files.map(({ path }) => path)).size).toBe(3)
    expect(readdirSync(root)).toHaveLength(1)
    expect(statSync(dirname(files[0]!.path)).mode & 0o777).toBe(0o700)
  })

  test("are made again in a new folder when somebody has removed the old one", async () => {
    const first = await createTempFile(root)
    await first.handle.close()
    rmSync(dirname(first.path), { recursive: true })
    const second = await createTempFile(root)
    await second.handle.close()
    expect(existsSync(second.path)).toBe(true)
  })

  test("fail with the system's error where no folder can be made", async () => {
    await expect(createTempFile(join(root, "missing"))).rejects.toMatchObject({ code: "ENOENT" })
  })

  test.each([
    ["ends", ""],
    ["exits", "process.exit(3)"],
    ["fails", "throw new Error('x')"],
    ["rejects", "await Promise.reject(new Error('x'))"],
  ])("are gone when the process %s", (_, ending) => {
    const file = pathToFileURL(join(repository, "src/plugs/temp-files.ts")).href
    const program = `const { createTempFile } = await import(${JSON.stringify(file)})
      const { readdirSync } = await import("node:fs")
      await createTempFile(); await createTempFile()
      console.log(readdirSync(process.env.TMPDIR).length)
      ${ending}`
    let output: string
    try {
      output = execFileSync(process.execPath, ["--import", "tsx", "--input-type=module", "-e", program], {
        cwd: repository,
        // tsx keeps a cache where TMPDIR says.
        env: { ...process.env, TMPDIR: root, TSX_DISABLE_CACHE: "1" },
        stdio: ["ignore", "pipe", "ignore"],
      }).toString()
    } catch (error) {
      output = String((error as { stdout: Buffer }).stdout)
    }
    expect(Number(output)).toBeGreaterThan(0)
    expect(readdirSync(root).filter((name) => name.startsWith("plumage-"))).toEqual([])
  })
})
