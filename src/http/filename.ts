/** File names that somebody else has chosen, made fit for a folder or a header. */
import { Buffer } from "node:buffer"

const longest = 200
/** What Windows or a shell would take for something else, and what hides: controls, marks that change direction. */
const unfit = /[<>:"|?*\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu
const devices = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(?:$|[. ])/i

/**
 * A name made fit for one file in a folder, on any system: the last piece of a path, without characters that mean something
 * elsewhere, dots at its ends or names of devices, at most 200 bytes long.
 *
 * @example
 * safeFilename("../../etc/passwd") //=> "passwd"
 * safeFilename(".htaccess") //=> "htaccess"
 * safeFilename("con.txt") //=> "_con.txt"
 * safeFilename("..") //=> "file"
 */
export function safeFilename(filename: string): string {
  const last = filename.normalize("NFC").split(/[/\\]/).at(-1)!
  const name = cut(trimDots(last.replace(unfit, "_")))
  if (name === "") return "file"
  return devices.test(name) ? `_${name}` : name
}

function trimDots(name: string): string {
  let start = 0
  let end = name.length
  while (start < end && ". ".includes(name[start]!)) start++
  while (end > start && ". ".includes(name[end - 1]!)) end--
  return name.slice(start, end)
}

/** Cut to the longest that every file system takes, with the extension kept. */
function cut(name: string): string {
  if (Buffer.byteLength(name) <= longest) return name
  const dot = name.lastIndexOf(".")
  const extension = dot > 0 && name.length - dot <= 16 ? name.slice(dot) : ""
  let kept = ""
  let room = longest - Buffer.byteLength(extension)
  for (const character of name) {
    room -= Buffer.byteLength(character)
    if (room < 0) break
    kept += character
  }
  return trimDots(kept + extension)
}
