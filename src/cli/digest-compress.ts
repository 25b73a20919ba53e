/** Compressed forms of assets, beside them, for `serveStatic`: made where they are worth it, removed where they are not true. */

import { createWriteStream } from "node:fs"
import { stat } from "node:fs/promises"
import { posix } from "node:path"
import { type Duplex, Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import zlib from "node:zlib"
import { encoderOf, levelsOf } from "../plugs/content-codings.ts"
import { brotli, gzip, type StaticEncoding, zstd } from "../plugs/static-encoding.ts"
import { type Content, fileAt, Hashing, hashFile, piecesOf, put, read, remove, replace } from "./digest-files.ts"

/** A coding for compressed forms. */
export type AssetCoding = "gzip" | "br" | "zstd"

const encodings: Readonly<Record<AssetCoding, StaticEncoding>> = { gzip, br: brotli, zstd }

/** ".gz", ".br", ".zst" */
export const extensions: readonly string[] = Object.values(encodings).map(({ extension }) => extension)

export const isCoding = (name: unknown): name is AssetCoding =>
  typeof name === "string" && Object.hasOwn(encodings, name) && levelsOf(name as AssetCoding) !== undefined

/** As small as it gets, since it is done once; zstd's higher levels want more memory than browsers give (RFC 9659). */
const levels: Readonly<Record<AssetCoding, number>> = { gzip: 9, br: 11, zstd: 19 }

/** Files of text, and binary formats that are not compressed by themselves. */
const compressible = new Set(
  (
    "js mjs cjs map css txt text html htm xhtml json jsonld geojson webmanifest svg xml rss atom xsl md csv tsv vtt srt ics " +
    "yaml yml toml eot ttf otf ttc ico bmp wasm"
  ).split(" "),
)

export const isCompressible = (path: string): boolean => compressible.has(posix.extname(path).slice(1).toLowerCase())

/** What was done beside a file. */
export interface Compressed {
  readonly written: readonly string[]
  readonly removed: readonly string[]
}

/**
 * Makes the compressed forms of a file that has this content, those of `codings`, where they are smaller. Those that are
 * there and hold this content stay as they are; others, of whatever coding, are removed: a server would send them in the
 * file's place. `twin` is a file with the same content whose forms were made already.
 */
export async function compressBeside(
  path: string,
  content: Content,
  codings: readonly AssetCoding[],
  twin?: string,
): Promise<Compressed> {
  const written: string[] = []
  const removed: string[] = []
  for (const coding of Object.keys(encodings) as AssetCoding[]) {
    const { extension } = encodings[coding]
    const target = path + extension
    const wanted = codings.includes(coding)
    const size = await fileAt(target)
    if (size !== undefined && size < content.size && (await holds(target, coding, content, path))) continue
    if (wanted && (await write(target, coding, content, twin && twin + extension))) written.push(extension)
    else if (size !== undefined && (await remove(target))) removed.push(extension)
  }
  return { written, removed }
}

/** False when it would not be smaller. */
async function write(
  target: string,
  coding: AssetCoding,
  content: Content,
  twin: string | undefined,
): Promise<boolean> {
  if (content.size === 0) return false
  if (twin !== undefined) {
    if ((await fileAt(twin)) === undefined) return false
    await put(target, { from: twin, ...(await hashFile(twin)) })
    return true
  }
  return replace(target, async (temp) => {
    const encoder = encoderOf(coding, levels[coding]).stream(false)
    await pipeline(Readable.from(read(content)), encoder, createWriteStream(temp, { flags: "wx" }))
    return (await stat(temp)).size < content.size
  })
}

/** Whether a compressed file holds this content, and nothing else. */
async function holds(target: string, coding: AssetCoding, content: Content, path: string): Promise<boolean> {
  const decoder = decoders[coding]?.()
  // What this Node cannot read counts when it is not older than its file.
  if (decoder === undefined) return (await stat(target)).mtimeMs >= (await stat(path)).mtimeMs
  const hashing = new Hashing()
  try {
    await pipeline(Readable.from(piecesOf(target)), decoder, async (decoded: AsyncIterable<Buffer>) => {
      for await (const piece of decoded) {
        hashing.add(piece)
        if (hashing.size > content.size) throw new RangeError("it holds more")
      }
    })
  } catch {
    return false
  }
  return hashing.end().sha512 === content.sha512
}

const newer = zlib as unknown as { readonly createZstdDecompress?: () => Duplex }
const decoders: Readonly<Record<AssetCoding, (() => Duplex) | undefined>> = {
  gzip: zlib.createGunzip,
  br: zlib.createBrotliDecompress,
  zstd: newer.createZstdDecompress,
}
