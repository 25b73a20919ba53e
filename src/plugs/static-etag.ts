/** Etags of files: weak by size and time of change, or strong by what is in them (RFC 9110 §8.8.3). */

import { createHash } from "node:crypto"
import { constants, type Stats } from "node:fs"
import { open, stat } from "node:fs/promises"
import type { MaybePromise, OpenFile } from "../conn/adapter.ts"
import { UsageError } from "../conn/errors.ts"
import { weakEtag } from "../http/etag.ts"

/** What an etag of one's own is made from: bytes, and milliseconds since the epoch. */
export interface StaticStat {
  readonly size: number
  readonly mtime: number
}

export type EtagMaker = (path: string, file: StaticStat) => MaybePromise<string | undefined>

/** Files whose hash is remembered; beyond that the one that was asked for longest ago is hashed again. */
export const rememberedEtags = 1_000

interface Known {
  readonly version: string
  readonly etag: Promise<string | undefined>
  /** Whether the file is still being read. */
  busy: boolean
}
const known = new Map<string, Known>()

/** A weak etag of a file, other for each encoding of it. */
export function weakFileEtag(file: StaticStat, encoding: string | undefined): string {
  const etag = weakEtag(file.size, file.mtime)
  return encoding === undefined ? etag : `${etag.slice(0, -1)}-${encoding}"`
}

/**
 * The strong etag of a file that was opened: the hash of its bytes, which are read once, in pieces, as long as the file does
 * not change. Undefined when it changes meanwhile. A file that changed within the last two seconds is not remembered, since
 * it might change again without its times showing it. Each path is read once at a time, however many ask and however often
 * it changes.
 */
export async function strongFileEtag(
  path: string,
  file: OpenFile,
  now: number = Date.now(),
): Promise<string | undefined> {
  const stats = await stat(path)
  if (!isSame(stats, file)) return undefined
  const version = versionOf(stats)
  const before = known.get(path)
  if (before !== undefined && before.version !== version && before.busy) return undefined
  const entry = before?.version === version ? before : { version, etag: hash(path, version), busy: true }
  known.delete(path)
  known.set(path, entry)
  if (known.size > rememberedEtags) known.delete(known.keys().next().value!)
  if (entry !== before) {
    const isFresh = now - Math.max(stats.mtimeMs, stats.ctimeMs) <= 2_000
    const settle = (etag: string | undefined): void => {
      entry.busy = false
      if ((isFresh || etag === undefined) && known.get(path) === entry) known.delete(path)
    }
    entry.etag.then(settle, () => settle(undefined))
  }
  return entry.etag
}

function isSame(stats: Stats, file: OpenFile): boolean {
  return stats.isFile() && stats.size === file.size && stats.mtimeMs === file.mtime
}

/** What changes when the file does, even where its time of change was set back. */
function versionOf({ dev, ino, size, mtimeMs, ctimeMs }: Stats): string {
  return `${dev}-${ino}-${size}-${mtimeMs}-${ctimeMs}`
}

// What took the file's place may be a FIFO, which would hold the thread that opens it.
const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)

/** The etag of a file's bytes, undefined when it is another version than the one that is meant, or becomes one. */
async function hash(path: string, version: string): Promise<string | undefined> {
  const handle = await open(path, flags)
  try {
    const stats = await handle.stat()
    if (versionOf(stats) !== version) return undefined
    const sum = createHash("sha256")
    if (stats.size > 0) {
      for await (const piece of handle.createReadStream({ autoClose: false, start: 0, end: stats.size - 1 })) {
        sum.update(piece as Uint8Array)
      }
    }
    if (versionOf(await handle.stat()) !== version) return undefined
    return `"${sum.digest("base64url").slice(0, 24)}"`
  } finally {
    await handle.close()
  }
}

const valid = /^(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"$/

/** Checks what a function of the application gives as an etag: a string in quotes, perhaps weak, or false for none. */
export function checkedEtag(etag: string | false): string | undefined {
  if (etag === false) return undefined
  if (typeof etag === "string" && valid.test(etag)) return etag
  throw new UsageError(`serveStatic: etag must give a string in double quotes, perhaps after W/, or false`)
}
