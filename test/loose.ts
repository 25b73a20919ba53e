/** Connections without their types: for tests of what is checked at run time because it must not compile. */
import type { AnyConn, Chunked, Conn, Done } from "plumage"

type Named<T> = { [K in keyof T as K extends string ? K : never]: T[K] }

/** Every method of every state. */
export type Loose = Named<Conn<any>> & Named<Chunked<any>>

export function loose(conn: AnyConn<any> | Done): Loose {
  return conn as unknown as Loose
}

/** What a browser sends to open a websocket to www.example.com. */
export const handshake: Readonly<Record<string, string>> = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
}

/** What a function raises; fails when it raises nothing. */
export function errorOf(run: () => unknown): Error & { code?: string; status?: number } {
  try {
    run()
  } catch (error) {
    return error as Error
  }
  throw new Error("nothing was raised")
}

/** Lets everything that waits for no timer and no device run. */
export async function settled(): Promise<void> {
  for (let turns = 0; turns < 3; turns++) await new Promise(setImmediate)
}
