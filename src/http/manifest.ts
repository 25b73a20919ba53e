/**
 * The manifest of fingerprinted assets: which file stands for a path, and what is in it.
 *
 * The format is that of Phoenix, `cache_manifest.json` of version 1; its first one, a flat map, is read too.
 */

/** One fingerprinted file. */
export interface ManifestEntry {
  /** The path that it stands for: "css/app.css". */
  readonly logicalPath: string
  /** When it was made, or was replaced by a newer one; milliseconds since the epoch, whole seconds in the file. */
  readonly mtime: number
  /** Bytes of the original. */
  readonly size: number
  /** What its name has of the original's content: 32 hex digits. */
  readonly digest: string
  /** The hash of the file's bytes in base64. Manifests of old Phoenix versions have none. */
  readonly sha512: string | undefined
}

/** All paths are relative to the folder of the manifest, with "/". */
export interface Manifest {
  /** The file that stands for each path now. */
  readonly latest: ReadonlyMap<string, string>
  /** Every fingerprinted file that is known, older ones too. */
  readonly digests: ReadonlyMap<string, ManifestEntry>
}

/** What `lookup` finds. */
export interface FoundAsset {
  /** "css/app-0123….css" */
  readonly digested: string
  /** For the attribute `integrity`: "sha512-…". */
  readonly integrity: string | undefined
}

/** A manifest that cannot be read. If you see this error, its message names the file and what is wrong; make it again. */
export class ManifestError extends Error {
  override readonly name = "ManifestError"
  readonly code = "ERR_MANIFEST"
}

/** The file's name today. */
export const manifestName = "cache_manifest.json"

const comment = "Made by Plumage's digest. To remove it and all that was made with it, clean with the option all."
/** From the year 0 on, as Erlang counts, to 1970: seconds. */
const gregorian = 62_167_219_200
const base64 = /^[A-Za-z0-9+/]{86}==$/

/**
 * Reads a manifest: version 1, or the flat map of Phoenix before 1.3, of which all that is known is what is latest.
 *
 * Raises `ManifestError`, which names `file`, for anything else; so also for a path that leads out of the folder.
 *
 * @example
 * const manifest = readManifest('{"app.js": "app-d41d8cd98f00b204e9800998ecf8427e.js"}')
 * manifest.latest.get("app.js") //=> "app-d41d8cd98f00b204e9800998ecf8427e.js"
 * readManifest('{"version": 2}') //=> throws ManifestError
 */
export function readManifest(text: string, file: string = manifestName): Manifest {
  const fail = (what: string, options?: ErrorOptions): never => {
    throw new ManifestError(`${file} is no manifest of assets: ${what}`, options)
  }
  let json: unknown
  try {
    json = JSON.parse(text.replace(/^\ufeff/, ""))
  } catch (cause) {
    return fail(`it is not JSON (${(cause as Error).message})`, { cause })
  }
  if (!isObject(json)) return fail("it is not an object")
  const { version } = json
  if (version === undefined || typeof version === "string") {
    return { latest: pathsOf(json, "it", fail), digests: new Map() }
  }
  if (version !== 1) return fail(`its version is ${JSON.stringify(version)}, and only 1 is known`)
  if (!isObject(json.latest)) return fail(`"latest" is not an object`)
  if (!isObject(json.digests)) return fail(`"digests" is not an object`)
  const digests = new Map<string, ManifestEntry>()
  for (const [path, entry] of Object.entries(json.digests)) {
    const where = `"digests" has for ${JSON.stringify(path)}`
    if (!isAssetPath(path)) return fail(`"digests" has ${JSON.stringify(path)}, which is no path in its folder`)
    if (!isObject(entry)) return fail(`${where} no object`)
    const { logical_path, mtime, size, digest, sha512 } = entry
    if (!isAssetPath(logical_path)) return fail(`${where} no logical_path in its folder`)
    if (!Number.isFinite(mtime)) return fail(`${where} no mtime in seconds`)
    if (!Number.isSafeInteger(size) || (size as number) < 0) return fail(`${where} no size in bytes`)
    if (typeof digest !== "string" || digest === "") return fail(`${where} no digest`)
    if (sha512 !== undefined && !(typeof sha512 === "string" && base64.test(sha512))) {
      return fail(`${where} a sha512 that is not one in base64`)
    }
    digests.set(path, {
      logicalPath: logical_path,
      mtime: ((mtime as number) - gregorian) * 1_000,
      size: size as number,
      digest,
      sha512,
    })
  }
  return { latest: pathsOf(json.latest, '"latest"', fail), digests }
}

function pathsOf(json: object, where: string, fail: (what: string) => never): Map<string, string> {
  const latest = new Map<string, string>()
  for (const [path, digested] of Object.entries(json)) {
    if (!isAssetPath(path)) return fail(`${where} has ${JSON.stringify(path)}, which is no path in its folder`)
    if (!isAssetPath(digested)) return fail(`${where} has for ${JSON.stringify(path)} no path in its folder`)
    latest.set(path, digested)
  }
  return latest
}

/**
 * The text of a manifest, the same for the same content in whatever order.
 *
 * @example
 * const text = formatManifest({ latest: new Map(), digests: new Map() })
 * JSON.parse(text).version //=> 1
 */
export function formatManifest({ latest, digests }: Manifest): string {
  const entries = sorted(digests).map(([path, { logicalPath, mtime, size, digest, sha512 }]) => [
    path,
    { logical_path: logicalPath, mtime: Math.floor(mtime / 1_000) + gregorian, size, digest, sha512 },
  ])
  // Not `{ __proto__ }`: an asset may have that name.
  const json = {
    "!comment!": comment,
    version: 1,
    latest: Object.fromEntries(sorted(latest)),
    digests: Object.fromEntries(entries),
  }
  return JSON.stringify(json, null, 2) + "\n"
}

function sorted<T>(map: ReadonlyMap<string, T>): [string, T][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
}

/**
 * The file that stands for a path, with or without a slash at its beginning; undefined when none does.
 *
 * The path is that of the file, not percent-encoded, and without query or fragment.
 *
 * @example
 * const manifest = readManifest('{"app.js": "app-d41d8cd98f00b204e9800998ecf8427e.js"}')
 * lookup(manifest, "/app.js") //=> { digested: "app-d41d8cd98f00b204e9800998ecf8427e.js", integrity: undefined }
 * lookup(manifest, "/other.js") //=> undefined
 */
export function lookup({ latest, digests }: Manifest, path: string): FoundAsset | undefined {
  const digested = latest.get(path.startsWith("/") ? path.slice(1) : path)
  if (digested === undefined) return undefined
  const sha512 = digests.get(digested)?.sha512
  return { digested, integrity: sha512 === undefined ? undefined : `sha512-${sha512}` }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

/** Whether a path stays in its folder, on every system. */
function isAssetPath(path: unknown): path is string {
  if (typeof path !== "string" || /[\\\0]/.test(path)) return false
  return path.split("/").every((segment) => segment !== "" && segment !== "." && segment !== "..")
}
