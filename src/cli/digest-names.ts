/** How fingerprinted files are called: by their own content, or by that of what they refer to as well. */

import { createHash } from "node:crypto"
import { posix } from "node:path"
import type { Fingerprint } from "./digest-references.ts"

/**
 * The names of files with these digests. A source map has the digest of its file, and like it before all its extensions.
 *
 * @example
 * const digests = new Map([["js/app.js", "d41d8cd98f00b204e9800998ecf8427e"], ["js/app.js.map", "0123456789abcdef0123456789abcdef"]])
 * fingerprintsOf(digests).get("js/app.js.map")?.digested //=> "js/app-d41d8cd98f00b204e9800998ecf8427e.js.map"
 */
export function fingerprintsOf(digests: ReadonlyMap<string, string>): Map<string, Fingerprint> {
  const names = new Map<string, Fingerprint>()
  for (const [path, own] of digests) {
    const extension = posix.extname(path)
    const file = extension.toLowerCase() === ".map" ? path.slice(0, -extension.length) : path
    const digest = digests.get(file) ?? own
    const tail = file !== path && digests.has(file) ? posix.extname(file) + extension : extension
    const stem = path.slice(0, path.length - tail.length)
    names.set(path, { path, digest, digested: `${stem}-${digest}${tail}`, tail })
  }
  return names
}

/**
 * Digests that change with what a file refers to, and with what that refers to: of the digests of all these files and its own.
 * A file that refers to none keeps its own. Files that refer to one another in a circle have digests of the same files.
 *
 * @example
 * const own = new Map([["a.css", "1"], ["b.png", "2"]])
 * const digests = deepDigests(own, new Map([["a.css", ["b.png"]]]))
 * digests.get("b.png") //=> "2"
 * digests.get("a.css") === deepDigests(new Map([["a.css", "1"], ["b.png", "3"]]), new Map([["a.css", ["b.png"]]])).get("a.css") //=> false
 */
export function deepDigests(
  own: ReadonlyMap<string, string>,
  references: ReadonlyMap<string, readonly string[]>,
): Map<string, string> {
  return new Map(
    [...own].map(([path, digest]) => {
      const reached = new Set([path])
      // A set that grows while it is walked is walked to its end.
      for (const one of reached) for (const other of references.get(one) ?? []) reached.add(other)
      if (reached.size === 1) return [path, digest]
      const all = [...reached]
        .slice(1)
        .sort()
        .map((one) => `${own.get(one)} ${one}`)
      return [
        path,
        createHash("md5")
          .update([`${digest} ${path}`, ...all].join("\n"))
          .digest("hex"),
      ]
    }),
  )
}
