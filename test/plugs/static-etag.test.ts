import { writeFileSync } from "node:fs"
import { mkdtemp, open, rm, stat, utimes, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest"
import { strongEtag } from "../../src/http/etag.ts"
import { rememberedEtags, strongFileEtag, weakFileEtag } from "../../src/plugs/static-etag.ts"

vi.mock("node:fs/promises", async (original) => {
  const all = await original<typeof import("node:fs/promises")>()
  return { ...all, open: vi.fn(all.open) }
})

let folder: string
const at = (name: string) => join(folder, name)
/** Long after all files here were made. */
const later = Date.now() + 3_600_000

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "plumage-etag-"))
})
afterAll(() => rm(folder, { recursive: true }))
beforeEach(() => void vi.mocked(open).mockClear())

async function etagOf(path: string, now = later): Promise<string | undefined> {
  const { size, mtimeMs } = await stat(path)
  return strongFileEtag(path, { size, mtime: mtimeMs, close: () => {} }, now)
}
const reads = () => vi.mocked(open).mock.calls.length

describe("strongFileEtag", () => {
  test("is that of the bytes, whatever their number", async () => {
    for (const size of [0, 1, 65_535, 65_536, 65_537, 300_000]) {
      const bytes = Buffer.alloc(size, size % 251)
      await writeFile(at(`size-${size}`), bytes)
      expect(await etagOf(at(`size-${size}`))).toBe(strongEtag(bytes))
    }
  })

  test("reads a file once, also for those who ask at the same time", async () => {
    await writeFile(at("once"), "once")
    const tags = await Promise.all([1, 2, 3].map(() => etagOf(at("once"))))
    expect(new Set([...tags, await etagOf(at("once"))])).toEqual(new Set([strongEtag("once")]))
    expect(reads()).toBe(1)
  })

  test("reads it again when it was written in place, with the same size and its times set back", async () => {
    for (const content of ["one", "two"]) {
      await writeFile(at("same"), content)
      await utimes(at("same"), 1, 1)
      expect(await etagOf(at("same"))).toBe(strongEtag(content))
    }
  })

  test("does not remember what changed within the last two seconds", async () => {
    await writeFile(at("fresh"), "fresh")
    const { ctimeMs } = await stat(at("fresh"))
    await etagOf(at("fresh"), ctimeMs + 2_000)
    await etagOf(at("fresh"), ctimeMs + 2_000)
    expect(reads()).toBe(2)
    await etagOf(at("fresh"), ctimeMs + 2_001)
    await etagOf(at("fresh"), ctimeMs + 2_001)
    expect(reads()).toBe(3)
  })

  test("reads a file that goes on changing once at a time, and names none of its versions meanwhile", async () => {
    await writeFile(at("log"), "1")
    const { open: real } = await vi.importActual<typeof import("node:fs/promises")>("node:fs/promises")
    let go = (): void => {}
    const gate = new Promise<void>((resolve) => {
      go = resolve
    })
    vi.mocked(open).mockImplementationOnce((...given) => gate.then(() => real(...given)))
    const first = etagOf(at("log"))
    await vi.waitFor(() => expect(reads()).toBe(1))
    await writeFile(at("log"), "12")
    expect(await etagOf(at("log"))).toBeUndefined()
    expect(reads()).toBe(1)
    go()
    expect(await first).toBeUndefined()
    expect(await etagOf(at("log"))).toBe(strongEtag("12"))
  })

  test("a file other than the one that was opened has none", async () => {
    await writeFile(at("other"), "other")
    const { size, mtimeMs: mtime } = await stat(at("other"))
    for (const file of [
      { size: size + 1, mtime },
      { size, mtime: mtime + 1 },
    ]) {
      expect(await strongFileEtag(at("other"), { ...file, close: () => {} }, later)).toBeUndefined()
    }
    expect(reads()).toBe(0)
  })

  test("a file that changes while it is read has none, and is read again the next time", async () => {
    await writeFile(at("moving"), "before")
    const { open: real } = await vi.importActual<typeof import("node:fs/promises")>("node:fs/promises")
    vi.mocked(open).mockImplementationOnce(async (...given) => {
      const handle = await real(...given)
      const { createReadStream } = handle
      handle.createReadStream = (options) => {
        writeFileSync(at("moving"), "after")
        return createReadStream.call(handle, options)
      }
      return handle
    })
    expect(await etagOf(at("moving"))).toBeUndefined()
    expect(await etagOf(at("moving"))).toBe(strongEtag("after"))
  })

  test("a failure is not remembered", async () => {
    await writeFile(at("failing"), "x")
    vi.mocked(open).mockRejectedValueOnce(Object.assign(new Error("EIO"), { code: "EIO" }))
    await expect(etagOf(at("failing"))).rejects.toMatchObject({ code: "EIO" })
    expect(await etagOf(at("failing"))).toBe(strongEtag("x"))
  })

  test("remembers a bounded number, and forgets the one that was asked for longest ago", async () => {
    const names = Array.from({ length: rememberedEtags + 1 }, (_, i) => at(`n${i}`))
    await Promise.all(names.map((name) => writeFile(name, name)))
    for (const name of names.slice(0, -1)) await etagOf(name)
    await etagOf(names[0]!)
    expect(reads()).toBe(rememberedEtags)
    await etagOf(names.at(-1)!)
    await etagOf(names[0]!)
    expect(reads()).toBe(rememberedEtags + 1)
    await etagOf(names[1]!)
    expect(reads()).toBe(rememberedEtags + 2)
  })
})

test("weakFileEtag differs by size, time and encoding", () => {
  const tags = [
    weakFileEtag({ size: 1, mtime: 1 }, undefined),
    weakFileEtag({ size: 2, mtime: 1 }, undefined),
    weakFileEtag({ size: 1, mtime: 2 }, undefined),
    weakFileEtag({ size: 1, mtime: 1 }, "br"),
    weakFileEtag({ size: 1, mtime: 1 }, "gzip"),
  ]
  expect(new Set(tags).size).toBe(tags.length)
  for (const tag of tags) expect(tag).toMatch(/^W\/"[\w-]+"$/)
})
