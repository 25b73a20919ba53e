import { Agent, request as httpRequest } from "node:http"
import { describe, expect, test } from "vitest"
import type { AbortReason, Exchange } from "../../../src/conn/adapter.ts"
import { drive, eventually, request } from "./drive.ts"

const timed = async (promise: Promise<unknown>): Promise<number> => {
  const start = performance.now()
  await promise
  return performance.now() - start
}

describe("stop", () => {
  test("is the same promise each time, and quick without connections", async () => {
    const { server } = await drive(() => {})
    const first = server.stop({ graceMs: 5_000 })
    expect(server.stop()).toBe(first)
    expect(await timed(first)).toBeLessThan(300)
  })

  test("ends idle connections, those that never asked and those that asked before", async () => {
    const { server, connect } = await drive((exchange) => exchange.sendResp(200, [], "x"))
    const silent = await connect()
    const used = await connect()
    await used.send(request("GET", "/")).answer()
    expect(await timed(server.stop({ graceMs: 5_000 }))).toBeLessThan(500)
    expect([await silent.ending(), await used.ending()]).toEqual(["fin", "fin"])
  })

  test("lets a request in flight finish, with connection: close, and takes no more", async () => {
    const { server, seen, connect } = await drive(() => {})
    const wire = (await connect()).send(request("GET", "/"))
    await eventually("the request", () => seen.length === 1)
    const stopped = server.stop({ graceMs: 5_000 })
    await expect(connect()).rejects.toThrow()
    seen[0]!.sendResp(200, [], "done")
    const answer = await wire.answer()
    expect([answer.text, answer.header("connection")]).toEqual(["done", "close"])
    expect(await timed(stopped)).toBeLessThan(500)
  })

  test("tells those who listen once, also those who come late, and cuts what is left at the deadline", async () => {
    const drained: string[] = []
    const reasons: (AbortReason | undefined)[] = []
    const { server, seen, connect } = await drive((exchange: Exchange) => {
      exchange.onDrain(() => drained.push(exchange.path))
      exchange.onClose((reason) => reasons.push(reason))
      if (exchange.path === "/stream") exchange.sendChunked(200, [], -1)
    })
    for (const path of ["/never", "/stream"]) (await connect()).send(request("GET", path))
    ;(await connect()).send("GET / HTTP/1.1\r\nhost: a\r\nx-half")
    await eventually("the requests", () => seen.length === 2)
    const stopped = server.stop({ graceMs: 300 })
    expect(drained.sort()).toEqual(["/never", "/stream"])
    seen[0]!.onDrain(() => drained.push("late"))
    const took = await timed(stopped)
    expect(took).toBeGreaterThanOrEqual(290)
    expect(took).toBeLessThan(400)
    expect([drained.length, reasons.map((reason) => reason?.name)]).toEqual([3, ["DrainingError", "DrainingError"]])
  })

  test("resets no client that posts on one connection all the time", async () => {
    for (let round = 0; round < 5; round++) {
      const { server } = await drive((exchange) => {
        exchange.readBody(1_000, 1_000, () => setImmediate(() => exchange.sendResp(200, [], "ok")))
      })
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      const post = () =>
        new Promise<string>((resolve) => {
          const sent = httpRequest({ port: server.port, host: "127.0.0.1", method: "POST", agent }, (answer) => {
            answer.resume().on("end", () => resolve(answer.headers.connection ?? ""))
          })
          sent.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? ""))
          sent.end("body")
        })
      let stopped: Promise<void> | undefined
      const endings: string[] = []
      while (endings.length < 30) {
        const ending = await post()
        if (ending !== "keep-alive") {
          endings.push(ending)
          break
        }
        if (endings.push(ending) === 10) stopped = server.stop({ graceMs: 2_000 })
      }
      expect(endings.at(-1)).toBe("close")
      await stopped
      agent.destroy()
    }
  })
})
