/** Files of a tree of assets: which they are, their hashes, and how they are replaced: as a whole or not at all. */

import type { Buffer } from "node:buffer"
import { createHash, randomBytes } from "node:crypto"
import { constants, createWriteStream } from "node:fs"
import { lstat, mkdir, open, readdir, realpath, rename, rm, stat } from "node:fs/promises"
import { dirname, join, resolve, sep } from "node:path"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { fileURLToPath } from "node:url"
import { checkOption } from "../conn/options.ts"

/** Assets that cannot be read or written. If you see this error, its message names the file, and `cause` is the system's. */
export class DigestError extends Error {
  override readonly name = "DigestError"
  readonly code = "ERR_DIGEST"
}

/** Why a file is left alone. */
export interface Skipped {
  /** Below the folder, with "/". */
  readonly path: string
  readonly reason: string
}

export interface Tree {
  /** Below the folder, with "/", sorted. */
  readonly files: readonly string[]
  readonly skipped: readonly Skipped[]
}

/** A folder as a path or a file URL. */
export type FolderOption = string | URL

export function checkFolder(where: string, name: string, value: unknown): void {
  const isUrl = value instanceof URL && value.protocol === "file:"
  const isPath = typeof value === "string" && value !== "" && !value.includes("\0")
  checkOption(where, name, isUrl || isPath, "a folder as a path or a file URL", value)
}

/** The absolute path of a folder. */
export function pathOf(folder: FolderOption): string {
  return resolve(typeof folder === "string" ? folder : fileURLToPath(folder))
}

/** Raises `DigestError` unless this is a folder; gives where it really is. */
export async function folderAt(path: string): Promise<string> {
  const real = await wrapped(`there is no folder ${path}`, () => realpath(path))
  if (!(await stat(real)).isDirectory()) throw new DigestError(`${path} is no folder`)
  return real
}

/**
 * All regular files below a real folder, but for what begins with a dot, as nobody means to serve it. Links to files count
 * where these are below the folder too; links to folders are not followed. `leave` is a folder to leave out.
 */
export async function treeOf(root: string, leave: string | undefined): Promise<Tree> {
  const files: string[] = []
  const skipped: Skipped[] = []
  const visit = async (folder: string): Promise<void> => {
    const here = join(root, folder)
    if (here === leave) return
    const entries = await wrapped(`cannot read the folder ${here}`, () => readdir(here, { withFileTypes: true }))
    for (const entry of entries) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`
      if (entry.name.startsWith(".")) continue
      if (/[\\\ufffd]/.test(entry.name)) skipped.push({ path, reason: "no URL can name it" })
      else if (entry.isDirectory()) await visit(path)
      else if (entry.isFile()) files.push(path)
      else if (!entry.isSymbolicLink()) skipped.push({ path, reason: "it is no regular file" })
      else if (await isFileInside(root, join(root, path))) files.push(path)
      else skipped.push({ path, reason: "it is a link, and not to a file of this folder" })
    }
  }
  await visit("")
  const byPath = (a: string, b: string): number => (a < b ? -1 : 1)
  return { files: files.sort(byPath), skipped: skipped.sort((a, b) => byPath(a.path, b.path)) }
}

async function isFileInside(root: string, link: string): Promise<boolean> {
  try {
    const real = await realpath(link)
    return isBelow(real, root) && (await stat(real)).isFile()
  } catch {
    return false
  }
}

export const isBelow = (path: string, root: string): boolean => path.startsWith(root.endsWith(sep) ? root : root + sep)

/** What a content is known by. */
export interface Hashes {
  readonly size: number
  /** In hex. */
  readonly md5: string
  /** In base64. */
  readonly sha512: string
}

export class Hashing {
  readonly #md5 = createHash("md5")
  readonly #sha512 = createHash("sha512")
  size = 0

  add(bytes: Uint8Array): void {
    this.#md5.update(bytes)
    this.#sha512.update(bytes)
    this.size += bytes.length
  }

  end(): Hashes {
    return { size: this.size, md5: this.#md5.digest("hex"), sha512: this.#sha512.digest("base64") }
  }
}

/** A content in memory. */
export function contentOf(from: Buffer): Content {
  const hashing = new Hashing()
  hashing.add(from)
  return { from, ...hashing.end() }
}

// What takes a file's place meanwhile may be a FIFO, which would hold the thread that opens it.
const reading = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)

/** The bytes of a regular file, piece by piece; not more than there were when it was opened. */
export async function* piecesOf(path: string): AsyncGenerator<Buffer> {
  const handle = await open(path, reading)
  try {
    const stats = await handle.stat()
    if (!stats.isFile()) throw new DigestError(`${path} is no regular file any more`)
    if (stats.size > 0) {
      yield* handle.createReadStream({ autoClose: false, start: 0, end: stats.size - 1, highWaterMark: 262_144 })
    }
  } finally {
    await handle.close()
  }
}

/** Reads a file for its hashes alone. */
export async function hashFile(path: string): Promise<Hashes> {
  return wrapped(`cannot read ${path}`, async () => {
    const hashing = new Hashing()
    for await (const piece of piecesOf(path)) hashing.add(piece)
    return hashing.end()
  })
}

/** A content to be written: in memory, or that of a file, which must still be what it was. */
export interface Content extends Hashes {
  readonly from: Buffer | string
}

/** The pieces of a content; raises `DigestError` at the end when its file is not what it was. */
export async function* read({ from, md5, sha512, size }: Content): AsyncGenerator<Buffer> {
  if (typeof from !== "string") {
    yield from
    return
  }
  const hashing = new Hashing()
  for await (const piece of piecesOf(from)) {
    hashing.add(piece)
    yield piece
  }
  const now = hashing.end()
  if (now.md5 !== md5 || now.sha512 !== sha512 || now.size !== size) {
    throw new DigestError(`${from} has changed while it was digested; run it again when nothing writes there`)
  }
}

/** What became of a file. */
export type Fate = "same" | "new" | "replaced"

/** Makes a file have this content; one that has it is not touched. */
export async function put(path: string, content: Content): Promise<Fate> {
  const before = await fileAt(path)
  if (before !== undefined && before === content.size && (await hashFile(path)).sha512 === content.sha512) return "same"
  await replace(path, (temp) => pipeline(Readable.from(read(content)), createWriteStream(temp, { flags: "wx" })))
  return before === undefined ? "new" : "replaced"
}

/** Bytes of a regular file; undefined when there is none, but perhaps something else. */
export async function fileAt(path: string): Promise<number | undefined> {
  try {
    const stats = await lstat(path)
    return stats.isFile() ? stats.size : undefined
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw new DigestError(`cannot look for ${path}: ${(error as Error).message}`, { cause: error })
  }
}

/**
 * Writes a file under another name, and renames it when it is whole; if `write` gives false it is dropped. The name begins
 * with a dot, so that what a process leaves behind that is killed meanwhile is never served.
 */
export async function replace(path: string, write: (temp: string) => Promise<boolean | void>): Promise<boolean> {
  const temp = join(dirname(path), `.digest-${randomBytes(8).toString("hex")}.tmp`)
  return wrapped(`cannot write ${path}`, async () => {
    try {
      if ((await write(temp)) === false) return false
      await rename(temp, path)
      return true
    } finally {
      await rm(temp, { force: true })
    }
  })
}

/** Makes the folder of a file below a real folder; raises `DigestError` where a link leads out of that. */
export async function makeFolder(root: string, path: string): Promise<void> {
  const folder = dirname(join(root, path))
  await wrapped(`cannot make the folder ${folder}`, () => mkdir(folder, { recursive: true }))
  const real = await realpath(folder)
  if (real !== root && !isBelow(real, root))
    throw new DigestError(`${folder} leads out of ${root}; nothing is written there`)
}

/** Removes a file or a link; true if there was one. */
export async function remove(path: string): Promise<boolean> {
  try {
    await rm(path)
    return true
  } catch (error) {
    if (isAbsent(error)) return false
    throw new DigestError(`cannot remove ${path}: ${(error as Error).message}`, { cause: error })
  }
}

const isAbsent = (error: unknown): boolean =>
  ["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")

/** Names the file in what the system says. */
export async function wrapped<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof DigestError) throw error
    throw new DigestError(`${what}: ${(error as Error).message}`, { cause: error })
  }
}

/** Works on all items, on so many at a time; after a failure begins no other, and rejects when none is under way. */
export async function each<T>(
  items: readonly T[],
  atATime: number,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  let at = 0
  let failure: { error: unknown } | undefined
  const run = async (): Promise<void> => {
    while (at < items.length && failure === undefined) {
      const index = at++
      try {
        await work(items[index]!, index)
      } catch (error) {
        failure ??= { error }
      }
    }
  }
  await Promise.all(Array.from({ length: atATime }, run))
  if (failure !== undefined) throw failure.error
}
