/** Files of a folder as answers, after Plug.Static (RFC 9110 §13 and §14). */

import type { MaybePromise, OpenFile } from "../conn/adapter.ts"
import { inner } from "../conn/conn.ts"
import { InvalidPathError } from "../conn/errors.ts"
import { answerFile } from "../conn/file.ts"
import type { Conn, Halted } from "../conn/states.ts"
import { mimeFromPath } from "../http/mime.ts"
import { acceptedVariants } from "./static-encoding.ts"
import { strongFileEtag, weakFileEtag } from "./static-etag.ts"
import { type StaticOptions, type StaticSettings, settingsOf } from "./static-options.ts"
import { absent, canNameFile, fileBelow } from "./static-path.ts"
import { addVary } from "./vary.ts"

export type { StaticEncoding } from "./static-encoding.ts"
export type { StaticStat } from "./static-etag.ts"
export type { StaticOptions } from "./static-options.ts"
export type { FollowSymlinks } from "./static-path.ts"

/**
 * Serves the files of a folder to GET and HEAD, and halts; passes the connection on where there is no such file.
 *
 * A file is found by `conn.pathInfo`, which guards and routes see too. Paths that could lead out of the folder are a 400
 * (`InvalidPathError`); a link, another case of a name, a dot file, a folder, and what may not be read are as if they were
 * not there, unless an option says otherwise. With `followSymlinks` a file system that ignores case serves `/ADMIN/x` too,
 * which a guard of `/admin` does not see. Mounted at "/" without `only` it also refuses what a route might want: `/urn:x`.
 *
 * Answers conditional requests (304, 412), single ranges (206, 416) and `accept-encoding` by its q-values. A range is always
 * one of the original. Etags are weak by default, since only that costs the same for every file: use "strong" where a build
 * gives all files one time, where several machines serve them, or where downloads are resumed by etag. A file that was cut
 * off while it was being sent ends the connection visibly. Raises `ServiceUnavailableError` (503) when files cannot be opened
 * for want of descriptors or a failing disk.
 *
 * @example
 * const assets = serveStatic({ at: "/assets", from: "src/plugs", only: ["vary.ts"] })
 * sentResp(await call(assets, conn("GET", "/assets/vary.ts"))).headers["cache-control"] //=> "public, max-age=0"
 * call(assets, conn("GET", "/elsewhere")).halted //=> false
 * call(assets, conn("GET", "/assets/vary.ts/..%2fx")) //=> throws InvalidPathError
 */
export function serveStatic(options: StaticOptions): (conn: Conn) => MaybePromise<Conn | Halted> {
  const settings = settingsOf(options)
  const { prefix, folder, isServed, raises, index, dotFiles } = settings
  return function serveStatic(conn) {
    const { method } = conn
    if (method !== "GET" && method !== "HEAD") return conn
    const { pathInfo } = conn
    for (let i = 0; i < prefix.length; i++) if (pathInfo[i] !== prefix[i]) return conn
    const first = pathInfo[prefix.length] ?? index
    if (first === false) return conn
    const served = isServed(first)
    if (!served && !raises) return conn
    const segments = pathInfo.slice(prefix.length)
    if (!served) return raiseIfThere(conn, settings, segments)
    if (!canNameFile(segments, dotFiles)) return conn
    const root = folder(conn)
    return root === undefined ? conn : serve(conn, settings, root, segments)
  }
}

/** A file that was found and opened; whoever has it closes it. */
interface Found {
  readonly file: OpenFile
  /** Where it is. */
  readonly path: string
  readonly encoding: string | undefined
}
/** What is there but is no regular file. */
const folderLike = Symbol("folder")

/** Opens the file of these segments, or of an encoding of it. */
async function open(
  conn: Conn,
  settings: StaticSettings,
  root: string,
  segments: readonly string[],
  extension: string,
  encoding: string | undefined,
): Promise<Found | typeof folderLike | undefined> {
  const path = await fileBelow(root, segments, extension, settings.followSymlinks)
  if (path === undefined) return undefined
  try {
    return { file: await conn.exchange.openFile(path), path, encoding }
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EISDIR" ? folderLike : absent(error)
  }
}

/** The best file for the request: in an encoding that the client wants, or as it is. */
async function find(
  conn: Conn,
  settings: StaticSettings,
  root: string,
  segments: readonly string[],
): Promise<Found | typeof folderLike | undefined> {
  // A range is one of the original: parts of two encodings do not make a whole.
  const whole = conn.exchange.method !== "GET" || conn.getReqHeader("range") === undefined
  if (whole && settings.encodings.length > 0) {
    const accept = conn.getReqHeaders("accept-encoding").join(", ")
    for (const { encoding, extension } of acceptedVariants(accept, settings.encodings)) {
      const found = await open(conn, settings, root, segments, extension, encoding)
      if (found !== undefined && found !== folderLike) return found
    }
  }
  return open(conn, settings, root, segments, "", undefined)
}

async function serve(
  conn: Conn,
  settings: StaticSettings,
  root: string,
  segments: readonly string[],
): Promise<Conn | Halted> {
  const { index } = settings
  let names = segments
  let found = segments.length === 0 ? folderLike : await find(conn, settings, root, segments)
  if (found === folderLike && index !== false) {
    names = [...segments, index]
    found = await find(conn, settings, root, names)
    if (found !== undefined && found !== folderLike && !conn.unsafeRawPath.endsWith("/")) {
      found.file.close()
      return redirectToFolder(conn)
    }
  }
  if (found === undefined || found === folderLike) return conn
  try {
    await answer(conn, settings, names, found)
  } finally {
    found.file.close()
  }
  return conn.halt()
}

async function answer(conn: Conn, settings: StaticSettings, names: readonly string[], found: Found): Promise<void> {
  const { file, encoding } = found
  const { contentTypes, headers } = settings
  const etag = await etagOf(settings, found)
  const versioned = conn.queryString.startsWith("vsn=") && settings.cacheControlVersioned
  const cacheControl = versioned || settings.cacheControl
  conn.putStatus(200)
  await answerFile(inner(conn), file, etag, (status) => {
    if (status !== 416) {
      if (cacheControl !== false) conn.putRespHeader("cache-control", cacheControl)
      const name = names[names.length - 1]!
      if (contentTypes !== false) conn.putRespHeader("content-type", contentTypes.get(name) ?? mimeFromPath(name))
      if (encoding !== undefined) conn.putRespHeader("content-encoding", encoding)
      if (headers !== undefined) {
        conn.mergeRespHeaders(typeof headers === "function" ? headers(conn, names.join("/")) : headers)
      }
    }
    if (settings.encodings.length > 0) addVary(conn, "accept-encoding")
  })
}

async function etagOf({ etag }: StaticSettings, { file, path, encoding }: Found): Promise<string | undefined> {
  if (etag === false) return undefined
  if (etag === "weak") return weakFileEtag(file, encoding)
  if (etag !== "strong") return etag(path, { size: file.size, mtime: file.mtime })
  try {
    return await strongFileEtag(path, file)
  } catch (error) {
    // It is gone from its place, and still open here: it can be sent, without a name for its bytes.
    return absent(error)
  }
}

/**
 * Adds the slash that makes the links of an index page right. The location is relative to what was asked, so that it
 * cannot lead to another host, however the path was written (`//evil.example`).
 */
function redirectToFolder(conn: Conn): Halted {
  const { path, queryString } = conn
  const query = /^[\x21-\x7e]+$/.test(queryString) ? `?${queryString}` : ""
  return conn
    .putRespHeader("location", `./${path.slice(path.lastIndexOf("/") + 1)}/${query}`)
    .sendResp(301)
    .halt()
}

/** For development: a file that is there, but that `only` does not name. */
async function raiseIfThere(conn: Conn, settings: StaticSettings, segments: readonly string[]): Promise<Conn> {
  const root = settings.folder(conn)
  const named = root !== undefined && isNameable(segments, settings)
  const found = named ? await open(conn, settings, root, segments, "", undefined) : undefined
  if (found === undefined || found === folderLike) return conn
  found.file.close()
  throw new InvalidPathError("this file is in the folder, but not among those that `only` lets be served")
}

function isNameable(segments: readonly string[], settings: StaticSettings): boolean {
  try {
    return segments.length > 0 && canNameFile(segments, settings.dotFiles)
  } catch {
    return false
  }
}
