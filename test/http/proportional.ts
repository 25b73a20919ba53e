/** Holds that work takes time in proportion to its input, by the processor's time and not by the clock on the wall. */
import { expect } from "vitest"

/**
 * Runs `work` on an input and on one eight times as large, which quadratic work would take 64 times as long for. Other
 * load on the machine disturbs a measurement; it does not disturb all of several.
 */
export function expectProportional(work: (size: number) => void, size = 20_000, label = ""): void {
  // The optimizing compiler has its own ideas of what may be moved into a loop: measure what it makes of the work.
  for (let warmUp = 0; warmUp < 6; warmUp++) work(size)
  let ratio = 0
  for (let attempt = 0; attempt < 6; attempt++) {
    const small = cost(() => work(size))
    const large = cost(() => work(8 * size))
    ratio = large / Math.max(small, 1000)
    if (ratio < 24) return
  }
  expect(ratio, `${label}: eight times the input took ${ratio.toFixed(0)} times as long`).toBeLessThan(24)
}

/** Microseconds of processor time. */
function cost(run: () => void): number {
  const before = process.cpuUsage()
  run()
  const { user, system } = process.cpuUsage(before)
  return user + system
}

/** `piece` again and again, `size` characters of it. */
export function fill(piece: string, size: number): string {
  return piece.repeat(Math.ceil(size / piece.length)).slice(0, size)
}
