/**
 * The result of a benchmark as rows, and as a table that can go into a README.
 */
import { median, paired } from "./measure.mjs"
import { budgets } from "./scenarios.mjs"

/** Which servers are also compared with another one than raw `node:http`. */
export const comparedTo = {
  "plumage-elli": ["raw-net"],
  "plumage-uws": ["raw-uws"],
  "hyper-express": ["raw-uws"],
  "plumage-node": ["fastify"],
}

const round = (value, digits) => Number(value.toFixed(digits))
const rounded = (ratio) => ({ median: round(ratio.median, 3), low: round(ratio.low, 3), high: round(ratio.high, 3) })

/**
 * One row for each server of a scenario, from `samples[server]`: one `{ perCpu, perSecond, p50, p99 }` for each round.
 */
export function rows(scenario, samples) {
  return Object.entries(samples).map(([server, own]) => {
    const ratios = { "raw-http": rounded(paired(own, samples["raw-http"])) }
    for (const other of comparedTo[server] ?? []) {
      if (samples[other] !== undefined) ratios[other] = rounded(paired(own, samples[other]))
    }
    return {
      scenario,
      server,
      ratios,
      budget: (budgets[server] ?? [])
        .filter(({ to }) => ratios[to] !== undefined)
        .map(({ to, least }) => ({
          to,
          least: least[scenario],
          median: ratios[to].median,
          reached: ratios[to].median >= least[scenario],
        })),
      requestsPerCpuSecond: round(median(own.map((sample) => sample.perCpu)), 0),
      requestsPerSecond: round(median(own.map((sample) => sample.perSecond)), 0),
      p50: round(median(own.map((sample) => sample.p50)), 2),
      p99: round(median(own.map((sample) => sample.p99)), 2),
    }
  })
}

const spread = ({ median: middle, low, high }) => `${middle.toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)})`

/** The rows of one scenario as a Markdown table, padded so that it can be read in a terminal too. */
export function table(list) {
  const head = ["server", "× raw-http (quartiles)", "also", "budget", "req / CPU s", "req / s", "p50 ms", "p99 ms"]
  const lines = list.map((row) => [
    row.server,
    spread(row.ratios["raw-http"]),
    Object.entries(row.ratios)
      .filter(([name]) => name !== "raw-http")
      .map(([name, ratio]) => `${spread(ratio)} × ${name}`)
      .join(", "),
    row.budget.map(({ to, least, reached }) => `${least} × ${to}: ${reached ? "reached" : "NOT REACHED"}`).join(", "),
    String(row.requestsPerCpuSecond),
    String(row.requestsPerSecond),
    row.p50.toFixed(2),
    row.p99.toFixed(2),
  ])
  const widths = head.map((title, column) => Math.max(title.length, ...lines.map((line) => line[column].length)))
  const draw = (line) => `| ${line.map((cell, column) => cell.padEnd(widths[column])).join(" | ")} |`
  return [draw(head), `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`, ...lines.map(draw)].join("\n")
}
