/** A Redis of our own for a test file: on a socket file in a folder that goes with it, and with nothing on the disk. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createClient } from "@redis/client"

const installed = spawnSync("redis-server", ["--version"]).status === 0

/** Whether to test with Redis; says aloud when not. With REQUIRE_REDIS set it is tested, and fails where there is none. */
export function mayUseRedis(what: string): boolean {
  if (installed || process.env["REQUIRE_REDIS"] !== undefined) return true
  console.warn(`LEFT OUT: ${what}; redis-server is not installed`)
  return false
}

const clientOf = (path: string) => createClient({ socket: { path, tls: false, reconnectStrategy: false } })

export interface OwnRedis {
  readonly client: ReturnType<typeof clientOf>
  readonly process: ChildProcess
  stop(): Promise<void>
}

export async function startRedis(): Promise<OwnRedis> {
  const folder = mkdtempSync(join(tmpdir(), "plumage-redis-"))
  const path = join(folder, "redis.sock")
  const silent = ["--port", "0", "--save", "", "--appendonly", "no", "--dir", folder, "--unixsocket", path]
  const started = spawn("redis-server", silent, { stdio: ["ignore", "pipe", "inherit"] })
  const kill = () => void started.kill("SIGKILL")
  process.once("exit", kill)
  const ended = new Promise<void>((resolve) => started.once("exit", () => resolve()))
  await new Promise<void>((resolve, reject) => {
    let said = ""
    started.once("error", reject)
    started.once("exit", (code) => reject(new Error(`redis-server ended with ${code}: ${said}`)))
    started.stdout.on("data", (data) => {
      said += data
      if (/ready to accept connections/i.test(said)) resolve()
    })
  })
  const client = clientOf(path)
  client.on("error", () => undefined)
  await client.connect()
  return {
    client,
    process: started,
    async stop() {
      if (client.isOpen) client.destroy()
      kill()
      await ended
      process.off("exit", kill)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
