/** The Content-Disposition header of an answer (RFC 6266), with names in any script (RFC 8187). */

import { encodeSegment } from "./percent.ts"

/** To be saved, or to be shown and saved under this name. */
export type Disposition = "attachment" | "inline"

const control = /\p{Cc}/u
/** What is not ASCII, what some readers of quoted strings get wrong, and what some of them would decode. */
const unsure = /[^\x20-\x7e]|["\\]|%(?=[0-9A-Fa-f]{2})/gu

/**
 * A name as every reader of headers reads it: ASCII, with "_" for each other character, for quotes and backslashes, and for
 * a "%" that looks as if it encoded something.
 *
 * @example
 * asciiFilename("naïve 100%.txt") //=> "na_ve 100%.txt"
 */
export function asciiFilename(filename: string): string {
  return filename.replace(unsure, "_")
}

/**
 * The header of a file: its name in ASCII, which everybody can read, and beside it the whole name where that is another.
 *
 * Raises a TypeError for an empty name and for control characters, CR, LF and NUL among them. It says nothing of paths or
 * lengths: see `safeFilename` for names that somebody else has chosen.
 *
 * @example
 * contentDisposition("attachment", "report.pdf") //=> 'attachment; filename="report.pdf"'
 * contentDisposition("inline", "naïve.txt") //=> 'inline; filename="na_ve.txt"; filename*=UTF-8\'\'na%C3%AFve.txt'
 * contentDisposition("attachment", "a\r\nx: 1") //=> throws TypeError
 */
export function contentDisposition(disposition: Disposition, filename: string): string {
  if (typeof filename !== "string" || filename === "") throw new TypeError("a file has a name")
  const at = filename.search(control)
  if (at >= 0) {
    const number = filename.charCodeAt(at).toString(16).toUpperCase().padStart(4, "0")
    throw new TypeError(`the name of a file has a control character (U+${number}) at position ${at}`)
  }
  const ascii = asciiFilename(filename)
  const extended = ascii === filename ? "" : `; filename*=UTF-8''${encodeSegment(filename)}`
  return `${disposition}; filename="${ascii}"${extended}`
}
