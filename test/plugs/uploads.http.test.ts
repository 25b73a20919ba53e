/** Uploads over real sockets, on every server that loads here. */
import { createHash } from "node:crypto"
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Adapter, defineEndpoint, defineRouter, HTTPError, pipeline, type Server, serve } from "plumage"
import { elli } from "plumage/adapters/elli"
import { node } from "plumage/adapters/node"
import { uws } from "plumage/adapters/uws"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { readMultipart } from "../../src/plugs/multipart-stream.ts"
import { multipart } from "../../src/plugs/parse-multipart.ts"
import { parsers } from "../../src/plugs/parsers.ts"
import type { Upload } from "../../src/plugs/upload.ts"
import { eventually, watchProcess } from "../adapters/suite/guard.ts"
import { Wire } from "../adapters/wire.ts"
import { canLoadUws } from "../tools/adapters.ts"
import { bodyOf, formData, tempFiles } from "./multipart-bodies.ts"

const limit = 4_000_000
const adapters: Readonly<Record<string, () => Adapter>> = {
  node: () => node({ port: 0, host: "127.0.0.1" }),
  elli: () => elli({ port: 0, host: "127.0.0.1" }),
  uws: () => uws({ port: 0, host: "127.0.0.1" }),
}
const digest = (data: Uint8Array) => createHash("sha256").update(data).digest("hex")
const file = Buffer.alloc(
  3_000_000,
  Uint8Array.from({ length: 251 }, (_, i) => i),
)
const form = bodyOf([
  { name: "title", body: "three megabytes" },
  { name: "upload[file]", filename: "a.bin", type: "application/octet-stream", body: file },
])
const headOf = (length: number, path = "/uploads", more = "") =>
  `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${formData}\r\nContent-Length: ${length}\r\n${more}\r\n`

/** What this process has open, where the system shows it. */
const descriptors = () => (existsSync("/proc/self/fd") ? readdirSync("/proc/self/fd") : [])
const openBelow = (folder: string): string[] =>
  descriptors().flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`)
      return target.startsWith(folder) ? [target] : []
    } catch {
      return []
    }
  })

const uwsLoads = await canLoadUws()

for (const [name, adapter] of Object.entries(adapters)) {
  describe.skipIf(name === "uws" && !uwsLoads)(`uploads on ${name}`, () => {
    let server: Server
    let root: string
    const errors: unknown[] = []

    watchProcess()
    beforeAll(async () => {
      root = mkdtempSync(join(tmpdir(), "uploads-http-"))
      const router = defineRouter((r) => [
        r.scope(
          "/uploads",
          pipeline().plug(parsers({ parsers: [multipart({ tmpDir: root, length: limit })] })),
          (s) => [
            s.post("/", (conn) => {
              const { title, upload } = conn.bodyParams as { title: string; upload: { file: Upload } }
              const { filename, size, path } = upload.file
              return conn.json({
                title,
                filename,
                size,
                digest: digest(readFileSync(path)),
                files: tempFiles(root).length,
              })
            }),
          ],
        ),
        r.scope("/fails", pipeline().plug(parsers({ parsers: [multipart({ tmpDir: root })] })), (s) => [
          s.post("/", () => {
            throw new HTTPError(tempFiles(root).length === 1 ? 418 : 500, "x")
          }),
        ]),
        r.post("/stream", async (conn) => {
          const seen: unknown[] = []
          for await (const part of readMultipart(conn, { length: limit })) {
            const hash = createHash("sha256")
            for await (const bytes of part.body) hash.update(bytes)
            seen.push([part.name, hash.digest("hex")])
          }
          return conn.json(seen)
        }),
      ])
      const endpoint = defineEndpoint({ onError: (error) => void errors.push(error) }).router(router)
      server = await serve(endpoint, adapter())
    })
    afterAll(async () => {
      await server.stop({ graceMs: 100 })
      rmSync(root, { recursive: true })
      expect(errors).toEqual([])
    })
    const nothingLeft = () =>
      eventually("no temporary file and nothing open", () => tempFiles(root).length + openBelow(root).length === 0)

    test("a file of 3 MB arrives whole, and its temporary file goes with the answer", async () => {
      const answer = await fetch(`${server.url}/uploads`, {
        method: "POST",
        body: Uint8Array.from(form),
        headers: { "content-type": formData },
      })
      expect(answer.status).toBe(200)
      expect(await answer.json()).toEqual({
        title: "three megabytes",
        filename: "a.bin",
        size: file.length,
        digest: digest(file),
        files: 1,
      })
      await nothingLeft()
    })

    test("what fetch makes of a FormData is read, also without the disk", async () => {
      const data = new FormData()
      data.append("title", "ž")
      data.append("upload[file]", new Blob([file]), "ž.bin")
      const answer = await fetch(`${server.url}/uploads`, { method: "POST", body: data })
      expect(await answer.json()).toMatchObject({ title: "ž", filename: "ž.bin", digest: digest(file) })
      const streamed = await fetch(`${server.url}/stream`, { method: "POST", body: data })
      expect(await streamed.json()).toEqual([
        ["title", digest(Buffer.from("ž"))],
        ["upload[file]", digest(file)],
      ])
      await nothingLeft()
    })

    test("a body without a declared length is read, and is a 413 when it is too long", async () => {
      const chunked = async (bodies: readonly Uint8Array[]) => {
        const body = new Blob(bodies.map((part) => Uint8Array.from(part))).stream()
        const headers = { "content-type": formData }
        // fetch wants to be told that it need not wait; the types of the platform know nothing of it.
        const options: RequestInit & { duplex: "half" } = { method: "POST", body, headers, duplex: "half" }
        return fetch(`${server.url}/uploads`, options)
      }
      const cut = [0, 1, 100, 70_000, 2_000_000, form.length]
      const pieces = cut.slice(1).map((end, i) => form.subarray(cut[i], end))
      expect(await (await chunked(pieces)).json()).toMatchObject({ digest: digest(file) })
      expect((await chunked([form, Buffer.alloc(limit - form.length + 1)])).status).toBe(413)
      await nothingLeft()
    })

    test("a client that leaves in the middle leaves no file", async () => {
      for (const how of ["fin", "rst"] as const) {
        const wire = await Wire.connect({ port: server.port })
        await wire.sent(headOf(form.length))
        await wire.sent(form.subarray(0, 1_500_000))
        await eventually("the file is being written", () => tempFiles(root).length === 1)
        wire.leave(how)
        await nothingLeft()
        wire.destroy()
      }
    })

    test("an action that fails leaves no file", async () => {
      const body = Uint8Array.from(form)
      const answer = await fetch(`${server.url}/fails`, { method: "POST", body, headers: { "content-type": formData } })
      expect(answer.status).toBe(418)
      await nothingLeft()
    })

    test("a body that is declared too long gets a 413 that the client can read", async () => {
      const wire = await Wire.connect({ port: server.port })
      wire.send(headOf(limit + 1)).send(Buffer.alloc(limit + 1))
      expect((await wire.answer("POST")).status).toBe(413)
      wire.destroy()
      await nothingLeft()
    })

    test("a body that ends early gets a 400, and the connection serves on", async () => {
      const wire = await Wire.connect({ port: server.port })
      const cut = form.subarray(0, 1_000_000)
      await wire.sent(headOf(cut.length))
      await wire.sent(cut)
      expect((await wire.answer("POST")).status).toBe(400)
      await wire.sent(headOf(form.length))
      await wire.sent(form)
      expect((await wire.answer("POST")).status).toBe(200)
      wire.destroy()
      await nothingLeft()
    })

    test("CVE-2025-47935, GHSA-44fp-w29j-9vj5: a hundred uploads that break off leave no file and nothing open", async () => {
      const before = descriptors().length
      for (let round = 0; round < 10; round++) {
        const wires = await Promise.all(Array.from({ length: 10 }, () => Wire.connect({ port: server.port })))
        await Promise.all(
          wires.map(async (wire, i) => {
            await wire.sent(headOf(form.length))
            await wire.sent(form.subarray(0, [0, 60, 200, 300, 100_000, 200_000][i % 6]))
            wire.leave(i % 2 === 0 ? "rst" : "fin")
          }),
        )
        for (const wire of wires) wire.destroy()
      }
      await nothingLeft()
      await eventually("as many descriptors as before", () => descriptors().length <= before + 3)
    })
  })
}
