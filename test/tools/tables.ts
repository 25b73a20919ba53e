/** Makes the tables of the README from their sources: `npm run readme` writes them, a test compares them. */

import { readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { defaultLimits } from "plumage"

const root = fileURLToPath(new URL("../../", import.meta.url))
const read = (path: string): string => readFileSync(root + path, "utf8")
const row = (...cells: string[]): string => `| ${cells.join(" | ")} |`
const sentence = (text: string): string => text.replace(/\s+/g, " ").trim()

/** The limits with their defaults; what they mean is read from the docstrings of `Limits`. */
export function limitsTable(): string {
  const source = read("src/conn/adapter.ts")
  const from = source.indexOf("export interface Limits")
  const body = source.slice(from, source.indexOf("\n}", from))
  const docs = new Map([...body.matchAll(/\/\*\* ([^*]+?) \*\/\s+readonly (\w+): number/g)].map((m) => [m[2]!, m[1]!]))
  const rows = Object.entries(defaultLimits).map(([name, value]) =>
    row(`\`limits.${name}\``, value.toLocaleString("en-US"), sentence(docs.get(name) ?? "")),
  )
  return [row("option", "default", "what it bounds"), row("---", "---", "---"), ...rows].join("\n")
}

interface ErrorRow {
  name: string
  parent: string
  code: string
  status: string
  doc: string
}

/** Every error class of `src/conn/errors.ts`; code and status are inherited where a class has none of its own. */
export function errorRows(): ErrorRow[] {
  const rows: ErrorRow[] = []
  const source = read("src/conn/errors.ts")
  for (const match of source.matchAll(/\/\*\* ([^*]+?) \*\/\nexport class (\w+) extends (\w+) \{([\s\S]*?)\n\}/g)) {
    const [, doc, name, parent, body] = match as unknown as [string, string, string, string, string]
    const above = rows.find((one) => one.name === parent)
    const own = /status(?:: number)? = (\d+)/.exec(body)?.[1] ?? /super\((\d{3}),/.exec(body)?.[1]
    const either = /status: (\d+ \| \d+)/.exec(body)?.[1]?.replace(" | ", ", ")
    const code = /code(?:: string)? = "(\w+)"/.exec(body)?.[1] ?? above?.code ?? ""
    const status = either ?? own ?? (name === "HTTPError" ? "400 to 599" : (above?.status ?? ""))
    rows.push({ name, parent, code, status, doc: sentence(doc) })
  }
  return rows
}

export function errorsTable(): string {
  const family = (one: ErrorRow, rows: ErrorRow[]): string => {
    const above = rows.find((other) => other.name === one.parent)
    return above === undefined ? one.name : family(above, rows)
  }
  const rows = errorRows()
  const lines = rows.map((one) => {
    const kind = family(one, rows)
    // A transport error reaches nobody, so its status is for logs alone.
    const status = kind === "TransportError" ? `(${one.status})` : one.status
    return row(`\`${one.name}\``, `\`${one.code}\``, status, kind === one.name ? "" : `\`${one.parent}\``, one.doc)
  })
  return [row("class", "code", "status", "is a", "when"), row("---", "---", "---", "---", "---"), ...lines].join("\n")
}

/** The README with its tables made anew. */
export function filled(readme: string): string {
  const tables = { limits: limitsTable(), errors: errorsTable() }
  for (const [name, table] of Object.entries(tables)) {
    const pattern = new RegExp(`(<!-- ${name} -->\n)[\\s\\S]*?(?=\n(?:<!-- end -->|##)|$)`)
    readme = readme.replace(pattern, (_, mark: string) => `${mark}${table}\n`)
  }
  return readme
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(`${root}README.md`, filled(read("README.md")))
