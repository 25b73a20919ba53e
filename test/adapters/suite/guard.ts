/** Watches the process while a test runs: no input may leave an unhandled rejection, an uncaught error or a warning. */
import { afterEach, beforeEach, expect } from "vitest"

const events: string[] = []
const note = (what: string) => (value: unknown) => {
  events.push(`${what}: ${value instanceof Error ? (value.stack ?? value) : String(value)}`)
}

/** After every test of the surrounding block, the process must have been quiet. */
export function watchProcess(): void {
  const rejection = note("unhandledRejection")
  const exception = note("uncaughtException")
  const anyWarning = note("warning")
  const warning = (given: Error) => {
    if (given.name !== "ExperimentalWarning") anyWarning(given)
  }
  beforeEach(() => {
    events.length = 0
    process.on("unhandledRejection", rejection)
    process.on("uncaughtException", exception)
    process.on("warning", warning)
  })
  afterEach(async () => {
    // Rejections are reported after the microtasks, warnings one tick later.
    for (let turns = 0; turns < 3; turns++) await new Promise(setImmediate)
    process.off("unhandledRejection", rejection)
    process.off("uncaughtException", exception)
    process.off("warning", warning)
    expect(events.splice(0)).toEqual([])
  })
}

/** Polls until `test` holds, at most `ms`; fails with `what`. */
export async function eventually(what: string, test: () => boolean | Promise<boolean>, ms = 5_000): Promise<void> {
  const end = performance.now() + ms
  while (!(await test())) {
    if (performance.now() > end) expect.fail(`not within ${ms} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** The promise's value, or a failure after `ms`. */
export async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${ms} ms: ${what}`)), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** A promise and the function that fulfils it. */
export function deferred<T = void>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void
  const promise = new Promise<T>((fulfil) => {
    resolve = fulfil
  })
  return { promise, resolve }
}

/** Waits until nothing moves: `measure` gives the same for a tenth of a second, while `still` holds. */
export async function standstill(what: string, measure: () => number, still = () => true): Promise<void> {
  await eventually(what, async () => {
    const before = measure()
    await new Promise((resolve) => setTimeout(resolve, 100))
    return still() && measure() === before
  })
}
