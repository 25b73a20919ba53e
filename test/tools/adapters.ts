/** The adapters that load here. uWebSockets.js has no binary for every platform; where it is left out, this says so. */

export type AdapterName = "node" | "uws" | "elli"

let uwsLoads: Promise<boolean> | undefined

/** Whether the native binary of uWebSockets.js loads; says aloud, once, when it does not. */
export function canLoadUws(): Promise<boolean> {
  uwsLoads ??= import("uWebSockets.js").then(
    () => true,
    (error: Error) => {
      console.warn(`LEFT OUT: tests on uws; uWebSockets.js does not load on Node ${process.version}: ${error.message}`)
      return false
    },
  )
  return uwsLoads
}

export async function adapterNames(): Promise<AdapterName[]> {
  return (await canLoadUws()) ? ["node", "uws", "elli"] : ["node", "elli"]
}
