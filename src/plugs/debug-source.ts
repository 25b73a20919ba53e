/** Source code around a line, read from disk for the debugger: of the application's own source files and no others. */

import { readFileSync, realpathSync, statSync } from "node:fs"
import { relative, sep } from "node:path"
import { clean } from "./debug-mask.ts"

export interface Excerpt {
  /** The number of the first line. */
  readonly first: number
  readonly lines: readonly string[]
}

/** Lines before and after the one that is meant. */
const around = 5
const maxBytes = 2_000_000
const maxLine = 300
const source = /\.(?:[cm]?[jt]sx?|vue|svelte|astro)$/

/** Whether a path is below a folder; the root of a disk ends with its separator. */
export function isBelow(folder: string, path: string): boolean {
  return path.startsWith(folder.endsWith(sep) ? folder : folder + sep)
}

/** Reads excerpts of the files below one folder; each file once. */
export class Sources {
  readonly #folder: string
  readonly #files = new Map<string, readonly string[] | undefined>()

  constructor(folder: string) {
    this.#folder = folder
  }

  /** The lines around a line (from 1); undefined where the file is none of the application's, or is shorter. */
  excerpt(path: string, line: number): Excerpt | undefined {
    if (!this.#files.has(path)) this.#files.set(path, this.#read(path))
    const lines = this.#files.get(path)
    if (lines === undefined || !(line >= 1 && line <= lines.length)) return undefined
    const first = Math.max(1, line - around)
    return { first, lines: lines.slice(first - 1, line + around).map((text) => clean(text, maxLine)) }
  }

  #read(path: string): readonly string[] | undefined {
    try {
      // The file itself is asked where it is: a link may lead out of the folder.
      const real = realpathSync(path)
      const below = relative(this.#folder, real)
      const hidden = below.split(sep).some((part) => part.startsWith(".") || part === "node_modules")
      if (hidden || !isBelow(this.#folder, real) || !source.test(real)) return undefined
      const stat = statSync(real)
      if (!stat.isFile() || stat.size > maxBytes) return undefined
      // The last line ends the file and begins no other.
      return readFileSync(real, "utf8")
        .replace(/\r?\n$/, "")
        .split(/\r?\n/)
    } catch {
      return undefined
    }
  }
}
