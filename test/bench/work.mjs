/**
 * The work that every server of the benchmark does, and how it tells that it is ready.
 *
 * `GET /` text, `GET /json`, `GET /api/users/:id?q=` behind three plugs among 60 parametrised routes, `POST /echo`.
 */

/** The collections under `/api`, each with one route `/:id`; `users` stands in the middle. */
export const collections = Array.from({ length: 60 }, (_, index) => (index === 30 ? "users" : `things${index}`))

export const cacheControl = "max-age=0, private, must-revalidate"
export const textType = "text/plain; charset=utf-8"
export const jsonType = "application/json; charset=utf-8"

/** What the three plugs in front of `/api` do: set `x-frame-options`, assign the viewer, set `x-viewer` from it. */
export const frameOptions = "DENY"
export const viewer = "ada"

export const host = "127.0.0.1"
export const port = Number(process.env.PORT ?? 4000)

/**
 * The first value of a key in a query string, decoded; "" when it is absent. For the servers that do it by hand.
 */
export function queryValue(query, key) {
  const prefix = `${key}=`
  for (let start = 0; start < query.length; ) {
    let end = query.indexOf("&", start)
    if (end === -1) end = query.length
    if (query.startsWith(prefix, start)) return decode(query.slice(start + prefix.length, end).replaceAll("+", " "))
    start = end + 1
  }
  return ""
}

/** Percent-decodes where there is something to decode. */
export function decode(text) {
  return text.includes("%") ? decodeURIComponent(text) : text
}

/**
 * Says `ready` on standard output, and makes the process end at SIGTERM and with the process that started it.
 *
 * Over an IPC channel it also answers every message with `process.cpuUsage()`, for systems without /proc.
 */
export function ready(stop = () => process.exit(0)) {
  process.once("SIGTERM", stop)
  if (process.send !== undefined) {
    process.on("message", () => process.send(process.cpuUsage()))
    process.once("disconnect", () => process.exit(0))
  }
  console.log("ready")
}
