/** Finds the module of an application and what it exports: an endpoint or a router. */

import { access } from "node:fs/promises"
import { createRequire } from "node:module"
import { join, resolve } from "node:path"
import { pathToFileURL } from "node:url"
import type { Endpoint } from "../endpoint/endpoint.ts"
import type { Routes } from "../router/route.ts"
import { CommandError } from "./command.ts"

/** Where an endpoint lies by custom. */
const usual = ["endpoint", "app", "router"].flatMap((name) =>
  ["src/", ""].flatMap((folder) => ["ts", "js", "mts", "mjs"].map((extension) => `${folder}${name}.${extension}`)),
)

/** What is known of an application without starting it. */
export interface App {
  readonly routes: Routes
  readonly sockets: readonly string[]
}

/**
 * Imports a module and takes its `endpoint`, `router` or default export. TypeScript is read by Node itself where it can
 * (from 22.18 on), and by the application's own `tsx` elsewhere. Raises `CommandError` where there is no such module or export.
 */
export async function loadApp(file: string | undefined, folder: string): Promise<App> {
  const path = file === undefined ? await find(folder) : resolve(folder, file)
  if (!(await exists(path))) throw new CommandError(`there is no file ${path}`)
  if (/\.[mc]?ts$/.test(path)) await readTypeScript(path)
  const module: Record<string, unknown> = await import(pathToFileURL(path).href)
  for (const name of ["endpoint", "router", "default"]) {
    const found = module[name] as Partial<Endpoint> | undefined
    if (found !== undefined && found !== null && Array.isArray(found.routes)) {
      return { routes: found.routes, sockets: found.sockets ?? [] }
    }
  }
  throw new CommandError(
    `${path} exports no endpoint and no router; name the file that does: plumage routes src/app.ts`,
  )
}

async function find(folder: string): Promise<string> {
  for (const name of usual) if (await exists(resolve(folder, name))) return resolve(folder, name)
  throw new CommandError(
    `no endpoint was found; looked for ${usual.slice(0, 4).join(", ")} and the like. Name the file`,
  )
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )

async function readTypeScript(path: string): Promise<void> {
  // Node's own way, or a loader that is already there.
  if ((process.features as { typescript?: unknown }).typescript || process.execArgv.some((arg) => arg.includes("tsx")))
    return
  let loader: string
  try {
    // Its form for `require` does not find its own parts (4.23), so the one for `import` is looked up by hand.
    const from = createRequire(path)
    const { exports } = from("tsx/package.json") as { exports: Record<string, { import: { default: string } }> }
    loader = join(from.resolve("tsx/package.json"), "..", exports["./esm/api"]!.import.default)
  } catch (cause) {
    throw new CommandError(`${path} is TypeScript, which this Node does not read: npm install --save-dev tsx`, 1, {
      cause,
    })
  }
  const { register } = (await import(pathToFileURL(loader).href)) as { register(): unknown }
  register()
}
