/** Bytes that one request allocates, of which the test adapter's own are taken off again. */
import { PerformanceObserver } from "node:perf_hooks"
import { setImmediate as turn } from "node:timers/promises"
import { endpoint, requests } from "./app.mjs"
import { round, tell } from "./time.mjs"

/** When garbage was collected, in the milliseconds of `performance.now()`. */
const collected = []
new PerformanceObserver((list) => {
  collected.push(...list.getEntries().map((entry) => entry.startTime))
}).observe({ entryTypes: ["gc"] })

/** The median of some samples in which no garbage was collected; it fails when there are too few of them. */
async function bytesPerCall(job, calls = 2_000) {
  for (let i = 0; i < 20; i++) await job(calls)
  const samples = []
  for (let i = 0; i < 30 && samples.length < 9; i++) {
    globalThis.gc()
    await turn()
    const start = performance.now()
    const before = process.memoryUsage().heapUsed
    const done = job(calls)
    if (done !== undefined) await done
    const used = process.memoryUsage().heapUsed - before
    const end = performance.now()
    // The observer is told of a collection in a later turn.
    await turn()
    await turn()
    if (!collected.some((time) => time >= start && time <= end)) samples.push(used / calls)
  }
  if (samples.length < 5)
    throw new Error("garbage was collected in nearly every sample: a larger young generation is needed")
  return samples.sort((a, b) => a - b)[Math.floor(samples.length / 2)]
}

const list = ["cache-control", "max-age=0, private, must-revalidate", "content-type", "text/plain; charset=utf-8"]
const table = {}
for (const [name, make] of Object.entries(requests)) {
  const bare = await bytesPerCall((calls) => {
    for (let i = 0; i < calls; i++) make().sendResp(200, [...list], "hello")
  })
  const whole = await bytesPerCall(async (calls) => {
    for (let i = 0; i < calls; i++) {
      const pending = endpoint.call(make())
      if (pending !== undefined) await pending
    }
  })
  table[name] = {
    "bytes per request": round(whole),
    "of the test adapter": round(bare),
    "of Plumage and the action": round(whole - bare),
  }
}
tell(table)
