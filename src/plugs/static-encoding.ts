/** Files that were compressed beforehand and lie beside the original: `app.css.br` for `app.css`. */

import { acceptedEncoding } from "../http/accept.ts"

/** A content coding and what it adds to the name of a file. */
export interface StaticEncoding {
  /** As in `accept-encoding`: "br". */
  readonly encoding: string
  /** ".br" */
  readonly extension: string
}

export const brotli: StaticEncoding = { encoding: "br", extension: ".br" }
export const zstd: StaticEncoding = { encoding: "zstd", extension: ".zst" }
export const gzip: StaticEncoding = { encoding: "gzip", extension: ".gz" }

/**
 * The encodings that a client takes rather than the original, best first: by its q-values, by our order where it has no
 * preference.
 *
 * @example
 * acceptedVariants("gzip, br", [brotli, gzip]) //=> [brotli, gzip]
 * acceptedVariants("br;q=0.5, gzip", [brotli, gzip]) //=> [gzip, brotli]
 * acceptedVariants("gzip;q=0", [gzip]) //=> []
 */
export function acceptedVariants(
  accept: string | undefined,
  encodings: readonly StaticEncoding[],
): readonly StaticEncoding[] {
  if (accept === undefined || encodings.length === 0) return none
  const accepted: StaticEncoding[] = []
  let left = encodings
  for (;;) {
    const best = acceptedEncoding(
      accept,
      left.map(({ encoding }) => encoding),
    )
    const found = left.find(({ encoding }) => encoding === best)
    if (found === undefined) return accepted
    accepted.push(found)
    left = left.filter((one) => one !== found)
  }
}

const none: readonly StaticEncoding[] = Object.freeze([])
