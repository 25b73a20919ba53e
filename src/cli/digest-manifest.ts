/** The manifest in a folder: read, carried on from one run to the next, written. */

import { Buffer } from "node:buffer"
import { readFile } from "node:fs/promises"
import { join, posix } from "node:path"
import { formatManifest, type Manifest, type ManifestEntry, manifestName, readManifest } from "../http/manifest.ts"
import { contentOf, fileAt, put, wrapped } from "./digest-files.ts"

const fingerprinted = /-([0-9a-f]{32})(?=\.|$)/i

/** The digest in a path's last name, undefined when it does not look like a fingerprinted one. */
export function digestIn(path: string): string | undefined {
  return fingerprinted.exec(posix.basename(path))?.[1]
}

/** The manifest of a folder, empty when it has none. Raises `ManifestError` for one that cannot be read. */
export async function loadManifest(root: string): Promise<Manifest> {
  const path = join(root, manifestName)
  if ((await fileAt(path)) === undefined) return { latest: new Map(), digests: new Map() }
  return readManifest(await wrapped(`cannot read ${path}`, () => readFile(path, "utf8")), path)
}

/** True when it was written, false when it is the same. */
export async function saveManifest(root: string, manifest: Manifest): Promise<boolean> {
  return (await put(join(root, manifestName), contentOf(Buffer.from(formatManifest(manifest))))) !== "same"
}

/**
 * The manifest after a run: what was made, and all older files that are still there. The time of one that was latest until
 * now is now, since its age counts from when it was replaced; that of one that stays is left, so that a run that changes
 * nothing writes nothing.
 */
export async function nextManifest(
  root: string,
  before: Manifest,
  made: ReadonlyMap<string, Omit<ManifestEntry, "mtime">>,
  now: number,
): Promise<Manifest> {
  const latest = new Map([...made].map(([digested, { logicalPath }]) => [logicalPath, digested]))
  const wasLatest = new Set(before.latest.values())
  const digests = new Map<string, ManifestEntry>()
  for (const [logicalPath, digested] of before.latest) {
    // All that the first format knows of a file is its name.
    const digest = digestIn(digested)
    if (digest !== undefined) digests.set(digested, { logicalPath, mtime: now, size: 0, digest, sha512: undefined })
  }
  for (const [digested, entry] of before.digests) {
    digests.set(digested, wasLatest.has(digested) ? { ...entry, mtime: now } : entry)
  }
  for (const digested of digests.keys()) {
    if (!made.has(digested) && (await fileAt(join(root, digested))) === undefined) digests.delete(digested)
  }
  for (const [digested, entry] of made) {
    const known = wasLatest.has(digested) ? before.digests.get(digested) : undefined
    digests.set(digested, { ...entry, mtime: known?.mtime ?? now })
  }
  return { latest, digests }
}
