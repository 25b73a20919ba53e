/**
 * Regular files for `sendFile`: opened without blocking, read in pieces, closed exactly once.
 */
import { close, constants, fstat, open, read } from "node:fs"
import type { OpenFile } from "../src/conn/adapter.ts"

/** How much one read brings at most. */
export const fileChunkBytes = 65_536

/** An open regular file with a reader. */
export interface RegularFile extends OpenFile {
  /**
   * Reads up to `length` bytes from `offset`, at most `fileChunkBytes`; empty at the file's end. The bytes are the
   * caller's. Rejects with the system's error, with EBADF when the file is closed.
   */
  read(offset: number, length: number): Promise<Buffer>
}

// Without O_NONBLOCK, opening a FIFO would hold a thread of the pool until somebody writes to it. Windows has none.
const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)

/**
 * Opens a regular file. Rejects with the system's error (ENOENT, EACCES, …), and with EISDIR for a directory and
 * whatever else is no regular file.
 */
export function openRegularFile(path: string): Promise<RegularFile> {
  return new Promise((resolve, reject) => {
    open(path, flags, (openError, fd) => {
      if (openError) return reject(openError)
      fstat(fd, (statError, stats) => {
        if (!statError && stats.isFile()) return resolve(new OpenedFile(fd, stats.size, stats.mtimeMs))
        close(fd, () => reject(statError ?? notRegular(path)))
      })
    })
  })
}

class OpenedFile implements RegularFile {
  readonly size: number
  readonly mtime: number
  readonly #fd: number
  #reads = 0
  #closed = false

  constructor(fd: number, size: number, mtime: number) {
    this.#fd = fd
    this.size = size
    this.mtime = mtime
  }

  read(offset: number, length: number): Promise<Buffer> {
    if (this.#closed) return Promise.reject(systemError("EBADF", "bad file descriptor", "read"))
    this.#reads++
    return new Promise((resolve, reject) => {
      const wanted = Math.min(length, fileChunkBytes)
      read(this.#fd, Buffer.allocUnsafeSlow(wanted), 0, wanted, offset, (error, count, buffer) => {
        this.#reads--
        // A descriptor that is closed under a read may by then be another file's.
        if (this.#closed && this.#reads === 0) close(this.#fd, () => {})
        if (error) reject(error)
        else resolve(count === wanted ? buffer : buffer.subarray(0, count))
      })
    })
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    if (this.#reads === 0) close(this.#fd, () => {})
  }
}

function notRegular(path: string): Error {
  return systemError("EISDIR", "illegal operation on what is no regular file", `open '${path}'`)
}

function systemError(code: string, message: string, call: string): Error {
  return Object.assign(new Error(`${code}: ${message}, ${call}`), { code })
}
