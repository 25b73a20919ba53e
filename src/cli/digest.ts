/** Fingerprinted assets, after Phoenix's `phx.digest`: files whose names change with them, so that caches may keep them. */

import { mkdir, realpath } from "node:fs/promises"
import { join, posix } from "node:path"
import { checkOption, checkOptionNames } from "../conn/options.ts"
import { type ManifestEntry, manifestName } from "../http/manifest.ts"
import { type AssetCoding, compressBeside, extensions, isCoding, isCompressible } from "./digest-compress.ts"
import {
  type Content,
  checkFolder,
  contentOf,
  each,
  type FolderOption,
  folderAt,
  type Hashes,
  hashFile,
  makeFolder,
  pathOf,
  put,
  read,
  type Skipped,
  treeOf,
  wrapped,
} from "./digest-files.ts"
import { digestIn, loadManifest, nextManifest, saveManifest } from "./digest-manifest.ts"
import { deepDigests, fingerprintsOf } from "./digest-names.ts"
import { type Fingerprint, isStyleSheet, mayRefer, referredTo, withFingerprints } from "./digest-references.ts"

export { type CleanOptions, type CleanReport, cleanDigest } from "./digest-clean.ts"
export type { AssetCoding } from "./digest-compress.ts"
export { DigestError, type Skipped } from "./digest-files.ts"

export interface DigestOptions {
  /** The folder of the assets, as a path or a file URL. */
  from: FolderOption
  /** The folder to write to; `from`. It may lie in `from`. */
  to?: FolderOption
  /** Whether references from style sheets get `?vsn=d`, for which `serveStatic` sends "immutable"; true. */
  vsn?: boolean
  /**
   * Whether a style sheet's name changes also when a file changes that it refers to. False, as in Phoenix: the copy then
   * changes under its name, and caches and `integrity` attributes may hold the old one (`replaced` in the report).
   */
  deep?: boolean
  /** The compressed forms to make; gzip and br. `zstd` where this Node has it, from 22.15 on. */
  compress?: readonly AssetCoding[]
  /** Milliseconds since the epoch; for tests. */
  now?: () => number
  /** Is told of each file when it is done. */
  onFile?: (file: DigestedFile) => void
}

/** What became of a file. Paths are below the folder written to, with "/". */
export interface DigestedFile {
  readonly path: string
  readonly digested: string
  /** Bytes of the original. */
  readonly size: number
  /** Of the fingerprinted file: "sha512-…". */
  readonly integrity: string
  /** What was written; empty when all was there. */
  readonly written: readonly string[]
  /** Compressed forms that were removed, since they held something else or were not worth it. */
  readonly removed: readonly string[]
  /** Whether the fingerprinted file was there with other bytes, which caches may still have under this name. */
  readonly replaced: boolean
}

export interface DigestReport {
  /** By path. */
  readonly files: readonly DigestedFile[]
  /** What was left alone although it may be meant as an asset. */
  readonly skipped: readonly Skipped[]
  /** The manifest's whole path, and whether it changed. */
  readonly manifest: string
  readonly manifestWritten: boolean
}

/** Files that are worked on at a time. */
const atATime = 4

/**
 * Gives each file of a folder a copy whose name has the hash of its content, and writes `cache_manifest.json`, in the format
 * of Phoenix, which says which file stands for which. References in the copies of style sheets, scripts (their source maps)
 * and source maps name the copies; nothing else in them changes. Beside files that are worth it lie compressed forms.
 *
 * The hash is the MD5 of the original, as in Phoenix, so that its manifests and file names go on. It tells versions of one's
 * own files apart, which MD5 does; what must hold against others is `integrity`, a SHA-512 of the copy. A source map has
 * its file's hash. Names that have a hash already, compressed files, the manifest and what begins with a dot are no assets.
 *
 * All is read before anything is written; a file is written as a whole or not at all, and the manifest last. Files that are as
 * they should be are not touched: a second run changes nothing. Old copies stay until `cleanDigest`. Raises
 * `InvalidOptionError`, `DigestError` with the file's name for what cannot be read or written or has changed meanwhile, and
 * `ManifestError` for a manifest that cannot be read.
 *
 * @example
 * digest({ from: "no/such/folder" }) //=> throws DigestError
 */
export async function digest(options: DigestOptions): Promise<DigestReport> {
  checkOptions(options)
  const { vsn = true, deep = false, compress = ["gzip", "br"], now = Date.now, onFile } = options
  const root = await folderAt(pathOf(options.from))
  const to = options.to === undefined ? root : pathOf(options.to)
  const there = await realpath(to).catch(() => undefined)
  const tree = await treeOf(root, there === root ? undefined : there)
  const before = await loadManifest(to)
  const { assets, skipped } = assetsOf(tree.files, new Set([...before.digests.keys(), ...before.latest.values()]))
  const hashes = new Map<string, Hashes>()
  await each(assets, atATime, async (path) => void hashes.set(path, await hashFile(join(root, path))))
  const names = fingerprintsOf(await digestsOf(root, hashes, deep))

  await wrapped(`cannot make the folder ${to}`, () => mkdir(to, { recursive: true }))
  const out = await folderAt(to)
  const files: DigestedFile[] = []
  const made = new Map<string, Omit<ManifestEntry, "mtime">>()
  await each(assets, atATime, async (path, index) => {
    const name = names.get(path)!
    const original: Content = { from: join(root, path), ...hashes.get(path)! }
    const copy = mayRefer(path) ? await copyOf(original, path, names, vsn) : original
    const file = await write(root, out, name, original, copy, compress)
    made.set(name.digested, { logicalPath: path, size: original.size, digest: name.digest, sha512: copy.sha512 })
    files[index] = file
    onFile?.(file)
  })
  const manifestWritten = await saveManifest(out, await nextManifest(out, before, made, now()))
  const left = [...tree.skipped, ...skipped].sort((a, b) => (a.path < b.path ? -1 : 1))
  return { files, skipped: left, manifest: join(out, manifestName), manifestWritten }
}

/** Which files are assets, and which look as if they were made from one, but from none that is known. */
function assetsOf(files: readonly string[], known: ReadonlySet<string>): { assets: string[]; skipped: Skipped[] } {
  const all = new Set(files)
  const assets: string[] = []
  const skipped: Skipped[] = []
  for (const path of files) {
    const extension = extensions.find((extension) => path.endsWith(extension))
    if (extension !== undefined) {
      const isForm = all.has(path.slice(0, -extension.length))
      if (!isForm) skipped.push({ path, reason: "it is compressed, and its original is not there" })
    } else if (digestIn(path) !== undefined) {
      if (!known.has(path)) skipped.push({ path, reason: "its name has a digest, and the manifest does not know it" })
    } else if (posix.basename(path) !== manifestName) assets.push(path)
  }
  return { assets, skipped }
}

/** Digests of the files as they are, or with all that they refer to. */
async function digestsOf(
  root: string,
  hashes: ReadonlyMap<string, Hashes>,
  deep: boolean,
): Promise<ReadonlyMap<string, string>> {
  const own = new Map([...hashes].map(([path, { md5 }]) => [path, md5]))
  if (!deep) return own
  const names = fingerprintsOf(own)
  const references = new Map<string, string[]>()
  const referring = [...hashes].filter(([path]) => isStyleSheet(path))
  await each(referring, atATime, async ([path, known]) => {
    references.set(path, referredTo(await bytesOf({ from: join(root, path), ...known }), path, names))
  })
  return deepDigests(own, references)
}

async function copyOf(
  original: Content,
  path: string,
  names: ReadonlyMap<string, Fingerprint>,
  vsn: boolean,
): Promise<Content> {
  const content = await bytesOf(original)
  const copy = withFingerprints(content, path, names, vsn)
  return copy === content ? original : contentOf(copy)
}

function bytesOf(content: Content): Promise<Buffer> {
  return wrapped(`cannot read ${content.from}`, async () => {
    const pieces: Buffer[] = []
    for await (const piece of read(content)) pieces.push(piece)
    return Buffer.concat(pieces)
  })
}

async function write(
  root: string,
  out: string,
  { path, digested }: Fingerprint,
  original: Content,
  copy: Content,
  codings: readonly AssetCoding[],
): Promise<DigestedFile> {
  const written: string[] = []
  const removed: string[] = []
  await makeFolder(out, path)
  if (root !== out && (await put(join(out, path), original)) !== "same") written.push(path)
  const fate = await put(join(out, digested), copy)
  if (fate !== "same") written.push(digested)
  if (isCompressible(path)) {
    const twin = copy.sha512 === original.sha512 ? join(out, path) : undefined
    for (const [name, content, other] of [[path, original] as const, [digested, copy, twin] as const]) {
      const forms = await compressBeside(join(out, name), content, codings, other)
      written.push(...forms.written.map((extension) => name + extension))
      removed.push(...forms.removed.map((extension) => name + extension))
    }
  }
  const integrity = `sha512-${copy.sha512}`
  return { path, digested, size: original.size, integrity, written, removed, replaced: fate === "replaced" }
}

function checkOptions(options: DigestOptions): void {
  checkOptionNames("digest", options, ["from", "to", "vsn", "deep", "compress", "now", "onFile"])
  const check = (name: keyof DigestOptions, holds: boolean, takes: string): void =>
    checkOption("digest", name, holds, takes, options[name])
  const { from, to, vsn, deep, compress, now, onFile } = options
  checkFolder("digest", "from", from)
  if (to !== undefined) checkFolder("digest", "to", to)
  check("vsn", vsn === undefined || typeof vsn === "boolean", "true or false")
  check("deep", deep === undefined || typeof deep === "boolean", "true or false")
  const isList = compress === undefined || (Array.isArray(compress) && compress.every(isCoding))
  check("compress", isList, "a list of gzip, br and (with Node from 22.15 on) zstd")
  check("now", now === undefined || typeof now === "function", "a function")
  check("onFile", onFile === undefined || typeof onFile === "function", "a function")
}
