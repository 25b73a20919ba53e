import { type ChildProcess, spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { client } from "plumage/test"
import { afterEach, describe, expect, test } from "vitest"
import { endpoint as quickstart } from "../examples/quickstart/app.ts"
import { streams } from "../examples/streams.ts"
import { defineEndpoint } from "../src/index.ts"
import { adapterNames } from "./tools/adapters.ts"

const root = fileURLToPath(new URL("..", import.meta.url))
const children: ChildProcess[] = []
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL")
})

/** Starts an example on a free port and gives its address and a way to stop it as an operator would. */
async function start(
  file: string,
  env: Record<string, string> = {},
): Promise<{ url: string; stop(): Promise<number> }> {
  const child = spawn(process.execPath, ["--import", "tsx", file], {
    cwd: root,
    env: { ...process.env, PORT: "0", ...env },
    stdio: ["ignore", "pipe", "inherit"],
  })
  children.push(child)
  const exited = new Promise<number>((resolve) => child.once("exit", (code) => resolve(code ?? -1)))
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /https?:\/\/\S+/.exec(line)?.[0]
    if (url === undefined) continue
    child.stdout.resume()
    return {
      url,
      stop() {
        child.kill("SIGTERM")
        return exited
      },
    }
  }
  throw new Error(`${file} ended without an address, code ${await exited}`)
}

test("hello answers by name", async () => {
  const { url } = await start("examples/hello.ts")
  expect(await (await fetch(`${url}/hello/ada`)).text()).toBe("hello, ada")
})

describe.each(await adapterNames())("the quickstart on %s", (ADAPTER) => {
  test("does all that its text promises, and stops on a signal while a stream is open", async () => {
    const { url, stop } = await start("examples/quickstart/main.ts", { ADAPTER })
    expect(await (await fetch(`${url}/hello/ada`)).text()).toBe("hello, ada\n")
    expect(await (await fetch(url)).text()).toContain("<h1>Plumage is running</h1>")
    expect(await (await fetch(`${url}/countdown`)).text()).toBe("three\ntwo\none\nliftoff\n")
    expect((await fetch(`${url}/secret`)).status).toBe(401)
    const headers = { authorization: "Bearer open-sesame" }
    expect(await (await fetch(`${url}/secret`, { headers })).text()).toBe("welcome, Ali\n")
    const part = await fetch(`${url}/download`, { headers: { range: "bytes=0-9" } })
    expect([part.status, (await part.arrayBuffer()).byteLength]).toEqual([206, 10])
    const json = { method: "POST", body: '{"a":1}', headers: { "content-type": "application/json" } }
    expect(await (await fetch(`${url}/json`, json)).json()).toEqual({ got: { a: 1 } })
    const clock = await fetch(`${url}/clock`)
    const reader = clock.body!.pipeThrough(new TextDecoderStream()).getReader()
    let seen = ""
    while (!seen.includes("event: tick")) seen += (await reader.read()).value
    expect(await stop()).toBe(0)
  })
})

test("the quickstart's websocket welcomes and echoes", async () => {
  const socket = await client(quickstart).websocket("/echo")
  expect(await socket.next()).toBe("welcome")
  socket.send("hi")
  expect(await socket.next()).toBe("hi")
  socket.close()
})

test("news reach everyone who listens, until the stream is closed", async () => {
  const app = client(defineEndpoint().router(streams))
  const listener = await app.get("/news")
  expect((await app.post("/news", { headline: "rain" })).status).toBe(204)
  expect((await app.delete("/news")).status).toBe(204)
  expect(await listener.text()).toContain('event: news\ndata: {"headline":"rain"}\n\n')
})

test("words come in chunks", async () => {
  const app = client(defineEndpoint().router(streams))
  expect(await (await app.get("/words")).text()).toBe("one two three")
})
