/**
 * How the micro benchmarks take time, and how they tell their result.
 */

const now = () => Number(process.hrtime.bigint())

/**
 * Nanoseconds per call of each job: the best of many short runs, all jobs in turn.
 *
 * The best and not the mean, since whatever else the machine does only ever adds to the time.
 */
export async function nanoseconds(jobs, { calls = 20_000, rounds = 40 } = {}) {
  const best = new Map()
  for (let round = 0; round < rounds; round++) {
    for (const [name, job] of Object.entries(jobs)) {
      const start = now()
      const done = job(calls)
      if (done !== undefined) await done
      const taken = (now() - start) / calls
      if (taken < (best.get(name) ?? Number.POSITIVE_INFINITY)) best.set(name, taken)
    }
  }
  return Object.fromEntries(best)
}

/** The slope of the straight line through points with x = 0, 1, 2, … */
export function slope(values) {
  const middle = (values.length - 1) / 2
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  let above = 0
  let below = 0
  for (const [x, value] of values.entries()) {
    above += (x - middle) * (value - mean)
    below += (x - middle) ** 2
  }
  return above / below
}

export const round = (value, digits = 0) => Number(value.toFixed(digits))

/** Hands the result to the process that started this one, or shows it. */
export function tell(result) {
  if (process.send === undefined) console.table(result)
  else process.send(result, () => process.disconnect())
}
