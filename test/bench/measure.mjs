/**
 * What the numbers are made of: CPU time of a process, medians, and ratios paired round by round.
 */
import { execFileSync } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"

const proc = existsSync("/proc/self/stat")
const ticks = proc ? Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" })) : 0

/**
 * The CPU time that a started server has used so far, user and system, in seconds.
 *
 * From /proc (a resolution of 10 ms); on systems without it the server tells its `process.cpuUsage()`.
 */
export function cpuSeconds({ pid, child }) {
  if (!proc) return tell(child)
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
  // The second field is the command in brackets and may hold anything; utime and stime are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  return Promise.resolve((Number(fields[11]) + Number(fields[12])) / ticks)
}

function tell(child) {
  return new Promise((resolve, reject) => {
    const ended = () => reject(new Error("the server ended while it was measured"))
    child.once("exit", ended)
    child.once("message", ({ user, system }) => {
      child.off("exit", ended)
      resolve((user + system) / 1e6)
    })
    child.send("cpu")
  })
}

/** The value below which the given share of the values lies, between neighbours by straight line. */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b)
  const place = (sorted.length - 1) * share
  const below = Math.floor(place)
  const above = Math.ceil(place)
  return sorted[below] + (sorted[above] - sorted[below]) * (place - below)
}

export const median = (values) => quantile(values, 0.5)

/** The median and the quartiles of the ratios of two servers, each taken within one round. */
export function paired(samples, reference) {
  const ratios = samples.map((sample, round) => sample.perCpu / reference[round].perCpu)
  return { median: median(ratios), low: quantile(ratios, 0.25), high: quantile(ratios, 0.75) }
}
