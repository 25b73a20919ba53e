/** What `serveStatic` can be told, checked once. */

import { resolve } from "node:path"
import { fileURLToPath } from "node:url"
import type { MaybePromise } from "../conn/adapter.ts"
import { UsageError } from "../conn/errors.ts"
import { checkOption, checkOptionNames } from "../conn/options.ts"
import type { Conn } from "../conn/states.ts"
import { invalidHeaderName, invalidHeaderValue } from "../http/headers.ts"
import { splitPath } from "../http/path.ts"
import { brotli, gzip, type StaticEncoding, zstd } from "./static-encoding.ts"
import { checkedEtag, type StaticStat } from "./static-etag.ts"
import { canNameFile, type FollowSymlinks } from "./static-path.ts"

type Headers = Readonly<Record<string, string>>
type Folder = string | URL

export interface StaticOptions {
  /** The path below which files are served: "/assets", or "/". */
  at: string
  /** The folder, as a path or a file URL, or a function that gives one for a request (undefined: there is none for it). */
  from: Folder | ((conn: Conn) => Folder | undefined)
  /** Names of which the first segment behind `at` must be one; everything is served when neither this nor `onlyMatching` is given. */
  only?: readonly string[]
  /** Beginnings of which the first segment behind `at` must have one. */
  onlyMatching?: readonly string[]
  /** Raises `InvalidPathError` (400) for a file that is there, but not in `only`: for development. */
  raiseOnMissingOnly?: boolean
  /** Serves `app.css.gz` for `app.css` to clients that accept it. */
  gzip?: boolean
  /** Likewise `app.css.br`. */
  brotli?: boolean
  /** Likewise `app.css.zst`. */
  zstd?: boolean
  /** Other encodings, which are preferred to these three where the client has no preference. */
  encodings?: readonly StaticEncoding[]
  /** The `cache-control` of files; "public, max-age=0". False leaves what the connection has. */
  cacheControlForEtags?: string | false
  /** Where the query begins with "vsn="; "public, max-age=31536000, immutable". False: as without the query. */
  cacheControlForVersioned?: string | false
  /** "weak" (the default): by size and time. "strong": by the bytes, read once per version. False: none. Or a function. */
  etag?: "weak" | "strong" | false | ((path: string, file: StaticStat) => MaybePromise<string | false>)
  /** Further headers, put last; a function is given the path below `from`, with "/". */
  headers?: Headers | ((conn: Conn, path: string) => Headers)
  /** Types of files by their whole names. False puts none. */
  contentTypes?: Headers | false
  /** The file that stands for a folder, such as "index.html"; without it folders are not served. */
  index?: string | false
  /** Files and folders that begin with a dot: as if they were not there (the default), allowed, or those that are named. */
  dotFiles?: "deny" | "allow" | readonly string[]
  /** Links below `from`: none (the default), those whose target stays below it ("inside"), or all (true). */
  followSymlinks?: FollowSymlinks
}

const names = [
  "at",
  "from",
  "only",
  "onlyMatching",
  "raiseOnMissingOnly",
  "gzip",
  "brotli",
  "zstd",
  "encodings",
  "cacheControlForEtags",
  "cacheControlForVersioned",
  "etag",
  "headers",
  "contentTypes",
  "index",
  "dotFiles",
  "followSymlinks",
] as const satisfies readonly (keyof StaticOptions)[]

/** The options as the plug wants them. */
export interface StaticSettings {
  readonly prefix: readonly string[]
  /** The absolute folder of a request. */
  readonly folder: (conn: Conn) => string | undefined
  readonly isServed: (first: string) => boolean
  readonly raises: boolean
  readonly encodings: readonly StaticEncoding[]
  readonly cacheControl: string | false
  readonly cacheControlVersioned: string | false
  readonly etag: "weak" | "strong" | false | ((path: string, file: StaticStat) => Promise<string | undefined>)
  readonly headers: Headers | ((conn: Conn, path: string) => Headers) | undefined
  readonly contentTypes: ReadonlyMap<string, string> | false
  readonly index: string | false
  readonly dotFiles: "deny" | "allow" | readonly string[]
  readonly followSymlinks: FollowSymlinks
}

export function settingsOf(options: StaticOptions): StaticSettings {
  checkOptionNames("serveStatic", options, names)
  const check = (name: keyof StaticOptions, holds: boolean, takes: string): void =>
    checkOption("serveStatic", name, holds, takes, options[name])
  const { at, from, only, onlyMatching, raiseOnMissingOnly = false, encodings = [], etag = "weak", headers } = options
  const { contentTypes = {}, index = false, dotFiles = "deny", followSymlinks = false } = options
  const { cacheControlForEtags = "public, max-age=0" } = options
  const { cacheControlForVersioned = "public, max-age=31536000, immutable" } = options

  const prefix = typeof at === "string" && at.startsWith("/") ? splitPath(at) : undefined
  check("at", prefix !== undefined && !/[?#]/.test(at), 'a path that begins with "/"')
  check("from", typeof from === "function" || isFolder(from), "a folder as a path or a file URL, or a function")
  check("only", only === undefined || isList(only), "a list of names of files and folders")
  check("onlyMatching", onlyMatching === undefined || isList(onlyMatching), "a list of beginnings of names")
  for (const name of ["raiseOnMissingOnly", "gzip", "brotli", "zstd"] as const) {
    check(name, options[name] === undefined || typeof options[name] === "boolean", "true or false")
  }
  check("encodings", Array.isArray(encodings) && encodings.every(isEncoding), "a list of { encoding, extension }")
  for (const name of ["cacheControlForEtags", "cacheControlForVersioned"] as const) {
    const value = options[name]
    check(name, value === undefined || value === false || isValue(value), "the value of a header, or false")
  }
  check(
    "etag",
    etag === "weak" || etag === "strong" || etag === false || typeof etag === "function",
    '"weak", "strong", false or a function',
  )
  check("headers", headers === undefined || typeof headers === "function" || isRecord(headers), "headers or a function")
  check("contentTypes", contentTypes === false || isRecord(contentTypes, true), "types by names of files, or false")
  check("index", index === false || isName(index), "the name of a file, or false")
  check(
    "dotFiles",
    dotFiles === "deny" || dotFiles === "allow" || isList(dotFiles),
    '"deny", "allow" or a list of names',
  )
  check("followSymlinks", [true, false, "inside"].includes(followSymlinks), 'true, false or "inside"')

  const exact = new Set(only)
  const known = { br: options.brotli && brotli, zstd: options.zstd && zstd, gzip: options.gzip && gzip }
  return {
    prefix: prefix!,
    folder: folderOf(from),
    isServed:
      only === undefined && onlyMatching === undefined
        ? () => true
        : (first) => exact.has(first) || (onlyMatching ?? []).some((beginning) => first.startsWith(beginning)),
    raises: raiseOnMissingOnly,
    encodings: [...encodings, ...Object.values(known).filter((one): one is StaticEncoding => typeof one === "object")],
    cacheControl: cacheControlForEtags,
    cacheControlVersioned: cacheControlForVersioned,
    etag: typeof etag === "function" ? async (path, file) => checkedEtag(await etag(path, file)) : etag,
    headers,
    contentTypes: contentTypes === false ? false : new Map(Object.entries(contentTypes)),
    index,
    dotFiles,
    followSymlinks,
  }
}

function folderOf(from: StaticOptions["from"]): (conn: Conn) => string | undefined {
  if (typeof from !== "function") {
    const folder = absolute(from)
    return () => folder
  }
  return (conn) => {
    const folder = from(conn)
    if (folder === undefined) return undefined
    if (isFolder(folder)) return absolute(folder)
    throw new UsageError("serveStatic: from must give a folder as a path or a file URL, or undefined")
  }
}

function absolute(folder: Folder): string {
  return resolve(typeof folder === "string" ? folder : fileURLToPath(folder))
}

function isFolder(value: unknown): value is Folder {
  if (value instanceof URL) return value.protocol === "file:"
  return typeof value === "string" && value !== "" && !value.includes("\0")
}

function isList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string" && item !== "" && !item.includes("/"))
}

function isName(value: unknown): boolean {
  try {
    return typeof value === "string" && canNameFile([value], "allow")
  } catch {
    return false
  }
}

function isEncoding(value: StaticEncoding): boolean {
  const { encoding, extension } = value ?? {}
  return typeof encoding === "string" && /^[\w-]+$/.test(encoding) && /^\.[\w.-]*\w$/.test(extension)
}

function isValue(value: unknown): value is string {
  return typeof value === "string" && invalidHeaderValue(value) === undefined
}

function isRecord(value: unknown, areFiles = false): boolean {
  return (
    typeof value === "object" &&
    value !== null &&
    Object.entries(value).every(
      ([name, text]) => isValue(text) && (areFiles || invalidHeaderName(name.toLowerCase()) === undefined),
    )
  )
}
