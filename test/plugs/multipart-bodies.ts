/** Multipart bodies for tests, and requests that carry them in pieces. */
import { readdirSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import fc from "fast-check"
import type { Conn, Exchange } from "plumage"
import { type ConnOptions, conn, exchangeOf } from "plumage/test"

export interface Piece {
  name?: string
  filename?: string
  type?: string
  /** Instead of the lines that are made of the above. */
  head?: string
  body: string | Uint8Array
}

export const boundary = "----plumage7MA4YWxk"
export const formData = `multipart/form-data; boundary=${boundary}`

/** The body that a browser would send. */
export function bodyOf(pieces: readonly Piece[], mark: string = boundary): Buffer {
  const parts: (string | Uint8Array)[] = []
  for (const { name, filename, type, head, body } of pieces) {
    const lines = [
      `Content-Disposition: form-data${name === undefined ? "" : `; name="${name}"`}${filename === undefined ? "" : `; filename="${filename}"`}`,
      ...(type === undefined ? [] : [`Content-Type: ${type}`]),
    ]
    parts.push(`--${mark}\r\n${head ?? lines.join("\r\n")}\r\n\r\n`, body, "\r\n")
  }
  parts.push(`--${mark}--\r\n`)
  return Buffer.concat(parts.map((part) => Buffer.from(part as string)))
}

export const post = (body: string | Uint8Array, type: string = formData, options: ConnOptions = {}): Conn =>
  conn("POST", "/", body, { ...options, headers: { "content-type": type, ...options.headers } })

/** Makes a connection give its body in pieces of at most `size` bytes. */
export function inPieces(one: Conn, size: number): Conn {
  const exchange = exchangeOf(one)
  const read = exchange.readBody.bind(exchange)
  exchange.readBody = (length, timeout, done) => read(Math.min(length, size), timeout, done)
  return one
}

/** Makes a connection's body end with an error, or with whatever `end` does, once `bytes` were read. */
export function failingAt(one: Conn, bytes: number, error: Error): Conn {
  const exchange = exchangeOf(one)
  const read = exchange.readBody.bind(exchange)
  let given = 0
  exchange.readBody = (...[length, timeout, done]: Parameters<Exchange["readBody"]>) => {
    if (given >= bytes) return done(error, new Uint8Array(), false)
    read(Math.min(length, bytes - given), timeout, (failure, data) => {
      given += data.length
      done(failure, data, true)
    })
  }
  return one
}

/** The temporary files below a folder, of whichever process. */
export function tempFiles(root: string = tmpdir()): string[] {
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name.startsWith("plumage-"))
    .flatMap((entry) => readdirSync(join(root, entry.name)).map((name) => join(root, entry.name, name)))
}

/** Any row of these words. */
export const soup = (words: readonly string[]) =>
  fc.array(fc.constantFrom(...words), { maxLength: 30 }).map((all) => Buffer.from(all.join("")))
/** How long the pieces are. */
export const size = fc.integer({ min: 1, max: 12 })
export function* piecesOf(bytes: Buffer, length: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length)
}
