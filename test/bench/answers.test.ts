/** Every server of the benchmark gives the same answers, so that the ratios compare the same work. */
import { afterEach, describe, expect, test } from "vitest"
import { checks } from "./scenarios.mjs"
import { ask, faults, freePorts, nativeTrouble, servers, start, stop } from "./servers.mjs"

const trouble = nativeTrouble()
if (trouble !== undefined) {
  const left = servers.filter(({ native }) => native).map(({ name }) => name)
  console.log(
    `left out, the binary of uWebSockets.js does not load on Node ${process.version}: ${left.join(", ")} (${trouble})`,
  )
}

let server: Awaited<ReturnType<typeof start>> | undefined
afterEach(async () => {
  if (server !== undefined) await stop(server)
  server = undefined
})

describe("the servers of the benchmark", () => {
  for (const described of servers) {
    test.skipIf(described.native && trouble !== undefined)(
      `${described.name} answers like all the others`,
      async () => {
        const [port] = await freePorts(1)
        server = await start(described, port)
        for (const check of checks) expect(await faults(port, check), check.name).toEqual([])
      },
    )
  }

  test("a wrong answer is seen, in status, body and each header", async () => {
    const [port] = await freePorts(1)
    server = await start(
      servers.find(({ name }) => name === "raw-http"),
      port,
    )
    const got = await ask(port, { method: "GET", path: "/json" })
    expect(got.status).toBe(200)
    const answer = { status: 201, body: "{}", headers: { "content-type": "text/html", "x-viewer": "bob" } }
    const found = await faults(port, { request: { method: "GET", path: "/json" }, answer })
    expect(found).toHaveLength(4)
  })

  test("a server that ends before it is ready fails aloud, with what it wrote", async () => {
    const broken = { name: "broken", file: "./peers/none.mjs", env: {}, native: false }
    await expect(start(broken, 1)).rejects.toThrow(/broken ended before it was ready/)
  })
})
