/**
 * Writes an application with many typed routes into a folder, to measure what its types cost the compiler.
 *
 * The routes stand in scopes of 25 behind a pipeline that assigns `currentUser`. Half of them have an inline action that
 * reads an assign and a parameter, half refer to a controller that needs both. `pathsOf` uses every pattern once. Every
 * scope has the same 25 names below its own prefix, as an application's would largely; with `distinct` all names differ.
 *
 * `node test/types/cost/generate.mjs <folder> [routes] [distinct]`
 */
import { mkdirSync, writeFileSync } from "node:fs"
import { join, parse } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"

const root = fileURLToPath(new URL("../../../", import.meta.url))
const perScope = 25

const pipelines = `import { pipeline, type Conn, type ConnOf } from "plumage"

export interface User { id: string; name: string }
declare function find(token: string | undefined): User | undefined

export const authenticated = pipeline()
  .plug((conn) => conn.putRespHeader("x-frame-options", "DENY"))
  .plug((conn) => conn.assign("currentUser", find(conn.getReqHeader("authorization"))))
  .plug((conn: Conn<{ currentUser: User | undefined }>) =>
    conn.assigns.currentUser
      ? conn.assign("currentUser", conn.assigns.currentUser)
      : conn.sendResp(401, "who are you?").halt(),
  )
export type UserConn = ConnOf<typeof authenticated>
`

const controller = `import type { Sent } from "plumage"
import type { UserConn } from "./pipelines.ts"

export const show = (conn: UserConn, { id }: { id: string }): Sent =>
  conn.json({ id, by: conn.assigns.currentUser.name })
`

function scope(number, count, distinct) {
  const lines = Array.from({ length: count }, (_, index) => {
    const path = `"/things${distinct ? number * perScope + index : index}/:id"`
    if (index % 2 === 1) return `    r.get(${path}, show),`
    return `    r.get(${path}, (conn, { id }) => conn.json({ id, by: conn.assigns.currentUser.name })),`
  })
  return `  r.scope("/part${number}", authenticated, (r) => [\n${lines.join("\n")}\n  ]),`
}

function router(routes, distinct) {
  const scopes = []
  for (let left = routes; left > 0; left -= perScope)
    scopes.push(scope(scopes.length, Math.min(left, perScope), distinct))
  const use = routes > 0 ? `\nexport const url = path("/part0/things0/:id", { id: "1" })` : ""
  return `import { defineRouter, pathsOf } from "plumage"
import { show } from "./controller.ts"
import { authenticated } from "./pipelines.ts"

export const used = { show, authenticated }
export const router = defineRouter((r) => [
  r.get("/health", (conn) => conn.text("ok")),
${scopes.join("\n")}
])
export const path = pathsOf(router)${use}
`
}

/** Writes the application; `plumage` means our sources there. Returns the path of its tsconfig.json. */
export function generate(folder, routes, distinct = false) {
  mkdirSync(folder, { recursive: true })
  const config = {
    extends: join(root, "tsconfig.json"),
    compilerOptions: {
      // The application and our sources have no other folder in common.
      rootDir: parse(root).root,
      typeRoots: [join(root, "node_modules/@types")],
      // The declarations of the built package: what a user's compiler reads.
      paths: { plumage: [join(root, "dist/src/index.d.ts")] },
    },
    include: ["*.ts"],
    exclude: [],
  }
  const files = { "pipelines.ts": pipelines, "controller.ts": controller, "router.ts": router(routes, distinct) }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }\n')
  const path = join(folder, "tsconfig.json")
  writeFileSync(path, `${JSON.stringify(config, null, 2)}\n`)
  return path
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [folder, routes = "500", distinct] = process.argv.slice(2)
  if (folder === undefined || !/^\d+$/.test(routes) || ![undefined, "distinct"].includes(distinct)) {
    console.error("usage: node test/types/cost/generate.mjs <folder> [routes] [distinct]")
    process.exit(1)
  }
  console.log(generate(folder, Number(routes), distinct === "distinct"))
}
