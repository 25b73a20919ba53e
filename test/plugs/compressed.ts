/** Reads what was compressed, by Node's own decoders. */
import zlib from "node:zlib"

type Decoder = (bytes: Uint8Array, options?: object) => Buffer
const { constants } = zlib

const decoders: Record<string, { readonly decode: Decoder; readonly flush: number }> = {
  br: { decode: zlib.brotliDecompressSync, flush: constants.BROTLI_OPERATION_FLUSH },
  gzip: { decode: zlib.gunzipSync, flush: constants.Z_SYNC_FLUSH },
  deflate: { decode: zlib.inflateSync, flush: constants.Z_SYNC_FLUSH },
  zstd: {
    decode: (zlib as unknown as { zstdDecompressSync: Decoder }).zstdDecompressSync,
    flush: (constants as unknown as { ZSTD_e_flush: number }).ZSTD_e_flush,
  },
}

/** The whole of a body; raises what the decoder raises for one that is cut off. */
export function decode(coding: string | undefined, bytes: Uint8Array): Buffer {
  return coding === undefined ? Buffer.from(bytes) : decoders[coding]!.decode(bytes)
}

/** What can be read of a body so far. */
export function decodeSoFar(coding: string, bytes: Uint8Array): Buffer {
  const { decode, flush } = decoders[coding]!
  return bytes.length === 0 ? Buffer.alloc(0) : decode(bytes, { finishFlush: flush })
}
