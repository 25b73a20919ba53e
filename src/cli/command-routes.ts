/** `plumage routes`: what an application answers, and where that is written. */

import { relative } from "node:path"
import { splitPath } from "../http/path.ts"
import { buildMatcher } from "../router/matcher.ts"
import { parsePattern } from "../router/pattern.ts"
import { type RouteInfo, routesIn } from "../router/routes.ts"
import { type Command, CommandError, type Output } from "./command.ts"
import { loadApp } from "./load-app.ts"

type Line = Pick<RouteInfo, "method" | "path" | "host" | "plugs" | "action" | "metadata" | "log" | "source">

export const routesCommand: Command = {
  usage: "routes [FILE] [--json] [--for 'METHOD PATH']",
  about: `Lists the routes of an application in the order in which they are tried.

FILE exports an endpoint or a router (src/endpoint.ts, src/app.ts and the like are found). Of each route: method, path, the
plugs that run before it in order, its action, and where it was written; websockets of the endpoint come first.

  --json                 the same as JSON, with metadata, hosts and log levels
  --for 'GET /users/7'   only the route that such a request would take, with its parameters`,
  options: { json: { type: "boolean" }, for: { type: "string" } },
  async run({ values, positionals: [file] }, output) {
    const app = await loadApp(file, process.cwd())
    const sockets = app.sockets.map((path): Line => {
      const nothing = { host: undefined, plugs: [], metadata: {}, log: undefined, source: undefined }
      return { method: "SOCKET", path, action: "websocket", ...nothing }
    })
    const routes = routesIn(app.routes).map((route) => ({ ...route, source: shortened(route.source) }))
    const asked = values["for"]
    if (asked !== undefined) return tellOne(routes, String(asked), values["json"] === true, output)
    const lines = [...sockets, ...routes]
    if (values["json"] === true) output.write(JSON.stringify(lines, undefined, 2))
    else for (const line of table(lines, output.isTerminal)) output.write(line)
  },
}

const shortened = (source: string | undefined): string | undefined => source && relative(process.cwd(), source)

function tellOne(routes: readonly RouteInfo[], asked: string, asJson: boolean, output: Output): void {
  const [, method, target, host = ""] = /^(\S+)\s+(\/[^\s?]*)\S*(?:\s+(\S+))?$/.exec(asked) ?? []
  if (method === undefined || target === undefined) {
    throw new CommandError(`--for takes a method and a path: --for 'GET /users/7', got ${JSON.stringify(asked)}`, 2)
  }
  const segments = splitPath(target)
  const all = routes.map((value) => ({
    method: value.method,
    pattern: parsePattern(value.path),
    host: value.host,
    value,
  }))
  const found = segments && buildMatcher(all).match(method.toUpperCase(), segments, host)
  if (!found) throw new CommandError(`no route takes ${method.toUpperCase()} ${target}`)
  const { value, params } = found
  if (asJson) output.write(JSON.stringify({ ...value, pathParams: params }, undefined, 2))
  else {
    for (const line of table([value], output.isTerminal)) output.write(line)
    for (const [name, param] of Object.entries(params)) output.write(`  :${name} = ${JSON.stringify(param)}`)
  }
}

function table(lines: readonly Line[], inColour: boolean): string[] {
  const dim = (text: string): string => (inColour ? `\x1b[2m${text}\x1b[22m` : text)
  const cells = lines.map(({ method, path, host, plugs, action, source = "" }) => {
    const place = host === undefined ? path : `${path} on ${[host].flat().join(", ")}`
    return [method, place, [...plugs, action].join(" > "), source] as const
  })
  const width = (at: 0 | 1 | 2): number => Math.max(0, ...cells.map((row) => row[at].length))
  const [methods, paths, rows] = [width(0), width(1), width(2)]
  return cells.map(([method, path, row, source]) =>
    `${method.padEnd(methods)}  ${path.padEnd(paths)}  ${row.padEnd(rows)}  ${dim(source)}`.trimEnd(),
  )
}
