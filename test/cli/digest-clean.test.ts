import { createHash } from "node:crypto"
import { existsSync, readdirSync } from "node:fs"
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import fc from "fast-check"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { cleanDigest, DigestError, digest } from "../../src/cli/digest.ts"
import { formatManifest, type ManifestEntry, ManifestError, readManifest } from "../../src/http/manifest.ts"

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "clean-"))
})
afterEach(() => rm(root, { recursive: true, force: true }))

const md5 = (content: string) => createHash("md5").update(content).digest("hex")
const at = (path: string) => join(root, path)
const put = async (path: string, content: string) => {
  await mkdir(dirname(at(path)), { recursive: true })
  await writeFile(at(path), content)
}
const files = () =>
  readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .sort()
const manifest = async () => readManifest(await readFile(at("cache_manifest.json"), "utf8"))
const named = (path: string, content: string) => path.replace(/(\.[^.]*)?$/, `-${md5(content)}$1`)
const time = Date.UTC(2026, 0, 1)
const now = () => time
const hour = 3_600_000

/** Versions of app.js, of which the last is latest: content and milliseconds before now at which it was made. */
async function versions(...all: [content: string, ago: number][]): Promise<void> {
  for (const [content, ago] of all) {
    await put("app.js", content)
    await digest({ from: root, compress: ["gzip"], now: () => time - ago })
  }
}
const clean = (options: object = {}) => cleanDigest({ from: root, now, ...options })
const left = () => files().filter((path) => /^app-.*\.js$/.test(path))

describe("cleanDigest", () => {
  test("removes what was replaced longer than an hour ago, with its compressed forms; the latest stays", async () => {
    const long = "go();".repeat(99)
    await versions([long, 9 * hour], ["2", 8 * hour], ["3", hour], ["4", 7 * hour])
    await put(`${named("app.js", long)}.br`, "x")
    const { removed } = await clean()
    const old = named("app.js", long)
    expect(removed).toEqual([old, `${old}.br`, `${old}.gz`, named("app.js", "3")].sort())
    expect(left()).toEqual([named("app.js", "2"), named("app.js", "4")].sort())
    expect([...(await manifest()).digests.keys()]).toEqual(left())
    expect((await manifest()).latest.get("app.js")).toBe(named("app.js", "4"))
    expect((await clean()).removed).toEqual([])
  })

  test("counts the age from when a file was replaced, however old it is, and not with the second itself", async () => {
    await versions(["1", 1000 * hour], ["2", hour], ["3", hour - 1_000])
    expect((await clean()).removed).toEqual([])
    expect((await clean({ age: 3_599 })).removed).toEqual([named("app.js", "1")])
    expect((await clean({ age: 3_598 })).removed).toEqual([named("app.js", "2")])
    expect((await clean({ age: 0, keep: 0 })).removed).toEqual([])
    expect(left()).toEqual([named("app.js", "3")])
  })

  test("keeps the two newest of those that were replaced", async () => {
    await versions(["1", 5_000], ["2", 4_000], ["3", 3_000], ["4", 2_000])
    expect((await clean()).removed).toEqual([named("app.js", "1")])
    expect((await clean({ keep: 1 })).removed).toEqual([named("app.js", "2")])
    expect((await clean({ keep: 0 })).removed).toEqual([named("app.js", "3")])
    expect(left()).toEqual([named("app.js", "4")])
  })

  test("counts each path by itself, and removes the copies of a file that is gone", async () => {
    await put("css/app.css", "1")
    await versions(["1", 5_000], ["2", 4_000])
    await rm(at("css/app.css"))
    await versions(["3", 3 * hour])
    expect((await clean({ age: 2 * 3_600 })).removed).toEqual([named("css/app.css", "1"), named("app.js", "2")].sort())
  })

  test("agrees with the rule written plainly, for any manifest", async () => {
    const entry = fc.record({
      path: fc.constantFrom("a.js", "b.js"),
      age: fc.integer({ min: 0, max: 9 }),
      isLatest: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { maxLength: 8 }), fc.nat(9), fc.nat(3), async (entries, age, keep) => {
        const latest = new Map<string, string>()
        const digests = new Map<string, ManifestEntry>()
        for (const [at, { path, age, isLatest }] of entries.entries()) {
          const name = named(path, `${at}`)
          if (isLatest) latest.set(path, name)
          const digest = md5(`${at}`)
          digests.set(name, { logicalPath: path, mtime: time - age * 1_000, size: 0, digest, sha512: undefined })
          await put(name, "x")
        }
        await put("cache_manifest.json", formatManifest({ latest, digests }))
        const { removed } = await clean({ age, keep })
        const wanted = ["a.js", "b.js"].flatMap((path) => {
          const old = [...digests].filter(([name, one]) => one.logicalPath === path && latest.get(path) !== name)
          const newer = ([name, one]: (typeof old)[number]) =>
            old.filter(([n, o]) => o.mtime > one.mtime || (o.mtime === one.mtime && n < name)).length
          return old.filter((one) => newer(one) >= keep || time - one[1].mtime > age * 1_000).map(([name]) => name)
        })
        expect(removed).toEqual(wanted.sort())
        const stay = [...digests.keys()].filter((name) => !wanted.includes(name)).sort()
        expect(files()).toEqual([...stay, "cache_manifest.json"].sort())
        for (const name of stay) await rm(at(name))
      }),
      { numRuns: 50 },
    )
  })

  test("all removes copies, compressed forms and the manifest, and leaves the originals", async () => {
    await put("css/app.css", "a {} ".repeat(100))
    await versions(["1", 2_000], ["2", 1_000])
    await rm(at("css/app.css"))
    await versions(["3", 0])
    expect(files()).toContain("css/app.css.gz")
    const before = files()
    const { removed } = await clean({ all: true })
    expect(files()).toEqual(["app.js"])
    expect(removed).toEqual(before.filter((path) => path !== "app.js"))
    expect((await clean({ all: true })).removed).toEqual([])
  })

  test("never touches what the manifest does not name", async () => {
    await versions(["1", 9 * hour], ["2", 8 * hour], ["3", 7 * hour])
    const others = [
      named("app.js", "other"),
      `photo-${md5("x")}.jpg`,
      `photo-${md5("x")}.jpg.gz`,
      "data.gz",
      "x/app.js.gz",
    ]
    for (const path of others) await put(path, "x")
    await clean({ age: 0, keep: 0 })
    expect(files()).toEqual([...others, "app.js", named("app.js", "3"), "cache_manifest.json"].sort())
    await clean({ all: true })
    expect(files()).toEqual([...others, "app.js"].sort())
    expect(await clean({ all: true })).toEqual({ removed: [] })
  })

  test("never removes an original that a manifest names by mistake, nor what is outside", async () => {
    const entry = { logicalPath: "a.js", mtime: 0, size: 0, digest: "x", sha512: undefined }
    const twin = named("b.js", "1")
    for (const path of ["index.html", "a.js", twin]) await put(path, "x")
    const latest = new Map([[twin, "index.html"]])
    const digests = new Map(["index.html", "a.js", twin].map((path) => [path, entry]))
    await put("cache_manifest.json", formatManifest({ latest, digests }))
    expect((await clean()).removed).toEqual([])
    expect((await clean({ all: true })).removed).toEqual(["cache_manifest.json"])
    expect(files()).toEqual(["a.js", twin, "index.html"].sort())

    const elsewhere = await mkdtemp(join(tmpdir(), "elsewhere-"))
    try {
      await writeFile(join(elsewhere, twin), "x")
      await symlink(elsewhere, at("sub"))
      await put(
        "cache_manifest.json",
        formatManifest({ latest: new Map(), digests: new Map([[`sub/${twin}`, entry]]) }),
      )
      expect((await clean()).removed).toEqual([])
      expect((await clean({ all: true })).removed).toEqual(["cache_manifest.json"])
      expect(readdirSync(elsewhere)).toEqual([twin])
      const path = JSON.stringify(`../${elsewhere.split("/").at(-1)}/${twin}`)
      await put("cache_manifest.json", `{"version":1,"latest":{},"digests":{${path}:{}}}`)
      await expect(clean()).rejects.toThrow(ManifestError)
      expect(readdirSync(elsewhere)).toEqual([twin])
    } finally {
      await rm(elsewhere, { recursive: true })
    }
  })

  test("forgets copies that are gone, and keeps those that it cannot remove, with an error that names them", async () => {
    await versions(["1", 9 * hour], ["2", 8 * hour], ["3", 7 * hour])
    const [one, two] = [named("app.js", "1"), named("app.js", "2")]
    await rm(at(one))
    await rm(at(two))
    await mkdir(at(two))
    await expect(clean()).rejects.toThrow(`cannot remove ${at(two)}`)
    expect([...(await manifest()).digests.keys()].sort()).toEqual([two, named("app.js", "3")].sort())
  })

  test("without a manifest, or with one of the first format, removes nothing that it cannot know", async () => {
    await put(named("app.js", "1"), "1")
    expect((await clean()).removed).toEqual([])
    expect(existsSync(at("cache_manifest.json"))).toBe(false)
    await put("app.js", "1")
    await put("cache_manifest.json", JSON.stringify({ "app.js": named("app.js", "1") }))
    expect((await clean({ age: 0, keep: 0 })).removed).toEqual([])
    expect((await clean({ all: true })).removed).toEqual([named("app.js", "1"), "cache_manifest.json"])
    expect(files()).toEqual(["app.js"])
  })

  test("a folder that is not there, and options that make no sense, are clear errors", async () => {
    await expect(clean({ from: at("nope") })).rejects.toThrow(DigestError)
    await expect(clean({ from: at("nope") })).rejects.toThrow(`there is no folder ${at("nope")}`)
    for (const wrong of [
      { from: "" },
      { age: -1 },
      { age: "1" },
      { keep: 0.5 },
      { keep: -1 },
      { all: 1 },
      { now: 1 },
      { x: 1 },
    ]) {
      await expect(clean(wrong), JSON.stringify(wrong)).rejects.toThrow(/^cleanDigest/)
    }
  })
})
