/** What an answer must not tell, and what a reader that stalls must not cost. */
import { defineRouter } from "plumage"
import { expect, test } from "vitest"
import { action, errors } from "../adapters/suite/app.ts"
import { eventually } from "../adapters/suite/guard.ts"
import { handshake, upgrades } from "../adapters/suite/handshake.ts"
import { bytesOf } from "../adapters/suite/request.ts"
import { closeOf, encodeFrame, Op, readFrame } from "../adapters/wire/frames.ts"
import { onEveryServer, standsStill } from "./servers.ts"

function leaky(): Error {
  const error = new Error("canary-message", { cause: new Error("canary-cause") })
  error.stack = "Error: canary-stack\n    at canary (/canary/file.ts:1:1)"
  return Object.assign(error, {
    sql: "canary-sql",
    status: 404,
    statusCode: 404,
    expose: true,
    headers: ["x-canary", "1"],
  })
}

await onEveryServer((suite) => {
  test.each(["text/plain", "text/html", "application/json", "*/*"])(
    "GHSA-p869-vmqw-939q: an error leaks nothing into a %s answer",
    async (accept) => {
      for (const path of [
        action(() => {
          throw leaky()
        }),
        action(async () => {
          await null
          throw leaky()
        }),
      ]) {
        const wire = await suite.server.connect()
        wire.send(bytesOf("GET", path, { headers: ["accept", accept, "connection", "close"] }))
        const bytes = (await wire.rest()).toString("latin1")
        expect(bytes).toMatch(/^HTTP\/1\.1 500 /)
        expect(bytes).not.toMatch(/canary|\.ts|node_modules/i)
      }
      expect(errors).toHaveLength(2)
    },
  )

  test("row 26: nor into a stream that has begun, which ends visibly", async () => {
    const router = defineRouter((r) => [
      r.any("/*rest", (conn) =>
        conn.eventStream(async function* () {
          yield { data: "first" }
          throw leaky()
        }),
      ),
    ])
    const wire = await suite.server.connect()
    wire.send(
      bytesOf(
        "GET",
        action((conn) => router(conn)),
      ),
    )
    await wire.ending()
    const bytes = wire.inbox.takeAll().toString("latin1")
    expect(bytes).toContain('data: {"code":"ERR_INTERNAL"}')
    expect(bytes, "no last chunk").not.toMatch(/0\r\n\r\n$/)
    expect(bytes).not.toContain("canary")
  })

  test("row 26: nor into the end of a websocket", async () => {
    const wire = await handshake(
      suite.server,
      upgrades({
        message: () => {
          throw leaky()
        },
      }),
    )
    wire.send(encodeFrame({ opcode: Op.text, payload: "x" }))
    const close = closeOf(await readFrame(wire.inbox))
    expect(close.code).toBe(1011)
    expect(close.reason).not.toContain("canary")
    expect(errors).toHaveLength(1)
  })

  test("CVE-2026-25224, GHSA-mrq3-vjjr-p77c: a source is pulled no further than a stalled reader's bound", async () => {
    let pulled = 0
    let ended = false
    const path = action(async (conn) => {
      const stream = conn.sendChunked(200)
      // Bounded, so that a server that lets it through fails the test and not the process.
      while (pulled < 500_000_000 && (await stream.chunk(Buffer.alloc(65_536)))) pulled += 65_536
      ended = true
      return stream
    })
    const wire = await suite.server.connect()
    wire.pause()
    wire.send(bytesOf("GET", path))
    await standsStill(() => pulled)
    // The buffers of the system hold a few megabytes on loopback.
    expect(pulled).toBeLessThan(32_000_000)
    wire.rst()
    await eventually("the action has ended", () => ended)
    expect(pulled, "and wrote no more after the reader had left").toBeLessThan(32_000_000)
  })

  test("CVE-2026-25224: nor is an event stream's generator", async () => {
    let pulled = 0
    let ended = false
    const path = action((conn) =>
      conn.eventStream(async function* () {
        try {
          while (pulled < 500_000_000) {
            pulled += 65_536
            yield { data: "x".repeat(65_536) }
          }
        } finally {
          ended = true
        }
      }),
    )
    const wire = await suite.server.connect()
    wire.pause()
    wire.send(bytesOf("GET", path))
    await standsStill(() => pulled)
    expect(pulled).toBeLessThan(32_000_000)
    wire.rst()
    await eventually("the generator has ended", () => ended)
    expect(pulled, "and was pulled no more after the reader had left").toBeLessThan(32_000_000)
  })
})
