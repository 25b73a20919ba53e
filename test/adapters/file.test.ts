import { execFileSync } from "node:child_process"
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { fileChunkBytes, openRegularFile } from "../../adapters/file.ts"

const hasProc = existsSync("/proc/self/fd")
let folder: string
const at = (name: string) => join(folder, name)

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "plumage-file-"))
  writeFileSync(
    at("big"),
    Uint8Array.from({ length: 200_000 }, (_, i) => i % 251),
  )
  writeFileSync(at("empty"), "")
  symlinkSync(at("big"), at("link"))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** How many descriptors of this process are open on something in the folder. */
function openHere(): number {
  return readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(folder)
    } catch {
      return false
    }
  }).length
}

async function settled(): Promise<void> {
  const end = performance.now() + 2_000
  while (openHere() > 0 && performance.now() < end) await new Promise(setImmediate)
}

describe("openRegularFile", () => {
  test("gives size and time, and reads any slice", async () => {
    const file = await openRegularFile(at("big"))
    expect(file.size).toBe(200_000)
    expect(Math.abs(file.mtime - Date.now())).toBeLessThan(60_000)
    expect([...(await file.read(250, 3))]).toEqual([250, 0, 1])
    file.close()
  })

  test("reads in pieces of at most 64 KiB, short at the end, empty behind it", async () => {
    const file = await openRegularFile(at("link"))
    expect((await file.read(0, 1_000_000)).length).toBe(fileChunkBytes)
    expect((await file.read(199_990, 100)).length).toBe(10)
    expect((await file.read(200_000, 100)).length).toBe(0)
    file.close()
  })

  test("opens an empty file", async () => {
    const file = await openRegularFile(at("empty"))
    expect(file.size).toBe(0)
    file.close()
  })

  test("sees that a file has become shorter", async () => {
    writeFileSync(at("shrinks"), "0123456789")
    const file = await openRegularFile(at("shrinks"))
    truncateSync(at("shrinks"), 4)
    expect((await file.read(0, 10)).toString()).toBe("0123")
    expect((await file.read(4, 6)).length).toBe(0)
    file.close()
  })

  test.each([
    ["missing", "ENOENT"],
    [".", "EISDIR"],
    ["big/below", "ENOTDIR"],
  ])("rejects %s with %s", async (name, code) => {
    await expect(openRegularFile(at(name))).rejects.toMatchObject({ code })
  })

  test("does not wait for a writer of a FIFO, and rejects it", async () => {
    execFileSync("mkfifo", [at("fifo")])
    await expect(openRegularFile(at("fifo"))).rejects.toMatchObject({ code: "EISDIR" })
  })

  test("rejects a device", async () => {
    await expect(openRegularFile("/dev/zero")).rejects.toMatchObject({ code: "EISDIR" })
  })

  test("rejects what is no path", async () => {
    await expect(openRegularFile("a\0b")).rejects.toMatchObject({ code: "ERR_INVALID_ARG_VALUE" })
  })

  test.skipIf(!hasProc)("close is idempotent, ends reading, and waits for the reads under way", async () => {
    const file = await openRegularFile(at("big"))
    const reads = [file.read(0, 100_000), file.read(65_536, 100_000)]
    file.close()
    file.close()
    await expect(file.read(0, 1)).rejects.toMatchObject({ code: "EBADF" })
    expect((await Promise.all(reads)).map((piece) => piece.length)).toEqual([fileChunkBytes, fileChunkBytes])
    await settled()
    expect(openHere()).toBe(0)
  })

  test.skipIf(!hasProc)("leaves no descriptor open, whatever it was asked to open", async () => {
    for (let round = 0; round < 20; round++) {
      await Promise.allSettled([openRegularFile(folder), openRegularFile(at("missing"))])
      const file = await openRegularFile(at("big"))
      file.close()
    }
    await settled()
    expect(openHere()).toBe(0)
  })
})
