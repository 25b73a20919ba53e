// Packs the package as npm would, installs it into an empty folder, and calls it: it must import and answer from its build.

import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../..", import.meta.url))
const run = (command, args, options = {}) =>
  execFileSync(command, args, { cwd: root, stdio: ["ignore", "pipe", "inherit"], encoding: "utf8", ...options })

const folder = mkdtempSync(join(tmpdir(), "plumage-package-"))
try {
  const [packed] = JSON.parse(run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", folder]))
  const tarball = join(folder, packed.filename)
  console.log(`packed ${packed.filename}: ${packed.files.length} files, ${packed.unpackedSize} bytes`)
  const bin = (name) => join(root, "node_modules", ".bin", name)
  console.log(run(bin("publint"), [tarball, "--strict"]).trim())
  console.log(run(bin("attw"), [tarball, "--profile", "esm-only", "--no-emoji"]).trim())

  const home = join(folder, "app", "node_modules", "plumage")
  mkdirSync(home, { recursive: true })
  run("tar", ["-xzf", tarball, "--strip-components=1", "-C", home])
  // What npm would have installed beside it; the peer among them, where it is here.
  const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
  for (const name of [...Object.keys(dependencies), "streamsearch", "uWebSockets.js"]) {
    mkdirSync(dirname(join(dirname(home), name)), { recursive: true })
    symlinkSync(join(root, "node_modules", name), join(dirname(home), name))
  }
  writeFileSync(join(folder, "app", "package.json"), '{"type":"module"}')
  writeFileSync(
    join(folder, "app", "main.mjs"),
    `import { defineEndpoint, defineRouter, serve } from "plumage"
import { client } from "plumage/test"
import { Token, accepts, parsers } from "plumage/plugs"
import { secureCompare } from "plumage/crypto"
import { node } from "plumage/adapters/node"
import { elli } from "plumage/adapters/elli"
import { uws } from "plumage/adapters/uws"
const router = defineRouter((r) => [r.get("/hello/:name", (conn, { name }) => conn.text(name))])
export const endpoint = defineEndpoint().plug(accepts(["txt"])).plug(parsers()).router(router)
const secret = "s".repeat(64)
console.log("plugs and crypto:", Token.verify(secret, "a", Token.sign(secret, "a", 1)).value === 1 && secureCompare("a", "a"))
console.log("in memory:", await (await client(endpoint).get("/hello/ada")).text())
const binary = await import("uWebSockets.js").then(() => true, () => false)
if (!binary) console.log("LEFT OUT: uws, its binary does not load here")
for (const adapter of [node, elli, ...(binary ? [uws] : [])]) {
  const server = await serve(endpoint, adapter({ port: 0 }))
  const answer = await (await fetch(\`http://127.0.0.1:\${server.port}/hello/ada\`)).text()
  if (answer !== "ada") throw new Error(\`\${adapter.name} answered \${answer}\`)
  console.log(\`\${adapter.name}: \${answer}\`)
  await server.stop({ graceMs: 500 })
}
`,
  )
  const app = { cwd: join(folder, "app") }
  console.log(run(process.execPath, ["main.mjs"], app).trim())
  writeFileSync(
    join(folder, "app", "app.mjs"),
    readFileSync(join(folder, "app", "main.mjs"), "utf8").split("const secret")[0],
  )
  console.log(run(process.execPath, [join(home, "dist/src/cli/main.js"), "routes"], app).trim())
} finally {
  rmSync(folder, { recursive: true, force: true })
}
