/**
 * Binds the library's listener, and finds out why where it could not.
 */
import { createServer } from "node:net"
import type { NativeApp } from "./binding.ts"

/** Without it several servers could share a port unnoticed. */
const exclusive = 1

/** Resolves with the library's handle on the listener; rejects with the system's error, such as EADDRINUSE. */
export async function listenOn(app: NativeApp, host: string | undefined, port: number): Promise<unknown> {
  const socket = await new Promise((resolve) => {
    if (host === undefined) app.listen(port, exclusive, resolve)
    else app.listen(host, port, exclusive, resolve)
  })
  if (socket === false) throw await reason(host, port)
  return socket
}

/** The library only says that it failed; Node, asked for the same, says why. */
function reason(host: string | undefined, port: number): Promise<Error> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once("error", resolve)
    probe.listen({ port, ...(host === undefined ? {} : { host }), exclusive: true }, () => {
      probe.close(() => resolve(new Error(`uws: cannot listen on ${host ?? "*"}:${port}`)))
    })
  })
}
