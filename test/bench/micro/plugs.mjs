/** Nanoseconds for one more plug, from pipelines of 0 to 10 plugs. */
import { defineEndpoint, defineRouter, pipeline } from "plumage"
import { conn, TestExchange } from "plumage/test"
import { nanoseconds, round, slope, tell } from "./time.mjs"

const { request } = conn("GET", "/").exchange

// A function of its own for every plug, as in an application; one shared function would be inlined into the loop.
const make = {
  "sync, does nothing": () => new Function("conn", "return conn"),
  "sync, assigns": (n) => new Function("conn", `return conn.assign("key${n}", ${n})`),
  "sync, puts a header": (n) => new Function("conn", `return conn.putRespHeader("x-header-${n}", "value")`),
  "async, does nothing": () => new Function("return async (conn) => conn")(),
  "async, awaits a resolved promise": () => new Function("return async (conn) => { await null; return conn }")(),
}

function jobFor(kind, count) {
  let plugs = pipeline()
  for (let n = 0; n < count; n++) plugs = plugs.plug(make[kind](n))
  const endpoint = defineEndpoint()
    .plug(plugs)
    .router(defineRouter((r) => [r.get("/", (conn) => conn.text("hello"))]))
  if (kind.startsWith("sync") || count === 0) {
    return (calls) => {
      for (let i = 0; i < calls; i++) endpoint.call(new TestExchange(request))
    }
  }
  return async (calls) => {
    for (let i = 0; i < calls; i++) await endpoint.call(new TestExchange(request))
  }
}

const table = {}
for (const kind of Object.keys(make)) {
  const jobs = {}
  for (let count = 0; count <= 10; count++) jobs[count] = jobFor(kind, count)
  const best = await nanoseconds(jobs, { calls: 4_000, rounds: 40 })
  // An async pipeline differs from none by more than its plugs, so the line begins at one plug there.
  const values = Object.values(best).slice(kind.startsWith("sync") ? 0 : 1)
  const cost = round(slope(values), 1)
  table[kind] = {
    "ns per plug": cost,
    "ns per request, no plug": round(best[0]),
    "ns per request, 10 plugs": round(best[10]),
    budget: kind === "sync, does nothing" ? `50: ${cost <= 50 ? "reached" : "NOT REACHED"}` : "",
  }
}
tell(table)
