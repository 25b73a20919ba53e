/** A stream is a scope: what was started for it is over when its peer is. */
import { expect, test } from "vitest"
import { action } from "./app.ts"
import { eventually } from "./guard.ts"
import type { Suite } from "./harness.ts"

/** Timers and handles that are alive, counted by kind. */
function alive(): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}

export function leaks(suite: Suite): void {
  // TLS handshakes cost ten times what the rest does, and end in the same streams.
  const count = suite.column.secure ? 200 : 1_000
  suite.group("leaks", "1,000 streams killed", ["http1"], () => {
    test("half by FIN and half by RST, they leave no timer, subscription or handle", { timeout: 60_000 }, async () => {
      const subscribers = new Set<() => void>()
      let finished = 0
      let closed = 0
      const path = action((conn) => {
        conn.onClose(() => closed++)
        return conn.eventStream(async function* (signal) {
          const wake = () => {}
          subscribers.add(wake)
          const timer = setInterval(() => {}, 60_000)
          try {
            yield { data: "hello" }
            await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }))
          } finally {
            clearInterval(timer)
            subscribers.delete(wake)
            finished++
          }
        })
      })
      const hello = action((conn) => conn.text("hello"))
      await suite.server.request("GET", hello)
      suite.server.hangUp()
      const before = alive()

      for (let opened = 0; opened < count; opened += 50) {
        const batch = Array.from({ length: 50 }, async () => {
          const request = await suite.server.open("GET", path)
          await request.inbox.until("the first event", () => {
            return request.inbox.size > 0 && request.inbox.received > 50 ? true : undefined
          })
          return request
        })
        const requests = await Promise.all(batch)
        await eventually("the streams wait", () => subscribers.size === 50)
        for (const [index, request] of requests.entries()) request.leave(index % 2 ? "fin" : "rst")
        await eventually("every generator has ended", () => subscribers.size === 0, 2_000)
        suite.server.hangUp()
      }

      expect([finished, closed, subscribers.size]).toEqual([count, count, 0])
      await eventually("timers and handles are those of before", () => {
        const now = alive()
        return Object.keys(now).every((kind) => now[kind]! <= (before[kind] ?? 0) + 2)
      })
    })

    test("those that are open together and all die at once leave none either", { timeout: 60_000 }, async () => {
      let open = 0
      const path = action((conn) => {
        open++
        conn.onClose(() => open--)
        return conn.eventStream(async function* (signal) {
          yield { data: "hello" }
          await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }))
        })
      })
      const before = alive()
      const requests = []
      for (let opened = 0; opened < count; opened += 100) {
        requests.push(...(await Promise.all(Array.from({ length: 100 }, () => suite.server.open("GET", path)))))
      }
      await eventually("all are open", () => open === count, 15_000)
      for (const [index, request] of requests.entries()) request.leave(index % 2 ? "fin" : "rst")
      await eventually("all are over", () => open === 0, 5_000)
      suite.server.hangUp()
      await eventually("timers and handles are those of before", () => {
        const now = alive()
        return Object.keys(now).every((kind) => now[kind]! <= (before[kind] ?? 0) + 2)
      })
    })
  })
}
