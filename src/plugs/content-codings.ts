/** The content codings of HTTP (RFC 9110 §8.4.1, RFC 7932, RFC 8878) as this Node has them: whole, and as streams. */

import zlib from "node:zlib"
import type { Body } from "../conn/adapter.ts"

/** The name of a coding, as `accept-encoding` and `content-encoding` have it. */
export type Coding = "zstd" | "br" | "gzip" | "deflate"

/** A compressor of streams: each write may be flushed; `destroy` frees what it holds outside of JavaScript's memory. */
export type CodingStream = zlib.Gzip | zlib.Deflate | zlib.BrotliCompress

/** One coding at one level. */
export interface Encoder {
  readonly coding: Coding
  /** Compresses at once, on this thread. */
  sync(body: Body): Uint8Array
  /** Compresses on another thread. */
  async(body: Body): Promise<Uint8Array>
  /** Compresses bit by bit; with `flush` each write can be read at once at the other end. */
  stream(flush: boolean): CodingStream
}

/** The range of a coding's levels, and the one that weighs time against size for answers made on the fly. */
export interface Levels {
  readonly from: number
  readonly to: number
  readonly usual: number
}

interface Algorithm {
  readonly levels: Levels
  readonly flush: number
  options(level: number): object
  readonly sync: (body: Body, options: object) => Uint8Array
  readonly async: (body: Body, options: object, done: (error: Error | null, bytes: Uint8Array) => void) => void
  readonly stream: (options: object) => CodingStream
}

const { constants } = zlib
const deflateLevels: Levels = { from: 1, to: 9, usual: 6 }
const deflateOptions = (level: number): object => ({ level })

/** What came with Node 22.15 and is not in the types of 20. */
const newer = zlib as unknown as {
  readonly constants: { readonly ZSTD_c_compressionLevel: number; readonly ZSTD_e_flush: number }
  readonly zstdCompressSync?: Algorithm["sync"]
  readonly zstdCompress: Algorithm["async"]
  readonly createZstdCompress: Algorithm["stream"]
}

const algorithms: Partial<Record<Coding, Algorithm>> = {
  br: {
    levels: { from: 0, to: 11, usual: 4 },
    flush: constants.BROTLI_OPERATION_FLUSH,
    options: (level) => ({ params: { [constants.BROTLI_PARAM_QUALITY]: level } }),
    sync: zlib.brotliCompressSync,
    async: zlib.brotliCompress,
    stream: zlib.createBrotliCompress,
  },
  gzip: {
    levels: deflateLevels,
    flush: constants.Z_SYNC_FLUSH,
    options: deflateOptions,
    sync: zlib.gzipSync,
    async: zlib.gzip,
    stream: zlib.createGzip,
  },
  deflate: {
    levels: deflateLevels,
    flush: constants.Z_SYNC_FLUSH,
    options: deflateOptions,
    sync: zlib.deflateSync,
    async: zlib.deflate,
    stream: zlib.createDeflate,
  },
}
if (newer.zstdCompressSync !== undefined) {
  algorithms.zstd = {
    levels: { from: 1, to: 22, usual: 3 },
    flush: newer.constants.ZSTD_e_flush,
    options: (level) => ({ params: { [newer.constants.ZSTD_c_compressionLevel]: level } }),
    sync: newer.zstdCompressSync,
    async: newer.zstdCompress,
    stream: newer.createZstdCompress,
  }
}

/** The levels of a coding; undefined where this Node has it not. */
export function levelsOf(coding: Coding): Levels | undefined {
  return algorithms[coding]?.levels
}

/**
 * The encoder of a coding that this Node has (`levelsOf`).
 *
 * @example
 * encoderOf("gzip", 6).sync("x").length > 0 //=> true
 */
export function encoderOf(coding: Coding, level: number): Encoder {
  const { options, flush, sync, async, stream } = algorithms[coding]!
  const whole = options(level)
  const flushed = { ...whole, flush }
  return {
    coding,
    sync: (body) => sync(body, whole),
    async: (body) =>
      new Promise((resolve, reject) => {
        async(body, whole, (error, bytes) => (error === null ? resolve(bytes) : reject(error)))
      }),
    stream: (flush) => stream(flush ? flushed : whole),
  }
}
