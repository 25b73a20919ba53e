/** What the debugger knows of an error and its request, as plain text values; the page, Markdown and JSON show it. */

import { inner } from "../conn/conn.ts"
import { HTTPError } from "../conn/errors.ts"
import type { Conn } from "../conn/states.ts"
import { reasonPhrase } from "../http/status.ts"
import type { EditorLink } from "./debug-editor.ts"
import type { Places } from "./debug-frames.ts"
import { attempt, clean, type Mask } from "./debug-mask.ts"
import { type DebugError, errorsOf } from "./debug-thrown.ts"
import { filtered, filterQuery } from "./log-filter.ts"

/** A name and its value, both ready to be shown. */
export type Row = readonly [name: string, value: string]

export interface Section {
  readonly title: string
  readonly rows: readonly Row[]
}

/** A plug of the endpoint, or of the route. */
export interface RanPlug {
  readonly name: string
  /** "here" is where it stood when it failed. */
  readonly ran: "before" | "here" | "not"
}

export interface Report {
  readonly status: number
  readonly phrase: string
  readonly method: string
  /** Path and query, secrets replaced. */
  readonly target: string
  /** What a client is told of this in production. */
  readonly told: string
  /** The error itself first, then what caused it. */
  readonly errors: readonly [DebugError, ...DebugError[]]
  readonly plugs: readonly RanPlug[]
  readonly sections: readonly Section[]
}

/** What the options came to. */
export interface Settings {
  readonly mask: Mask
  readonly places: Places
  readonly version: string
  readonly link: EditorLink | undefined
}

export function reportOf(conn: Conn, error: unknown, settings: Settings): Report {
  const { mask, version } = settings
  const status = conn.status ?? 500
  const isPublic = attempt(() => error instanceof HTTPError, false)
  const query = conn.queryString === "" ? "" : `?${filterQuery(conn.queryString, mask.filter)}`
  return {
    status,
    phrase: reasonPhrase(status),
    method: clean(conn.method, 100),
    target: clean(conn.unsafeRawPath + query),
    told: isPublic ? "this message" : `only “${status} ${reasonPhrase(status)}”`,
    errors: errorsOf(error, settings),
    plugs: plugsOf(conn),
    sections: sectionsOf(conn, mask, version).filter(({ rows }) => rows.length > 0),
  }
}

function plugsOf(conn: Conn): RanPlug[] {
  const { passed, row, at } = inner(conn)
  const plugs: RanPlug[] = passed.map((plug) => ({ name: plugName(plug), ran: "before" }))
  row.forEach((plug, index) => {
    plugs.push({ name: plugName(plug), ran: index < at ? "before" : index === at ? "here" : "not" })
  })
  const { route } = conn
  const last = route === undefined ? "the router" : `the action of ${route.method} ${route.path}`
  // Before the first plug there was nothing that could have failed there.
  if (row.length > 0 || at > 0 || route !== undefined)
    plugs.push({ name: clean(last), ran: at >= row.length ? "here" : "not" })
  return plugs
}

/** The name of a plug, or how its code begins. */
function plugName(plug: Function): string {
  const name: unknown = attempt(() => plug.name, "")
  if (typeof name === "string" && name !== "") return clean(name, 100)
  return clean(attempt(() => Function.prototype.toString.call(plug), "a plug").replace(/\s+/g, " "), 60)
}

function sectionsOf(conn: Conn, mask: Mask, version: string): Section[] {
  const { parsed } = inner(conn)
  const read = (get: () => object | undefined): Row[] => attempt(() => rowsOf(get() ?? {}, mask), [])
  const assigns = attempt(() => Object.entries(conn.assigns), [])
  const session = attempt(() => (conn.assigns as { session?: { all?: () => object } }).session, undefined)
  const isSession = typeof attempt(() => session?.all, undefined) === "function"
  return [
    { title: "Request", rows: requestRows(conn) },
    { title: "Path parameters", rows: read(() => conn.pathParams) },
    { title: "Query parameters", rows: read(() => conn.queryParams) },
    { title: "Body parameters", rows: read(() => parsed?.body) },
    { title: "Session", rows: isSession ? read(() => session!.all!()) : [] },
    {
      title: "Assigns",
      rows: assigns
        .filter(([name]) => name !== "session" || !isSession)
        .slice(0, 100)
        .map(([name, value]) => [clean(name, 200), name === "session" ? mask.print(value) : mask.show(name, value)]),
    },
    { title: "Headers", rows: attempt(() => headerRows(conn.reqHeaders, mask), []) },
    { title: "Cookies", rows: read(() => conn.reqCookies).map(([name]) => [name, filtered]) },
    { title: "Runtime", rows: runtimeRows(version) },
  ]
}

function requestRows(conn: Conn): Row[] {
  const peer = conn.getPeerData()
  const rows: Row[] = [
    ["scheme and host", attempt(() => `${conn.scheme}://${conn.host}:${conn.port}`, "malformed")],
    ["route", conn.route === undefined ? "none matched" : `${conn.route.method} ${conn.route.path}`],
    ["protocol", conn.getHttpProtocol()],
    ["peer", `${peer.address} port ${peer.port}`],
  ]
  if (conn.remoteIp !== peer.address) rows.push(["client", conn.remoteIp])
  return rows.map(([name, value]) => [name, clean(value)])
}

function rowsOf(values: object, mask: Mask): Row[] {
  const entries = Object.entries(values).slice(0, 100)
  return entries.map(([name, value]) => [clean(name, 200), mask.show(name, value)])
}

function headerRows(headers: readonly string[], mask: Mask): Row[] {
  const rows: Row[] = []
  for (let at = 0; at < headers.length; at += 2) {
    const [name, value] = [headers[at]!, headers[at + 1]!]
    const query = value.indexOf("?")
    // A page's address may hold a token too.
    const isAddress = (name === "referer" || name === "referrer") && query >= 0
    const shown = isAddress ? `${value.slice(0, query)}?${filterQuery(value.slice(query + 1), mask.filter)}` : value
    rows.push([clean(name, 200), mask.show(name, shown)])
  }
  return rows
}

function runtimeRows(version: string): Row[] {
  const { rss, heapUsed } = process.memoryUsage()
  const mebibytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`
  return [
    ["Node", `${process.version} on ${process.platform} ${process.arch}, process ${process.pid}`],
    ["Plumage", version],
    ["NODE_ENV", clean(process.env["NODE_ENV"] ?? "not set", 100)],
    ["running for", duration(process.uptime())],
    ["memory", `${mebibytes(rss)}, of which ${mebibytes(heapUsed)} JavaScript heap`],
    ["folder", clean(process.cwd())],
  ]
}

function duration(seconds: number): string {
  const minutes = Math.floor(seconds / 60)
  if (minutes < 1) return `${Math.floor(seconds)} s`
  return minutes < 60
    ? `${minutes} min ${Math.floor(seconds % 60)} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
