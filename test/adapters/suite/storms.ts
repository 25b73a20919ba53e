/** Upgrades that are cut at every stage: the process lives, and nothing of a peer's leaving is an error. */
import type { Conn, Done } from "plumage"
import { describe, expect, test, vi } from "vitest"
import { encodeFrame, Op } from "../wire/frames.ts"
import type { Ending } from "../wire.ts"
import { type Action, action, errors } from "./app.ts"
import { eventually } from "./guard.ts"
import { echo, handshakeBytes } from "./handshake.ts"
import type { Suite } from "./harness.ts"

const accept = (conn: Conn): Done => conn.upgrade("websocket", echo)
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** What may decide about an upgrade before it is made, and whether it raises. */
const checks: [what: string, check: Action, raises: boolean][] = [
  ["a sync check", accept, false],
  [
    "an async check",
    async (conn) => {
      await pause(12)
      return accept(conn)
    },
    false,
  ],
  [
    "a rejecting check",
    async () => {
      await pause(12)
      throw new Error("refused")
    },
    true,
  ],
  [
    "a throwing check",
    () => {
      throw new Error("refused")
    },
    true,
  ],
]

export function storms(suite: Suite): void {
  if (!suite.capabilities.websocket) return
  suite.group("upgrade storms", "peers that leave at every stage", ["http1"], () => {
    const delays = Array.from({ length: 21 }, (_, ms) => ms)
    const expectAlive = async () => {
      const hello = action((conn) => conn.text("alive"))
      expect((await suite.server.request("GET", hello)).text).toBe("alive")
    }

    describe.each(checks)("%s", (_, check, raises) => {
      test.each<Ending>(["fin", "rst"])("the peer leaves by %s at 1 ms steps", async (how) => {
        const logged = vi.spyOn(console, "error")
        let pending = 0
        const path = action((conn) => {
          const done = check(conn)
          if (!(done instanceof Promise)) return done
          pending++
          return done.finally(() => pending--)
        })
        const storm = async (ms: number) => {
          const wire = await suite.server.connect()
          wire.send(handshakeBytes(path))
          await pause(ms)
          wire.leave(how)
        }
        for (let round = 0; round < 3; round++) await Promise.all(delays.map(storm))
        await expectAlive()
        await eventually("every check is over", () => pending === 0)
        if (!raises) expect(errors).toEqual([])
        expect(errors.map(String).filter((text) => text !== "Error: refused")).toEqual([])
        expect(logged).not.toHaveBeenCalled()
        logged.mockRestore()
      })

      test("a peer that stays is answered", async () => {
        const wire = await suite.server.connect()
        wire.send(handshakeBytes(action(check)))
        expect((await wire.answer()).status).toBe(raises ? 500 : 101)
        expect(errors.map(String)).toEqual(raises ? ["Error: refused"] : [])
      })
    })

    test.each<Ending>(["fin", "rst"])(
      "the peer leaves by %s behind every tenth byte of a handshake and a frame",
      async (how) => {
        const path = action(accept)
        const bytes = Buffer.concat([handshakeBytes(path), encodeFrame({ opcode: Op.text, payload: "x".repeat(40) })])
        const cuts = Array.from({ length: Math.ceil(bytes.length / 10) }, (_, at) => at * 10)
        await Promise.all(
          cuts.map(async (cut) => {
            const wire = await suite.server.connect()
            if (cut > 0) await wire.sent(bytes.subarray(0, cut))
            wire.leave(how)
          }),
        )
        await expectAlive()
        expect(errors).toEqual([])
      },
    )

    test("the peer is gone before an async check upgrades: nothing breaks, nobody is told of an error", async () => {
      const outcomes: unknown[] = []
      const path = action(async (conn) => {
        const gone = new Promise((resolve) => conn.onClose(resolve))
        outcomes.push(await gone)
        return accept(conn)
      })
      for (const how of ["fin", "rst"] as const) {
        const wire = await suite.server.connect()
        wire.send(handshakeBytes(path))
        await pause(20)
        wire.leave(how)
      }
      await vi.waitFor(() => expect(outcomes).toHaveLength(2), { timeout: 1_000 })
      await expectAlive()
      expect(errors).toEqual([])
    })
  })
}
