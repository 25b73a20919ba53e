/** The debugger: in development, an error is answered with all that helps to find it. */

import { randomBytes } from "node:crypto"
import { readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { UsageError } from "../conn/errors.ts"
import { checkOptionNames } from "../conn/options.ts"
import type { Conn } from "../conn/states.ts"
import { acceptedType } from "../http/accept.ts"
import { allowed, type DebugAccess } from "./debug-access.ts"
import { compileEditor } from "./debug-editor.ts"
import { appFolder } from "./debug-frames.ts"
import { pageOf, policyOf } from "./debug-html.ts"
import { jsonOf, markdownOf } from "./debug-markdown.ts"
import { attempt, Mask } from "./debug-mask.ts"
import { reportOf, type Settings } from "./debug-report.ts"
import type { ParamFilter } from "./log-filter.ts"

export interface DebugErrorsOptions extends DebugAccess {
  /** Makes files links: `vscode`, `cursor`, `zed`, `webstorm`, or a URL with `{file}` and `{line}`. `PLUG_EDITOR` when left out. */
  editor?: string
  /** The names whose values are hidden, as in `filterParams`; headers, parameters, session and assigns alike. */
  filter?: ParamFilter
}

const where = "debugErrors"

/**
 * Makes a `renderErrors` for development: the error with its causes, its stack with your source, the request, what was
 * assigned, and the plugs that ran. A page for browsers, JSON for those that accept it, Markdown for terminals.
 *
 * It is for you alone. It raises `UsageError` where NODE_ENV is production; ask for it with a flag of your own, never by the
 * lack of one. The plain page is sent instead to a peer that is not on this machine, through a proxy that says so, under a
 * host name that is not this machine's (a site that points its own name here could read the page), and to a script of
 * another site; the first time, stderr says why. It gives undefined then, so that pages of your own can follow:
 * `(conn, error) => debug(conn, error) ?? pages(conn, error)`.
 *
 * Values of secret names are hidden (`filter`); what stands in an error's message is shown as it is. Node keeps ten frames
 * of a stack: `node --stack-trace-limit=50` keeps more.
 *
 * @example
 * const endpoint = defineEndpoint({ renderErrors: debugErrors() })
 * debugErrors({ editor: "emacs" }) //=> throws InvalidOptionError
 */
export function debugErrors(options: DebugErrorsOptions = {}): (conn: Conn, error: unknown) => unknown {
  checkOptionNames(where, options, ["editor", "filter", "allowPeers", "allowHosts"])
  if (process.env["NODE_ENV"] === "production") {
    throw new UsageError("debugErrors shows source and requests to whoever asks: it is not for NODE_ENV=production")
  }
  const own = ownPackage()
  const places = { app: appFolder(), plumage: own.folder }
  const given = process.env["PLUG_EDITOR"]
  const editor = options.editor ?? (given === "" ? undefined : given)
  const link =
    editor === undefined
      ? undefined
      : compileEditor(where, options.editor === undefined ? "PLUG_EDITOR" : "editor", editor, places.app)
  const settings: Settings = { mask: new Mask(where, options.filter), places, version: own.version, link }
  const isAllowed = allowed(where, options)
  return (conn, error) => {
    if (isAllowed(conn)) return show(conn, error, settings)
  }
}

function show(conn: Conn, error: unknown, settings: Settings): unknown {
  const report = reportOf(conn, error, settings)
  const format = formatFor(conn)
  const nonce = randomBytes(16).toString("base64")
  for (const name of ["content-security-policy", "content-security-policy-report-only"]) {
    while (conn.getRespHeader(name) !== undefined) conn.deleteRespHeader(name)
  }
  conn.mergeRespHeaders({
    "cache-control": "no-store",
    "content-security-policy": format === "text/html" ? policyOf(nonce) : "default-src 'none'; frame-ancestors 'none'",
    "content-type": `${format}; charset=utf-8`,
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
  })
  const status = conn.status ?? 500
  if (format === "text/html") return conn.sendResp(status, pageOf(report, nonce))
  if (format === "text/markdown") return conn.sendResp(status, markdownOf(report))
  const code: unknown = attempt(() => (error as { code?: unknown }).code, undefined)
  return conn.sendResp(status, jsonOf(report, typeof code === "string" ? code : "ERR_INTERNAL"))
}

/** A browser's page is HTML whatever else it accepts; a script that sent JSON and accepts all gets JSON; a terminal, text. */
function formatFor(conn: Conn): "text/html" | "text/markdown" | "application/json" {
  if (conn.getReqHeader("sec-fetch-dest") === "document") return "text/html"
  const speaksJson = /[/+]json\b/i.test(conn.getReqHeader("content-type") ?? "")
  const first = speaksJson ? "application/json" : "text/markdown"
  const available = [first, "text/html", "application/json", "text/markdown"]
  return (
    (acceptedType(conn.getReqHeaders("accept").join(", "), available) as "text/html" | undefined) ?? "text/markdown"
  )
}

/** Where Plumage itself lies, and its version; no folder where it is bundled into something else. */
function ownPackage(): { folder: string | undefined; version: string } {
  // A bundler may leave no URL.
  let folder = attempt(() => dirname(fileURLToPath(import.meta.url)), "")
  for (let up = 0; up < 4 && folder !== ""; up++) {
    const found = attempt(() => JSON.parse(readFileSync(join(folder, "package.json"), "utf8")), undefined)
    if (found?.name === "plumage") return { folder, version: String(found.version) }
    folder = dirname(folder)
  }
  return { folder: undefined, version: "unknown" }
}
