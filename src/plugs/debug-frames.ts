/** The frames of an error's stack: which function, in which file, and whose it is. */

import { realpathSync } from "node:fs"
import { relative, sep } from "node:path"
import { fileURLToPath } from "node:url"
import { clean } from "./debug-mask.ts"
import { type Excerpt, isBelow } from "./debug-source.ts"

/** Whose code a frame is in: the application's, Plumage's, a library's, Node's; or nobody knows. */
export type FrameKind = "app" | "plumage" | "library" | "node" | "other"

export interface Frame {
  readonly kind: FrameKind
  /** The name of the function; "" at the top of a module and in functions without one. */
  readonly name: string
  /** As it is shown: relative to the application's folder, or to that of its package. */
  readonly file: string
  /** Absolute; undefined where it is no file. */
  readonly path: string | undefined
  readonly line: number
  readonly column: number
  /** Lines of the source around it, of the application's frames. */
  excerpt?: Excerpt | undefined
  /** Opens it in an editor, where one was named. */
  link?: string | undefined
}

/** Where things lie: the application's folder and Plumage's own, both without a separator at the end. */
export interface Places {
  readonly app: string
  readonly plumage: string | undefined
}

const maxFrames = 50
const atLine = /^\s+at (?:async )?(.+)$/
const named = /^(.+?) \((.+):(\d+):(\d+)\)$/
const unnamed = /^(.+):(\d+):(\d+)$/

/**
 * The frames of a stack as V8 writes it. The message, which stands in front, is left out, so that nothing in it is taken
 * for a frame.
 */
export function parseStack(stack: string, message: string, places: Places): Frame[] {
  const start = message === "" ? -1 : stack.indexOf(message)
  const frames: Frame[] = []
  for (const line of stack.slice(start < 0 ? 0 : start + message.length, 100_000).split("\n")) {
    const [, text] = line.length < 1_000 ? (atLine.exec(line) ?? []) : []
    if (text === undefined) continue
    frames.push(parseFrame(text, places))
    if (frames.length === maxFrames) break
  }
  return frames
}

function parseFrame(text: string, places: Places): Frame {
  const isPlace = /^(?:file:|node:|\/|[A-Za-z]:[\\/])/.test(text)
  const [, name = "", place = "", line = 0, column = 0] = (isPlace ? undefined : named.exec(text)) ?? bare(text)
  const path = pathOf(place)
  if (path !== undefined) {
    return { ...owner(path, places), name: shortName(name), path, line: Number(line), column: Number(column) }
  }
  const kind = place.startsWith("node:") ? "node" : "other"
  return { kind, name: shortName(name), file: clean(place), path, line: Number(line), column: Number(column) }
}

/** A frame without a function (`file:///a.ts:1:2`), or without a place in a file (`Array.map (<anonymous>)`). */
function bare(text: string): readonly (string | undefined)[] {
  const found = unnamed.exec(text)
  if (found !== null) return ["", "", ...found.slice(1)]
  const [, name, place] = /^(.+?) \((.*)\)$/.exec(text) ?? []
  return ["", name, place ?? text]
}

/** "Object.<anonymous>" says no more than nothing does. */
function shortName(name: string): string {
  return clean(name.replace(/^(?:Object|Module)\.(?=[^<])/, "").replace(/^(?:Object\.)?<anonymous>$/, ""), 200)
}

function pathOf(place: string): string | undefined {
  const plain = place.replace(/\?.*$/s, "")
  try {
    if (plain.startsWith("file:")) return fileURLToPath(plain)
  } catch {
    return undefined
  }
  return /^(?:\/|[A-Za-z]:[\\/])/.test(plain) ? plain : undefined
}

function owner(path: string, { app, plumage }: Places): { kind: FrameKind; file: string } {
  const at = path.lastIndexOf(`${sep}node_modules${sep}`)
  if (at >= 0) {
    const file = clean(path.slice(at + 14).replaceAll("\\", "/"))
    return { kind: file.startsWith("plumage/") ? "plumage" : "library", file }
  }
  if (plumage !== undefined && /^(?:src|adapters|dist)[\\/]/.test(relative(plumage, path))) {
    return { kind: "plumage", file: `plumage/${clean(relative(plumage, path).replaceAll("\\", "/"))}` }
  }
  if (isBelow(app, path)) return { kind: "app", file: clean(relative(app, path).replaceAll("\\", "/")) }
  return { kind: "other", file: clean(path) }
}

/** The application's folder, as paths in stacks name it: without symbolic links. */
export function appFolder(): string {
  const folder = process.cwd()
  try {
    return realpathSync(folder)
  } catch {
    return folder
  }
}
