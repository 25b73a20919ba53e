/** Links that open a line of source in an editor. */

import { relative } from "node:path"
import { checkOption } from "../conn/options.ts"

const templates: Readonly<Record<string, string>> = {
  vscode: "vscode://file{file}:{line}:{column}",
  cursor: "cursor://file{file}:{line}:{column}",
  zed: "zed://file{file}:{line}:{column}",
  webstorm: "webstorm://open?file={file}&line={line}&column={column}",
}

/** Makes the link of a place in a file; the path is absolute. */
export type EditorLink = (path: string, line: number, column: number) => string

/**
 * Reads the name of an editor, or a template of the link (`"editor://open?file={file}&line={line}"`; `{column}` and
 * `{relative}` are known too, and Plug's `__FILE__`, `__RELATIVEFILE__` and `__LINE__`). Raises `InvalidOptionError`.
 */
export function compileEditor(where: string, name: string, editor: string, folder: string): EditorLink {
  const known = typeof editor === "string" && Object.hasOwn(templates, editor) ? templates[editor]! : String(editor)
  const template = known
    .replaceAll("__RELATIVEFILE__", "{relative}")
    .replaceAll("__FILE__", "{file}")
    .replaceAll("__LINE__", "{line}")
  const holds =
    /^(?!javascript:|data:|vbscript:|blob:)[a-z][a-z0-9+.-]*:/i.test(template) && /\{(?:file|relative)\}/.test(template)
  const accepts = `one of ${Object.keys(templates).join(", ")}, or a URL with {file} and {line}`
  checkOption(where, name, holds, accepts, editor)
  return (path, line, column) => {
    const encoded = (text: string): string => text.replaceAll("\\", "/").split("/").map(encodeURIComponent).join("/")
    const file = encoded(path)
    const values: Record<string, string> = {
      // A Windows path begins with its drive.
      file: file.startsWith("/") ? file : `/${file}`,
      relative: encoded(relative(folder, path)),
      line: String(line),
      column: String(column),
    }
    return template.replace(/\{(file|relative|line|column)\}/g, (_, name: string) => values[name]!)
  }
}
