/**
 * Makes the published table of the conformance suite from a run of it, `test/adapters/table.md`:
 *
 *     npx vitest run test/adapters/{node,uws,elli,memory}.test.ts --reporter=json --outputFile=report.json
 *     npx tsx test/adapters/table.ts report.json
 */
import { readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

/** What is read of vitest's JSON report. */
export interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly ancestorTitles: readonly string[]; readonly status: string }[]
  }[]
}

interface Cell {
  passed: number
  failed: number
  /** Left out aloud: the server has no such capability or limit. */
  lacking: number
}

const columns = ["node", "node TLS", "node h2", "uws", "uws TLS", "elli", "elli TLS", "test"]

function show(cell: Cell | undefined): string {
  if (cell === undefined) return ""
  const { passed, failed, lacking } = cell
  const notes = [failed > 0 ? `**${failed} fail**` : "", lacking > 0 ? `${lacking} lacking` : ""].filter(Boolean)
  return notes.length === 0 ? String(passed) : `${passed}, ${notes.join(", ")}`
}

/** The table: groups down, columns across; each cell counts the cases that passed, and says how many did not. */
export function tableOf(report: Report): string {
  const groups = new Map<string, Map<string, Cell>>()
  const seen = new Set<string>()
  for (const { ancestorTitles, status } of report.testResults.flatMap((file) => file.assertionResults)) {
    const at = ancestorTitles.findIndex((title) => columns.includes(title))
    const [column, group] = ancestorTitles.slice(at)
    if (at === -1 || column === undefined || group === undefined) continue
    seen.add(column)
    const row = groups.get(group) ?? new Map<string, Cell>()
    const cell = row.get(column) ?? { passed: 0, failed: 0, lacking: 0 }
    if (status === "passed") cell.passed++
    else if (status === "skipped") cell.lacking++
    else cell.failed++
    groups.set(group, row.set(column, cell))
  }
  const shown = columns.filter((column) => seen.has(column))
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`
  const rows = [...groups].map(([group, row]) => line([group, ...shown.map((column) => show(row.get(column)))]))
  return [line(["", ...shown]), line(["---", ...shown.map(() => "---:")]), ...rows].join("\n")
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [report] = process.argv.slice(2)
  if (report === undefined) throw new Error("name the report: npx tsx test/adapters/table.ts report.json")
  const target = fileURLToPath(new URL("table.md", import.meta.url))
  writeFileSync(target, `${tableOf(JSON.parse(readFileSync(report, "utf8")))}\n`)
}
