/**
 * Media types by file extension. The table is mrmime's; where Plug's differs for a type of the web, Plug's counts.
 */
import { mimes } from "mrmime"

const ours: ReadonlyMap<string, string> = new Map([
  ["ico", "image/vnd.microsoft.icon"],
  ["js", "text/javascript"],
  ["mjs", "text/javascript"],
  ["svgz", "image/svg+xml"],
  ["text", "text/plain"],
  ["txt", "text/plain"],
  ["wasm", "application/wasm"],
  ["webmanifest", "application/manifest+json"],
  ["woff", "font/woff"],
  ["woff2", "font/woff2"],
  ["xml", "text/xml"],
])

/** What a file is whose type nobody knows. */
const unknown = "application/octet-stream"

/**
 * The media type of an extension, in any case, with or without its dot; `application/octet-stream` when it is unknown.
 *
 * @example
 * mimeType("html") //=> "text/html"
 * mimeType(".WOFF2") //=> "font/woff2"
 * mimeType("nope") //=> "application/octet-stream"
 */
export function mimeType(extension: string): string {
  const name = (extension.startsWith(".") ? extension.slice(1) : extension).toLowerCase()
  return ours.get(name) ?? (Object.hasOwn(mimes, name) ? mimes[name]! : unknown)
}

/**
 * The media type of a file by the last extension of its name. It says nothing about a charset.
 *
 * @example
 * mimeFromPath("/assets/app.min.js") //=> "text/javascript"
 * mimeFromPath("Makefile") //=> "application/octet-stream"
 */
export function mimeFromPath(path: string): string {
  const start = path.lastIndexOf("/") + 1
  const dot = path.lastIndexOf(".")
  return dot > start ? mimeType(path.slice(dot + 1)) : unknown
}
