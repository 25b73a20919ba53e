import { execFileSync } from "node:child_process"
import { readdirSync } from "node:fs"
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { contentOf, each, put, replace, treeOf } from "../../src/cli/digest-files.ts"

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "files-"))
})
afterEach(() => rm(root, { recursive: true, force: true }))
const at = (path: string) => join(root, path)

describe("a tree", () => {
  test("is its regular files, sorted, without what begins with a dot", async () => {
    await mkdir(at("b/.git"), { recursive: true })
    for (const path of ["b/2", "b/1", "a", "c", "b/.git/config", ".env", "B"]) await writeFile(at(path), "")
    expect(await treeOf(root, undefined)).toEqual({ files: ["B", "a", "b/1", "b/2", "c"], skipped: [] })
    expect((await treeOf(root, at("b"))).files).toEqual(["B", "a", "c"])
  })

  test.skipIf(process.platform === "win32")("says what it cannot take: pipes, and names that no URL has", async () => {
    execFileSync("mkfifo", [at("pipe.css")])
    await writeFile(at("a\\b.css"), "")
    await writeFile(Buffer.concat([Buffer.from(at("caf")), Buffer.from([0xe9])]), "")
    const { files, skipped } = await treeOf(root, undefined)
    expect(files).toEqual([])
    expect(skipped).toEqual([
      { path: "a\\b.css", reason: "no URL can name it" },
      { path: "caf\ufffd", reason: "no URL can name it" },
      { path: "pipe.css", reason: "it is no regular file" },
    ])
  })
})

describe("writing a file", () => {
  test("says what became of it, and does not touch what it would write again", async () => {
    const path = at("a.txt")
    expect(await put(path, contentOf(Buffer.from("one")))).toBe("new")
    expect(await put(path, contentOf(Buffer.from("two")))).toBe("replaced")
    expect(await put(path, contentOf(Buffer.from("two")))).toBe("same")
    expect(await put(path, contentOf(Buffer.from("")))).toBe("replaced")
    expect(await readFile(path, "utf8")).toBe("")
    expect(readdirSync(root)).toEqual(["a.txt"])
  })

  test("keeps the old file whole until the new one is, and leaves nothing behind when that fails", async () => {
    await writeFile(at("a.txt"), "old")
    const failing = replace(at("a.txt"), async (temp) => {
      await writeFile(temp, "half")
      expect(await readFile(at("a.txt"), "utf8")).toBe("old")
      throw new Error("disk full")
    })
    await expect(failing).rejects.toThrow(`cannot write ${at("a.txt")}: disk full`)
    const dropped = await replace(at("a.txt"), async (temp) => {
      await writeFile(temp, "worse")
      return false
    })
    expect(dropped).toBe(false)
    expect(await readFile(at("a.txt"), "utf8")).toBe("old")
    expect(readdirSync(root)).toEqual(["a.txt"])
  })
})

describe("each", () => {
  test("works on all, and on no more than so many at a time", async () => {
    let [running, most] = [0, 0]
    const done: number[] = []
    await each([...Array(20).keys()], 3, async (item, index) => {
      most = Math.max(most, ++running)
      await new Promise(setImmediate)
      running--
      expect(index).toBe(item)
      done.push(item)
    })
    expect([most, done.sort((a, b) => a - b)]).toEqual([3, [...Array(20).keys()]])
  })

  test("begins nothing after a failure, and rejects when nothing is under way", async () => {
    let [running, begun] = [0, 0]
    const work = each([...Array(20).keys()], 3, async (item) => {
      running++
      begun++
      await new Promise(setImmediate)
      if (item !== 1) await new Promise(setImmediate)
      running--
      if (item === 1) throw new Error("one")
    })
    await expect(work).rejects.toThrow("one")
    expect([running, begun]).toEqual([0, 3])
  })
})
