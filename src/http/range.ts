/**
 * The Range header (RFC 9110 §14.2): one range of bytes.
 */
import rangeParser from "range-parser"

/** Offsets of the first and the last byte. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

const single = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i

/**
 * What a Range header asks of `size` bytes: a range that lies inside them, `"unsatisfiable"` (416), or undefined where the
 * header is to be ignored and the whole is the answer: malformed, another unit, several ranges.
 *
 * An end beyond the last byte is the last byte, and a suffix longer than the whole is the whole.
 *
 * @example
 * parseRange(1000, "bytes=0-99") //=> { start: 0, end: 99 }
 * parseRange(1000, "bytes=-5000") //=> { start: 0, end: 999 }
 * parseRange(1000, "bytes=1000-") //=> "unsatisfiable"
 * parseRange(1000, "bytes=0-1,5-6") //=> undefined
 */
export function parseRange(size: number, header: string): ByteRange | "unsatisfiable" | undefined {
  const parts = single.exec(header)
  if (parts === null) return undefined
  const [, first = "", last = ""] = parts
  // The library takes these two for unsatisfiable. A range that ends before it starts is malformed (§14.1.1), and a suffix
  // may be longer than what there is (§14.1.3).
  if (first !== "" && last !== "" && Number(last) < Number(first)) return undefined
  if (first === "" && size > 0 && Number(last) > size) return { start: 0, end: size - 1 }
  const ranges = rangeParser(size, header)
  if (ranges === -1) return "unsatisfiable"
  if (ranges === -2) return undefined
  const { start, end } = ranges[0]!
  return { start, end }
}
