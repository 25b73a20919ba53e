/** Opens websockets by hand (RFC 6455 §4.1). */
import { createHash } from "node:crypto"
import type { UpgradeOptions, WebSocketHandler } from "plumage"
import { expect } from "vitest"
import type { Answer, Wire } from "../wire.ts"
import { action } from "./app.ts"
import type { Running } from "./harness.ts"
import { bytesOf } from "./request.ts"

/** The example key of RFC 6455 §1.3. */
export const key = "dGhlIHNhbXBsZSBub25jZQ=="

/** The path of a websocket. */
export function upgrades(handler: WebSocketHandler, options?: UpgradeOptions): string {
  return action((conn) => conn.upgrade("websocket", handler, options))
}
export const echo: WebSocketHandler = { message: async (ws, data) => void (await ws.send(data)) }

/** What a server must answer to a key. */
export function acceptOf(given: string): string {
  return createHash("sha1").update(`${given}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64")
}

/** The bytes of a handshake; a header given replaces the one of its name, "" removes it. */
export function handshakeBytes(path: string, headers: Readonly<Record<string, string>> = {}): Buffer {
  const all: Record<string, string> = {
    host: "localhost",
    upgrade: "websocket",
    connection: "Upgrade",
    "sec-websocket-version": "13",
    "sec-websocket-key": key,
    ...headers,
  }
  const flat = Object.entries(all).flatMap(([name, value]) => (value === "" ? [] : [name, value]))
  return bytesOf("GET", path, { headers: flat })
}

/** Asks for a websocket and gives the answer, whatever it is. */
export async function ask(
  server: Running,
  path: string,
  headers?: Readonly<Record<string, string>>,
): Promise<{ wire: Wire; answer: Answer }> {
  const wire = await server.connect()
  const answer = await wire.send(handshakeBytes(path, headers)).answer()
  return { wire, answer }
}

/** Opens a websocket; what follows on the wire are frames. */
export async function handshake(
  server: Running,
  path: string,
  headers?: Readonly<Record<string, string>>,
): Promise<Wire> {
  const { wire, answer } = await ask(server, path, headers)
  expect(answer.status).toBe(101)
  return wire
}

interface End {
  code: number
  reason: string
}

/** A route whose handler notes every close. */
export function noting(
  handler: WebSocketHandler = {},
  options?: UpgradeOptions,
): { readonly path: string; readonly closes: readonly End[] } {
  const closes: End[] = []
  const path = upgrades({ ...handler, close: (_, code, reason) => void closes.push({ code, reason }) }, options)
  return { path, closes }
}
