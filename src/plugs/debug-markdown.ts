/** The debugger's report as Markdown: for terminals, issues and chats. And as JSON: for clients that ask for it. */

import type { Frame } from "./debug-frames.ts"
import type { Report, Row, Section } from "./debug-report.ts"
import type { DebugError } from "./debug-thrown.ts"

export function markdownOf(report: Report): string {
  const { status, phrase, method, target, errors, plugs, sections } = report
  const parts = [
    `# ${errors[0].name} at ${method} ${target}`,
    `${status} ${phrase}. A client in production is told ${report.told}.`,
  ]
  for (const error of errors) parts.push(...errorLines(error))
  if (plugs.length > 0) {
    const marks = { before: "ran", here: "**here**", not: "not reached" }
    parts.push("## Plugs", plugs.map(({ name, ran }, at) => `${at + 1}. ${inline(name)} (${marks[ran]})`).join("\n"))
  }
  return `${[...parts, ...sections.map(sectionLines)].join("\n\n")}\n`
}

function errorLines({ relation, name, message, details, frames }: DebugError): string[] {
  const lines = relation === "" ? [] : [`## ${relation}: ${name}`]
  if (message !== "") lines.push(fenced(message))
  if (details !== "") lines.push(fenced(details))
  const shown = frames.find(({ excerpt }) => excerpt !== undefined)
  if (shown !== undefined) lines.push(`${placeOf(shown)}\n\n${fenced(excerptLines(shown))}`)
  if (frames.length > 0)
    lines.push(fenced(frames.map((frame) => `at ${frame.name || "(unnamed)"} (${placeOf(frame)})`).join("\n")))
  return lines
}

/** Where a frame is: `src/users.ts:12:9`. */
export function placeOf({ file, line, column }: Frame): string {
  return line === 0 ? file : `${file}:${line}:${column}`
}

function excerptLines({ excerpt, line }: Frame): string {
  const { first, lines } = excerpt!
  const width = String(first + lines.length).length
  return lines
    .map((text, at) => `${first + at === line ? ">" : " "} ${String(first + at).padStart(width)} | ${text}`)
    .join("\n")
}

function sectionLines({ title, rows }: Section): string {
  const items = rows.map(([name, value]) =>
    value.includes("\n") ? `- ${inline(name)}:\n\n${fenced(value)}` : `- ${inline(name)}: ${inline(value)}`,
  )
  return `## ${title}\n\n${items.join("\n")}`
}

/** Code within a line. A run of backticks inside is shorter than the one around it (CommonMark §6.1). */
function inline(text: string): string {
  const fence = "`".repeat(longestRun(text) + 1)
  const room = /^[` ]|[` ]$/.test(text) || text === "" ? " " : ""
  return `${fence}${room}${text}${room}${fence}`
}

function fenced(text: string): string {
  const fence = "`".repeat(Math.max(3, longestRun(text) + 1))
  return `${fence}\n${text}\n${fence}`
}

function longestRun(text: string): number {
  return Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length))
}

/** The shape of the plain answer, `error`, with what only a developer may see beside it. */
export function jsonOf(report: Report, code: string): string {
  const { status, errors, plugs, sections, method, target } = report
  const [{ name, message }] = errors
  const frames = (error: DebugError): string[] =>
    error.frames.map((frame) => `${frame.name || "(unnamed)"} (${placeOf(frame)})`)
  const debug = {
    at: `${method} ${target}`,
    errors: errors.map((one) => ({ ...one, frames: frames(one) })),
    plugs,
    ...Object.fromEntries(sections.map(({ title, rows }) => [title.toLowerCase(), joined(rows)])),
  }
  return JSON.stringify({ error: { status, code, name, message }, debug }, undefined, 2)
}

/** Rows by name; those of one name, as headers may be, in one. */
function joined(rows: readonly Row[]): Record<string, string> {
  const values: Record<string, string> = Object.create(null)
  for (const [name, value] of rows) values[name] = name in values ? `${values[name]}, ${value}` : value
  return values
}
