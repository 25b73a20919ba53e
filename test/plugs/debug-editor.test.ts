/** Links to lines of source. */
import { InvalidOptionError } from "plumage"
import { expect, test } from "vitest"
import { compileEditor } from "../../src/plugs/debug-editor.ts"

const link = (editor: string, path = "/app/src/a b#1.ts") => compileEditor("test", "editor", editor, "/app")(path, 3, 9)

test.each([
  ["vscode", "vscode://file/app/src/a%20b%231.ts:3:9"],
  ["cursor", "cursor://file/app/src/a%20b%231.ts:3:9"],
  ["zed", "zed://file/app/src/a%20b%231.ts:3:9"],
  ["webstorm", "webstorm://open?file=/app/src/a%20b%231.ts&line=3&column=9"],
  ["http://localhost:63342/api/file{file}:{line}", "http://localhost:63342/api/file/app/src/a%20b%231.ts:3"],
  ["x://__RELATIVEFILE__#__LINE__", "x://src/a%20b%231.ts#3"],
])("%s opens %s", (editor, wanted) => expect(link(editor)).toBe(wanted))

test("a path with a drive is below the root of the link, and a file named after a template is no template", () => {
  expect(link("vscode", "C:\\app\\a.ts")).toBe("vscode://file/C%3A/app/a.ts:3:9")
  expect(link("vscode", "/app/{line}.ts")).toBe("vscode://file/app/%7Bline%7D.ts:3:9")
})

test.each([
  "",
  "emacs",
  "constructor",
  "javascript:{file}",
  "JavaScript:alert({file})",
  "data:text/html,{file}",
  "x://no-file",
  " javascript:{file}",
])("%s is refused", (editor) => expect(() => link(editor)).toThrow(InvalidOptionError))
