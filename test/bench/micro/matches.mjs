/**
 * Nanoseconds to match a path among 10 to 10,000 parametrised routes; the matcher alone, read from the sources.
 *
 * `path to route` begins with the raw path, as a request does; `match` gets the segments. Both ask for 256 paths spread
 * over the whole table; `match, 10 routes in use` asks for 10 of the routes only, so that the table's size shows without
 * the processor's caches.
 */
import { splitPath } from "../../../src/http/path.ts"
import { buildMatcher } from "../../../src/router/matcher.ts"
import { parsePattern } from "../../../src/router/pattern.ts"
import { nanoseconds, round, tell } from "./time.mjs"

const asked = 256
const sizes = [10, 100, 1_000, 10_000]
const pathOf = (n, id) => `/api/part${n % 7}/things${n}/${id}`

/** Keeps what was found, so that nothing is optimised away. */
let seen = 0

const jobs = {}
for (const size of sizes) {
  const routes = Array.from({ length: size }, (_, n) => ({
    method: "GET",
    pattern: parsePattern(pathOf(n, ":id")),
    value: n,
  }))
  const matcher = buildMatcher(routes)
  const spread = (different) => (_, i) => pathOf(Math.floor(((i % different) * size) / different), 1_000 + i)
  const paths = Array.from({ length: asked }, spread(asked))
  const few = Array.from({ length: asked }, spread(10))
  for (const path of [...paths, ...few]) {
    const found = matcher.match("GET", splitPath(path), "example.com")
    if (found === undefined || !path.startsWith(pathOf(found.value, ""))) throw new Error(`${path}: ${found?.value}`)
  }
  const matching = (list) => {
    const split = list.map((path) => splitPath(path))
    return (calls) => {
      for (let i = 0; i < calls; i++) seen += matcher.match("GET", split[i % asked], "example.com").value
    }
  }
  jobs[`match ${size}`] = matching(paths)
  jobs[`few ${size}`] = matching(few)
  jobs[`path ${size}`] = (calls) => {
    for (let i = 0; i < calls; i++) seen += matcher.match("GET", splitPath(paths[i % asked]), "example.com").value
  }
  const nowhere = ["api", "part1", "nothing", "1"]
  jobs[`miss ${size}`] = (calls) => {
    for (let i = 0; i < calls; i++) if (matcher.match("GET", nowhere, "example.com") !== undefined) seen++
  }
}

const best = await nanoseconds(jobs, { calls: 20_000, rounds: 30 })
if (seen === 0) throw new Error("nothing matched")
const table = {}
for (const size of sizes) {
  const times = (job) => round(best[`${job} ${size}`] / best[`${job} 10`], 2)
  table[`${size} routes`] = {
    "path to route, ns": round(best[`path ${size}`]),
    "× 10 routes": times("path"),
    "match, ns": round(best[`match ${size}`]),
    "× 10 routes ": times("match"),
    "match, 10 routes in use, ns": round(best[`few ${size}`]),
    "× 10 routes  ": times("few"),
    "no match, ns": round(best[`miss ${size}`]),
    budget: size === 10_000 ? `1.5: ${times("path") <= 1.5 ? "reached" : "NOT REACHED"}` : "",
  }
}
tell(table)
