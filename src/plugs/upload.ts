/** A file that a client has sent, after Plug.Upload: it lies in a temporary file and dies with its request. */

import { randomBytes } from "node:crypto"
import { copyFile, link, rename, unlink } from "node:fs/promises"
import { InvalidPathError } from "../conn/errors.ts"
import { checkOptionNames } from "../conn/options.ts"
import { safeFilename } from "../http/filename.ts"

export { safeFilename } from "../http/filename.ts"

declare const fromClient: unique symbol
/** A file name as a client has sent it: any text at all, such as "../../etc/passwd". To show, never to open. */
export type ClientFilename = string & { readonly [fromClient]: true }

/** What an upload is made of. */
export interface UploadSource {
  readonly path: string
  readonly filename: string
  readonly contentType: string
  readonly size: number
}

/** Who deletes uploads when their request is over. */
export interface UploadOwner {
  /** True when the upload is now the owner's to delete. */
  take(upload: Upload): boolean
  release(upload: Upload): void
}

/**
 * An uploaded file. It is deleted when its request is over, unless it was moved or given away.
 *
 * @example
 * const upload = new Upload({ path: "/tmp/x", filename: "C:\\fakepath\\..\\a<b>.txt", contentType: "text/plain", size: 3 })
 * upload.safeFilename //=> "a_b_.txt"
 */
export class Upload {
  /** What the client calls the file: unchecked, and no part of any path. See `safeFilename`. */
  readonly filename: ClientFilename
  /** What the client says that it is: unchecked. */
  readonly contentType: string
  /** Bytes. */
  readonly size: number
  readonly #owner: UploadOwner | undefined
  #path: string

  constructor({ path, filename, contentType, size }: UploadSource, owner?: UploadOwner) {
    this.#path = path
    this.filename = filename as ClientFilename
    this.contentType = contentType
    this.size = size
    this.#owner = owner
  }

  /** Where the file lies now. */
  get path(): string {
    return this.#path
  }

  /** The client's name made fit for one file in a folder, on any system; "file" when nothing of it is. Not unique. */
  get safeFilename(): string {
    return safeFilename(this.filename)
  }

  /**
   * Moves the file, also to another disk, where it then stays. The target is a path that the application has chosen: never
   * one made of `filename`, which does not compile by itself. Nothing is overwritten unless `overwrite` says so: the
   * promise then rejects with EEXIST. A target with ".." in it is an `InvalidPathError` (400). The mode stays 0600.
   */
  async moveTo<T extends string>(
    target: T extends ClientFilename ? never : T,
    options: { overwrite?: boolean } = {},
  ): Promise<void> {
    checkOptionNames("moveTo", options, ["overwrite"])
    if (target === "" || target.includes("\0") || target.split(/[/\\]/).includes("..")) throw new InvalidPathError()
    const from = this.giveAway()
    try {
      await move(from, target, options.overwrite === true)
      this.#path = target
    } catch (error) {
      // Still the request's, which may be over by now.
      if (this.#owner?.take(this) === false) await this.delete()
      throw error
    }
  }

  /** Takes the file from its request: whoever calls this deletes it. The end of the process still removes it. */
  giveAway(): string {
    this.#owner?.release(this)
    return this.#path
  }

  /** Deletes the file now. Does nothing when it is gone. */
  async delete(): Promise<void> {
    this.#owner?.release(this)
    await unlink(this.#path).catch(() => undefined)
  }
}

/** A link is made only where nothing is, a rename replaces; both are all or nothing. */
async function move(from: string, target: string, overwrite: boolean): Promise<void> {
  try {
    await (overwrite ? rename(from, target) : link(from, target))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") throw error
    if (!["EXDEV", "EPERM", "ENOTSUP"].includes(String((error as NodeJS.ErrnoException).code))) throw error
    await moveAcross(from, target, overwrite)
    return
  }
  if (!overwrite) await unlink(from)
}

/** Copies beside the target first, so that nobody sees half a file there. */
async function moveAcross(from: string, target: string, overwrite: boolean): Promise<void> {
  const beside = `${target}.${randomBytes(8).toString("hex")}`
  try {
    await copyFile(from, beside)
    await move(beside, target, overwrite)
  } catch (error) {
    await unlink(beside).catch(() => undefined)
    throw error
  }
  await unlink(from)
}
