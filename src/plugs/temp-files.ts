/**
 * Temporary files in a folder that only this process can read: made at the first file, removed when the process ends.
 *
 * A process that a signal kills without a listener of its own leaves the folder to whoever cleans the temporary folder.
 */

import { randomBytes } from "node:crypto"
import { mkdtempSync, rmSync } from "node:fs"
import { type FileHandle, open } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

export interface TempFile {
  readonly path: string
  /** Open for writing. Whoever asked for the file closes it. */
  readonly handle: FileHandle
}

/** The private folder below each root, as long as this process lives. */
const folders = new Map<string, string>()

/**
 * Makes an empty file that only the user of this process can read (0600), in a private folder (0700) below `root`, which is
 * the system's temporary folder (TMPDIR) unless given. Rejects with the system's error.
 */
export async function createTempFile(root: string = tmpdir()): Promise<TempFile> {
  try {
    return await createIn(folderBelow(root))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error
    // Somebody cleaned the temporary folder, and ours with it.
    folders.delete(root)
    return createIn(folderBelow(root))
  }
}

/** Exclusive: a file or link that is already there, however it came to be, is an error. */
async function createIn(folder: string): Promise<TempFile> {
  const path = join(folder, randomBytes(16).toString("hex"))
  return { path, handle: await open(path, "wx", 0o600) }
}

function folderBelow(root: string): string {
  let folder = folders.get(root)
  if (folder === undefined) {
    folder = mkdtempSync(join(root, "plumage-"))
    if (folders.size === 0) process.once("exit", removeFolders)
    folders.set(root, folder)
  }
  return folder
}

function removeFolders(): void {
  for (const folder of folders.values()) {
    try {
      rmSync(folder, { recursive: true, force: true })
    } catch {
      // The process ends either way.
    }
  }
}
