/** What the architecture test reads: the floors, and what each source file imports. */
import { readdirSync, readFileSync } from "node:fs"
import { dirname, join, relative, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import ts from "typescript-5.9"

export const root = fileURLToPath(new URL("..", import.meta.url))

/** The rooms of `src` by floor; a room imports from lower floors. `src/README.md` draws the same. */
export const floors: Readonly<Record<number, readonly string[]>> = {
  5: ["endpoint", "cli"],
  3: ["router", "controller"],
  2: ["plug", "plugs"],
  1: ["conn"],
  0: ["http", "crypto"],
}

/** Rooms that stand beside the floors: they may import any of them, and none of them imports these. */
export const beside: readonly string[] = ["test"]

/** The floor of a room; beside the floors is above them all. */
export function floorOf(room: string): number {
  for (const [floor, rooms] of Object.entries(floors)) if (rooms.includes(room)) return Number(floor)
  return beside.includes(room) ? Number.POSITIVE_INFINITY : Number.NaN
}

/** All files below a folder, as paths from the root, with "/" as separator. */
export function filesIn(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll("\\", "/"))
    .sort()
}

export const sources = (folder: string): string[] => filesIn(folder).filter((path) => path.endsWith(".ts"))

export const read = (path: string): string => readFileSync(join(root, path), "utf8")

/** One import: of a file of ours (as a path from the root), of a module of the platform, or of a library. */
export interface Import {
  readonly from: string
  readonly kind: "ours" | "node" | "library"
  readonly to: string
}

/** Everything that a file imports, types and dynamic imports too. */
export function importsOf(path: string): Import[] {
  return ts.preProcessFile(read(path), true, true).importedFiles.map(({ fileName }) => {
    if (fileName.startsWith(".")) {
      return {
        from: path,
        kind: "ours",
        to: relative(root, resolve(root, dirname(path), fileName)).replaceAll("\\", "/"),
      }
    }
    if (fileName.startsWith("node:")) return { from: path, kind: "node", to: fileName }
    const [scope, name] = fileName.split("/")
    return { from: path, kind: "library", to: scope!.startsWith("@") ? `${scope}/${name}` : scope! }
  })
}

const isDoc = ({ kind }: ts.Node): boolean =>
  kind >= ts.SyntaxKind.FirstJSDocNode && kind <= ts.SyntaxKind.LastJSDocNode

/** How many lines of a text hold code: neither blank nor only comment. */
export function codeLines(text: string): number {
  const file = ts.createSourceFile("file.ts", text, ts.ScriptTarget.Latest)
  const lines = new Set<number>()
  const visit = (node: ts.Node): void => {
    const children = node.getChildren(file).filter((child) => !isDoc(child))
    if (children.length > 0) {
      children.forEach(visit)
      return
    }
    if (node.getEnd() === node.getStart(file)) return
    const [first, last] = [node.getStart(file), node.getEnd()].map((at) => file.getLineAndCharacterOfPosition(at).line)
    for (let line = first!; line <= last!; line++) lines.add(line)
  }
  visit(file)
  return lines.size
}
