/** RFC 9110 §14 from below: whole files and slices of them, and what an aborted download leaves behind. */
import { randomBytes } from "node:crypto"
import { mkdtempSync, readdirSync, readlinkSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, expect, test } from "vitest"
import { action } from "./app.ts"
import { eventually } from "./guard.ts"
import type { Suite } from "./harness.ts"
import { bytesOf } from "./request.ts"

const every = ["http1", "http2", "memory"] as const

/** How many descriptors of this process point at `path`. Linux tells; elsewhere nothing is known, so 0. */
function descriptorsOf(path: string): number {
  try {
    const links = readdirSync("/proc/self/fd").map((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`)
      } catch {
        return ""
      }
    })
    return links.filter((link) => link === path).length
  } catch {
    return 0
  }
}

export function files(suite: Suite): void {
  suite.group("files", "RFC 9110 §14, sendFile", every, () => {
    const room = mkdtempSync(join(tmpdir(), "plumage-suite-"))
    afterAll(() => rmSync(room, { recursive: true, force: true }))
    const file = (name: string, data: Buffer) => {
      const path = join(room, name)
      writeFileSync(path, data)
      return { path, data }
    }
    const small = file("small.txt", Buffer.from("0123456789"))
    const large = file("large.bin", randomBytes(5_000_000))
    const empty = file("empty.txt", Buffer.alloc(0))
    const sends = (path: string, offset?: number, length?: number) =>
      action((conn) => conn.sendFile(offset === undefined ? 200 : 206, path, offset, length))
    const get = (path: string) => suite.server.request("GET", path)

    test("a whole file, with its length and type", async () => {
      const answer = await get(sends(small.path))
      expect([answer.status, answer.text, answer.header("content-length")]).toEqual([200, "0123456789", "10"])
      expect(answer.header("content-type")).toMatch(/^text\/plain/)
    })

    test("five megabytes arrive byte for byte", async () => {
      expect((await get(sends(large.path))).body.equals(large.data)).toBe(true)
    })

    test("an empty file", async () => {
      const answer = await get(sends(empty.path))
      expect([answer.status, answer.body.length, answer.header("content-length")]).toEqual([200, 0, "0"])
    })

    const slices: [what: string, offset: number, length: number | undefined][] = [
      ["from an offset to the end", 4_999_990, undefined],
      ["the first byte", 0, 1],
      ["the last byte", 4_999_999, 1],
      ["across the reader's pieces", 65_530, 12],
      ["a few pieces", 1, 200_000],
    ]
    test.each(slices)("a slice: %s", async (_, offset, length) => {
      const wanted = large.data.subarray(offset, length === undefined ? undefined : offset + length)
      const answer = await get(sends(large.path, offset, length))
      expect(answer.header("content-length")).toBe(String(wanted.length))
      expect(answer.body.equals(wanted)).toBe(true)
    })

    test("HEAD has the length of the slice and no body", async () => {
      const answer = await suite.server.request("HEAD", sends(large.path, 10, 1_234))
      expect([answer.header("content-length"), answer.body.length]).toEqual(["1234", 0])
    })

    const mistakes: [what: string, path: string, offset: number, length: number | undefined][] = [
      ["a file that is not there", join(room, "nope"), 0, undefined],
      ["a directory", room, 0, undefined],
      ["a path with NUL", `${small.path}\0`, 0, undefined],
      ["a slice that begins behind the end", small.path, 11, undefined],
      ["a slice that ends behind the end", small.path, 5, 6],
      ["a negative offset", small.path, -1, undefined],
      ["an offset that is no integer", small.path, 0.5, undefined],
    ]
    test.each(mistakes)("%s is a 500 that tells nothing, and leaves no descriptor", async (_, path, offset, length) => {
      const answer = await get(sends(path, offset, length))
      expect(answer.status).toBe(500)
      expect(answer.text).not.toContain(room)
      await eventually("no descriptor is left", () => descriptorsOf(small.path) === 0, 1_000)
    })

    test("every descriptor is closed, whatever the answer", async () => {
      for (const method of ["GET", "HEAD"]) await suite.server.request(method, sends(large.path))
      for (const status of [204, 304]) {
        await get(action((conn) => conn.sendFile(status, large.path)))
      }
      await eventually("no descriptor is left", () => descriptorsOf(large.path) === 0, 1_000)
    })

    if (suite.onWire)
      test("a file that shrinks while it is sent ends the connection before its length", async () => {
        const shrinking = file("shrinking.bin", Buffer.alloc(30_000_000))
        const wire = await suite.server.connect()
        const path = sends(shrinking.path)
        const head = await wire.send(bytesOf("GET", path)).head()
        wire.pause()
        truncateSync(shrinking.path, 1_000)
        wire.resume()
        await wire.ending()
        expect(head.length).toBe(30_000_000)
        expect(wire.inbox.size).toBeLessThan(head.length)
        await eventually("no descriptor is left", () => descriptorsOf(shrinking.path) === 0, 1_000)
      })

    if (suite.onWire)
      test("the memory that a slow reader costs does not grow with the file", async () => {
        const huge = file("huge.bin", Buffer.alloc(0))
        truncateSync(huge.path, 400_000_000)
        const before = process.memoryUsage().rss
        const wires = await Promise.all([1, 2, 3, 4].map(() => suite.server.connect()))
        const path = sends(huge.path)
        for (const wire of wires) wire.pause().send(bytesOf("GET", path))
        await eventually("the files are open", () => descriptorsOf(huge.path) >= 4)
        let last = -1
        await eventually("the flow stops", async () => {
          const now = process.memoryUsage().rss
          const still = Math.abs(now - last) < 1_000_000
          last = now
          await new Promise((resolve) => setTimeout(resolve, 100))
          return still
        })
        expect(last - before).toBeLessThan(60_000_000)
        for (const wire of wires) wire.rst()
        await eventually("no descriptor is left", () => descriptorsOf(huge.path) === 0, 1_000)
      })

    if (suite.hasServer)
      test("200 downloads aborted midway leave no descriptor", async () => {
        const path = sends(large.path)
        const download = async (index: number) => {
          const request = await suite.server.open("GET", path)
          await request.status()
          await request.inbox.until("some bytes", () => (request.inbox.size > 0 ? true : undefined))
          request.leave(index % 2 ? "rst" : "fin")
          request.destroy()
        }
        for (let index = 0; index < 200; index += 20) {
          await Promise.all(Array.from({ length: 20 }, (_, at) => download(index + at)))
        }
        await eventually("no descriptor is left", () => descriptorsOf(large.path) === 0, 1_000)
      })
  })
}
