/** Old fingerprinted files, removed by the manifest, after Phoenix's `phx.digest.clean`. */

import { realpath } from "node:fs/promises"
import { dirname, join } from "node:path"
import { checkOption, checkOptionNames } from "../conn/options.ts"
import { type Manifest, type ManifestEntry, manifestName } from "../http/manifest.ts"
import { extensions } from "./digest-compress.ts"
import { checkFolder, type FolderOption, folderAt, isBelow, pathOf, remove } from "./digest-files.ts"
import { digestIn, loadManifest, saveManifest } from "./digest-manifest.ts"

export interface CleanOptions {
  /** The folder of the manifest, as a path or a file URL. */
  from: FolderOption
  /** Seconds since a file was replaced by a newer one; older ones go. 3,600. */
  age?: number
  /** How many older files of each path stay, the newest; 2. */
  keep?: number
  /** Removes all that was made: every fingerprinted file, every compressed form, the manifest. Originals stay. */
  all?: boolean
  /** Milliseconds since the epoch; for tests. */
  now?: () => number
}

export interface CleanReport {
  /** What was removed, below the folder, with "/", by path. */
  readonly removed: readonly string[]
}

/**
 * Removes fingerprinted files that are not the latest of their path, with their compressed forms: those that were replaced
 * longer than `age` ago, and those beyond the `keep` newest. The latest ones stay, whatever their age.
 *
 * Only the manifest counts: a file whose name looks fingerprinted and that it does not know is somebody's and stays, also with
 * `all`. Where there is no manifest nothing is removed. Raises `InvalidOptionError`, `DigestError` with the file's name
 * for one that cannot be removed (the manifest then still knows it), `ManifestError` for a manifest that cannot be read.
 *
 * @example
 * cleanDigest({ from: "no/such/folder" }) //=> throws DigestError
 */
export async function cleanDigest(options: CleanOptions): Promise<CleanReport> {
  checkOptions(options)
  const { age = 3_600, keep = 2, all = false, now = Date.now } = options
  const root = await folderAt(pathOf(options.from))
  const manifest = await loadManifest(root)
  const removed: string[] = []
  const removeAll = async (path: string, withFile: boolean): Promise<void> => {
    if (!(await isInside(root, path))) return
    // The file itself last: as long as it is there the manifest keeps its name, and the forms with it.
    for (const extension of withFile ? [...extensions, ""] : extensions) {
      if (await remove(join(root, path + extension))) removed.push(path + extension)
    }
  }
  if (all) {
    const logical = new Set([
      ...manifest.latest.keys(),
      ...[...manifest.digests.values()].map((one) => one.logicalPath),
    ])
    const made = [...manifest.latest.values(), ...manifest.digests.keys()]
    for (const path of new Set(made)) if (isMade(path, logical)) await removeAll(path, true)
    for (const path of logical) await removeAll(path, false)
    if (await remove(join(root, manifestName))) removed.push(manifestName)
    return { removed: removed.sort() }
  }
  const digests = new Map(manifest.digests)
  const logical = new Set(manifest.latest.keys())
  let failure: { error: unknown } | undefined
  for (const path of oldOnes(manifest, now() - age * 1_000, keep)) {
    if (!isMade(path, logical)) continue
    try {
      await removeAll(path, true)
      digests.delete(path)
    } catch (error) {
      failure ??= { error }
    }
  }
  if (digests.size < manifest.digests.size) await saveManifest(root, { latest: manifest.latest, digests })
  if (failure !== undefined) throw failure.error
  return { removed: removed.sort() }
}

/** The fingerprinted files that go: of each path those that are older than `since` (milliseconds), or too many. */
function oldOnes({ latest, digests }: Manifest, since: number, keep: number): string[] {
  const current = new Set(latest.values())
  const versions = new Map<string, [path: string, entry: ManifestEntry][]>()
  for (const [path, entry] of digests) {
    if (current.has(path)) continue
    const others = versions.get(entry.logicalPath)
    if (others === undefined) versions.set(entry.logicalPath, [[path, entry]])
    else others.push([path, entry])
  }
  return [...versions.values()].flatMap((all) =>
    all
      .sort(([a, { mtime: one }], [b, { mtime: other }]) => other - one || (a < b ? -1 : 1))
      .filter(([, { mtime }], index) => mtime < since || index >= keep)
      .map(([path]) => path),
  )
}

/** Whether a file was made by a digest: a manifest may name an original by mistake. */
function isMade(path: string, logical: ReadonlySet<string>): boolean {
  return digestIn(path) !== undefined && !logical.has(path)
}

/** Whether no link leads from the folder to another on the way to a file. */
async function isInside(root: string, path: string): Promise<boolean> {
  try {
    const folder = await realpath(dirname(join(root, path)))
    return folder === root || isBelow(folder, root)
  } catch {
    return false
  }
}

function checkOptions(options: CleanOptions): void {
  checkOptionNames("cleanDigest", options, ["from", "age", "keep", "all", "now"])
  const check = (name: keyof CleanOptions, holds: boolean, takes: string): void =>
    checkOption("cleanDigest", name, holds, takes, options[name])
  const { from, age, keep, all, now } = options
  checkFolder("cleanDigest", "from", from)
  check("age", age === undefined || (Number.isFinite(age) && age >= 0), "seconds")
  check("keep", keep === undefined || (Number.isSafeInteger(keep) && keep >= 0), "a whole number")
  check("all", all === undefined || typeof all === "boolean", "true or false")
  check("now", now === undefined || typeof now === "function", "a function")
}
