/**
 * Which file a path names: the rules for its segments, and the check that the file system means the same by them.
 *
 * The rules are the same on every system, so that what is tested on one holds on the others.
 */

import { realpath } from "node:fs/promises"
import { join, sep } from "node:path"
import { InvalidPathError, ServiceUnavailableError } from "../conn/errors.ts"

/** Whether a link below the folder counts: none, those that stay below it, or all. */
export type FollowSymlinks = boolean | "inside"

const separators = /[/\\:\0]/
/** Windows drops a dot or a space at the end, so `admin.` would be `admin`. */
const dropped = /[. ]$/
/** Names that are devices on Windows in every folder, whatever their extension. */
const devices = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(?:$|[. ])/i

/**
 * Whether segments, decoded once, may name a file. Raises `InvalidPathError` (400) for what could lead elsewhere: ".", "..",
 * and segments with a slash, a backslash, a colon or NUL. False for names that no file has here: those that end with a dot
 * or a space, on Windows those of devices, and those that begin with a dot unless `dotFiles` allows it.
 *
 * @example
 * canNameFile(["css", "app.css"], "deny") //=> true
 * canNameFile([".git", "config"], "deny") //=> false
 * canNameFile(["admin."], "allow") //=> false
 * canNameFile(["a", ".."], "allow") //=> throws InvalidPathError
 */
export function canNameFile(
  segments: readonly string[],
  dotFiles: "deny" | "allow" | readonly string[],
  platform: string = process.platform,
): boolean {
  let can = true
  for (const segment of segments) {
    if (segment === "" || segment === "." || segment === ".." || separators.test(segment)) throw new InvalidPathError()
    if (dropped.test(segment) || (platform === "win32" && devices.test(segment))) can = false
    if (segment.startsWith(".") && dotFiles !== "allow") can &&= dotFiles.includes(segment)
  }
  return can
}

/** Folders whose real place is known. Bounded: `from` may be a function of the request. */
const realFolders = new Map<string, string>()
const realFoldersLimit = 1_000

async function realFolder(folder: string, again: boolean): Promise<string> {
  const known = again ? undefined : realFolders.get(folder)
  if (known !== undefined) return known
  const real = await realpath(folder)
  if (realFolders.size >= realFoldersLimit) realFolders.delete(realFolders.keys().next().value!)
  realFolders.set(folder, real)
  return real
}

/**
 * The path to open for a file below a folder, undefined when there is none or it may not be had. The folder itself may be a
 * link, and may be pointed elsewhere while the server runs. Raises `ServiceUnavailableError` when the disk fails.
 */
export async function fileBelow(
  folder: string,
  segments: readonly string[],
  extension: string,
  follow: FollowSymlinks,
): Promise<string | undefined> {
  const asked = join(folder, ...segments) + extension
  if (follow === true) return asked
  try {
    const real = await realpath(asked)
    for (const again of [false, true]) {
      const root = await realFolder(folder, again)
      if (real === join(root, ...segments) + extension) return real
      if (follow === "inside" && real.startsWith(root.endsWith(sep) ? root : root + sep)) return real
    }
    return undefined
  } catch (error) {
    return absent(error)
  }
}

const absentCodes = new Set([
  "ENOENT",
  "ENOTDIR",
  "ENAMETOOLONG",
  "ELOOP",
  "EACCES",
  "EPERM",
  "EINVAL",
  "ENXIO",
  "ENODEV",
])

/**
 * Gives undefined for the system's errors that say that there is no such file, or none for us: who may not know a file may
 * not know of it. Raises `ServiceUnavailableError` for all others (EMFILE, EIO, …).
 */
export function absent(error: unknown): undefined {
  const { code } = error as NodeJS.ErrnoException
  if (absentCodes.has(code ?? "")) return undefined
  throw new ServiceUnavailableError("a file cannot be read at the moment", { cause: error })
}
