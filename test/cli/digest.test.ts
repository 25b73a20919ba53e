import { createHash } from "node:crypto"
import { readdirSync, writeFileSync } from "node:fs"
import { chmod, mkdir, mkdtemp, readFile, rm, stat, symlink, utimes, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { pathToFileURL } from "node:url"
import zlib from "node:zlib"
import { call, conn, sentResp } from "plumage/test"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { DigestError, type DigestOptions, digest } from "../../src/cli/digest.ts"
import { lookup, ManifestError, readManifest } from "../../src/http/manifest.ts"
import { serveStatic } from "../../src/plugs/serve-static.ts"

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "digest-"))
})
afterEach(() => rm(root, { recursive: true, force: true }))

const md5 = (content: string | Buffer) => createHash("md5").update(content).digest("hex")
const sha512 = (content: string | Buffer) => createHash("sha512").update(content).digest("base64")
const at = (path: string) => join(root, path)
const put = async (path: string, content: string | Buffer) => {
  await mkdir(dirname(at(path)), { recursive: true })
  await writeFile(at(path), content)
}
const text = (path: string) => readFile(at(path), "utf8")
const files = (folder = root) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort()
const manifest = async (folder = root) => readManifest(await readFile(join(folder, "cache_manifest.json"), "utf8"))
const time = Date.UTC(2026, 0, 1)
const run = (options: Partial<DigestOptions> = {}) => digest({ from: root, compress: [], now: () => time, ...options })
/** The state of every file: content, time of change and inode. */
const state = async () =>
  Promise.all(
    files().map(async (path) => {
      const { mtimeMs, ino } = await stat(at(path))
      return [path, md5(await readFile(at(path))), mtimeMs, ino]
    }),
  )
const named = (path: string, content: string | Buffer) => path.replace(/(\.[^.]*)?$/, `-${md5(content)}$1`)

describe("digest", () => {
  test("gives each file a copy with the hash of its content in its name", async () => {
    await put("app.js", "go()")
    await put("img/a.b.png", "png")
    await put("LICENSE", "free")
    await put("empty.txt", "")
    const report = await run()
    const copies = ["LICENSE", "app.js", "empty.txt", "img/a.b.png"]
    const contents = ["free", "go()", "", "png"]
    const digested = copies.map((path, at) => named(path, contents[at]!))
    expect(digested[1]).toBe(`app-${md5("go()")}.js`)
    expect(digested[3]).toBe(`img/a.b-${md5("png")}.png`)
    expect(files()).toEqual([...copies, ...digested, "cache_manifest.json"].sort())
    expect(await Promise.all(digested.map(text))).toEqual(contents)
    expect(report.files).toEqual(
      copies.map((path, at) => ({
        path,
        digested: digested[at],
        size: contents[at]!.length,
        integrity: `sha512-${sha512(contents[at]!)}`,
        written: [digested[at]],
        removed: [],
        replaced: false,
      })),
    )
    expect(report.skipped).toEqual([])
    expect(report.manifest).toBe(at("cache_manifest.json"))
    const { latest, digests } = await manifest()
    expect([...latest]).toEqual(copies.map((path, at) => [path, digested[at]]))
    expect(digests.get(digested[1]!)).toEqual({
      logicalPath: "app.js",
      mtime: time,
      size: 4,
      digest: md5("go()"),
      sha512: sha512("go()"),
    })
  })

  test("puts the new names into copies, in a circle too, and the integrity is that of the copy", async () => {
    const a = "@import 'b.css'; x { y: url(../img/a.png#z) }"
    const b = "@import url(a.css);"
    await put("css/a.css", a)
    await put("css/b.css", b)
    await put("img/a.png", "png")
    await run()
    const copy = `@import 'b-${md5(b)}.css?vsn=d'; x { y: url(../img/a-${md5("png")}.png?vsn=d#z) }`
    expect(await text(named("css/a.css", a))).toBe(copy)
    expect(await text(named("css/b.css", b))).toBe(`@import url(a-${md5(a)}.css?vsn=d);`)
    expect(await text("css/a.css")).toBe(a)
    expect(lookup(await manifest(), "/css/a.css")).toEqual({
      digested: named("css/a.css", a),
      integrity: `sha512-${sha512(copy)}`,
    })
    await run({ vsn: false })
    expect(await text(named("css/a.css", a))).toBe(copy.replaceAll("?vsn=d", ""))
  })

  test("gives a source map the hash of its file, and both name one another", async () => {
    const js = "go()\n//# sourceMappingURL=app.min.js.map\n"
    const map = '{"version":3,"file":"app.min.js"}'
    await put("app.min.js", js)
    await put("app.min.js.map", map)
    await put("alone.js.map", map)
    await run()
    const hash = md5(js)
    expect(await text(`app.min-${hash}.js`)).toBe(`go()\n//# sourceMappingURL=app.min-${hash}.js.map\n`)
    expect(await text(`app.min-${hash}.js.map`)).toBe(`{"version":3,"file":"app.min-${hash}.js"}`)
    expect((await manifest()).latest.get("alone.js.map")).toBe(`alone.js-${md5(map)}.map`)
  })

  test("leaves alone what was made already, and says what looks so and is not known", async () => {
    await put("app.js", "go()")
    await put("app.js.gz", zlib.gzipSync("go()"))
    await put(`photo-${md5("x")}.jpg`, "x")
    await put(`photo-${md5("x")}f.jpg`, "33 digits")
    await put("data.tar.gz", "x")
    await put("sub/cache_manifest.json", "{}")
    await put(".env", "SECRET=1")
    await put(".well-known/security.txt", "x")
    const report = await run()
    expect(report.files.map(({ path }) => path)).toEqual(["app.js", `photo-${md5("x")}f.jpg`])
    expect(report.skipped).toEqual([
      { path: "data.tar.gz", reason: expect.stringContaining("compressed") },
      { path: `photo-${md5("x")}.jpg`, reason: expect.stringContaining("manifest does not know it") },
    ])
    expect((await run()).skipped).toEqual(report.skipped)
  })

  test("a second run changes nothing, not even times", async () => {
    await put("css/app.css", `a { b: url(../a.svg) } ${"c ".repeat(100)}`)
    await put("a.svg", "<svg/>".repeat(100))
    await put("app.js", "go()")
    const options = { compress: ["gzip", "br"] as const }
    expect((await run(options)).manifestWritten).toBe(true)
    const before = await state()
    const report = await run({ ...options, now: () => time + 86_400_000 })
    expect(await state()).toEqual(before)
    expect(report.files.flatMap(({ written, removed }) => [...written, ...removed])).toEqual([])
    expect(report.manifestWritten).toBe(false)
  })

  test("keeps older copies in the manifest as long as they are there, with the time at which they were replaced", async () => {
    for (const [version, at] of [
      ["1", 0],
      ["2", 10_000],
      ["2", 15_000],
      ["3", 20_000],
    ] as const) {
      await put("app.js", version)
      await run({ now: () => time + at })
    }
    const names = ["1", "2", "3"].map((version) => named("app.js", version))
    const times = async () => [...(await manifest()).digests].map(([path, { mtime }]) => [path, (mtime - time) / 1_000])
    expect(Object.fromEntries(await times())).toEqual({ [names[0]!]: 10, [names[1]!]: 20, [names[2]!]: 20 })
    expect((await manifest()).latest.get("app.js")).toBe(names[2])
    await rm(at(names[0]!))
    await rm(at("app.js"))
    await run({ now: () => time + 30_000 })
    expect(Object.fromEntries(await times())).toEqual({ [names[1]!]: 20, [names[2]!]: 30 })
    expect((await manifest()).latest.size).toBe(0)
  })

  test("says when a copy changes under its name, since caches may have the old one", async () => {
    await put("app.css", "a { b: url(a.png) }")
    await put("a.png", "1")
    expect((await run()).files.map(({ replaced }) => replaced)).toEqual([false, false])
    await put("a.png", "2")
    const report = await run()
    expect(report.files.map(({ path, replaced }) => [path, replaced])).toEqual([
      ["a.png", false],
      ["app.css", true],
    ])
    expect(await text(named("app.css", "a { b: url(a.png) }"))).toContain(named("a.png", "2"))
  })

  test("deep: a style sheet's name changes with what it refers to, through others and in a circle", async () => {
    await put("a.css", "@import 'b.css'; /*# sourceMappingURL=a.css.map */")
    await put("a.css.map", "{}")
    await put("b.css", "@import 'a.css'; x { y: url(img.png) }")
    await put("c.css", "x {}")
    await put("d.css", "@import 'c.css'")
    await put("img.png", "1")
    const names = async () => {
      const { files } = await run({ deep: true })
      expect(files.map(({ replaced }) => replaced)).not.toContain(true)
      return Object.fromEntries(files.map(({ path, digested }) => [path, digested]))
    }
    const before = await names()
    expect(before["c.css"]).toBe(named("c.css", "x {}"))
    expect(before["a.css.map"]).toBe(`${before["a.css"]}.map`)
    expect(await text(before["a.css"]!)).toContain(before["b.css"])
    expect(await names()).toEqual(before)
    await put("img.png", "2")
    const after = await names()
    const changed = Object.keys(before).filter((path) => before[path] !== after[path])
    expect(changed).toEqual(["a.css", "a.css.map", "b.css", "img.png"])
    expect(await text(after["a.css"]!)).toContain(after["b.css"])
    expect(await text(after["b.css"]!)).toContain(after["img.png"])
    await put("a.css.map", "{ }")
    expect((await run({ deep: true })).files.filter(({ written }) => written.length > 0)).toMatchObject([
      { path: "a.css.map" },
    ])
  })

  test("carries on a manifest of the first format", async () => {
    await put("app.js", "2")
    await put(named("app.js", "1"), "1")
    await put("cache_manifest.json", JSON.stringify({ "app.js": named("app.js", "1") }))
    const report = await run()
    expect(report.skipped).toEqual([])
    const { latest, digests } = await manifest()
    expect(latest.get("app.js")).toBe(named("app.js", "2"))
    expect(digests.get(named("app.js", "1"))).toMatchObject({ logicalPath: "app.js", mtime: time, digest: md5("1") })
  })

  test("writes elsewhere: originals, copies and manifest; also into a folder below", async () => {
    await put("css/app.css", "a{}")
    await put("a.png", "png")
    const out = at("dist/static")
    const wanted = [
      "a.png",
      "cache_manifest.json",
      "css/app.css",
      named("a.png", "png"),
      named("css/app.css", "a{}"),
    ].sort()
    const report = await run({ from: pathToFileURL(root), to: pathToFileURL(out) })
    expect(files(out)).toEqual(wanted)
    expect(report.files[0]!.written).toEqual(["a.png", named("a.png", "png")])
    expect(files().filter((path) => !path.startsWith("dist"))).toEqual(["a.png", "css/app.css"])
    const again = await run({ to: out })
    expect(again.files.flatMap(({ written }) => written)).toEqual([])
    expect(files(out)).toEqual(wanted)
    await put("a.png", "new")
    await run({ to: out })
    expect(await readFile(join(out, "a.png"), "utf8")).toBe("new")
  })

  test("tells of each file when it is done", async () => {
    for (let i = 0; i < 20; i++) await put(`${i}.txt`, `${i}`)
    const told: string[] = []
    const report = await run({ onFile: ({ path }) => told.push(path) })
    expect(told.sort()).toEqual(report.files.map(({ path }) => path).sort())
    expect(told.length).toBe(20)
  })

  test("takes any name that a file may have, and serveStatic serves the copies as never changing", async () => {
    const names = [
      "a b.txt",
      "100%.txt",
      "%41.txt",
      "it's.txt",
      '"q".txt',
      "café.txt",
      "日本.txt",
      "a#b?c.txt",
      "a&b=c;.txt",
    ]
    const css = names.map((name) => `@import "${encodeURIComponent(name)}";`).join("")
    await put("app.css", css)
    for (const name of names) await put(name, name)
    await run()
    const copy = await text(named("app.css", css))
    const urls = [...copy.matchAll(/"(.*?)"/g)].map(([, url]) => url!)
    const assets = serveStatic({ at: "/", from: root })
    expect(urls.length).toBe(names.length)
    for (const [at, url] of urls.entries()) {
      expect(url).toContain(md5(names[at]!))
      const sent = sentResp(await call(assets, conn("GET", `/${url}`)))
      expect([sent.status, sent.body]).toEqual([200, names[at]])
      expect(sent.headers["cache-control"]).toContain("immutable")
    }
  })

  test("copies a file that is larger than a piece of it, byte by byte", async () => {
    const bytes = Buffer.alloc(1_000_003, "0123456789abcdef\xff", "latin1")
    await put("big.bin", bytes)
    await put("big.css", bytes)
    await run()
    for (const path of ["big.bin", "big.css"]) {
      expect((await readFile(at(named(path, bytes)))).equals(bytes)).toBe(true)
    }
  })
})

describe("compressed forms", () => {
  const long = "so it goes ".repeat(100)
  const all = { compress: ["gzip", "br"] as const }

  test("lie beside originals and copies, and hold them", async () => {
    await put("app.css", `a { b: url(a.txt) } ${long}`)
    await put("a.txt", long)
    await run(all)
    for (const path of files().filter((path) => /\.(css|txt)$/.test(path))) {
      const bytes = await readFile(at(path))
      expect(zlib.gunzipSync(await readFile(at(`${path}.gz`))).equals(bytes), path).toBe(true)
      expect(zlib.brotliDecompressSync(await readFile(at(`${path}.br`))).equals(bytes), path).toBe(true)
    }
    const assets = serveStatic({ at: "/", from: root, gzip: true })
    const request = conn("GET", `/${named("a.txt", long)}?vsn=d`, undefined, { headers: { "accept-encoding": "gzip" } })
    const sent = sentResp(await call(assets, request))
    expect(zlib.gunzipSync(sent.bytes).toString()).toBe(long)
  })

  test("are made where they are smaller, and of types that are worth it", async () => {
    await put("small.txt", "x")
    await put("empty.txt", "")
    await put("photo.png", long)
    await put("LOUD.TXT", long)
    await run(all)
    const compressed = files().filter((path) => /\.(gz|br)$/.test(path))
    const loud = named("LOUD.TXT", long)
    expect(compressed).toEqual(["LOUD.TXT.br", "LOUD.TXT.gz", `${loud}.br`, `${loud}.gz`].sort())
  })

  test("that hold something else are replaced, or removed where none is wanted; true ones stay", async () => {
    await put("app.js", long)
    const good = zlib.gzipSync(long, { level: 1 })
    await put("app.js.gz", good)
    await put("app.js.br", zlib.brotliCompressSync("old"))
    await put("tiny.js", "x")
    await put("tiny.js.gz", zlib.gzipSync("old"))
    await put("photo.png", "x")
    await put("photo.png.gz", zlib.gzipSync("old"))
    const report = await run({ compress: ["gzip"] })
    expect((await readFile(at("app.js.gz"))).equals(good)).toBe(true)
    expect(report.files.map(({ path, removed }) => [path, removed])).toEqual([
      ["app.js", ["app.js.br"]],
      ["photo.png", []],
      ["tiny.js", ["tiny.js.gz"]],
    ])
    expect(files()).not.toContain("app.js.br")
    expect(files()).not.toContain("tiny.js.gz")
    expect(files()).toContain("photo.png.gz")
    await put("app.js.gz", Buffer.concat([zlib.gzipSync(long.slice(0, -1)), Buffer.from("")]))
    await run({ compress: ["gzip"] })
    expect(zlib.gunzipSync(await readFile(at("app.js.gz"))).toString()).toBe(long)
    await put("app.js.gz", zlib.gzipSync(Buffer.alloc(10_000_000)))
    await run({ compress: ["gzip"] })
    expect(zlib.gunzipSync(await readFile(at("app.js.gz"))).toString()).toBe(long)
  })

  const zstd = (zlib as unknown as { zstdDecompressSync?: (bytes: Buffer) => Buffer }).zstdDecompressSync
  test("of zstd are made where Node has it, and refused elsewhere", async () => {
    await put("app.js", long)
    if (zstd === undefined) await expect(run({ compress: ["zstd"] })).rejects.toThrow("compress takes")
    else {
      await run({ compress: ["zstd"] })
      expect(zstd(await readFile(at("app.js.zst"))).toString()).toBe(long)
    }
  })

  test.runIf(zstd === undefined)(
    "that cannot be read here stay as long as they are not older than their file",
    async () => {
      await put("app.js", long)
      await put("app.js.zst", "x")
      await utimes(at("app.js"), time / 1_000, time / 1_000)
      await run()
      expect(files()).toContain("app.js.zst")
      await utimes(at("app.js.zst"), time / 1_000 - 9, time / 1_000 - 9)
      await run()
      expect(files()).not.toContain("app.js.zst")
    },
  )
})

describe("digest and a hostile tree", () => {
  test.runIf(process.seteuid)("a file that cannot be read is an error that names it; nothing is written", async () => {
    await put("a.js", "1")
    await put("sub/b.js", "2")
    await chmod(root, 0o777)
    await chmod(at("sub"), 0o777)
    await chmod(at("sub/b.js"), 0)
    const before = files()
    // Root may read everything.
    const isRoot = process.geteuid!() === 0
    if (isRoot) process.seteuid!(65_534)
    try {
      await expect(run()).rejects.toThrow(DigestError)
      await expect(run()).rejects.toThrow(at("sub/b.js"))
      expect(files()).toEqual(before)
    } finally {
      if (isRoot) process.seteuid!(0)
    }
    await chmod(at("sub"), 0)
    if (isRoot) process.seteuid!(65_534)
    try {
      await expect(run()).rejects.toThrow(`cannot read the folder ${at("sub")}`)
    } finally {
      if (isRoot) process.seteuid!(0)
      await chmod(at("sub"), 0o755)
    }
  })

  test("what cannot be written is an error that names it, and leaves no pieces and no manifest", async () => {
    await put("a.js", "1")
    await mkdir(at(named("a.js", "1")))
    await expect(run()).rejects.toThrow(`cannot write ${at(named("a.js", "1"))}`)
    expect(files()).toEqual(["a.js"])
  })

  test("a file that changes while it is digested is an error that names it", async () => {
    for (const path of ["m.js", "z.bin"]) {
      await put(path, "before")
      for (let i = 0; i < 9; i++) await put(`${i}.txt`, "x")
      let done = false
      const result = run({
        onFile: () => {
          if (done) return
          done = true
          // Sync, so that it happens before the next file begins.
          writeFileSync(at(path), "after!")
        },
      })
      await expect(result).rejects.toThrow(`${at(path)} has changed`)
      expect(files()).not.toContain("cache_manifest.json")
      expect(files().filter((name) => name.endsWith(".tmp"))).toEqual([])
      await rm(at(path))
    }
  })

  test("links to files of the folder count, all others do not", async () => {
    const elsewhere = await mkdtemp(join(tmpdir(), "elsewhere-"))
    try {
      await writeFile(join(elsewhere, "secret.txt"), "secret")
      await put("real.txt", "real")
      await put("sub/x.txt", "x")
      await symlink("../real.txt", at("sub/inside.txt"))
      await symlink(join(elsewhere, "secret.txt"), at("outside.txt"))
      await symlink(elsewhere, at("folder"))
      await symlink("sub", at("again"))
      await symlink(".", at("circle"))
      await symlink("nowhere", at("broken"))
      await symlink("self", at("self"))
      const report = await run()
      expect(report.files.map(({ path }) => path)).toEqual(["real.txt", "sub/inside.txt", "sub/x.txt"])
      expect(report.skipped.map(({ path }) => path)).toEqual([
        "again",
        "broken",
        "circle",
        "folder",
        "outside.txt",
        "self",
      ])
      expect(await text(named("sub/inside.txt", "real"))).toBe("real")
      expect(readdirSync(elsewhere)).toEqual(["secret.txt"])
      // Nor is anything written through a link.
      const out = await mkdtemp(join(tmpdir(), "out-"))
      await symlink(elsewhere, join(out, "sub"))
      await expect(run({ to: out })).rejects.toThrow("leads out of")
      expect(readdirSync(elsewhere)).toEqual(["secret.txt"])
      await rm(out, { recursive: true })
    } finally {
      await rm(elsewhere, { recursive: true })
    }
  })

  test("a folder that is not there, or none, is a clear error", async () => {
    await expect(run({ from: at("nope") })).rejects.toThrow(`there is no folder ${at("nope")}`)
    await put("file", "x")
    await expect(run({ from: at("file") })).rejects.toThrow(`${at("file")} is no folder`)
    await expect(run({ to: at("file") })).rejects.toThrow(DigestError)
  })

  test("a manifest that cannot be read is an error, and stays", async () => {
    await put("a.js", "1")
    await put("cache_manifest.json", "{oops")
    await expect(run()).rejects.toThrow(ManifestError)
    await expect(run()).rejects.toThrow(at("cache_manifest.json"))
    expect(files()).toEqual(["a.js", "cache_manifest.json"])
  })

  test("options are checked", async () => {
    for (const wrong of [
      { from: "" },
      { from: new URL("https://example.com/") },
      { from: 1 },
      { to: null },
      { vsn: "no" },
      { deep: 1 },
      { compress: ["deflate"] },
      { compress: "gzip" },
      { compress: ["constructor"] },
      { onFile: 1 },
      { now: 1 },
      { force: true },
    ]) {
      await expect(run(wrong as never), JSON.stringify(wrong)).rejects.toThrow(/^digest/)
    }
  })
})
