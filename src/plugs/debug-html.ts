/** The debugger's report as one HTML page, which loads nothing from anywhere. */

import { escapeHtml } from "../http/html.ts"
import type { Frame } from "./debug-frames.ts"
import { markdownOf, placeOf } from "./debug-markdown.ts"
import { paint } from "./debug-paint.ts"
import type { RanPlug, Report, Section } from "./debug-report.ts"
import { script, style } from "./debug-style.ts"
import type { DebugError } from "./debug-thrown.ts"

/** What the page may do: run its own script, apply its own style, and nothing else. */
export function policyOf(nonce: string): string {
  const own = `'nonce-${nonce}'`
  return `default-src 'none'; style-src ${own}; script-src ${own}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`
}

export function pageOf(report: Report, nonce: string): string {
  const { status, phrase, method, target, errors, plugs, sections } = report
  const [error, ...others] = errors
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${text(`${error.name} at ${method} ${target}`)}</title>
<style nonce="${nonce}">${style}</style>
</head>
<body>
<header>
<p class="request"><span class="status">${status} ${text(phrase)}</span> <span class="method">${text(method)}</span> <span class="target">${text(target)}</span></p>
<h1>${text(error.name)}</h1>
${messageOf(error)}
<p class="told">In production a client is told ${text(report.told)}.</p>
<p class="actions"><button type="button" id="copy" hidden>Copy as Markdown</button> <span id="copied" role="status"></span></p>
</header>
<div class="columns">
<main>
${detailsOf(error)}${stackOf(error, status >= 500)}
${others.map((one, at) => causeOf(one, `cause-${at}`)).join("\n")}
</main>
<aside aria-label="The request and its surroundings">
${plugs.length > 0 ? plugsOf(plugs) : ""}
${sections.map(sectionOf).join("\n")}
</aside>
</div>
<footer>
<details><summary>All of this as Markdown</summary>
<textarea id="markdown" readonly rows="16" aria-label="All of this as Markdown" spellcheck="false">
${text(markdownOf(report))}</textarea></details>
</footer>
<script nonce="${nonce}">${script}</script>
</body>
</html>
`
}

const text = escapeHtml

function messageOf({ message }: DebugError): string {
  if (message === "") return ""
  // A long message is a dump: it is shown as one, and scrolls.
  const isLong = message.length > 300 || message.split("\n").length > 4
  return isLong ? scrolling("message long", "The error's message", message) : `<p class="message">${text(message)}</p>`
}

/** What is wider or higher than its place can be scrolled with the keyboard. */
function scrolling(kind: string, label: string, content: string): string {
  return `<pre class="${kind}" tabindex="0" role="region" aria-label="${text(label)}">${text(content)}</pre>`
}

function detailsOf({ details }: DebugError): string {
  return details === ""
    ? ""
    : `<section><h2>Details</h2>${scrolling("value", "Details of the error", details)}</section>\n`
}

function causeOf(error: DebugError, id: string): string {
  return `<section class="cause" aria-labelledby="${id}">
<h2 id="${id}"><span class="relation">${text(error.relation)}</span> ${text(error.name)}</h2>
${messageOf(error)}${error.details === "" ? "" : scrolling("value", "Details of the error", error.details)}
${framesOf(error.frames, false, false)}
</section>`
}

function stackOf({ frames }: DebugError, opens: boolean): string {
  const shown = frames.length > 0 ? framesOf(frames, true, opens) : '<p class="none">What was thrown has none.</p>'
  return `<section aria-labelledby="stack"><h2 id="stack">Stack</h2>\n${shown}\n</section>`
}

/** The application's frames with their source, then the whole stack behind a toggle. */
function framesOf(frames: readonly Frame[], opensFirst: boolean, opensWhole: boolean): string {
  if (frames.length === 0) return ""
  const own = frames.filter(({ kind }) => kind === "app")
  const shown = own.map((frame, at) => frameOf(frame, opensFirst && at === 0)).join("\n")
  const rest = frames.length - own.length
  const hint = own.length === 0 ? "none is the application's" : `${rest} of Node, Plumage and libraries`
  const whole = `<details class="whole"${opensWhole && own.length === 0 ? " open" : ""}><summary>All ${frames.length} frames <span class="hint">${hint}</span></summary>
<ol>${frames.map(rowOf).join("")}</ol></details>`
  return rest === 0 ? shown : `${shown}\n${whole}`
}

function frameOf(frame: Frame, open: boolean): string {
  const { excerpt, link } = frame
  const title = `<code class="name">${text(frame.name || "(unnamed)")}</code> <span class="file">${fileOf(frame)}</span>`
  if (excerpt === undefined) return `<div class="frame bare">${title}${linkOf(link, frame)}</div>`
  const lines = excerpt.lines.map((line, at) => lineOf(line, excerpt.first + at, frame)).join("")
  return `<details class="frame"${open ? " open" : ""}><summary>${title}</summary>
<div class="source">${linkOf(link, frame)}<pre tabindex="0" role="region" aria-label="Source of ${text(placeOf(frame))}"><code>${lines}</code></pre></div></details>`
}

function lineOf(line: string, number: number, frame: Frame): string {
  const failing = number === frame.line
  const marker = failing ? ' class="failing" aria-current="true"' : ""
  return `<span${marker}><i>${number}</i>${paint(line)}\n</span>`
}

function fileOf(frame: Frame): string {
  const { file, line } = frame
  const at = file.lastIndexOf("/") + 1
  const where = line === 0 ? "" : `<span class="line">:${line}</span>`
  return `${text(file.slice(0, at))}<b>${text(file.slice(at))}</b>${where}`
}

function linkOf(link: string | undefined, frame: Frame): string {
  return link === undefined
    ? ""
    : `<a class="open" href="${text(link)}">Open<span class="unseen"> ${text(placeOf(frame))} in the editor</span></a>`
}

function rowOf(frame: Frame): string {
  const { kind, name } = frame
  const file =
    frame.link === undefined ? text(placeOf(frame)) : `<a href="${text(frame.link)}">${text(placeOf(frame))}</a>`
  return `<li class="${kind}"><code>${text(name || "(unnamed)")}</code> <span class="file">${file}</span></li>`
}

function plugsOf(plugs: readonly RanPlug[]): string {
  const marks = { before: "ran", here: "failed here", not: "not reached" }
  const items = plugs.map(
    ({ name, ran }) => `<li class="${ran}"><code>${text(name)}</code> <span class="mark">${marks[ran]}</span></li>`,
  )
  return `<section aria-labelledby="plugs"><h2 id="plugs">Plugs</h2>\n<ol class="plugs">${items.join("")}</ol></section>`
}

function sectionOf({ title, rows }: Section): string {
  const id = title.toLowerCase().replace(/\s/g, "-")
  const items = rows.map(
    ([name, value]) =>
      `<div${value.includes("\n") ? ' class="tall"' : ""}><dt>${text(name)}</dt><dd>${shownValue(name, value)}</dd></div>`,
  )
  return `<section aria-labelledby="${id}"><h2 id="${id}">${text(title)}</h2>\n<dl>${items.join("")}</dl></section>`
}

function shownValue(name: string, value: string): string {
  if (value === "[FILTERED]") return '<span class="filtered">[FILTERED]</span>'
  return value.includes("\n") ? scrolling("value", name, value) : text(value)
}
