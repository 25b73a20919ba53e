/** Promises that one request makes, counted by async_hooks; a sync request must make none. */
import { createHook } from "node:async_hooks"
import { endpoint, requests } from "./app.mjs"
import { round, tell } from "./time.mjs"

let promises = 0
let others = 0
const hook = createHook({
  init(_id, type) {
    if (type === "PROMISE") promises++
    else others++
  },
})

/** Counts what a number of requests makes until nothing is left to do, by way of a callback that makes no promise. */
function count(make, calls, done) {
  promises = 0
  others = 0
  hook.enable()
  for (let i = 0; i < calls; i++) endpoint.call(make())
  setImmediate(() => {
    hook.disable()
    // One is the setImmediate itself.
    done(promises / calls, (others - 1) / calls)
  })
}

const table = {}
const left = Object.entries(requests)

function step() {
  const entry = left.shift()
  if (entry === undefined) {
    tell(table)
    return
  }
  const [name, make] = entry
  count(make, 1_000, () =>
    count(make, 1_000, (made, resources) => {
      const sync = !/async|echo/.test(name)
      table[name] = {
        "promises per request": round(made, 2),
        "other async resources": round(resources, 2),
        budget: sync ? `0: ${made === 0 ? "reached" : "NOT REACHED"}` : "",
      }
      step()
    }),
  )
}

step()
